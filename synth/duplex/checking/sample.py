"""A written sample as `verify` sees it: the labels of its JSON as typed records in samples, beside the audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnmill.manifests.samples import DIALOGUE
from turnmill.manifests.schema import EVENT_PARAMS
from turnmill.synth.channels import RATE, USER

BESIDE = frozenset({"noise_burst", "cough", "side_talk", "third_party"})
"""Events of the user's delivered channel alone."""

ACOUSTICS = tuple(field.name for field in DIALOGUE.field("acoustics").type)


Words = tuple[tuple[str, int, int], ...]
"""(text, start, end) of each, in samples."""


@dataclass(frozen=True)
class TurnLabel:
    """A turn of the JSON; times in samples."""

    index: int
    channel: int
    start: int
    end: int
    text: str
    text_heard: str
    interrupted: bool
    words: Words


@dataclass(frozen=True)
class EventLabel:
    """An event of the JSON; times in samples."""

    kind: str
    channel: int
    start: int
    end: int
    turn: int | None
    target_turn: int | None
    latency: int | None
    text: str | None
    words: Words
    params: Mapping[str, Any]

    @property
    def stop(self) -> int:
        """barge_in, and a failed one at which the assistant stopped: the sample from which the channel is digital
        silence."""
        return to_samples(self.params["stop"])


@dataclass(frozen=True)
class BackchannelLabel:
    """An item of the JSON's `backchannels`, which repeats an event; times in samples."""

    speaker: str
    channel: int
    start: int
    end: int
    text: str | None
    target_turn: int | None
    words: Words


@dataclass(frozen=True)
class Sample:
    """The labels that can be checked against audio of `n_samples` per channel. `acoustics` is as in the JSON."""

    sample_rate: int
    n_samples: int
    trust: str
    turns: tuple[TurnLabel, ...]
    backchannels: tuple[BackchannelLabel, ...]
    events: tuple[EventLabel, ...]
    acoustics: Mapping[str, Any]

    @property
    def untouched(self) -> bool:
        """Whether the user's delivered channel is the clean stem."""
        return not self.beside and not self._effects - {"gain_db"} and self.acoustics["gain_db"] == 0

    @property
    def only_beside(self) -> bool:
        """Whether nothing but a gain was done to the user's channel, and to what sounds beside the user."""
        return not self._effects - {"gain_db"}

    @property
    def only_white_noise(self) -> bool:
        """Whether all that was done to the user's channel is steady white noise: speech can still be timed in it."""
        noise = {"snr_db", "noise", "noise_category", "noise_bursts", "gain_db"}
        whole = [{"start": 0.0, "end": self.n_samples / RATE}]
        steady = self.acoustics["noise"] == "white" and self.acoustics["noise_bursts"] == whole
        return steady and not self.beside and not self._effects - noise

    @property
    def _effects(self) -> set[str]:
        return {name for name, value in self.acoustics.items() if value is not None}

    @property
    def beside(self) -> list[EventLabel]:
        """What sounds on the user's delivered channel alone."""
        return [event for event in self.events if event.kind in BESIDE]

    def turn(self, index: int | None) -> TurnLabel | None:
        """The turn of an index; None where it is not labelled."""
        return next((turn for turn in self.turns if turn.index == index), None)

    def of(self, kind: str) -> Sequence[EventLabel]:
        return [event for event in self.events if event.kind == kind]

    def silent_from(self, turn: TurnLabel) -> int:
        """The sample from which a turn's channel is silent: its end, or the stop of the barge-in that met it."""
        stops = [event.stop for event in self.of("barge_in") if event.target_turn == turn.index]
        return max([turn.end, *stops])

    def user_words(self) -> list[tuple[int, int]]:
        """[start, end) in samples over which the level of the user's speech is defined: the words of the user's
        turns."""
        spans: list[tuple[int, int]] = []
        for turn in self.turns:
            if turn.channel == USER:
                spans += [(start, end) for _, start, end in turn.words] or [(turn.start, turn.end)]
        return spans


def to_samples(time: float) -> int:
    """The sample at 24 kHz that is nearest to a time in seconds."""
    return round(time * RATE)


def parse(sample: Mapping[str, Any]) -> Sample:
    """Read a sample's JSON; KeyError names a key that it lacks."""
    return Sample(
        sample_rate=sample["sample_rate"],
        n_samples=to_samples(sample["duration"]),
        trust=sample["trust"],
        turns=tuple(_turn(turn) for turn in sample["turns"]),
        backchannels=tuple(_backchannel(item) for item in sample["backchannels"]),
        events=tuple(_event(event) for event in sample["events"]),
        acoustics={name: sample["acoustics"][name] for name in ACOUSTICS},
    )


def _turn(raw: Mapping[str, Any]) -> TurnLabel:
    return TurnLabel(
        index=raw["index"],
        channel=raw["channel"],
        start=to_samples(raw["start"]),
        end=to_samples(raw["end"]),
        text=raw["text"],
        text_heard=raw["text_heard"],
        interrupted=raw["interrupted"],
        words=_words(raw),
    )


def _words(raw: Mapping[str, Any]) -> Words:
    return tuple((word["word"], to_samples(word["start"]), to_samples(word["end"])) for word in raw["words"])


def _backchannel(raw: Mapping[str, Any]) -> BackchannelLabel:
    return BackchannelLabel(
        speaker=raw["speaker"],
        channel=raw["channel"],
        start=to_samples(raw["start"]),
        end=to_samples(raw["end"]),
        text=raw["text"],
        target_turn=raw["target_turn"],
        words=_words(raw),
    )


def _event(raw: Mapping[str, Any]) -> EventLabel:
    return EventLabel(
        kind=raw["kind"],
        channel=raw["channel"],
        start=to_samples(raw["start"]),
        end=to_samples(raw["end"]),
        turn=raw["turn"],
        target_turn=raw["target_turn"],
        latency=None if raw["latency"] is None else to_samples(raw["latency"]),
        text=raw["text"],
        words=_words(raw),
        params={name: raw[name] for name in EVENT_PARAMS},
    )
