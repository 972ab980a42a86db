"""Check a written dialogue: its labels against each other, and against the audio alone (docs/turn-taking.md)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jiwer
import numpy as np
import soxr
from numpy.typing import NDArray

from turnmill.manifests.schema import SIMULATED
from turnmill.synth.acoustics import PEAK_DBFS, Pools
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.acoustics import check_acoustics
from turnmill.synth.duplex.checking.events import EVENT_CHECKS, measured_turn
from turnmill.synth.duplex.checking.evidence import Evidence, Item, Measured, labelled_items
from turnmill.synth.duplex.checking.recorded import check_recorded
from turnmill.synth.duplex.checking.sample import BackchannelLabel, EventLabel, Sample, TurnLabel, Words, parse
from turnmill.synth.duplex.checking.tally import Tally, Violation, limit_ms
from turnmill.synth.duplex.lengths import PRE
from turnmill.synth.duplex.timeline import BACKCHANNELS, SAID
from turnmill.synth.tokens import tokens

Recognise = Callable[[NDArray[np.float32]], str]
"""Text of float32 mono [samples] at 16 kHz."""


_STARTS = frozenset({"turn_shift", "cooperative_overlap", "long_overlap", "barge_in", "silence_timeout"})


@dataclass(frozen=True)
class Report:
    """What `check` found. Errors are measured minus labelled. Onsets and offsets are those of turns, backchannels and
    failed barge-ins; those of turns cut short are not counted among the offsets. The errors of the SNR, and of the
    echo's gain (as a share of it) and delay, are None without one, or where the audio does not show it. `overlap_s` is
    measured."""

    checks: int
    violations: tuple[Violation, ...]
    onset_error_ms: tuple[float, ...] = ()
    offset_error_ms: tuple[float, ...] = ()
    snr_error_db: float | None = None
    echo_gain_error: float | None = None
    echo_delay_error_ms: float | None = None
    overlap_s: float = 0.0


def check(
    sample: Mapping[str, Any],
    audio: NDArray[np.float32],
    clean_user: NDArray[np.float32] | None = None,
    recognise: Recognise | None = None,
    pools: Pools | None = None,
) -> Report:
    """Check a sample's JSON against its audio, float32 [2, samples] as decoded from the 16-bit file.

    `clean_user`, float32 [samples], is the user's clean stem where it was kept: with it the user is timed exactly and
    the acoustics are measured, in measured rooms with the `pools` that have them; else only what steady noise leaves of
    both. `recognise` adds the check that interrupted turns say `text_heard` rather than more. KeyError names a key that
    the sample lacks. Of recorded talk only what needs no truth is checked (`checking.recorded`).
    """
    labels, tally = parse(sample), Tally()
    if not _format(labels, audio, clean_user, tally):
        return Report(tally.checks, tuple(tally.violations))
    _labels(labels, tally)
    if labels.trust != SIMULATED:
        overlap = check_recorded(labels, audio, tally)
        return Report(tally.checks, tuple(tally.violations), overlap_s=overlap / RATE)
    _peak(audio, tally)
    evidence = Evidence(labels, audio, clean_user)
    _isolation(evidence, tally)
    onsets, offsets = _times(evidence, tally)
    overlap = _overlap(evidence, tally)
    for event in labels.events:
        if tally.expect(event.kind in EVENT_CHECKS, "event", f"there is no event of kind {event.kind!r}"):
            EVENT_CHECKS[event.kind](event, evidence, tally)
        if event.kind in SAID:
            _words_of_event(event, evidence, tally)
    for turn in labels.turns:
        _truncation(turn, evidence, tally)
        if recognise is not None and turn.interrupted:
            _recognised(turn, evidence, recognise, tally)
    found = check_acoustics(evidence, pools, tally)
    return Report(
        tally.checks,
        tuple(tally.violations),
        onsets,
        offsets,
        found.snr_error_db,
        found.echo_gain_error,
        found.echo_delay_error_ms,
        overlap / RATE,
    )


def _format(labels: Sample, audio: NDArray[np.float32], clean_user: NDArray[np.float32] | None, tally: Tally) -> bool:
    """Rate, length, finite samples. False where nothing else can be checked."""
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
    ends = [end for turn in labels.turns for end in (turn.start, turn.end)]
    ends += [end for event in labels.events for end in (event.start, event.end)]
    inside = all(0 <= end <= n_samples for end in ends)
    return usable & tally.expect(inside, "format", "a turn or an event lies outside the audio")


def _peak(audio: NDArray[np.float32], tally: Tally) -> None:
    peak = float(20 * np.log10(max(np.abs(audio).max(initial=0.0), 1e-9)))
    tally.expect(peak <= PEAK_DBFS, "format", f"the peak is {peak:.2f} dBFS, above {PEAK_DBFS}", peak)


def _labels(labels: Sample, tally: Tally) -> None:
    """Intervals in order and not empty; no speaker talks twice at once; interruptions have their event."""
    starts = [event.start for event in labels.events]
    tally.expect(starts == sorted(starts), "order", "events are not in the order of their start")
    spans = [(turn.start, turn.end) for turn in labels.turns] + [(event.start, event.end) for event in labels.events]
    tally.expect(all(start < end for start, end in spans), "order", "a turn or an event is empty")
    for channel in (ASSISTANT, USER):
        own = [turn for turn in labels.turns if turn.channel == channel]
        apart = all(labels.silent_from(turn) < following.start for turn, following in pairwise(own))
        tally.expect(apart, "order", f"two turns of channel {channel} overlap")
        said = [item for item in labelled_items(labels) if item.channel == channel]
        clear = all(item.end < following.start for item, following in pairwise(said))
        tally.expect(clear, "order", f"channel {channel} says two things at once")
    starts_of_turns = Counter(event.turn for event in labels.events if event.kind in _STARTS)
    for turn in labels.turns[1:]:
        named = starts_of_turns[turn.index]
        tally.expect(named == 1, "event", f"turn {turn.index} begins with {named} events that say how, not one")
    nods = [event for event in labels.events if event.kind in BACKCHANNELS]
    same = [_as_listed(event) for event in nods] == list(labels.backchannels)
    tally.expect(same, "event", "backchannels and the events of their kind differ")
    met = {event.target_turn for event in labels.of("barge_in")}
    cut = {turn.index for turn in labels.turns if turn.interrupted}
    tally.expect(met == cut, "yield", f"turns {sorted(cut)} are interrupted, barge-ins meet {met}")


def _as_listed(event: EventLabel) -> BackchannelLabel:
    speaker = event.kind.removesuffix("_backchannel")
    return BackchannelLabel(speaker, event.channel, event.start, event.end, event.text, event.target_turn, event.words)


def _isolation(evidence: Evidence, tally: Tally) -> None:
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


def _times(evidence: Evidence, tally: Tally) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Onset and offset errors in ms of everything that can be timed."""
    onsets, offsets = [], []
    for item, found in evidence.measured.items():
        name = f"channel {item.channel} at {item.start / RATE:.3f} s"
        if not tally.expect(found is not None, "onset", f"{name}: there is no speech") or found is None:
            continue
        limit = limit_ms(evidence, item.channel)
        onset = 1000 * (found.start - item.start) / RATE
        onsets.append(onset)
        tally.expect(abs(onset) <= limit, "onset", f"{name}: speech starts {onset:+.1f} ms from its label", onset)
        turn = evidence.sample.turn(item.turn)
        if turn is None or not turn.interrupted:
            offset = 1000 * (found.end - item.end) / RATE
            offsets.append(offset)
            tally.expect(abs(offset) <= limit, "offset", f"{name}: speech ends {offset:+.1f} ms from its label", offset)
    return tuple(onsets), tuple(offsets)


