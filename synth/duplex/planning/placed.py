"""Turns on the way to the timeline: what a turn consists of, where it was placed, where it was cut, and the labels
that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median_low

import numpy as np

from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.lengths import IPU_GAP, POST, PRE
from turnmill.synth.duplex.planning.spoken import LineWord, SpokenLine
from turnmill.synth.duplex.timeline import Clip, TimedWord, Unplaced
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script.model import Script, ScriptTurn
from turnmill.synth.tokens import joined, places, prefix, tokens

_BEGUN = RATE // 50  # 20 ms of a word make a sound of it

_LINE_PEAK_DBFS = -3.0  # a line is never made louder than this, so that speech and noise together stay below -1 dBFS


@dataclass(frozen=True)
class Piece:
    """Samples [first, last) of a line's speech, put `offset` samples after the start of the turn's."""

    line: str
    spoken: SpokenLine
    offset: int
    first: int
    last: int

    @property
    def words(self) -> list[LineWord]:
        """The words that lie in it, from the start of the turn's speech: a word's edge may lie in the silence beside
        its sound, and is cut to the piece."""
        shift, before = self.offset - self.first, self.spoken.speech_start
        timed = [(w.text, w.start - before, w.end - before) for w in self.spoken.words]
        inside = [
            (t, max(s, self.first), min(e, self.last)) for t, s, e in timed if 2 * self.first < s + e <= 2 * self.last
        ]
        return [LineWord(t, s + shift, e + shift) for t, s, e in inside if s < e]

    @property
    def islands(self) -> list[tuple[int, int]]:
        """Its stretches of sound, [start, end) in samples from the start of the turn's speech."""
        shift = self.offset - self.first
        found = [(s - self.spoken.speech_start, e - self.spoken.speech_start) for s, e in self.spoken.islands]
        return [(s + shift, e + shift) for s, e in found if self.first <= s and e <= self.last]


@dataclass(frozen=True)
class Body:
    """A turn that is not placed yet: samples from the start of its speech. `pause` is a hesitation's silence."""

    pieces: tuple[Piece, ...]
    text: str
    pause: tuple[int, int] | None
    filler: str | None

    @property
    def length(self) -> int:
        """Samples."""
        last = self.pieces[-1]
        return last.offset + last.last - last.first

    @property
    def words(self) -> tuple[LineWord, ...]:
        return tuple(word for piece in self.pieces for word in piece.words)

    @property
    def islands(self) -> tuple[tuple[int, int], ...]:
        """Its stretches of sound, [start, end) in samples from the start of its speech."""
        return tuple(island for piece in self.pieces for island in piece.islands)

    def ipus(self) -> list[tuple[int, int]]:
        """The inter-pausal units: islands with less than 200 ms of silence between them, joined."""
        units: list[tuple[int, int]] = []
        for start, end in self.islands:
            if units and start - units[-1][1] < IPU_GAP:
                units[-1] = (units[-1][0], end)
            else:
                units.append((start, end))
        return units


@dataclass(frozen=True)
class Cut:
    """Where a speaker is interrupted (`onset`), begins to fade, and is digital silence (`stop`): samples of the
    channel."""

    onset: int
    fade_from: int
    stop: int


@dataclass(frozen=True)
class Placed:
    """A turn whose speech starts at sample `start` of its channel, and the cut that ends it early, if any."""

    turn: ScriptTurn
    body: Body
    start: int
    cut: Cut | None

    @property
    def channel(self) -> int:
        """0 for the assistant, 1 for the user."""
        return ASSISTANT if self.turn.speaker == "assistant" else USER

    @property
    def end(self) -> int:
        """The sample where its speech ends."""
        if self.cut is None:
            return self.start + self.body.length
        return min(self.start + self._last_island()[1], self.cut.stop)

    @property
    def silent_from(self) -> int:
        """The sample from which the channel is silent again: the end, or the stop of the cut."""
        return self.end if self.cut is None else self.cut.stop

    def words(self) -> tuple[TimedWord, ...]:
        """The heard words at their place, then those that were not said. A word that was cut into was not heard."""
        timed = [(w.text, self.start + w.start, self.start + w.end) for w in self.body.words]
        said_by, end = self._said_by(), self.end
        unheard = (n for n, (_, start, word_end) in enumerate(timed) if word_end > said_by or start >= end)
        count = next(unheard, len(timed))
        heard = [TimedWord(text, start, min(word_end, end)) for text, start, word_end in timed[:count]]
        return (*heard, *(TimedWord(text, None, None) for text, _, _ in timed[count:]))

    def text_heard(self) -> str:
        """The turn's text up to its last heard word."""
        if self.cut is None:
            return self.body.text
        words = self.words()
        where = places([word.text for word in words], tokens(self.body.text))
        heard = [place for word, place in zip(words, where, strict=True) if word.heard]
        return prefix(self.body.text, heard[-1] + 1 if heard else 0)

    def cut_word(self) -> str | None:
        """The word that the cut ends in the middle of."""
        if self.cut is None:
            return None
        timed = zip(self.body.words, self.words(), strict=True)
        unheard = next(((w.text, self.start + w.start) for w, word in timed if not word.heard), None)
        return unheard[0] if unheard and unheard[1] < self.end - _BEGUN else None

    def clips(self, level_dbfs: float) -> list[Clip]:
        """The samples of its lines that sound, at the given level of active speech."""
        clips = []
        for piece in self.body.pieces:
            clip = piece_clip(piece, self.channel, self.start, level_dbfs)
            if self.cut is not None:
                clip = self._shortened(clip)
            clips.append(clip)
        return clips

    def _shortened(self, clip: Clip) -> Clip:
        assert self.cut is not None
        if self._cuts_sound():
            end, fade = self.cut.stop, self.cut.stop - self.cut.fade_from
        else:
            end = min(self.end + POST, self.cut.stop)
            fade = end - self.end
        stop = clip.start + end - clip.at
        if stop >= clip.stop:
            return clip
        return Clip(clip.line, clip.channel, clip.at, clip.start, stop, clip.gain_db, clip.fade_in, fade)

    def _said_by(self) -> int:
        """A word that ends by then was heard. A speaker who is cut in a pause has said the words before it, although
        the time of a word's end may lie in the pause; a word that goes on after it (one pauses before a plosive) was
        not said."""
        if self.cut is None:
            return self.end
        if self._cuts_sound():
            return self.cut.fade_from
        last = self._last_island()
        return self.start + next((start for start, _ in self.body.islands if start >= last[1]), self.body.length)

    def _last_island(self) -> tuple[int, int]:
        assert self.cut is not None
        return [span for span in self.body.islands if self.start + span[0] < self.cut.fade_from][-1]

    def _cuts_sound(self) -> bool:
        """Whether the speaker sounds where the fade begins; one who pauses there just does not go on."""
        assert self.cut is not None
        return self.start + self._last_island()[1] > self.cut.fade_from


