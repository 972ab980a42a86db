"""Turns on the way to the timeline: what a turn consists of, where it was placed, where it was cut, and the labels
that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.duplex import ASSISTANT, RATE, USER
from synth.duplex.spoken import LineWord, SpokenLine
from synth.duplex.timeline import Clip, TimedWord, Unplaced
from synth.duplex.timing import Timing
from synth.script import Script, ScriptTurn

IPU_GAP = RATE // 5  # silence of 200 ms ends an inter-pausal unit (`duplex.md` 1.2)

# What is kept of a line before and after its speech, faded: its quietest onset and decay.
PRE = RATE // 100
POST = RATE * 3 // 100

_BEGUN = RATE // 50  # 20 ms of a word make a sound of it

_LINE_PEAK_DBFS = -3.0  # a line is never made louder than this, so that speech and noise together stay below -1 dBFS


@dataclass(frozen=True)
class Piece:
    """A line of a turn; its speech begins `offset` samples after the turn's."""

    line: str
    spoken: SpokenLine
    offset: int


@dataclass(frozen=True)
class Body:
    """A turn that is not placed yet: samples from the start of its speech. `pause` is a hesitation's silence."""

    pieces: tuple[Piece, ...]
    text: str
    pause: tuple[int, int] | None
    filler: str | None

    @property
    def length(self) -> int:
        return self.pieces[-1].offset + self.pieces[-1].spoken.length

    @property
    def words(self) -> tuple[LineWord, ...]:
        return tuple(
            LineWord(w.text, w.start - p.spoken.speech_start + p.offset, w.end - p.spoken.speech_start + p.offset)
            for p in self.pieces
            for w in p.spoken.words
        )

    @property
    def islands(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (start - p.spoken.speech_start + p.offset, end - p.spoken.speech_start + p.offset)
            for p in self.pieces
            for start, end in p.spoken.islands
        )

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
        return ASSISTANT if self.turn.speaker == "assistant" else USER

    @property
    def end(self) -> int:
        """Where its speech ends."""
        if self.cut is None:
            return self.start + self.body.length
        return min(self.start + self._last_island()[1], self.cut.stop)

    @property
    def silent_from(self) -> int:
        """Where the channel is silent again: the end, or the stop of the cut."""
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
        words, tokens = self.words(), self.body.text.split()
        places = _token_places([word.text for word in words], tokens)
        heard = [place for word, place in zip(words, places, strict=True) if word.heard]
        return " ".join(tokens[: heard[-1] + 1] if heard else [])

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
            clip = line_clip(piece.line, piece.spoken, self.channel, self.start + piece.offset, level_dbfs)
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
        pieces.append(Piece(name, lines[name], offset))
        end = offset + lines[name].length
    text = " ".join(by_id[piece.line].text for piece in pieces)
    return Body(tuple(pieces), text, silence, filler)


def line_clip(line: str, spoken: SpokenLine, channel: int, at: int, level_dbfs: float) -> Clip:
    """A whole line whose speech starts at sample `at`, brought to a level of active speech where its peak allows."""
    gain_db = min(level_dbfs - spoken.level_dbfs, _LINE_PEAK_DBFS - spoken.peak_dbfs)
    pre = min(PRE, spoken.speech_start, at)
    post = min(POST, spoken.n_samples - spoken.speech_end)
    start, stop = spoken.speech_start - pre, spoken.speech_end + post
    return Clip(line, channel, at - pre, start, stop, round(gain_db, 4), pre, post)


def _token_places(words: Sequence[str], tokens: Sequence[str]) -> list[int]:
    """Each word's position among the tokens of the text; an engine may leave tokens out."""
    places, at = [], 0
    for word in words:
        found = next((n for n in range(at, len(tokens)) if tokens[n] == word), at)
        places.append(found)
        at = found + 1
    return places