def _overlap(evidence: Evidence, tally: Tally) -> int:
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
        limit = 2 * limit_ms(evidence, USER) + (100.0 if _cut(evidence, mine) else 0.0)
        off = 1000 * (measured - labelled) / RATE
        tally.expect(abs(off) <= limit, "overlap", f"an overlap is {off:+.1f} ms longer than its labels say", off)
    return total


def _common(a: Item | Measured, b: Item | Measured) -> int:
    return max(min(a.end, b.end) - max(a.start, b.start), 0)


def _cut(evidence: Evidence, item: Item) -> bool:
    turn = evidence.sample.turn(item.turn)
    return turn is not None and turn.interrupted


def _truncation(turn: TurnLabel, evidence: Evidence, tally: Tally) -> None:
    """The heard text is how the planned one begins; its words are in order, inside the turn, before the stop, and
    audible."""
    name = f"turn {turn.index}"
    planned, heard, words = tokens(turn.text), tokens(turn.text_heard), [word for word, _, _ in turn.words]
    begins = turn.text.startswith(turn.text_heard) and planned[: len(heard)] == heard
    tally.expect(begins, "truncation", f"{name}: text does not begin with text_heard")
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
    found = measured_turn(evidence, turn.index)
    _words(turn.words, (turn.start, end), turn.channel, found, evidence, tally, "truncation", name)


