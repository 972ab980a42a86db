"""What is said of a transcript beside what was heard: its measures, its forms, how it agrees with a given text, and the
verdict. The columns are those of `manifests.schema.trust`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from turnmill.manifests.identify import SURE, language_found
from turnmill.manifests.languages import primary
from turnmill.pipelines.asr.agreement import agreement
from turnmill.pipelines.asr.forms import as_said, as_written
from turnmill.pipelines.asr.measures import Span, measured
from turnmill.pipelines.asr.recognizer import Transcript
from turnmill.pipelines.asr.verdict import verdict


def checked(
    row: Mapping[str, Any], heard: Transcript, speech: Sequence[Span], text: str | None, language: str
) -> dict[str, Any]:
    """The columns to add to a `row` of `transcripts`.

    `row`: its `channel_words` say whether it is of two talks, of which no difference has a time. `speech`: where there
    is speech in the clip, [start, end) in seconds; `text`: the one that was given; `language`: a BCP 47 tag, in which
    both texts are read.
    """
    talks = row["channel_words"] is not None  # of two talks the words run by time and the text by stretches
    words = () if talks else heard.words
    agreed = None if text is None else agreement(text, heard.text, words, language, heard.given or ())
    measures = measured(heard, speech)
    if talks:  # `speech` is that of both, where each is heard by itself
        measures = replace(measures, pace=None, outside_speech=None)
    found = {
        "asr_spoken": as_said(heard.text, language),
        "asr_written": as_written(heard.text, language),
        **asdict(measures),
        "detected_language": None if heard.detected is None else primary(heard.detected),
        "detected_prob": heard.detected_prob,
        "text_language": None if text is None else primary(language_found(text, language, SURE)),
        "missing_run": None if agreed is None else agreed.missing_run,
        "added_run": None if agreed is None else agreed.added_run,
        "least_given_prob": None if agreed is None else agreed.least_unheard,
        "differences": None if agreed is None else [asdict(difference) for difference in agreed.differences],
    }
    return found | {"verdict": verdict({**row, **found})}
