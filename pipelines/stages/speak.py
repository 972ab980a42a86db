"""speak: lines -> speech with word times, kept as FLAC in a lake shard; spoken once, simulated as often as wanted."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from pydantic import Field

from manifests.params import Params
from manifests.records import Reason, Reject, stable_hash
from manifests.tar import TarWriter
from pipelines.stage import Made, Row, Shard, Stage, Workspace, hours
from sources.audio import Audio, encode_flac
from synth.tts.engine import Engine, Line, Speech, SpeechError
from synth.voices import VOICES

BATCH = 64  # lines given to an engine at once


class SpeakParams(Params):
    engine: str = Field(default="espeak", pattern="^espeak$", description="speech engine: 'espeak', the embedded one")


class Speak(Stage):
    name = "speak"
    needs = ("lines",)
    tables = ("speech",)
    items = "lines"

    def __init__(self, params: SpeakParams) -> None:
        self.params: SpeakParams = params

    def identity(self) -> Mapping[str, Any]:
        """A voice is its settings, not its name."""
        return {"voices": stable_hash(*sorted(map(repr, VOICES.values()))), "espeakng": version("espeakng-loader")}

    def check(self) -> None:
        engine(self.params.engine)

    def setup(self) -> None:
        self.engine = engine(self.params.engine)

    def process(self, shard: Shard, workspace: Workspace) -> Made:
        rows = workspace.rows("lines", shard.key)
        spoken: list[Row] = []
        rejects: list[Reject] = []
        with workspace.write_tar("speech", shard.key) as tar:
            for first in range(0, len(rows), BATCH):
                batch = rows[first : first + BATCH]
                lines = [Line(r["line"], r["text"], r["voice"], r["language"], r["seed"]) for r in batch]
                for row, result in zip(batch, self.engine.synthesize(lines), strict=True):
                    if isinstance(result, SpeechError):
                        rejects.append(Reject(Reason(result.reason), result.detail, uid=row["line"]))
                    else:
                        spoken.append(self._keep(tar, shard, row, result))
        return Made({"speech": spoken}, rejects, len(rows), hours(spoken))

    def _keep(self, tar: TarWriter, shard: Shard, row: Mapping[str, Any], speech: Speech) -> Row:
        audio = Audio(speech.pcm[None], speech.sample_rate)
        offset, size = tar.add(f"{stable_hash(row['line'])}.flac", encode_flac(audio))
        return {
            "line": row["line"],
            "dialogue": row["dialogue"],
            "shard": shard.key,
            "offset": offset,
            "size": size,
            "sample_rate": speech.sample_rate,
            "duration": audio.duration,
            "engine": self.params.engine,
            "words": [{"word": w.text, "start": w.start, "end": w.end, "prob": None} for w in speech.words],
        }


def engine(name: str) -> Engine:
    """The engine of that name, ready to speak; imported only when it is asked for."""
    from synth.tts.espeak import EspeakEngine

    engines = {"espeak": EspeakEngine}
    return engines[name]()
