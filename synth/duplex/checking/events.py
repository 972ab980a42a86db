"""Check what happens between the parties: each kind of event as its definition says (`synth.duplex.timeline.Event`,
docs/turn-taking.md), from the audio."""

from collections.abc import Callable, Mapping

import numpy as np

from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.audible import BOTH_VOICES, IN_SPEECH, common, words_before
from turnmill.synth.duplex.checking.evidence import Evidence, Measured, energy_after, longest_silence
from turnmill.synth.duplex.checking.sample import EventLabel, TurnLabel
from turnmill.synth.duplex.checking.tally import LEVEL_TOLERANCE_DB, Tally, limit_ms
from turnmill.synth.duplex.lengths import (
    BRIDGE,
    COOPERATIVE,
    IPU_GAP,
    LONGEST_ATTEMPT,
    LONGEST_BACKCHANNEL,
    NEAR,
    POST,
    PRE,
)
from turnmill.synth.duplex.timing import SLOWEST_YIELD_S
from turnmill.synth.energy import active_level, islands
from turnmill.synth.tokens import places, tokens

_KEEPS_FLOOR_S = 1.0  # a speaker that is silent for longer has let go of the floor
_ACKNOWLEDGED_S = 2.0  # what a cancel is met with where not with silence: a word or two
_ON_SPEECH_S = 0.2  # an IPU bridges silences up to this
_EDGE_S = 0.04  # an edge of speech that was measured again
_TAIL_S = 0.12  # a fade whose sound had ended already


def measured_turn(evidence: Evidence, index: int | None) -> Measured | None:
    """The turn of an index as it was measured; None where it could not be."""
    return next((found for item, found in evidence.measured.items() if item.turn == index and index is not None), None)


def _both_turns(
    event: EventLabel, evidence: Evidence, tally: Tally, check: str, name: str
) -> tuple[TurnLabel, TurnLabel] | None:
    """The event's turn and the one that it meets; None, and a violation of `check`, where one is not labelled."""
    turn, target = evidence.sample.turn(event.turn), evidence.sample.turn(event.target_turn)
    tally.expect(turn is not None and target is not None, check, f"{name}: its turns are not there")
    return None if turn is None or target is None else (turn, target)


