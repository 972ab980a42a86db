"""A written sample as `verify` sees it: the labels of its JSON as typed records in samples, beside the audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth.duplex import RATE, USER


@dataclass(frozen=True)
class TurnLabel:
    """A turn of the JSON; times in samples, `words` are (text, start, end)."""

    index: int
    channel: int
    start: int
    end: int
    text: str
    text_heard: str
    interrupted: bool
    words: tuple[tuple[str, int, int], ...]


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
    params: Mapping[str, Any]

    @property
    def stop(self) -> int:
        """barge_in: from where the yielding channel is digital silence."""
        return to_samples(self.params["stop"])


@dataclass(frozen=True)
class Sample:
    """The labels that can be checked against audio of `n_samples` per channel. `level_db` is a gain on the user's
    channel."""

    sample_rate: int
    n_samples: int
    turns: tuple[TurnLabel, ...]
    events: tuple[EventLabel, ...]
    snr_db: float | None
    noise: str | None
    gain_db: float

    def turn(self, index: int | None) -> TurnLabel | None:
        return next((turn for turn in self.turns if turn.index == index), None)

    def of(self, kind: str) -> Sequence[EventLabel]:
        return [event for event in self.events if event.kind == kind]

    def silent_from(self, turn: TurnLabel) -> int:
        """Where a turn's channel is silent: its end, or the stop of the barge-in that met it."""
        stops = [event.stop for event in self.of("barge_in") if event.target_turn == turn.index]
        return max([turn.end, *stops])

    def user_words(self) -> list[tuple[int, int]]:
        """[start, end) over which the level of the user's speech is defined: the words of the user's turns."""
        spans: list[tuple[int, int]] = []
        for turn in self.turns:
            if turn.channel == USER:
                spans += [(start, end) for _, start, end in turn.words] or [(turn.start, turn.end)]
        return spans


def to_samples(time: float) -> int:
    return round(time * RATE)


def parse(sample: Mapping[str, Any]) -> Sample:
    """Read a sample's JSON; KeyError names a key that it lacks."""
    acoustics = sample["acoustics"]
    return Sample(
        sample_rate=sample["sample_rate"],
        n_samples=to_samples(sample["duration"]),
        turns=tuple(_turn(turn) for turn in sample["turns"]),
        events=tuple(_event(event) for event in sample["events"]),
        snr_db=acoustics["snr_db"],
        noise=acoustics["noise"],
        gain_db=acoustics["gain_db"] or 0.0,
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
        words=tuple((text, to_samples(start), to_samples(end)) for text, start, end in raw["words"]),
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
        params=raw["params"],
    )
