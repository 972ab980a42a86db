"""segment: recordings longer than a clip may be -> clips at their pauses (sources.segmenting); others stay whole."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from turnmill.manifests.audio import Audio, LongSound, cut
from turnmill.manifests.records import ItemError, Reason
from turnmill.pipelines.stage import Row
from turnmill.pipelines.stages.cut import Cut, CutParams, Cuts, Span
from turnmill.sources import segmenting, separating
from turnmill.sources.measure import quality
from turnmill.sources.segmenting import TICKS


class SegmentParams(CutParams):
    """What clips are like. Times in seconds."""

    shortest_s: float = Field(default=3.0, ge=0.5, description="shortest clip that is cut, in seconds")
    longest_s: float = Field(
        default=30.0, gt=0, le=3600, description="longest clip, in seconds; a recording no longer than that stays whole"
    )
    pause_s: float = Field(
        default=0.3, ge=0, description="pause that a cut wants, in seconds; shorter ones are cut where there is no other"
    )
    silence_s: float = Field(default=2.0, gt=0, description="silence that no clip goes across, in seconds")
    pad_s: float = Field(
        default=0.3, ge=0, description="what a clip has of the pauses around it, at most, in seconds; half of a short one"
    )
    channels: Literal["each", "together"] | None = Field(
        default=None, description="each: every channel for itself; null: each where the corpus names their roles"
    )
    separate: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` that gives the voices of what it is given, which are then cut (docs/segmenting.md)",
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
    tables = ("segmentation", "clips")
    params: SegmentParams

    def remark(self) -> str:
        wanted = self.params
        return (
            f"segment: a recording of more than {wanted.longest_s:g} s is cut into clips of {wanted.shortest_s:g} to "
            f"{wanted.longest_s:g} s, others stay whole"
        )

    def identity(self) -> Mapping[str, Any]:
        return {"separator": separating.digest(self.params.separate)} if self.params.separate else {}

    def check_here(self) -> None:
        if self.params.separate:
            separating.load(self.params.separate)

    def setup(self) -> None:
        self.loaded = separating.load(self.params.separate) if self.params.separate else None

    def stays_whole(self, recording: Row) -> bool:
        return self.loaded is None and not self._is_long(recording) and not self._cuts_each(recording)

    def prepared(self, recording: Row, sound: Audio | LongSound) -> AbstractContextManager[Audio | LongSound]:
        if self.loaded is None:
            return super().prepared(recording, sound)
        return separating.separated(sound, self.loaded, recording["source_uri"])

    def cuts(self, recording: Row, sound: Audio | LongSound) -> Cuts:
        channels = list(range(sound.channels)) if self._cuts_each(recording) else [None]
        if len(channels) > 1 and _are_one(sound):
            raise ItemError(
                Reason.SAME_CHANNELS, f"{recording['source_uri']}: its channels are one: set segment.channels to together"
            )
        if not self._is_long(recording):
            return Cuts([Span(0.0, sound.duration, channel) for channel in channels])
        spans, speech, left_out = [], 0, []
        for channel in channels:
            alone = sound if channel is None else cut(sound, 0, sound.frames, channel)
            heard = _heard(alone, recording["uid"])
            found = segmenting.cuts(heard, segmenting.tick_levels(alone), self.params.rules)
            speech += sum(each.ticks for each in heard)
            spans += [Span(clip.start / TICKS, clip.end / TICKS, channel) for clip in found.clips]
            left_out += [
                {"start": each.start / TICKS, "end": each.end / TICKS, "channel": channel, "why": str(why)}
                for each, why in found.left_out
            ]
        if not speech:
            raise ItemError(Reason.NO_SPEECH, f"{recording['source_uri']}: nobody was heard to speak in it")
        if not spans:
            said = ", ".join(sorted({each["why"] for each in left_out}))
            detail = f"{recording['source_uri']}: {speech / TICKS:.1f} s of speech, and none of it is a clip: {said}"
            raise ItemError(Reason.NOTHING_CUT, detail)
        spans.sort(key=lambda span: (span.start, span.channel or 0))  # stretches in order are decoded once
        row = {"uid": recording["uid"], "clips": len(spans), "speech": speech / TICKS, "left_out": left_out}
        return Cuts(spans, {"segmentation": row})

    def _is_long(self, recording: Row) -> bool:
        return bool(recording["duration"] > self.params.longest_s)

    def _cuts_each(self, recording: Row) -> bool:
        wanted = self.params.channels or ("each" if recording["roles"] else "together")
        return wanted == "each" and recording["channels"] > 1


def _heard(sound: Audio | LongSound, name: str) -> list[segmenting.Span]:
    segments = quality(sound, name).segments
    return [segmenting.Span(int(start * TICKS), int(np.ceil(end * TICKS))) for start, end in segments]


def _are_one(sound: Audio | LongSound) -> bool:
    """Whether two channels are the same samples."""
    return any(all(np.array_equal(block[0], block[k]) for block in sound.blocks()) for k in range(1, sound.channels))