def _barge_in(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """The user starts on the assistant's words; the assistant falls silent when the label says, until its next turn."""
    labels, stem = evidence.sample, evidence.stems[ASSISTANT]
    name = f"barge-in at {event.start / RATE:.3f} s"
    both = _both_turns(event, evidence, tally, "yield", name)
    if both is None:
        return
    turn, target = both
    tally.expect((event.start, event.end) == (turn.start, turn.end), "event", f"{name}: its turn is elsewhere")
    fade_from = event.stop - round(event.params["fade"] * RATE)
    tally.expect(event.start + (event.latency or 0) == event.stop, "yield", f"{name}: stop is not start + latency")
    late = (event.latency or 0) > SLOWEST_YIELD_S * RATE
    tally.expect(not late, "yield", f"{name}: the assistant takes longer than {SLOWEST_YIELD_S} s", event.latency)
    later = [item for item in evidence.items if item.channel == ASSISTANT and item.start > event.start]
    brief = not later or (len(later) == 1 and later[0].end - later[0].start <= _ACKNOWLEDGED_S * RATE)
    tally.expect(event.params["intent"] != "cancel" or brief, "yield", f"{name}: a cancel gets an answer")
    until = later[0].start - PRE if later else labels.n_samples
    stray = energy_after(stem, event.stop, until)
    tally.expect(stray == 0, "yield", f"{name}: the assistant has {stray} samples of sound after its stop", stray)
    _heard_bounds(event, target, tally, name)
    found = measured_turn(evidence, target.index)
    if found is not None:
        _audible(event, turn, found, evidence, tally, name)
        near = round(_ON_SPEECH_S * RATE)
        active = evidence.loud(ASSISTANT, event.start - near, event.start + near, found.floor_dbfs)
        tally.expect(active, "yield", f"{name}: the assistant does not speak there")
    if target.end == event.stop:  # cut while it sounded, not in a pause
        sounding = np.flatnonzero(stem[event.start : event.stop])
        last = event.start + int(sounding[-1]) if sounding.size else 0
        detail = f"{name}: the assistant stops {1000 * (fade_from - last) / RATE:.1f} ms before its fade"
        # The closure of a plosive is silent, and a part of the word.
        tally.expect(last >= fade_from - BRIDGE, "yield", detail, 1000 * (last - fade_from) / RATE)
    elif found is not None:
        off, limit = 1000 * (found.end - target.end) / RATE, limit_ms(evidence, ASSISTANT)
        faded = max(1000 * (target.end - fade_from) / RATE, 0.0)  # takes the end of a word below the floor
        detail = f"{name}: the assistant's speech ends {off:+.1f} ms from its label"
        # What follows was below the level of the whole line; nothing does after the stop.
        tally.expect(off >= -limit - faded, "yield", detail, off)


def _heard_bounds(event: EventLabel, target: TurnLabel, tally: Tally, name: str) -> None:
    """So much of the assistant's turn is heard before the interruption as its kind and script want, and no more by the
    stop than the script lets."""
    before = [word for word, _, end in target.words if end <= event.start]
    least = words_before(event.params["intent"])
    enough = len(before) >= least
    tally.expect(enough, "audible", f"{name}: {len(before)} words are heard before it, not {least}", len(before))
    planned, said, until = tokens(target.text), event.params["said"] or 0, event.params["until"]
    heard = max(places(before, planned), default=-1) + 1
    tally.expect(heard >= said, "audible", f"{name}: {heard} tokens are heard before it, not {said}", heard)
    count = len(tokens(target.text_heard))
    within = until is None or count < until
    tally.expect(within, "audible", f"{name}: {count} tokens are heard, not fewer than {until}", count)


def _audible(event: EventLabel, turn: TurnLabel, target: Measured, evidence: Evidence, tally: Tally, name: str) -> None:
    """The user begins while the assistant sounds, not in its pause, and both sound for a while."""
    assistant = _sounding(evidence, ASSISTANT, target, target.end)
    inside = any(start <= event.start - IN_SPEECH and event.start + IN_SPEECH <= end for start, end in assistant)
    tally.expect(inside, "audible", f"{name}: it begins in a pause of the assistant's")
    mine = measured_turn(evidence, turn.index)
    if mine is None or not evidence.exact:
        return  # what noise hides of the user is not known
    user = _sounding(evidence, USER, mine, event.stop)
    both = sum(min(end, event.stop) - start for start, end in common(assistant, user) if start < event.stop)
    detail = f"{name}: both voices sound for {1000 * both / RATE:.0f} ms, not {1000 * BOTH_VOICES / RATE:.0f}"
    tally.expect(both >= BOTH_VOICES, "audible", detail, 1000 * both / RATE)


def _sounding(evidence: Evidence, channel: int, found: Measured, until: int) -> list[tuple[int, int]]:
    """The stretches of sound of a measured turn up to a sample."""
    spans = islands(evidence.stems[channel][found.start : min(found.end, until)], found.floor_dbfs, BRIDGE)
    return [(found.start + start, found.start + end) for start, end in spans]


def _level(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """What is said to the other party is as loud as its label says against the turns of its speaker."""
    stem = evidence.stems[event.channel]
    if event.channel == USER and not evidence.exact:
        return
    usual, heard = evidence.turn_level(event.channel), active_level(stem[event.start : event.end])
    if usual is None or heard is None:
        return  # a missing sound is found where its times are
    off = heard - usual - event.params["level_db"]
    detail = f"{_name(event)}: it is {off:+.1f} dB from its labelled level"
    tally.expect(abs(off) <= LEVEL_TOLERANCE_DB, "level", detail, off)


def _backchannel(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """Short, inside a turn of the other party, which goes on through and after it."""
    tally.expect(event.end - event.start <= LONGEST_BACKCHANNEL, "continue", f"{_name(event)}: it is longer than 1 s")
    target = evidence.sample.turn(event.target_turn)
    other = target is None or target.channel != event.channel
    tally.expect(other, "continue", f"{_name(event)}: it is in a turn of its own speaker")
    _level(event, evidence, tally)
    _keeps_floor(event, evidence, tally)


def _intrusion(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """A sound beside the user during a turn of the assistant's, which goes on."""
    tally.expect(event.channel == USER, "event", f"{_name(event)}: it is on the assistant's channel")
    _keeps_floor(event, evidence, tally)
    heard = evidence.delivered[event.start : event.end]
    tally.expect(bool(heard.any()), "event", f"{_name(event)}: the delivered channel is digital silence there")


def _failed_barge_in(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """The user starts and gives up; the assistant goes on, or stops and resumes when its label says."""
    long = event.end - event.start > LONGEST_ATTEMPT
    tally.expect(not long, "event", f"{_name(event)}: it is longer than {LONGEST_ATTEMPT / RATE} s")
    _level(event, evidence, tally)
    if not event.params["resumed"]:
        _keeps_floor(event, evidence, tally)
        return
    target, stem, name = evidence.sample.turn(event.target_turn), evidence.stems[ASSISTANT], _name(event)
    found = measured_turn(evidence, event.target_turn)
    if not tally.expect(target is not None and found is not None, "yield", f"{name}: nobody speaks beside it"):
        return
    assert target is not None
    assert found is not None
    stop, resume = event.stop, round(event.params["resume"] * RATE)
    inside = target.start < event.start < stop < resume < target.end and event.end <= resume
    tally.expect(inside, "yield", f"{name}: the assistant does not stop and resume inside its turn")
    tally.expect(not target.interrupted, "yield", f"{name}: the assistant was interrupted")
    late = stop - event.start > SLOWEST_YIELD_S * RATE
    tally.expect(not late, "yield", f"{name}: the assistant takes longer than {SLOWEST_YIELD_S} s", stop - event.start)
    stray = energy_after(stem, stop, resume - PRE)
    tally.expect(stray == 0, "yield", f"{name}: the assistant has {stray} samples of sound while it waits", stray)
    near = round(_ON_SPEECH_S * RATE)
    active = evidence.loud(ASSISTANT, event.start - near, event.start + near, found.floor_dbfs)
    tally.expect(active, "yield", f"{name}: the assistant does not speak there")
    goes_on = evidence.bounds(ASSISTANT, stop, target.end, found.floor_dbfs)
    off = None if goes_on is None else 1000 * (stop + goes_on[0] - resume) / RATE
    detail = f"{name}: the assistant does not go on when the label says"
    tally.expect(off is not None and abs(off) <= limit_ms(evidence, ASSISTANT), "yield", detail, off)


def _keeps_floor(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """The other party's turn spans the whole event, and has no long silence around it."""
    target, name = evidence.sample.turn(event.target_turn), _name(event)
    if target is not None and not evidence.times(target.channel):
        return
    found = measured_turn(evidence, event.target_turn)
    if not tally.expect(target is not None and found is not None, "continue", f"{name}: nobody speaks beside it"):
        return
    assert target is not None
    assert found is not None
    speaker = ("the assistant", "the user")[target.channel]
    spans = found.start <= event.start and event.end <= found.end
    tally.expect(spans, "continue", f"{name}: {speaker} does not speak before and after it")
    active = evidence.loud(target.channel, event.start - NEAR, event.start + NEAR, found.floor_dbfs)
    tally.expect(active, "continue", f"{name}: {speaker} is silent for 0.5 s around its start")
    first, last = max(event.start - NEAR, target.start), min(event.end + NEAR, target.end)
    limit = _KEEPS_FLOOR_S + _paused(evidence, target)
    silence = longest_silence(evidence.stems[target.channel], first, last, found.floor_dbfs) / RATE
    tally.expect(silence <= limit, "continue", f"{name}: {speaker} pauses for {silence:.2f} s", silence)


def _paused(evidence: Evidence, turn: TurnLabel) -> float:
    """The longest pause in seconds that the labels of a turn account for: a hesitation, or a failed barge-in."""
    pauses = [e.end - e.start for e in evidence.sample.of("hesitation") if e.turn == turn.index]
    for event in evidence.sample.of("failed_barge_in"):
        if event.target_turn == turn.index and event.params["resumed"]:
            pauses.append(round(event.params["resume"] * RATE) - event.stop)
    return max(pauses, default=0) / RATE


def _silence_timeout(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """Nobody speaks between two turns of the assistant."""
    name = _name(event)
    both = _both_turns(event, evidence, tally, "event", name)
    if both is None:
        return
    turn, target = both
    own = turn.channel == target.channel == event.channel == ASSISTANT
    tally.expect(own, "event", f"{name}: it is not between two turns of the assistant's")
    tally.expect(event.end == turn.start and event.start >= target.end, "event", f"{name}: it is not between its turns")
    _silent(event, evidence, tally)


def _silent(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    for channel, stem in enumerate(evidence.stems):
        if channel == ASSISTANT or evidence.exact:
            stray = energy_after(stem, event.start + POST, event.end - PRE)
            tally.expect(stray == 0, "event", f"{_name(event)}: channel {channel} sounds in it", stray)


def _turn_shift(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """A gap, in which nobody speaks, before the turn."""
    name = _name(event)
    both = _both_turns(event, evidence, tally, "event", name)
    if both is None:
        return
    turn, target = both
    follows = event.end == turn.start and event.start >= target.end
    tally.expect(follows, "event", f"{name}: it does not lie between its turns")
    _silent(event, evidence, tally)


def _overlap(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """The turn starts before the other's ends, which is complete; cooperatively in its last 0.8 s."""
    name = _name(event)
    both = _both_turns(event, evidence, tally, "event", name)
    if both is None:
        return
    turn, target = both
    spans = event.start == turn.start and event.end == target.end
    tally.expect(spans, "event", f"{name}: it is not the overlap of its turns")
    final = _final_unit(target, evidence)
    if final is not None:
        short = event.end - event.start < COOPERATIVE
        early = event.start < final - round(_EDGE_S * RATE)
        late = event.start > final + round(_EDGE_S * RATE)
        right = short and not early if event.kind == "cooperative_overlap" else not short or not late
        tally.expect(right, "event", f"{name}: it is of the other kind of overlap")
    tally.expect(not target.interrupted, "event", f"{name}: the other party was interrupted")


def _final_unit(turn: TurnLabel, evidence: Evidence) -> int | None:
    """Where the last IPU of a turn begins on its stem; None where that cannot be told."""
    found = measured_turn(evidence, turn.index)
    if found is None or (turn.channel == USER and not evidence.exact):
        return None
    units = islands(evidence.stems[turn.channel][found.start : found.end], found.floor_dbfs, IPU_GAP)
    return found.start + units[-1][0] if units else None


def _hesitation(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """Silence between two stretches of one turn, that starts and ends where the label says."""
    turn, found = evidence.sample.turn(event.turn), measured_turn(evidence, event.turn)
    name = _name(event)
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
    limit = limit_ms(evidence, event.channel)
    for what, label, measured in (
        ("starts", event.start, turn.start + before[1]),
        ("ends", event.end, middle + after[0]),
    ):
        off = 1000 * (measured - label) / RATE
        tally.expect(abs(off) <= limit, "event", f"{name}: it {what} {off:+.1f} ms from its label", off)


def _echo(event: EventLabel, evidence: Evidence, tally: Tally) -> None:
    """From the first to the last sound of the assistant as it comes back, by the acoustics' label."""
    label = evidence.sample.acoustics
    same = event.params["gain"] == label["echo_gain"] and event.params["delay"] == label["echo_delay"]
    tally.expect(same, "echo", f"{_name(event)}: its gain and delay are not those of the acoustics")
    sound = np.flatnonzero(evidence.stems[ASSISTANT])
    delay = round((label["echo_delay"] or 0.0) * RATE)
    if not sound.size:
        tally.expect(False, "echo", f"{_name(event)}: there is nothing to be echoed")
        return
    off = max(
        abs(event.start - int(sound[0]) - delay),
        abs(event.end - min(int(sound[-1]) + delay, evidence.sample.n_samples)),
    )
    tally.expect(off <= _TAIL_S * RATE, "echo", f"{_name(event)}: it is not where the assistant comes back", off)


def _name(event: EventLabel) -> str:
    return f"{event.kind.replace('_', ' ')} at {event.start / RATE:.3f} s"


EVENT_CHECKS: Mapping[str, Callable[[EventLabel, Evidence, Tally], None]] = {
    "barge_in": _barge_in,
    "failed_barge_in": _failed_barge_in,
    "user_backchannel": _backchannel,
    "assistant_backchannel": _backchannel,
    "noise_burst": _intrusion,
    "cough": _intrusion,
    "side_talk": _intrusion,
    "third_party": _intrusion,
    "turn_shift": _turn_shift,
    "cooperative_overlap": _overlap,
    "long_overlap": _overlap,
    "hesitation": _hesitation,
    "silence_timeout": _silence_timeout,
    "echo": _echo,
}
"""How each kind of event is checked."""
