"""One text of several recognisers: a vote at each place of what they heard, and how many said what won.

ROVER: J. G. Fiscus, "A post-processing system to yield reduced word error rates: Recognizer Output Voting Error
Reduction (ROVER)", ASRU 1997. Texts are aligned in the form in which they are compared (`pipelines.asr.errors`), so
that neither case nor punctuation parts them, and in characters of languages without spaces. A place is as small as the
words of all allow: where one heard "it's" and another "it was", both words are one place; so are another word and a
word too many beside it, for nobody knows which is which. At each the candidates, one of which may be silence, are
scored by

    SHARE * (share of the recognisers that say it) + (1 - SHARE) * (confidence of the surest of them)

where confidence is the least probability of the words, and that of silence is SILENCE; of equal ones that wins which
the recogniser says that is named first. One that something speaks against has no vote (`Voice.votes`). How words are
divided ("shop boy", "shopboy") makes no difference. The given text has no vote: it is told apart.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from rapidfuzz.distance import Levenshtein

from turnmill.manifests.languages import primary, space
from turnmill.pipelines.asr.errors import tokens
from turnmill.pipelines.asr.words import Word, spread
from turnmill.synth.tokens import joined, sounds

SHARE = 0.5
SILENCE = 0.5


@dataclass(frozen=True)
class Voice:
    """What one recogniser heard: its text, and the words of it in order. One that has no vote is counted where it says
    what others say; where none has one, all have."""

    text: str
    words: Sequence[Word]
    votes: bool = True


@dataclass(frozen=True)
class VotedWord(Word):
    """A word of the consensus. `support`: how many recognisers said it, `of` so many; `given`: whether the given text
    says it there, None where there is none."""

    support: int
    of: int
    given: bool | None


@dataclass(frozen=True)
class Consensus:
    """What several recognisers (`voices`) heard together.

    text: as the first wrote it whose words all won, or else the words that won. spaced: these, each with the space
    before it that its recogniser wrote. supports: of each place at which any of them says a word, how many say what
    won, which may be silence. unsupported: the errors of the given text against whichever recogniser is nearest to it,
    place by place; None where there is none.
    """

    text: str
    words: tuple[VotedWord, ...]
    spaced: tuple[str, ...]
    voices: int
    supports: tuple[int, ...]
    unsupported: int | None

    @property
    def min_support(self) -> float:
        """The least share of the recognisers that say what won; 1 where nobody says anything."""
        return min(self.supports, default=self.voices) / self.voices

    @property
    def mean_support(self) -> float:
        return fmean(self.supports or [self.voices]) / self.voices

    @property
    def agreement(self) -> float:
        """The share of places at which all say one thing."""
        return fmean([float(support == self.voices) for support in self.supports] or [1.0])


def consensus(voices: Sequence[Voice], language: str, seconds: float, given: str | None = None) -> Consensus:
    """The vote of one or more recognisers on audio of so many `seconds`; where nothing else decides, the first counts.
    `language`: a BCP 47 tag."""
    said = [_said(voice, language) for voice in voices]
    spaces = [_spaces(voice, language) for voice in voices]
    text = [] if given is None else _said(_read(given), language)
    text = [replace(token, first=place) for place, token in enumerate(text)]
    words: list[VotedWord] = []
    spaced: list[str] = []
    supports: list[int] = []
    whole = list(range(len(voices)))  # the voices all of whose words won
    votes = [voice.votes or not any(other.votes for other in voices) for voice in voices]
    unsupported = 0
    for *heard, wanted in _places([*said, text]):
        offers, asked = [_undivided(each) for each in heard], _undivided(wanted)
        if any(heard):  # else the given text alone says something
            won = _winner(heard, votes)
            supports.append(offers.count(offers[won]))
            whole = [voice for voice in whole if offers[voice] == offers[won]]
            in_text = None if given is None else offers[won] == asked
            for place, w in _of(heard[won]):
                words.append(VotedWord(w.word, w.start, w.end, w.prob, supports[-1], len(voices), in_text))
                spaced.append(spaces[won][place] + w.word)
        if asked not in offers:
            unsupported += min(Levenshtein.distance(_compared(wanted), _compared(each)) for each in heard)
    if len(voices) > 1:  # words of two recognisers may overlap
        words = spread(words, seconds)
    return Consensus(
        text=voices[whole[0]].text if whole else "".join(spaced).strip(),
        words=tuple(words),
        spaced=tuple(spaced),
        voices=len(voices),
        supports=tuple(supports),
        unsupported=None if given is None else unsupported,
    )


def merged(talks: Sequence[Consensus], heard: Sequence[Sequence[tuple[float, float]]]) -> Consensus:
    """The consensus of a clip of which each channel is a talk of its own, from theirs: words by time, and the text
    stretch by stretch of what was `heard` ([start, end) in seconds) of each, so that none interrupts another's."""
    parts: dict[tuple[float, int], list[str]] = {}
    for channel, (talk, stretches) in enumerate(zip(talks, heard, strict=True)):
        starts = [start for start, _ in stretches]
        for word, spaced in zip(talk.words, talk.spaced, strict=True):
            stretch = starts[max(bisect_right(starts, word.start) - 1, 0)]
            parts.setdefault((stretch, channel), []).append(spaced)
    text = joined(["".join(parts[stretch]).strip() for stretch in sorted(parts)])
    words = tuple(sorted((word for talk in talks for word in talk.words), key=lambda word: (word.start, word.end)))
    supports = tuple(support for talk in talks for support in talk.supports)
    return Consensus(text, words, (), talks[0].voices, supports, None)


