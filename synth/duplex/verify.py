"""Check a written dialogue: its labels against each other, and against the audio alone (`duplex.md` 1.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import jiwer
import numpy as np
import soxr
from numpy.typing import NDArray

from synth.duplex import ASSISTANT, RATE, USER
from synth.duplex.evidence import Evidence, Item, Measured, energy_after, longest_silence
from synth.duplex.placed import POST, PRE
from synth.duplex.render import PEAK_DBFS
from synth.duplex.sample import EventLabel, Sample, TurnLabel, parse

Recognise = Callable[[NDArray[np.float32]], str]
"""Text of float32 mono [samples] at 16 kHz."""

TOLERANCE_MS = 40.0
"""A time that is further off is a violation (1.5: 99 of 100 within 30 ms)."""
NOISY_TOLERANCE_MS = 150.0
"""The same where the user is timed in noise, which hides quiet onsets and decays."""
SNR_TOLERANCE_DB = 0.5

_BACKCHANNEL_S = 1.0
_KEEPS_FLOOR_S = 1.0  # a speaker that is silent for longer has let go of the floor
_NEAR_S = 0.5
_ON_SPEECH_S = 0.2  # an IPU bridges silences up to this
_OVERLAP_S = 0.8


@dataclass(frozen=True)
class Violation:
    """A check that failed: what was found, and the figure that was measured where there is one."""

    check: str
    detail: str
    measured: float | None


@dataclass(frozen=True)
class Report:
    """What `check` found. Errors are measured minus labelled, of turns and backchannels; those of turns cut short are
    not counted among the offsets. `snr_error_db` is None without noise, or where the audio does not show it.
    `overlap_s` is measured."""

    checks: int
    violations: tuple[Violation, ...]
    onset_error_ms: tuple[float, ...]
    offset_error_ms: tuple[float, ...]
    snr_error_db: float | None
    overlap_s: float


@dataclass
class _Tally:
    checks: int = 0
    violations: list[Violation] = field(default_factory=list)

    def expect(self, holds: bool, check: str, detail: str, measured: float | None = None) -> bool:
        self.checks += 1
        if not holds:
            self.violations.append(Violation(check, detail, measured))
        return holds


def check(
    sample: Mapping[str, Any],
    audio: NDArray[np.float32],
    clean_user: NDArray[np.float32] | None = None,
    recognise: Recognise | None = None,
) -> Report:
    """Check a sample's JSON against its audio, float32 [2, samples] as decoded from the 16-bit file.

    `clean_user`, float32 [samples], is the user's clean stem where it was kept: with it the user is timed exactly,
    else above the noise. `recognise` adds the check that interrupted turns say `text_heard` rather than more. KeyError
    names a key that the sample lacks.
    """
    labels, tally = parse(sample), _Tally()
    if not _format(labels, audio, clean_user, tally):
        return Report(tally.checks, tuple(tally.violations), (), (), None, 0.0)
    _labels(labels, tally)
    evidence = Evidence(labels, audio, clean_user)
    _isolation(evidence, tally)
    onsets, offsets = _times(evidence, tally)
    overlap = _overlap(evidence, tally)
    for event in labels.events:
        if event.kind in _EVENTS:
            _EVENTS[event.kind](event, evidence, tally)
    for turn in labels.turns:
        _truncation(turn, evidence, tally)
        if recognise is not None and turn.interrupted:
            _recognised(turn, evidence, recognise, tally)
    error = _snr(evidence, tally)
    return Report(tally.checks, tuple(tally.violations), onsets, offsets, error, overlap / RATE)


def _format(labels: Sample, audio: NDArray[np.float32], clean_user: NDArray[np.float32] | None, tally: _Tally) -> bool:
    """Rate, length, finite samples, peak. False where nothing else can be checked."""
    n_samples = labels.n_samples
    usable = tally.expect(labels.sample_rate == RATE, "format", f"the sample rate is {labels.sample_rate}, not {RATE}")
    shape = tuple(audio.shape)
    usable &= tally.expect(shape == (2, n_samples), "format", f"the audio is {shape}, the label says (2, {n_samples})")
    if clean_user is not None:
        length = len(clean_user)
        usable &= tally.expect(length == n_samples, "format", f"the clean stem has {length} samples, not {n_samples}")
    if not usable:
        return False
    usable &= tally.expect(bool(np.isfinite(audio).all()), "format", "a sample is not finite")
    peak = float(20 * np.log10(max(np.abs(audio).max(initial=0.0), 1e-9)))
    tally.expect(peak <= PEAK_DBFS, "format", f"the peak is {peak:.2f} dBFS, above {PEAK_DBFS}", peak)
    ends = [end for turn in labels.turns for end in (turn.start, turn.end)]
    ends += [end for event in labels.events for end in (event.start, event.end)]
    inside = all(0 <= end <= n_samples for end in ends)
    return usable & tally.expect(inside, "format", "a turn or an event lies outside the audio")


def _labels(labels: Sample, tally: _Tally) -> None:
    """Intervals in order and not empty; no speaker talks twice at once; interruptions have their event."""
    starts = [event.start for event in labels.events]
    tally.expect(starts == sorted(starts), "order", "events are not in the order of their start")
    spans = [(turn.start, turn.end) for turn in labels.turns] + [(event.start, event.end) for event in labels.events]
    tally.expect(all(start < end for start, end in spans), "order", "a turn or an event is empty")
    for channel in (ASSISTANT, USER):
        own = [turn for turn in labels.turns if turn.channel == channel]
        apart = all(labels.silent_from(turn) < following.start for turn, following in pairwise(own))
        tally.expect(apart, "order", f"two turns of channel {channel} overlap")
    met = {event.target_turn for event in labels.of("barge_in")}
    cut = {turn.index for turn in labels.turns if turn.interrupted}
    tally.expect(met == cut, "yield", f"turns {sorted(cut)} are interrupted, barge-ins meet {met}")


def _isolation(evidence: Evidence, tally: _Tally) -> None:
    """Digital zero wherever a party has nothing to say, but for the faded edges of its lines."""
    for channel, stem in enumerate(evidence.stems):
        if channel == USER and not evidence.exact:
            continue
        outside = np.ones(len(stem), np.bool_)
        for item in evidence.items:
            if item.channel == channel:
                outside[max(item.start - PRE, 0) : item.silent_from] = False
        stray = int(np.count_nonzero(stem[outside]))
        tally.expect(
            stray == 0, "isolation", f"channel {channel} has {stray} samples of sound outside its speech", stray
        )


def _times(evidence: Evidence, tally: _Tally) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Onset and offset errors in ms of everything that can be timed."""
    onsets, offsets = [], []
    for item, found in evidence.measured.items():
        name = f"channel {item.channel} at {item.start / RATE:.3f} s"
        if not tally.expect(found is not None, "onset", f"{name}: there is no speech") or found is None:
            continue
        limit = _limit(evidence, item.channel)
        onset = 1000 * (found.start - item.start) / RATE
        onsets.append(onset)
        tally.expect(abs(onset) <= limit, "onset", f"{name}: speech starts {onset:+.1f} ms from its label", onset)
        turn = evidence.sample.turn(item.turn)
        if turn is None or not turn.interrupted:
            offset = 1000 * (found.end - item.end) / RATE
            offsets.append(offset)
            tally.expect(abs(offset) <= limit, "offset", f"{name}: speech ends {offset:+.1f} ms from its label", offset)
    return tuple(onsets), tuple(offsets)


