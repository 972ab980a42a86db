"""caption: how each clip is spoken, as measures, as bins and as a sentence (sources.captions)."""

import math
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Final

import numpy as np
from pydantic import AfterValidator, Field

from turnmill.manifests.emotions import emotion_named
from turnmill.manifests.genders import gender_of
from turnmill.manifests.languages import SYLLABIC, UNKNOWN, UNSPACED, primary
from turnmill.manifests.params import Params
from turnmill.manifests.schema import declared
from turnmill.pipelines.asr.errors import tokens
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Row, Shard, Workspace
from turnmill.pipelines.stages.listen import SAMPLE_RATE, Listen, Pcm, in_samples, together
from turnmill.pipelines.stages.recognised import NOTHING, TABLES, recognised
from turnmill.sources.captions import CLARITIES, ENERGIES, INTONATIONS, PITCHES, RATES, Manner, bin_of
from turnmill.sources.pitch import PitchTracker

_LEAST_S: Final = 0.5  # of speech, below which nothing is said of it


def _rising(edges: tuple[float, ...]) -> tuple[float, ...]:
    if list(edges) != sorted(set(edges)):
        raise ValueError(f"the edges {', '.join(map(str, edges))} do not rise")
    return edges


Four = Annotated[tuple[float, float, float, float], AfterValidator(_rising)]
Six = Annotated[tuple[float, float, float, float, float, float], AfterValidator(_rising)]


class RateEdges(Params):
    """Per second of speech. Words: p5, p25, p75 and p95 of 151 recordings of read speech (LibriSpeech, LJSpeech, VCTK);
    characters: as far from the 5.18 syllables a second of Mandarin (Pellegrino 2011) as those are from their middle."""

    word: Four = (2.3, 2.9, 3.7, 4.2)
    character: Four = (3.6, 4.5, 5.7, 6.5)


class PitchEdges(Params):
    """Of the mean, by gender, from dataspeech's v02_bin_edges.json; unknown: halfway between both."""

    male: Six = (81.7, 98.7, 115.7, 132.7, 149.7, 166.7)
    female: Six = (141.6, 163.1, 184.5, 206.0, 227.4, 248.9)
    unknown: Six = (111.7, 130.9, 150.1, 169.4, 188.6, 207.8)


class CaptionParams(Params):
    """The inner edges of the bins, rising; a value on an edge is in the bin above it."""

    rate: RateEdges = RateEdges()
    pitch_hz: PitchEdges = PitchEdges()
    intonation_hz: Four = Field(
        default=(20.4, 40.8, 70.0, 90.0), description="standard deviation of the pitch; edges of the same file"
    )
    energy_dbfs: Four = Field(
        default=(-33.0, -26.0, -20.0, -17.0),
        description="level of the speech: p5, p25, p75 and p95 of 237 recordings of the same corpora",
    )
    snr_db: Four = Field(
        default=(10.0, 20.0, 30.0, 40.0), description="snr_db of quality; 20 is the bar of LibriTTS's clean subsets"
    )


class Caption(Listen):
    name = "caption"
    needs = ("clips", "quality")
    optional = ("emotions", *TABLES)
    tables = ("speech_captions",)
    version = 2

    params: CaptionParams
    loaded: PitchTracker | None

    def identity(self) -> Mapping[str, str]:
        return {"pitch": version("swift-f0"), "language": str(self.language), "speech": str(self.speech)}

    def setup(self) -> None:
        self.loaded = self.loaded or PitchTracker()

    @property
    def model(self) -> str:
        return "SwiftF0"

    def heard(self, label: Row) -> bool:
        """Not where nobody speaks, of which the model is told nothing."""
        return label["energy_dbfs"] is not None

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        self._labels = {
            table: declared(table).standing(workspace.rows(table, shard.key))
            for table in ("quality", "emotions")
            if workspace.has(table)
        }
        self._heard = recognised(workspace, shard.key)
        return super().process(shard, workspace, guard)

    def row(self, clip: Row, pcm: Pcm) -> Row:
        quality = self._label_of("quality", clip)
        nothing = dict.fromkeys(declared("speech_captions").schema.names) | {"uid": clip["uid"]}
        # Of two talks at once, or of sounds, there is no one manner.
        if not quality or quality["channel_segments"] is not None or not self.speech:
            return nothing
        speech = together(pcm, in_samples(quality["segments"]))
        seconds = len(speech) / SAMPLE_RATE
        if seconds < _LEAST_S:
            return nothing
        measured = self._measured(clip, speech, seconds)
        manner = self._manner(clip, measured, quality["snr_db"])
        return measured | {
            "uid": clip["uid"],
            "speaking_rate_bin": manner.rate,
            "pitch_bin": manner.pitch,
            "intonation_bin": manner.intonation,
            "energy_bin": manner.energy,
            "clarity_bin": manner.clarity,
            "gender": manner.gender,
            "manner_emotion": manner.emotion,
            "caption": manner.caption,
        }

    def _measured(self, clip: Row, speech: Pcm, seconds: float) -> Row:
        assert self.loaded is not None
        pitch = self.listened(partial(self.loaded.pitch, name=clip["uid"]), speech)
        power = float(np.mean(np.square(speech, dtype=np.float64)))
        units, count = self._said(clip)
        return {
            "speaking_rate": None if units is None else count / seconds,
            "speaking_rate_unit": units,
            "pitch_hz": pitch and pitch.mean_hz,
            "pitch_deviation_hz": pitch and pitch.deviation_hz,
            "energy_dbfs": 10 * math.log10(power) if power else None,
        }

    def _said(self, clip: Row) -> tuple[str | None, int]:
        """How many words or characters are said in a clip, and which of them are counted; None where nobody knows, and
        in Thai and the like, whose words are not parted and whose characters are less than syllables."""
        heard = self._heard.get(clip["uid"], NOTHING)
        text = clip["text"] if clip["text"] is not None else heard.text
        if not text:
            return None, 0
        language = clip["language"] or self.language or heard.language or UNKNOWN
        first = primary(language)
        count = len(tokens(text, language)) if first in SYLLABIC or first not in UNSPACED else 0
        return ("character" if first in SYLLABIC else "word", count) if count else (None, 0)

    def _manner(self, clip: Row, measured: Row, snr_db: float | None) -> Manner:
        p, gender = self.params, gender_of(clip["native"], clip["tags"])
        heard = self._label_of("emotions", clip).get("heard_emotion")
        unit = measured["speaking_rate_unit"]
        return Manner(
            gender=gender,
            rate=None if unit is None else bin_of(measured["speaking_rate"], getattr(p.rate, unit), RATES),
            pitch=bin_of(measured["pitch_hz"], getattr(p.pitch_hz, gender or "unknown"), PITCHES),
            intonation=bin_of(measured["pitch_deviation_hz"], p.intonation_hz, INTONATIONS),
            energy=bin_of(measured["energy_dbfs"], p.energy_dbfs, ENERGIES),
            emotion=emotion_named(clip["emotion"] or heard),
            clarity=bin_of(snr_db, p.snr_db, CLARITIES),
        )

    def _label_of(self, table: str, clip: Row) -> Mapping[str, Any]:
        return self._labels.get(table, {}).get(clip["uid"], {})