def _read(text: str) -> Voice:
    """A given text as a voice, whose words have no times."""
    return Voice(text, [Word(word, 0.0, 0.0, 1.0) for word in text.split()])


def _spaces(voice: Voice, language: str) -> list[str]:
    """What stands before each word of a voice in its text: a space or nothing."""
    found, at = [], 0
    for word in voice.words:
        place = voice.text.find(word.word, at)
        if place < 0 or not at:  # half a character, or the first, which may stand behind another voice's word
            found.append(space(language))
        else:
            found.append(" " if voice.text[place - 1].isspace() else "")
        at = max(at, place + len(word.word))
    return found


@dataclass(frozen=True)
class _Token:
    """A word or character as it is compared, and the recognised `words` that it is of; `first`: the place of the first
    of them. `compared`: whether `errors` counts it, or leaves it out, as "um"."""

    text: str
    first: int
    words: tuple[Word, ...]
    compared: bool = True


def _said(voice: Voice, language: str) -> list[_Token]:
    """What is compared of words.

    A form depends on what is around a word ("twenty one" is 2 1), so the word that a token is of is found by aligning
    the tokens of the whole with those of each word by itself. A word that the form leaves out, as "um" and what stands
    in brackets, is a token of its own; what is no word, as a dash, goes with the one before it.
    """
    words = voice.words
    left_out = _left_out([word.word for word in words], language)
    alone = [
        (token, place)
        for place, word in enumerate(words)
        if place not in left_out
        for token in _of_word(word.word, language)
    ]
    whole = tokens(voice.text, language)
    owners: list[int] = []
    for op in Levenshtein.opcodes([token for token, _ in alone], whole):
        if op.tag == "insert":
            owners += [alone[max(op.src_start - 1, 0)][1] if alone else 0] * (op.dest_end - op.dest_start)
        elif op.tag != "delete":
            owners += [place for _, place in alone[op.src_start : op.src_end]]
    found = [(place, token, True) for token, place in zip(whole, owners, strict=True)]
    found += [(place, token, False) for place, token in left_out.items() if place not in owners]
    found = sorted(found, key=lambda each: each[0]) or [(0, "", False)] * bool(words)
    firsts = sorted({place for place, _, _ in found})
    starts = dict(zip(firsts, [0, *firsts[1:]], strict=False))
    ends = dict(zip(firsts, [*firsts[1:], len(words)], strict=False))
    return [
        _Token(token, starts[place], tuple(words[starts[place] : ends[place]]), compared)
        for place, token, compared in found
    ]


_BRACKETS = re.compile(r"[<\[][^>\]]*[>\]]|\([^)]+\)")


def _left_out(words: Sequence[str], language: str) -> dict[int, str]:
    """The letters of those words, by place, that the form in which texts are compared leaves out: only that of English
    leaves words out."""
    if primary(language) != "en":
        return {}
    text, at = " ".join(words), 0
    bracketed = [match.span() for match in _BRACKETS.finditer(text)]
    found = {}
    for place, word in enumerate(words):
        inside = any(start < at + len(word) and at < end for start, end in bracketed)
        if sounds(word) and (inside or not _of_word(word, language)):
            found[place] = "".join(filter(str.isalnum, word.casefold()))
        at += len(word) + 1
    return found