def _limit(evidence: Evidence, channel: int) -> float:
    return TOLERANCE_MS if channel == ASSISTANT or evidence.exact else NOISY_TOLERANCE_MS


def _overlap(evidence: Evidence, tally: _Tally) -> int:
    """Measured against labelled time with both speaking, in samples; each pair may be off by what its two ends may
    be."""
    assistant = [item for item in evidence.measured if item.channel == ASSISTANT]
    user = [item for item in evidence.measured if item.channel == USER]
    total = 0
    for mine, yours in ((a, u) for a in assistant for u in user):
        found, other = evidence.measured[mine], evidence.measured[yours]
        if found is None or other is None:
            continue
        labelled = _common(mine, yours)
        measured = _common(found, other)
        total += measured
        # A fade (up to 80 ms) takes the end of a turn that yields below the floor before its stop.
        limit = 2 * _limit(evidence, USER) + (100.0 if _cut(evidence, mine) else 0.0)
        off = 1000 * (measured - labelled) / RATE
        tally.expect(abs(off) <= limit, "overlap", f"an overlap is {off:+.1f} ms longer than its labels say", off)
    return total


def _common(a: Item | Measured, b: Item | Measured) -> int:
    return max(min(a.end, b.end) - max(a.start, b.start), 0)


def _cut(evidence: Evidence, item: Item) -> bool:
    turn = evidence.sample.turn(item.turn)
    return turn is not None and turn.interrupted


def _of_turn(evidence: Evidence, index: int | None) -> Measured | None:
    return next((found for item, found in evidence.measured.items() if item.turn == index and index is not None), None)


