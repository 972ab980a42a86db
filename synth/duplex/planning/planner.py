"""Plan a timeline from a script and its measured lines: pure and seeded, in integer samples, without audio.

Order: the offsets of all floor transfers; turns one after the other (each by its offset, or on the other's words where
it barges in); then what else sounds on the user's channel, and backchannels into turns as they came out; then clips and
labels from what was placed.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from turnmill.manifests.records import Reason, Reject, generator
from turnmill.synth.acoustics import Acoustics
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.lengths import COOPERATIVE
from turnmill.synth.duplex.planning.backchannels import CLAUSE_END, PlacedBackchannel, place_backchannels
from turnmill.synth.duplex.planning.context import relied_on
from turnmill.synth.duplex.planning.intrusions import PlacedIntrusion, hold, place_intrusions
from turnmill.synth.duplex.planning.offsets import OWN_GAP, assigned, draw_offset, longest_overlap
from turnmill.synth.duplex.planning.placed import Cut, Placed, body_of, party_levels
from turnmill.synth.duplex.planning.spoken import SpokenLine
from turnmill.synth.duplex.timeline import ChannelWord, Clip, Event, Timeline, Turn, Unplaced
from turnmill.synth.duplex.timing import FloorTransfer, Timing
from turnmill.synth.script.model import BargeIn, Party, Script

_TRIES = 3  # places for a barge-in that would leave a later turn without what it relies on

Acoustic = Callable[[int], Acoustics]
"""What happens to a user's channel of so many samples."""


def plan_timeline(
    script: Script, lines: Mapping[str, SpokenLine], timing: Timing, acoustics: Acoustic, seed: int
) -> Timeline | Reject:
    """Place every line of a script. Other takes of the same speech differ in the script's id, or in `seed`.

    A line of a turn that is missing from `lines` is a reject; anything else without speech, and any event that the
    speech has no room for, is left out and listed in `unplaced`.
    """
    needed = {line.id for line in script.lines if line.role == "turn"}
    if missing := sorted(needed - lines.keys()):
        return Reject(
            Reason.LINE_UNSPOKEN, f"{len(missing)} of its lines have no speech, first {missing[0]}", uid=script.id
        )
    planner = _Planner(script, lines, timing, seed)
    for index in range(len(script.turns)):
        planner.place(index)
    if len({placed.channel for placed in planner.placed}) < 2:
        return Reject(Reason.ONE_SPEAKER, "only one party has a turn that could be placed", uid=script.id)
    return planner.timeline(acoustics)