def body_of(
    script: Script,
    turn: ScriptTurn,
    lines: Mapping[str, SpokenLine],
    timing: Timing,
    rng: np.random.Generator,
    unplaced: list[Unplaced],
) -> Body:
    """A turn's lines one after the other, with the hesitation between them drawn. A filler without speech goes to
    `unplaced`."""
    by_id = {line.id: line for line in script.lines}
    pause, before_filler = timing.pause.draw(rng), timing.filler_gap.draw(rng)
    pieces: list[Piece] = []
    filler, silence, end = None, None, 0
    for name in turn.lines:
        line = by_id[name]
        if line.role == "filler" and name not in lines:
            unplaced.append(Unplaced("filler", turn.index, "it has no speech"))
            continue
        if line.role == "filler":
            filler, offset = line.text, end + round(before_filler * RATE)
        elif pieces:
            offset = end + round(pause * RATE)
            silence = (end, offset)
        else:
            offset = 0
        pieces.append(whole(name, lines[name], offset))
        end = offset + lines[name].length
    text = joined([by_id[piece.line].text for piece in pieces])
    return Body(tuple(pieces), text, silence, filler)


def whole(line: str, spoken: SpokenLine, offset: int) -> Piece:
    """All of a line's speech, `offset` samples after the start of the turn's."""
    return Piece(line, spoken, offset, 0, spoken.length)


def piece_clip(piece: Piece, channel: int, at: int, level_dbfs: float) -> Clip:
    """The samples of a piece of a turn that starts at sample `at`, brought to a level of active speech where its peak
    allows; with what the line has just before and after, faded."""
    spoken = piece.spoken
    gain_db = level_dbfs + reached_db(spoken, level_dbfs) - spoken.level_dbfs
    first, last = spoken.speech_start + piece.first, spoken.speech_start + piece.last
    before = max((end for _, end in spoken.islands if end <= first), default=0)
    after = min((start for start, _ in spoken.islands if start >= last), default=spoken.n_samples)
    at += piece.offset
    pre = min(PRE, (first - before) // 2 if piece.first else first, at)
    post = min(POST, (after - last) // 2 if piece.last < spoken.length else after - last)
    return Clip(piece.line, channel, at - pre, first - pre, last + post, round(gain_db, 4), pre, post)


def reached_db(spoken: SpokenLine, level_dbfs: float) -> float:
    """How far in dB from a level a line stays: below 0 where its peak allows no more."""
    return min(0.0, _LINE_PEAK_DBFS - spoken.peak_dbfs - (level_dbfs - spoken.level_dbfs))


def party_levels(script: Script, lines: Mapping[str, SpokenLine], level_dbfs: float) -> dict[int, float]:
    """The level of active speech in dBFS of each channel's turns: what at least half of them reach."""
    reached: dict[int, list[float]] = {ASSISTANT: [], USER: []}
    for turn in script.turns:
        said = [lines[line] for line in turn.lines if line in lines]
        if said:  # the longest line is most of a turn
            channel = ASSISTANT if turn.speaker == "assistant" else USER
            reached[channel].append(reached_db(max(said, key=lambda line: line.length), level_dbfs))
    return {channel: round(level_dbfs + median_low(found or [0.0]), 2) for channel, found in reached.items()}


def line_clip(line: str, spoken: SpokenLine, channel: int, at: int, level_dbfs: float) -> Clip:
    """A whole line whose speech starts at sample `at`, as `piece_clip`."""
    return piece_clip(whole(line, spoken, 0), channel, at, level_dbfs)