def _barge_in(event: EventLabel, evidence: Evidence, tally: _Tally) -> None:
    """The user starts on the assistant's words; the assistant falls silent when the label says, until its next turn."""
    labels, stem = evidence.sample, evidence.stems[ASSISTANT]
    turn, target = labels.turn(event.turn), labels.turn(event.target_turn)
    name = f"barge-in at {event.start / RATE:.3f} s"
    if not tally.expect(turn is not None and target is not None, "yield", f"{name}: its turns are not there"):
        return
    assert turn is not None
    assert target is not None
    tally.expect((event.start, event.end) == (turn.start, turn.end), "event", f"{name}: its turn is elsewhere")
    fade_from = event.stop - round(event.params["fade"] * RATE)
    tally.expect(event.start + (event.latency or 0) == event.stop, "yield", f"{name}: stop is not start + latency")
    later = [other for other in labels.turns if other.channel == ASSISTANT and other.start > event.start]
    tally.expect(event.params["intent"] != "cancel" or not later, "yield", f"{name}: a cancel gets an answer")
    until = later[0].start - PRE if later else labels.n_samples
    stray = energy_after(stem, event.stop, until)
    tally.expect(stray == 0, "yield", f"{name}: the assistant has {stray} samples of sound after its stop", stray)
    found = _of_turn(evidence, target.index)
    if found is not None:
        near = round(_ON_SPEECH_S * RATE)
        active = evidence.loud(ASSISTANT, event.start - near, event.start + near, found.floor_dbfs)
        tally.expect(active, "yield", f"{name}: the assistant does not speak there")
    if target.end == event.stop:  # cut while it sounded, not in a pause
        sounding = np.flatnonzero(stem[event.start : event.stop])
        last = event.start + int(sounding[-1]) if sounding.size else 0
        detail = f"{name}: the assistant stops {1000 * (fade_from - last) / RATE:.1f} ms before its fade"
        tally.expect(last >= fade_from, "yield", detail, 1000 * (last - fade_from) / RATE)


def _backchannel(event: EventLabel, evidence: Evidence, tally: _Tally) -> None:
    """Short, inside the assistant's turn, and the assistant goes on through and after it."""
    target = evidence.sample.turn(event.target_turn)
    name = f"backchannel at {event.start / RATE:.3f} s"
    found = _of_turn(evidence, event.target_turn)
    if not tally.expect(target is not None and found is not None, "continue", f"{name}: nobody speaks beside it"):
        return
    assert target is not None
    assert found is not None
    tally.expect(event.end - event.start <= _BACKCHANNEL_S * RATE, "continue", f"{name}: it is longer than 1 s")
    spans = found.start <= event.start and event.end <= found.end
    tally.expect(spans, "continue", f"{name}: the assistant does not speak before and after it")
    near = round(_NEAR_S * RATE)
    active = evidence.loud(ASSISTANT, event.start - near, event.start + near, found.floor_dbfs)
    tally.expect(active, "continue", f"{name}: the assistant is silent for 0.5 s around its start")
    first, last = max(event.start - near, target.start), min(event.end + near, target.end)
    silence = longest_silence(evidence.stems[ASSISTANT], first, last, found.floor_dbfs) / RATE
    tally.expect(silence <= _KEEPS_FLOOR_S, "continue", f"{name}: the assistant pauses for {silence:.2f} s", silence)


def _turn_shift(event: EventLabel, evidence: Evidence, tally: _Tally) -> None:
    """A gap, in which nobody speaks, before the turn."""
    turn, target = evidence.sample.turn(event.turn), evidence.sample.turn(event.target_turn)
    name = f"turn shift at {event.start / RATE:.3f} s"
    if not tally.expect(turn is not None and target is not None, "event", f"{name}: its turns are not there"):
        return
    assert turn is not None
    assert target is not None
    follows = event.end == turn.start and event.start >= target.end
    tally.expect(follows, "event", f"{name}: it does not lie between its turns")
    for channel, stem in enumerate(evidence.stems):
        if channel == ASSISTANT or evidence.exact:
            stray = energy_after(stem, event.start + POST, event.end - PRE)
            tally.expect(stray == 0, "event", f"{name}: channel {channel} sounds in the gap", stray)


def _cooperative_overlap(event: EventLabel, evidence: Evidence, tally: _Tally) -> None:
    """The turn starts up to 0.8 s before the other's ends, which is complete."""
    turn, target = evidence.sample.turn(event.turn), evidence.sample.turn(event.target_turn)
    name = f"cooperative overlap at {event.start / RATE:.3f} s"
    if not tally.expect(turn is not None and target is not None, "event", f"{name}: its turns are not there"):
        return
    assert turn is not None
    assert target is not None
    spans = event.start == turn.start and event.end == target.end and event.end - event.start < _OVERLAP_S * RATE
    tally.expect(spans, "event", f"{name}: it is not the overlap of its turns")
    tally.expect(not target.interrupted, "event", f"{name}: the other party was interrupted")