@lru_cache(maxsize=1 << 16)
def _of_word(word: str, language: str) -> tuple[str, ...]:
    return tuple(tokens(word, language))


def _places(voices: Sequence[Sequence[_Token]]) -> Iterator[list[list[_Token]]]:
    """What each voice says at each place: as few tokens as may be, with no word of any voice in two places."""
    columns = _aligned(voices)
    # Columns behind which a place goes on; the last voice is the given text, on which no place depends.
    spoken = [n for n, column in enumerate(columns) if any(column[:-1])]
    inside: set[int] = set()
    for n, following in pairwise(spoken):
        if _one_run([columns[n][:-1], columns[following][:-1]]):
            inside.update(range(n, following))
    for voice in range(len(voices)):
        last: dict[int, int] = {}
        for n, column in enumerate(columns):
            token = column[voice]
            if token is not None:
                inside.update(range(last.get(token.first, n), n))
                last[token.first] = n
    start = 0
    for n in range(len(columns)):
        if n not in inside:
            part = columns[start : n + 1]
            yield [[token for column in part if (token := column[voice]) is not None] for voice in range(len(voices))]
            start = n + 1


def _one_run(columns: Sequence[Sequence[_Token | None]]) -> bool:
    """Whether columns differ, by a word too many and by another word: where the one is may be where the other is."""
    said = [{token and token.text for token in column} for column in columns]
    return (
        all(len(texts) > 1 for texts in said)
        and any(None in texts for texts in said)
        and any(len(texts - {None}) > 1 for texts in said)
    )


def _aligned(voices: Sequence[Sequence[_Token]]) -> list[list[_Token | None]]:
    """Columns of tokens, one or none of each voice: each is aligned with the first that says anything, and what others
    say between two of its tokens is aligned in the same way; what is not compared, behind what is."""
    compared = [[token for token in voice if token.compared] for voice in voices]
    asked = compared if any(compared) else voices
    pivot = next((place for place, voice in enumerate(asked) if voice), None)
    if pivot is None:
        return []
    columns: list[list[_Token | None]] = [[None] * len(voices) for _ in asked[pivot]]
    between: list[list[list[_Token]]] = [[[] for _ in voices] for _ in range(len(columns) + 1)]
    for place, (voice, mine) in enumerate(zip(voices, asked, strict=True)):
        at: list[tuple[int, bool]] = []  # of each of mine: its column, or that before which it lies
        for op in Levenshtein.opcodes(_texts(asked[pivot]), _texts(mine)):
            if op.tag == "insert":
                at += [(op.src_start, False)] * (op.dest_end - op.dest_start)
            elif op.tag != "delete":
                at += [(column, True) for column in range(op.src_start, op.src_end)]
        placed, behind = iter(at), 0
        for token in voice:
            behind, here = next(placed) if token.compared or asked is voices else (behind, False)
            if here:
                columns[behind][place] = token
                behind += 1
            else:
                between[behind][place].append(token)
    found = _aligned(between[0])
    for column, rest in zip(columns, between[1:], strict=True):
        found += [column, *_aligned(rest)]
    return found


def _winner(said: Sequence[Sequence[_Token]], votes: Sequence[bool]) -> int:
    """The first of the voices with a vote that say what wins at a place."""
    voters = [voice for voice, one in enumerate(votes) if one]
    heard = [said[voice] for voice in voters]
    offers = [_undivided(each) for each in heard]
    sure = [min((word.prob for _, word in _of(each)), default=SILENCE) for each in heard]

    def score(voice: int) -> float:
        surest = max(s for s, offer in zip(sure, offers, strict=True) if offer == offers[voice])
        return SHARE * offers.count(offers[voice]) / len(heard) + (1 - SHARE) * surest

    return voters[max(range(len(heard)), key=score)]  # the first of equal ones


def _of(said: Sequence[_Token]) -> list[tuple[int, Word]]:
    """The words of tokens, each once, with their places."""
    words = {token.first: token.words for token in said}
    return [each for first, of_one in words.items() for each in enumerate(of_one, first)]


def _undivided(said: Sequence[_Token]) -> str:
    """What is said, however it is divided into words: "shop boy" is "shopboy"."""
    return "".join(token.text for token in said)


def _texts(said: Sequence[_Token]) -> tuple[str, ...]:
    return tuple(token.text for token in said)


def _compared(said: Sequence[_Token]) -> tuple[str, ...]:
    return tuple(token.text for token in said if token.compared)
