"""segment: recordings longer than a clip may be -> clips at their pauses (sources.segmenting); others stay whole."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import combinations
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from turnmill.manifests.audio import Audio, LongSound, mixed
from turnmill.manifests.records import ItemError, Reason
from turnmill.pipelines.stage import Row
from turnmill.pipelines.stages.cut import Cut, CutParams, Cuts, Span
from turnmill.sources import plugged, segmenting, separating
from turnmill.sources.presence import Heard, hear, own
from turnmill.sources.segmenting import TICKS
from turnmill.synth.duplex.talk.fit import same_talk


class SegmentParams(CutParams):
    """What clips are like. Times in seconds."""

    shortest_s: float = Field(default=3.0, ge=0.5, description="shortest clip that is cut, in seconds")
    longest_s: float = Field(
        default=30.0, gt=0, le=3600, description="longest clip, in seconds; a recording no longer than that stays whole"
    )
    pause_s: float = Field(
        default=0.3,
        ge=0,
        description="pause that a cut wants, in seconds; shorter ones are cut where there is no other",
    )
    silence_s: float = Field(default=2.0, ge=0.01, description="silence that no clip goes across, in seconds")
    pad_s: float = Field(
        default=0.5,
        ge=0,
        description="what a clip has of the pauses around it, at most, in seconds; half of a short one",
    )
    channels: Literal["each", "together"] | None = Field(
        default=None, description="each: every channel for itself; null: each where the corpus names their roles"
    )
    separate: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` that gives the voices of a sound, to be cut in its place (docs/segmenting.md)",
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.longest_s < 2 * self.shortest_s:
            raise ValueError(
                f"longest_s ({self.longest_s:g}) must be at least twice shortest_s ({self.shortest_s:g}): else what is "
                "a little too long for one clip is too short for two"
            )
        return self

    @property
    def rules(self) -> segmenting.Rules:
        seconds = (self.shortest_s, self.longest_s, self.pause_s, self.silence_s, self.pad_s)
        return segmenting.Rules(*(round(each * TICKS) for each in seconds))


class Segment(Cut):
    name = "segment"
    version = 2
    tables = ("segmentation", "clips")
    params: SegmentParams

    def remark(self) -> str:
        wanted = self.params
        voices = f", of the voices that {wanted.separate} gives of all recordings" if wanted.separate else ""
        each = {None: ", each channel for itself where the corpus names roles", "each": ", each channel for itself"}
        return (
            f"segment: a recording of more than {wanted.longest_s:g} s is cut into clips of {wanted.shortest_s:g} to "
            f"{wanted.longest_s:g} s, others stay whole{each.get(wanted.channels, '')}{voices}"
        )

    def identity(self) -> Mapping[str, Any]:
        return {"separator": plugged.digest(self.params.separate, separating.KEY)} if self.params.separate else {}

    def check_here(self) -> None:
        if self.params.separate:
            plugged.load(self.params.separate, separating.KEY)

    def setup(self) -> None:
        self.loaded = plugged.load(self.params.separate, separating.KEY) if self.params.separate else None

    def stays_whole(self, recording: Row) -> bool:
        return self.loaded is None and not self._is_long(recording) and not self._cuts_each(recording)

    def prepared(self, recording: Row, sound: Audio | LongSound) -> AbstractContextManager[Audio | LongSound]:
        if self.loaded is None:
            return super().prepared(recording, sound)
        return separating.separated(sound, self.loaded, recording["source_uri"])

    def cuts(self, recording: Row, sound: Audio | LongSound) -> Cuts:
        each = self._cuts_each(recording)
        channels = list(range(sound.channels)) if each else [None]
        if not self._is_long(recording):
            if each:
                _check_apart(np.concatenate(list(sound.blocks()), axis=1), sound.sample_rate, recording["source_uri"])
            return Cuts([Span(0.0, sound.duration, channel) for channel in channels])
        name = recording["source_uri"]
        heard = _each(sound, name) if each else [_together(sound, name)]
        spans: list[Span] = []
        left_out: list[Row] = []
        for channel, one in zip(channels, heard, strict=True):
            speech = [segmenting.Span(start, end) for start, end in one.segments.tolist()]
            found = segmenting.cuts(speech, one.power, self.params.rules)
            spans += [Span(clip.start / TICKS, clip.end / TICKS, channel) for clip in found.clips]
            left_out += [
                {"start": lost.start / TICKS, "end": lost.end / TICKS, "channel": channel, "why": str(why)}
                for lost, why in found.left_out
            ]
        speech_s = sum(int((one.segments[:, 1] - one.segments[:, 0]).sum()) for one in heard) / TICKS
        if not speech_s:
            raise ItemError(Reason.NO_SPEECH, f"{name}: nobody was heard to speak in it")
        if not spans:
            said = ", ".join(sorted({str(lost["why"]) for lost in left_out}))
            raise ItemError(Reason.NOTHING_CUT, f"{name}: of {speech_s:.1f} s of speech nothing can be a clip: {said}")
        spans.sort(key=lambda span: (span.start, span.channel or 0))  # stretches in order are decoded once
        row = {"uid": recording["uid"], "clips": len(spans), "speech": speech_s, "left_out": left_out}
        return Cuts(spans, {"segmentation": row})

    def _is_long(self, recording: Row) -> bool:
        return bool(recording["duration"] > self.params.longest_s)

    def _cuts_each(self, recording: Row) -> bool:
        wanted = self.params.channels or ("each" if recording["roles"] else "together")
        return wanted == "each" and recording["channels"] > 1


def _each(sound: Audio | LongSound, name: str) -> list[Heard]:
    """What each channel says of its own. Raises ItemError where two are one, AudioError."""
    heard = hear(sound.blocks(), sound.channels, sound.sample_rate, name)
    _check_apart(np.sqrt([one.power for one in heard]).astype(np.float32), TICKS, name)
    return own(heard, sound.blocks, sound.sample_rate, name)[0]


def _check_apart(channels: NDArray[np.float32], sample_rate: int, name: str) -> None:
    """Raise ItemError where two channels, float32 [channels, samples], are one talk."""
    if any(same_talk(np.stack(pair), sample_rate) for pair in combinations(channels, 2)):
        raise ItemError(Reason.SAME_CHANNELS, f"{name}: its channels are one: set segment.channels to together")


def _together(sound: Audio | LongSound, name: str) -> Heard:
    """What the channels say as one. Raises AudioError."""
    return hear((block[None] for block in mixed(sound)), 1, sound.sample_rate, name)[0]