class _Planner:
    """Places the turns of one dialogue in order."""

    def __init__(self, script: Script, lines: Mapping[str, SpokenLine], timing: Timing, seed: int) -> None:
        self.script, self.lines, self.timing, self.seed = script, lines, timing, seed
        self.placed: list[Placed] = []
        self.unplaced: list[Unplaced] = []
        self.events: list[Event] = []
        self.held: dict[str, PlacedIntrusion] = {}
        self.barge_ins = {barge_in.turn: barge_in for barge_in in script.barge_ins}
        self.resumed = {item.target_turn: item for item in script.intrusions if item.resume}
        self.levels = party_levels(script, lines, timing.level_dbfs)
        self.effects = self._effects()
        self.bodies = [
            body_of(script, turn, lines, timing, self.rng(f"turn {turn.index}"), self.unplaced) for turn in script.turns
        ]
        self.offsets = self._offsets()

    def rng(self, purpose: str) -> np.random.Generator:
        return generator(self.seed, self.script.id, f"timeline {purpose}")

    def _effects(self) -> dict[Party, float]:
        """What the dialogue and its speakers add to the logarithm of gaps and overlaps."""
        common, assistant, user = self.rng("effects").standard_normal(3)
        shared = self.timing.dialogue_sigma * common
        own = self.timing.speaker_sigma
        return {"assistant": float(shared + own * assistant), "user": float(shared + own * user)}

    def _transfer(self, speaker: Party) -> FloorTransfer:
        return self.timing.user_to_assistant if speaker == "assistant" else self.timing.assistant_to_user

    def _offset(self, speaker: Party, rng: np.random.Generator) -> int:
        spread = float(np.hypot(self.timing.dialogue_sigma, self.timing.speaker_sigma))
        return draw_offset(self._transfer(speaker), self.effects[speaker], spread, rng)

    def _offsets(self) -> dict[int, int]:
        """The offset of each turn that follows the other party's, by its index; not of those that are to barge in."""
        turns, found = self.script.turns, dict[int, int]()
        parties: tuple[Party, ...] = ("assistant", "user")
        for speaker in parties:
            rng = self.rng(f"offsets {speaker}")
            mine = [
                turn.index
                for turn in turns[1:]
                if turn.speaker == speaker and not turn.after_silence and turn.index not in self.barge_ins
            ]
            drawn = [self._offset(speaker, rng) for _ in mine]
            found.update(zip(mine, assigned(drawn, [self._limit(n) for n in mine], rng), strict=True))
        return found

    def _limit(self, index: int) -> int:
        return longest_overlap(self.bodies[index - 1].length, self.bodies[index].length)

    def place(self, index: int) -> None:
        """Place the turn of that index after, on, or into the one before."""
        turn, body, rng = self.script.turns[index], self.bodies[index], self.rng(f"start {index}")
        barge_in = self.barge_ins.get(index)
        if not self.placed:
            self.placed.append(Placed(turn, body, round(self.timing.lead_in.draw(rng) * RATE), None))
        elif turn.after_silence:
            self._after_silence(Placed(turn, body, 0, None), rng)
        elif barge_in is None or not self._barge_in(barge_in, rng):
            if barge_in is not None and barge_in.intent == "cancel":
                return  # "stop" after the end would mean something else
            self._follow(Placed(turn, body, 0, None), rng)
        if body.pause:
            self.events.append(hesitation(self.placed[-1]))
        if index in self.resumed:
            self._hold(index, rng)

    def _hold(self, index: int, rng: np.random.Generator) -> None:
        item = self.resumed[index]
        line = next(line for line in self.script.lines if line.id == item.line)
        spoken = self.lines.get(item.line)
        earliest = self._own_end(USER) + OWN_GAP
        found = (
            None
            if spoken is None
            else hold(self.placed[-1], item, line, spoken, earliest, self.timing, self.levels, rng)
        )
        if found is not None:  # else it is placed as one at which the assistant does not stop
            self.placed[-1], self.held[item.line] = found

    def _own_end(self, channel: int) -> int:
        turns = [placed.silent_from for placed in self.placed if placed.channel == channel]
        attempts = [held.event.end for held in self.held.values() if held.event.channel == channel]
        return max([*turns, *attempts], default=0)

    def _after_silence(self, turn: Placed, rng: np.random.Generator) -> None:
        last = self.placed[-1]
        silent = max(placed.silent_from for placed in self.placed)
        start = silent + round(self.timing.silence_timeout.draw(rng) * RATE)
        self.placed.append(Placed(turn.turn, turn.body, start, None))
        self.events.append(
            Event("silence_timeout", turn.channel, silent, start, turn.turn.index, last.turn.index, None, None, {})
        )

    def _follow(self, turn: Placed, rng: np.random.Generator) -> None:
        """A turn after the other party's, by its offset."""
        last, index = self.placed[-1], turn.turn.index
        offset = self.offsets.get(index)
        if offset is None:  # it was to barge in
            offset = max(self._offset(turn.turn.speaker, rng), -self._limit(index)) or 1
        silent = max(placed.silent_from for placed in self.placed)
        start = max(last.end + offset, self._own_end(turn.channel) + OWN_GAP)
        if start < last.end:
            span, kind = (start, last.end), "long_overlap"
            if last.end - start < COOPERATIVE and start >= last.start + last.body.ipus()[-1][0]:
                kind = "cooperative_overlap"
        else:
            start = max(start, silent + 1)
            span, kind = (silent, start), "turn_shift"
        self.placed.append(Placed(turn.turn, turn.body, start, None))
        self.events.append(Event(kind, turn.channel, *span, index, last.turn.index, None, None, {}))

    def _barge_in(self, barge_in: BargeIn, rng: np.random.Generator) -> bool:
        """Start the user's turn on the assistant's words and stop the assistant; False where there is no room for
        that."""
        target, timing, body = self.placed[-1], self.timing, self.bodies[barge_in.turn]
        if len(body.words) < 3 and body.length < 0.8 * RATE and barge_in.intent != "cancel":
            return self._refuse(barge_in, "the turn is too short to take the floor")
        if not target.body.words:
            return self._refuse(barge_in, "the assistant's speech has no word times")
        heard = min(max(barge_in.said, 1), len(target.body.words))
        lead = max(round(timing.barge_in_lead * RATE), target.body.words[heard - 1].end)
        earliest = max(target.start + lead, self._own_end(USER) + OWN_GAP)
        latest = target.end - round(timing.barge_in_remaining * RATE)
        if latest < earliest:
            return self._refuse(barge_in, "the assistant's turn is too short to be interrupted")
        relied = None
        for _ in range(_TRIES):
            start, where = _onset(target, earliest, latest, rng.random() < timing.p_clause, rng)
            reaction, fade = round(timing.reaction.draw(rng) * RATE), round(timing.fade.draw(rng) * RATE)
            reaction = min(reaction, target.end - start - fade - RATE // 50)
            if reaction < round(timing.reaction.low * RATE):
                return self._refuse(barge_in, "the assistant ends before it could react")
            stopped = Placed(
                target.turn, target.body, target.start, Cut(start, start + reaction, start + reaction + fade)
            )
            if stopped.text_heard() == target.body.text:
                return self._refuse(barge_in, "the assistant has said all by then")
            relied = self._relied_on(stopped, barge_in)
            if relied is None:
                return self._take_floor(barge_in, stopped, start, fade, where)
        return self._refuse(barge_in, f"a later turn uses {relied!r}, which would not have been said")

    def _relied_on(self, stopped: Placed, barge_in: BargeIn) -> str | None:
        heard = stopped.text_heard()
        said = [placed.text_heard() for placed in self.placed[:-1]] + [heard]
        later = [(turn.speaker == "user", turn.text) for turn in self.script.turns[barge_in.turn :]]
        return relied_on(stopped.body.text[len(heard) :], said, later)

    def _take_floor(self, barge_in: BargeIn, stopped: Placed, start: int, fade: int, where: str) -> bool:
        assert stopped.cut is not None
        turn, body, stop = self.script.turns[barge_in.turn], self.bodies[barge_in.turn], stopped.cut.stop
        self.placed[-1] = stopped
        self.placed.append(Placed(turn, body, start, None))
        params = {
            "intent": barge_in.intent,
            "stop": stop,
            "fade": fade,
            "onset": where,
            "cut_word": stopped.cut_word(),
        }
        end, target = start + body.length, stopped.turn.index
        self.events.append(Event("barge_in", USER, start, end, turn.index, target, stop - start, body.text, params))
        return True

    def _refuse(self, barge_in: BargeIn, why: str) -> bool:
        self.unplaced.append(Unplaced("barge_in", barge_in.turn, why))
        return False

    def timeline(self, acoustics: Acoustic) -> Timeline:
        """Everything that was placed, as clips and labels, with silence after the last sound."""
        intrusions = place_intrusions(
            self.script, self.lines, self.placed, self.held, self.timing, self.levels, self.seed, self.unplaced
        )
        busy = {
            channel: [(item.start, item.silent_from) for item in self.placed if item.channel == channel]
            for channel in (ASSISTANT, USER)
        }
        busy[USER] += [(item.event.start, item.event.end) for item in intrusions]
        backchannels = place_backchannels(
            self.script, self.lines, self.placed, busy, self.timing, self.levels, self.seed, self.unplaced
        )
        clips = [clip for placed in self.placed for clip in placed.clips(self.levels[placed.channel])]
        clips += [item.clip for item in backchannels]
        clips += [item.clip for item in intrusions if not item.beside]
        beside = [item.clip for item in intrusions if item.beside]
        n_samples = max(clip.end for clip in clips + beside) + round(self.timing.tail.draw(self.rng("tail")) * RATE)
        heard = acoustics(n_samples)
        turns = tuple(self._turn(position) for position in range(len(self.placed)))
        events = [*self.events, *(item.event for item in backchannels), *(item.event for item in intrusions)]
        events += echo_event(heard, [clip for clip in clips if clip.channel == ASSISTANT], n_samples)
        spoken: list[PlacedBackchannel | PlacedIntrusion] = [
            *backchannels,
            *(item for item in intrusions if not item.beside),
        ]
        return Timeline(
            dialogue=self.script.id,
            seed=self.seed,
            sample_rate=RATE,
            n_samples=n_samples,
            clips=tuple(sorted(clips, key=lambda clip: (clip.at, clip.channel))),
            beside=tuple(sorted(beside, key=lambda clip: clip.at)),
            turns=turns,
            events=tuple(sorted(events, key=lambda event: (event.start, event.channel, event.end, event.kind))),
            words=(_channel_words(ASSISTANT, turns, spoken), _channel_words(USER, turns, spoken)),
            unplaced=tuple(self.unplaced),
            acoustics=heard,
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
            style=placed.turn.style,
            interrupted=placed.cut is not None,
            fto=None if before is None else placed.start - before,
            words=placed.words(),
        )


def _channel_words(
    channel: int, turns: tuple[Turn, ...], others: Sequence[PlacedBackchannel | PlacedIntrusion]
) -> tuple[ChannelWord, ...]:
    """The words of a channel in the order of their start; unheard words come after those their turn got to say."""
    groups = [
        (turn.start, [ChannelWord(word, turn.index) for word in turn.words])
        for turn in turns
        if turn.channel == channel
    ]
    groups += [
        (item.event.start, [ChannelWord(word, None) for word in item.words])
        for item in others
        if item.event.channel == channel
    ]
    return tuple(word for _, words in sorted(groups, key=lambda group: group[0]) for word in words)


def hesitation(placed: Placed) -> Event:
    """The silence inside a user's turn."""
    assert placed.body.pause is not None
    start, end = (placed.start + sample for sample in placed.body.pause)
    params = {"filler": placed.body.filler}
    return Event("hesitation", placed.channel, start, end, placed.turn.index, None, None, placed.body.filler, params)


def echo_event(acoustics: Acoustics, assistant: Sequence[Clip], n_samples: int) -> list[Event]:
    """From the first to the last sample of the assistant that comes back through the user's microphone."""
    echo = acoustics.echo
    if echo is None or not assistant:
        return []
    start = min(clip.at for clip in assistant) + echo.delay
    end = min(max(clip.end for clip in assistant) + echo.delay, n_samples)
    params = {"gain": echo.gain, "delay": echo.delay}
    return [Event("echo", USER, start, end, None, None, None, None, params)] if start < end else []


def _onset(target: Placed, earliest: int, latest: int, at_clause: bool, rng: np.random.Generator) -> tuple[int, str]:
    """Where in [earliest, latest] a barge-in begins, and on what: the end of a clause, or any word of the target."""
    ends = [
        target.start + word.end
        for word in target.body.words
        if word.text[-1] in CLAUSE_END and earliest <= target.start + word.end <= latest
    ]
    uniform, before = rng.random(), round(rng.uniform(0.0, 0.1) * RATE)  # people anticipate the end of a clause
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