def _hesitation(event: EventLabel, evidence: Evidence, tally: _Tally) -> None:
    """Silence between two stretches of one turn, that starts and ends where the label says."""
    turn, found = evidence.sample.turn(event.turn), _of_turn(evidence, event.turn)
    name = f"hesitation at {event.start / RATE:.3f} s"
    if turn is None or not evidence.times(event.channel):
        tally.expect(turn is not None, "event", f"{name}: its turn is not there")
        return
    inside = turn.start < event.start and event.end < turn.end
    if not tally.expect(inside and found is not None, "event", f"{name}: it is not inside its turn") or found is None:
        return
    middle = (event.start + event.end) // 2
    before = evidence.bounds(event.channel, turn.start, middle, found.floor_dbfs)
    after = evidence.bounds(event.channel, middle, turn.end, found.floor_dbfs)
    if not tally.expect(before is not None and after is not None, "event", f"{name}: no speech on one of its sides"):
        return
    assert before is not None
    assert after is not None
    limit = _limit(evidence, event.channel)
    for what, label, measured in (
        ("starts", event.start, turn.start + before[1]),
        ("ends", event.end, middle + after[0]),
    ):
        off = 1000 * (measured - label) / RATE
        tally.expect(abs(off) <= limit, "event", f"{name}: it {what} {off:+.1f} ms from its label", off)


_EVENTS: Mapping[str, Callable[[EventLabel, Evidence, _Tally], None]] = {
    "barge_in": _barge_in,
    "user_backchannel": _backchannel,
    "turn_shift": _turn_shift,
    "cooperative_overlap": _cooperative_overlap,
    "hesitation": _hesitation,
}


def _truncation(turn: TurnLabel, evidence: Evidence, tally: _Tally) -> None:
    """The heard text is how the planned one begins; its words are in order, inside the turn, before the stop, and
    audible."""
    name = f"turn {turn.index}"
    planned, heard, words = turn.text.split(), turn.text_heard.split(), [word for word, _, _ in turn.words]
    tally.expect(planned[: len(heard)] == heard, "truncation", f"{name}: text does not begin with text_heard")
    complete = len(heard) < len(planned) if turn.interrupted else heard == planned
    tally.expect(complete, "truncation", f"{name}: text_heard is not what a turn so ended says")
    rest = iter(heard)
    tally.expect(all(word in rest for word in words), "truncation", f"{name}: words and text_heard differ")
    if turn.interrupted:
        tally.expect(heard[-1:] == words[-1:], "truncation", f"{name}: text_heard does not end with the last word")
    end = turn.end
    for event in evidence.sample.of("barge_in"):
        if event.target_turn == turn.index:
            end = min(end, event.stop - round(event.params["fade"] * RATE))
    times = [turn.start, *(time for _, start, stop in turn.words for time in (start, stop)), end]
    tally.expect(times == sorted(times), "truncation", f"{name}: a word is out of order or outside what was said")
    found = _of_turn(evidence, turn.index)
    if found is None or (turn.channel == USER and not evidence.exact):
        return
    mute = [word for word, start, stop in turn.words if not evidence.loud(turn.channel, start, stop, found.floor_dbfs)]
    tally.expect(not mute, "truncation", f"{name}: {len(mute)} heard words are silent, first {mute[:1]}", len(mute))


def _recognised(turn: TurnLabel, evidence: Evidence, recognise: Recognise, tally: _Tally) -> None:
    """What is recognised is nearer to the heard text than to the heard text and a word more."""
    cut = evidence.stems[turn.channel][turn.start : evidence.sample.silent_from(turn)]
    said = _plain(recognise(soxr.resample(cut, RATE, 16_000).astype(np.float32)))
    planned, heard = _plain(turn.text).split(), _plain(turn.text_heard).split()
    distances = [_edits(planned[:n], said.split()) for n in (len(heard), min(len(heard) + 2, len(planned)))]
    nearer = distances[0] <= distances[1]
    tally.expect(nearer, "truncation", f"turn {turn.index}: {said!r} was recognised", distances[0] - distances[1])


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())


def _edits(reference: list[str], said: list[str]) -> int:
    if not reference:
        return len(said)
    counts = jiwer.process_words(" ".join(reference), " ".join(said))
    return int(counts.substitutions + counts.deletions + counts.insertions)


def _snr(evidence: Evidence, tally: _Tally) -> float | None:
    label = evidence.sample.snr_db
    if label is None:
        if evidence.clean is not None:
            stray = float(np.abs(evidence.delivered - evidence.clean).max(initial=0.0))
            tally.expect(stray < 2 / 32_768, "snr", "the user's channel has noise, and no label of it", stray)
        return None
    found = evidence.snr_db()
    if found is None:
        return None
    error = found - label
    tally.expect(abs(error) <= SNR_TOLERANCE_DB, "snr", f"the SNR is {found:.2f} dB, the label says {label:.2f}", error)
    return error
