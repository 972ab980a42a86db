"""Plan a timeline from a script and its measured lines: pure and seeded, in integer samples, without audio.

Order: turns one after the other (each by its floor transfer, or on the other's words where it barges in), then
backchannels into the assistant's turns as they came out, then clips and labels from what was placed.
"""

from collections.abc import Mapping

import numpy as np

from manifests.records import Reason, Reject, generator
from synth.acoustics import Noise
from synth.duplex import ASSISTANT, RATE, USER
from synth.duplex.backchannels import PlacedBackchannel, place_backchannels
from synth.duplex.placed import Body, Cut, Placed, body_of
from synth.duplex.spoken import SpokenLine
from synth.duplex.timeline import ChannelWord, Event, Timeline, Turn, Unplaced
from synth.duplex.timing import FloorTransfer, Timing
from synth.script import BargeIn, Script

_OWN_GAP = RATE // 5  # least silence between two turns of one speaker: below it they would be one IPU
_LEAST_OVERLAP = RATE // 25  # an overlap below 40 ms is not heard as one
_CLAUSE_END = ",.;:?!"


def plan_timeline(
    script: Script, lines: Mapping[str, SpokenLine], timing: Timing, noise: Noise | None, seed: int
) -> Timeline | Reject:
    """Place every line of a script. Other takes of the same speech differ in `seed` alone.

    `noise` is that of `synth.acoustics.draw_noise`. A line of a turn that is missing from `lines` is a reject; a
    missing backchannel or filler, and any event that the speech has no room for, is left out and listed in `unplaced`.
    """
    needed = {line.id for line in script.lines if line.role == "turn"}
    if missing := sorted(needed - lines.keys()):
        return Reject(
            Reason.LINE_UNSPOKEN, f"{len(missing)} of its lines have no speech, first {missing[0]}", uid=script.id
        )
    planner = _Planner(script, lines, timing, seed)
    for index in range(len(script.turns)):
        planner.place(index)
    backchannels = place_backchannels(script, lines, planner.placed, timing, seed, planner.unplaced)
    return planner.timeline(backchannels, noise)


