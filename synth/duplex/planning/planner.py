"""Plan a timeline from a script and its measured lines: pure and seeded, in integer samples, without audio.

Order: the offsets of all floor transfers; turns one after the other (each by its offset, or on the other's words where
it barges in); then what else sounds on the user's channel, and backchannels into turns as they came out; then clips and
labels from what was placed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from turnmill.manifests.records import Reason, Reject, generator
from turnmill.synth.acoustics import Acoustics
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.lengths import COOPERATIVE
from turnmill.synth.duplex.planning.backchannels import PlacedBackchannel, place_backchannels
from turnmill.synth.duplex.planning.barge_ins import interrupt
from turnmill.synth.duplex.planning.intrusions import PlacedIntrusion, hold, place_intrusions
from turnmill.synth.duplex.planning.offsets import OWN_GAP, assigned, draw_offset, longest_overlap
from turnmill.synth.duplex.planning.placed import Placed, body_of, party_levels
from turnmill.synth.duplex.planning.spoken import SpokenLine
from turnmill.synth.duplex.timeline import ChannelWord, Clip, Event, Timeline, Turn, Unplaced
from turnmill.synth.duplex.timing import FloorTransfer, Timing
from turnmill.synth.script.context import relied_on
from turnmill.synth.script.model import BargeIn, Party, Script

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
        self.dropped: set[int] = set()
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
        """Place the turn of that index after, on, or into the one before, unless it went with an interruption."""
        if index in self.dropped:
            return
        turn, body, rng = self.script.turns[index], self.bodies[index], self.rng(f"start {index}")
        barge_in = self.barge_ins.get(index)
        if not self.placed:
            self.placed.append(Placed(turn, body, round(self.timing.lead_in.draw(rng) * RATE), None))
        elif turn.after_silence:
            self._after_silence(Placed(turn, body, 0, None), rng)
        elif barge_in is None or not self._barge_in(barge_in, rng):
            if barge_in is not None and (dropped := _only_there_for(barge_in)):
                self.dropped.update(range(index, index + dropped))
                return
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
            offset = self._offset(turn.turn.speaker, rng)
        # The turn before may be another than when offsets were given out: one that went with its interruption is gone.
        offset = max(offset, -longest_overlap(last.body.length, turn.body.length)) or 1
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
        body, free_from = self.bodies[barge_in.turn], self._own_end(USER) + OWN_GAP
        found = interrupt(self.placed[-1], body, barge_in, free_from, partial(self._relies, barge_in), self.timing, rng)
        if isinstance(found, str):
            self.unplaced.append(Unplaced("barge_in", barge_in.turn, found))
            return False
        self._take_floor(barge_in, found.stopped, found.onset)
        return True

    def _relies(self, barge_in: BargeIn, heard: str) -> bool:
        """Whether a turn from the barge-in on relies on what is not said where so much of the turn before is heard."""
        said = [placed.text_heard() for placed in self.placed[:-1]] + [heard]
        later = [(turn.speaker == "user", turn.text) for turn in self.script.turns[barge_in.turn :]]
        return relied_on(self.placed[-1].body.text[len(heard) :], said, later) is not None

    def _take_floor(self, barge_in: BargeIn, stopped: Placed, onset: str) -> None:
        cut, body = stopped.cut, self.bodies[barge_in.turn]
        assert cut is not None
        self.placed[-1] = stopped
        self.placed.append(Placed(self.script.turns[barge_in.turn], body, cut.onset, None))
        params = {
            "intent": barge_in.intent,
            "stop": cut.stop,
            "fade": cut.stop - cut.fade_from,
            "onset": onset,
            "cut_word": stopped.cut_word(),
            "said": barge_in.said,
            "until": barge_in.until,
        }
        end, latency = cut.onset + body.length, cut.stop - cut.onset
        self.events.append(
            Event("barge_in", USER, cut.onset, end, barge_in.turn, stopped.turn.index, latency, body.text, params)
        )

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
            misheard=placed.turn.misheard,
            shortened=placed.turn.shortened,
            borrowed=placed.turn.borrowed,
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


def _only_there_for(barge_in: BargeIn) -> int:
    """How many turns are there because of an interruption alone: "stop" after the end would mean something else."""
    return max(barge_in.turns, 1) if barge_in.intent == "cancel" else barge_in.turns


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
