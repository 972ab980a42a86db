"""What engines get of a script, by the rows that carry it from stage to stage."""

from turnmill.pipelines.stages.script import line_rows
from turnmill.pipelines.stages.speak import line_of
from turnmill.synth.script import Script
from turnmill.synth.speech import Line


def engine_lines(script: Script) -> list[Line]:
    return [line_of(row) for row in line_rows(script)]
