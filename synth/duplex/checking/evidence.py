"""What the audio of a written dialogue shows: where each labelled stretch of speech really starts and ends, and how
loud what is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.noisy import bounds_in_noise
from turnmill.synth.duplex.checking.sample import Sample
from turnmill.synth.duplex.lengths import POST
from turnmill.synth.duplex.timeline import SAID
from turnmill.synth.energy import FLOOR_BELOW_LEVEL_DB, FRAME, active_level, frame_power, speech_bounds

_WINDOW = RATE // 5  # a label is looked for up to 0.2 s away
_CLEAR = RATE // 20  # noise is measured 50 ms away from speech


@dataclass(frozen=True)
class Item:
    """A labelled stretch of speech: a turn (with its index), or a backchannel or failed barge-in (None), in samples.
    `silent_from` includes the faded edge of its line, or is the stop of the cut."""

    channel: int
    start: int
    end: int
    turn: int | None
    silent_from: int


@dataclass(frozen=True)
class Measured:
    """Speech in samples as measured, and the floor in dBFS that it was measured by."""

    start: int
    end: int
    floor_dbfs: float


class Evidence:
    """The two channels, the stem on which the user is timed, and what was measured on them.

    `exact` says that this stem is clean; `noise_power` is the mean square of what the user's delivered channel has
    where the user is silent.
    """

    def __init__(self, sample: Sample, audio: NDArray[np.float32], clean_user: NDArray[np.float32] | None) -> None:
        self.sample, self.delivered, self.clean = sample, audio[USER], clean_user
        self.exact = clean_user is not None or sample.untouched
        self.stems = (audio[ASSISTANT], audio[USER] if clean_user is None else clean_user)
        self.items = labelled_items(sample)
        quiet = self._quiet()
        self.noise_power = float(np.square(self.delivered[quiet], dtype=np.float64).mean()) if quiet.any() else 0.0
        self.measured = {item: self._measure(item) for item in self.items if self.times(item.channel)}

    def times(self, channel: int) -> bool:
        """Whether speech can be timed on a channel (0 or 1): the delivered one shows it in steady white noise alone."""
        return channel == ASSISTANT or self.exact or self.sample.only_white_noise

    def bounds(self, channel: int, start: int, end: int, floor_dbfs: float) -> tuple[int, int] | None:
        """Speech in [start, end) of a channel, in samples from `start`."""
        cut = self.stems[channel][start:end]
        if channel == USER and not self.exact and self.noise_power > 0:
            return bounds_in_noise(cut, self.noise_power)
        return speech_bounds(cut, floor_dbfs)

    def loud(self, channel: int, start: int, end: int, floor_dbfs: float) -> bool:
        """Whether any 10 ms of [start, end) is speech by a measured floor."""
        cut = self.stems[channel][max(start, 0) : max(end, 0)]
        return bool(len(cut)) and bool(frame_power(cut).max() >= 10 ** (floor_dbfs / 10))

    def turn_level(self, channel: int) -> float | None:
        """Median level in dBFS of the turns of a channel on its stem; None where none has sound."""
        turns = [turn for turn in self.sample.turns if turn.channel == channel]
        found = [active_level(self.stems[channel][turn.start : turn.end]) for turn in turns]
        levels = [level for level in found if level is not None]
        return float(np.median(levels)) if levels else None

    def power(self, stem: NDArray[np.float32], spans: list[tuple[int, int]]) -> float:
        """Mean square of a stem, full scale being 1, over spans of samples."""
        total = sum(float(np.square(stem[start:end], dtype=np.float64).sum()) for start, end in spans)
        return total / max(sum(end - start for start, end in spans), 1)

    def snr_in_noise(self) -> float | None:
        """SNR in dB over the words of the user's turns from the delivered channel alone; None where it does not show
        it."""
        if not self.sample.only_white_noise or self.clean is not None:
            return None
        speech = self.power(self.delivered, self.sample.user_words()) - self.noise_power
        positive = speech > 0 and self.noise_power > 0
        return float(10 * np.log10(speech / self.noise_power)) if positive else float("-inf")

    def _quiet(self) -> NDArray[np.bool_]:
        quiet = np.ones(self.sample.n_samples, np.bool_)
        for item in self.items:
            if item.channel == USER:
                quiet[max(item.start - _CLEAR, 0) : item.end + _CLEAR] = False
        return quiet

    def _measure(self, item: Item) -> Measured | None:
        stem = self.stems[item.channel]
        floors = [self._floor(item.channel, *part) for part in self._parts(item)]
        known = [floor for floor in floors if floor is not None]
        if not known:
            return None
        beside = [other for other in self.items if other.channel == item.channel and other is not item]
        before = max((other.silent_from for other in beside if other.start < item.start), default=0)
        after = min((other.start for other in beside if other.start >= item.start), default=len(stem))
        first = max(item.start - _WINDOW, min((before + item.start) // 2, item.start), 0)
        last = min(item.silent_from + _WINDOW, max((item.silent_from + after) // 2, item.end))
        begins, ends = (self.bounds(item.channel, first, last, floor) for floor in (known[0], known[-1]))
        return None if begins is None or ends is None else Measured(first + begins[0], first + ends[1], min(known))

    def _floor(self, channel: int, start: int, end: int) -> float | None:
        level = active_level(self.stems[channel][start:end])
        return None if level is None else level - FLOOR_BELOW_LEVEL_DB

    def _parts(self, item: Item) -> list[tuple[int, int]]:
        """What is said in one go: a hesitation parts lines, each of which is timed by its own level."""
        events = [] if item.turn is None else self.sample.of("hesitation")
        pauses = [(event.start, event.end) for event in events if event.turn == item.turn]
        edges = [item.start, *(edge for pause in pauses for edge in pause), item.end]
        return list(zip(edges[::2], edges[1::2], strict=True))


def labelled_items(sample: Sample) -> list[Item]:
    """Everything that a party says, in the order of its start."""
    items = []
    for turn in sample.turns:
        silent_from = sample.silent_from(turn) if turn.interrupted else turn.end + POST
        items.append(Item(turn.channel, turn.start, turn.end, turn.index, silent_from))
    items += [Item(e.channel, e.start, e.end, None, e.end + POST) for e in sample.events if e.kind in SAID]
    return sorted(items, key=lambda item: (item.start, item.channel, item.end))


def energy_after(stem: NDArray[np.float32], start: int, end: int) -> int:
    """How many samples of [start, end) are not digital zero."""
    return int(np.count_nonzero(stem[max(start, 0) : max(end, 0)]))


def longest_silence(stem: NDArray[np.float32], start: int, end: int, floor_dbfs: float) -> int:
    """The longest stretch of [start, end) without 10 ms of speech, in samples."""
    loud = np.flatnonzero(frame_power(stem[max(start, 0) : end]) >= 10 ** (floor_dbfs / 10))
    if not loud.size:
        return end - start
    edges = np.concatenate(([-1], loud, [(end - start) // FRAME]))
    return int(np.diff(edges).max() - 1) * FRAME