def _words_of_event(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """What a party says outside its turns: the words are those of the text, in order, inside the event, and audible."""
    name = f"{event.kind} at {event.start / RATE:.3f} s"
    rest = iter(tokens(event.text or ""))
    tally.expect(all(word in rest for word, _, _ in event.words), "words", f"{name}: words and text differ")
    own = (
        found for item, found in evidence.measured.items() if (item.channel, item.start) == (event.channel, event.start)
    )
    _words(event.words, (event.start, event.end), event.channel, next(own, None), evidence, tally, "words", name)


def _words(
    words: Words,
    span: tuple[int, int],
    channel: int,
    found: Measured | None,
    evidence: Evidence,
    tally: Tally,
    check: str,
    name: str,
) -> None:
    """Heard words are in order and inside a span of samples; and audible, where what was said could be measured."""
    times = [span[0], *(time for _, start, stop in words for time in (start, stop)), span[1]]
    tally.expect(times == sorted(times), check, f"{name}: a word is out of order or outside what was said")
    if found is None or (channel == USER and not evidence.exact):
        return
    mute = [word for word, start, stop in words if not evidence.loud(channel, start, stop, found.floor_dbfs)]
    tally.expect(not mute, check, f"{name}: {len(mute)} heard words are silent, first {mute[:1]}", len(mute))


def _recognised(turn: TurnLabel, evidence: Evidence, recognise: Recognise, tally: Tally) -> None:
    """What is recognised is nearer to the heard text than to more or less of it. A recogniser completes a word that was
    cut into, and may miss a short one, so the heard text is held against a word more than that."""
    cut = evidence.stems[turn.channel][turn.start : evidence.sample.silent_from(turn)]
    said = _plain(tokens(recognise(soxr.resample(cut, RATE, 16_000).astype(np.float32))))
    planned, count = tokens(turn.text), len(tokens(turn.text_heard))
    begun = any(event.params["cut_word"] for event in evidence.sample.of("barge_in") if event.target_turn == turn.index)
    lengths = (count, min(count + 1 + begun, len(planned)), max(count - 2, 0))
    heard, longer, shorter = (_edits(_plain(planned[:n]), said) for n in lengths)
    nearest = heard <= longer and heard <= shorter
    off = float(heard - min(longer, shorter))
    tally.expect(nearest, "truncation", f"turn {turn.index}: {' '.join(said)!r} was recognised", off)


def _plain(parts: Sequence[str]) -> list[str]:
    """Tokens without punctuation and in lower case, those that are only punctuation left out."""
    bare = ("".join(c for c in part.lower() if c.isalnum() or c == "'") for part in parts)
    return [part for part in bare if part]


def _edits(reference: list[str], said: list[str]) -> int:
    if not reference or not said:
        return len(reference) + len(said)
    counts = jiwer.process_words(" ".join(reference), " ".join(said))
    return int(counts.substitutions + counts.deletions + counts.insertions)