class _Planner:
    """Places the turns of one dialogue in order."""

    def __init__(self, script: Script, lines: Mapping[str, SpokenLine], timing: Timing, seed: int) -> None:
        self.script, self.lines, self.timing, self.seed = script, lines, timing, seed
        self.placed: list[Placed] = []
        self.unplaced: list[Unplaced] = []
        self.events: list[Event] = []
        self.barge_ins = {barge_in.turn: barge_in for barge_in in script.barge_ins}
        effects = self.rng("effects")
        self.scale = {
            speaker: float(np.exp(timing.dialogue_sigma * common + timing.speaker_sigma * own))
            for common in [effects.standard_normal()]
            for speaker, own in zip(("assistant", "user"), effects.standard_normal(2), strict=True)
        }

    def rng(self, purpose: str) -> np.random.Generator:
        return generator(self.seed, self.script.id, f"timeline {purpose}")

    def place(self, index: int) -> None:
        """Place the turn of that index after, on, or into the one before."""
        turn = self.script.turns[index]
        body = body_of(self.script, turn, self.lines, self.timing, self.rng(f"turn {index}"), self.unplaced)
        rng = self.rng(f"start {index}")
        barge_in = self.barge_ins.get(index)
        if not self.placed:
            self.placed.append(Placed(turn, body, round(self.timing.lead_in.draw(rng) * RATE), None))
        elif barge_in is None or not self._barge_in(barge_in, body, rng):
            if barge_in is not None and barge_in.added:
                return  # "stop" after the end would mean something else
            self.placed.append(self._follow(turn.speaker, Placed(turn, body, 0, None), rng))
        self.events += [hesitation(self.placed[-1])] if body.pause else []

    def _own_end(self, channel: int) -> int:
        return max((placed.silent_from for placed in self.placed if placed.channel == channel), default=0)

    def _follow(self, speaker: str, turn: Placed, rng: np.random.Generator) -> Placed:
        """A turn after a gap, or with a cooperative overlap where the last turn is complete and its final IPU long
        enough."""
        last, body = self.placed[-1], turn.body
        transfer = self.timing.user_to_assistant if speaker == "assistant" else self.timing.assistant_to_user
        overlap = self._overlap(transfer, last, body, self.scale[speaker], rng)
        gap = round(transfer.gap.draw(rng, self.scale[speaker]) * RATE)
        earliest = self._own_end(turn.channel) + _OWN_GAP
        if overlap and last.end - overlap >= earliest:
            start = last.end - overlap
            kind, span = "cooperative_overlap", (start, last.end)
        else:
            silent = max(placed.silent_from for placed in self.placed)
            start = max(silent + gap, earliest)
            kind, span = "turn_shift", (silent, start)
        target = last.turn.index
        self.events.append(Event(kind, turn.channel, *span, turn.turn.index, target, None, None, {}))
        return Placed(turn.turn, body, start, None)

    def _overlap(
        self, transfer: FloorTransfer, last: Placed, body: Body, scale: float, rng: np.random.Generator
    ) -> int | None:
        wanted, drawn = rng.random() < transfer.p_overlap, round(transfer.overlap.draw(rng, scale) * RATE)
        if not wanted or last.cut is not None:
            return None
        first, end = last.body.ipus()[-1]
        # Inside the final IPU, and both turns reach beyond it.
        longest = min(end - first, last.body.length - _OWN_GAP, body.length - _OWN_GAP)
        overlap = min(drawn, longest)
        return overlap if overlap >= _LEAST_OVERLAP else None

    def _barge_in(self, barge_in: BargeIn, body: Body, rng: np.random.Generator) -> bool:
        """Start the user's turn on the assistant's words and stop the assistant; False where there is no room for
        that."""
        target = self.placed[-1]
        if len(body.words) < 3 and body.length < 0.8 * RATE and barge_in.intent != "cancel":
            return self._refuse(barge_in, "the turn is too short to take the floor")
        timing = self.timing
        reaction, fade = round(timing.reaction.draw(rng) * RATE), round(timing.fade.draw(rng) * RATE)
        if not target.body.words:
            return self._refuse(barge_in, "the assistant's speech has no word times")
        lead = max(round(timing.barge_in_lead * RATE), target.body.words[0].end)
        earliest = max(target.start + lead, self._own_end(USER) + _OWN_GAP)
        latest = target.end - round(timing.barge_in_remaining * RATE)
        onset = _onset(target, earliest, latest, rng.random() < timing.p_clause, rng)
        if onset is None:
            return self._refuse(barge_in, "the assistant's turn is too short to be interrupted")
        start, where = onset
        reaction = min(reaction, target.end - start - fade - RATE // 50)
        if reaction <= 0:
            return self._refuse(barge_in, "the assistant ends before it could react")
        cut = Cut(start, start + reaction, start + reaction + fade)
        self.placed[-1] = stopped = Placed(target.turn, target.body, target.start, cut)
        turn = self.script.turns[barge_in.turn]
        self.placed.append(Placed(turn, body, start, None))
        params = {
            "intent": barge_in.intent,
            "stop": cut.stop,
            "fade": fade,
            "onset": where,
            "cut_word": stopped.cut_word(),
        }
        end = start + body.length
        self.events.append(
            Event("barge_in", USER, start, end, turn.index, target.turn.index, cut.stop - start, body.text, params)
        )
        return True

    def _refuse(self, barge_in: BargeIn, why: str) -> bool:
        self.unplaced.append(Unplaced("barge_in", barge_in.turn, why))
        return False

    def timeline(self, backchannels: list[PlacedBackchannel], noise: Noise | None) -> Timeline:
        """Everything that was placed, as clips and labels, with silence after the last sound."""
        clips = [clip for placed in self.placed for clip in placed.clips(self.timing.level_dbfs)]
        clips += [item.clip for item in backchannels]
        tail = round(self.timing.tail.draw(self.rng("tail")) * RATE)
        turns = tuple(self._turn(position) for position in range(len(self.placed)))
        events = sorted(self.events + [item.event for item in backchannels], key=lambda e: (e.start, e.channel, e.end))
        return Timeline(
            dialogue=self.script.id,
            seed=self.seed,
            sample_rate=RATE,
            n_samples=max(clip.end for clip in clips) + tail,
            clips=tuple(sorted(clips, key=lambda clip: (clip.at, clip.channel))),
            turns=turns,
            events=tuple(events),
            words=(_channel_words(ASSISTANT, turns, []), _channel_words(USER, turns, backchannels)),
            unplaced=tuple(self.unplaced),
            noise=noise,
        )

    def _turn(self, position: int) -> Turn:
        placed = self.placed[position]
        before = self.placed[position - 1].end if position else None
        return Turn(
            index=placed.turn.index,
            speaker=placed.turn.speaker,
            channel=placed.channel,
            start=placed.start,
            end=placed.end,
            text=placed.body.text,
            text_heard=placed.text_heard(),
            voice=placed.turn.voice,
            emotion=placed.turn.emotion,
            interrupted=placed.cut is not None,
            fto=None if before is None else placed.start - before,
            words=placed.words(),
        )


def _channel_words(
    channel: int, turns: tuple[Turn, ...], backchannels: list[PlacedBackchannel]
) -> tuple[ChannelWord, ...]:
    """The words of a channel in the order of their start; unheard words come after those their turn got to say."""
    groups = [
        (turn.start, [ChannelWord(word, turn.index) for word in turn.words])
        for turn in turns
        if turn.channel == channel
    ]
    groups += [(item.event.start, [ChannelWord(word, None) for word in item.words]) for item in backchannels]
    return tuple(word for _, words in sorted(groups, key=lambda group: group[0]) for word in words)


def hesitation(placed: Placed) -> Event:
    """The silence inside a user's turn."""
    assert placed.body.pause is not None
    start, end = (placed.start + sample for sample in placed.body.pause)
    params = {"filler": placed.body.filler}
    return Event("hesitation", placed.channel, start, end, placed.turn.index, None, None, placed.body.filler, params)


def _onset(
    target: Placed, earliest: int, latest: int, at_clause: bool, rng: np.random.Generator
) -> tuple[int, str] | None:
    """Where in [earliest, latest] a barge-in begins, and on what: the end of a clause, or any word of the target."""
    ends = [
        target.start + word.end
        for word in target.body.words
        if word.text[-1] in _CLAUSE_END and earliest <= target.start + word.end <= latest
    ]
    uniform, before = rng.random(), round(rng.uniform(0.0, 0.1) * RATE)  # people anticipate the end of a clause
    if latest < earliest:
        return None
    if at_clause and ends:
        end = ends[int(rng.integers(len(ends)))]
        return max(end - before, earliest), "clause"
    wanted = earliest + round(uniform * (latest - earliest))
    return _on_speech(target, wanted, earliest, latest), "word"


def _on_speech(target: Placed, wanted: int, earliest: int, latest: int) -> int:
    """The sample nearest to `wanted` within bounds at which the target sounds."""
    spans = [(max(target.start + s, earliest), min(target.start + e - 1, latest)) for s, e in target.body.islands]
    near = [min(max(wanted, first), last) for first, last in spans if first <= last]
    return min(near, key=lambda sample: abs(sample - wanted), default=wanted)
