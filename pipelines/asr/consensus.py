"""One text of several recognisers: a vote at each place of what they heard, and how many said what won.

ROVER: J. G. Fiscus, "A post-processing system to yield reduced word error rates: Recognizer Output Voting Error
Reduction (ROVER)", ASRU 1997. Texts are aligned in the form in which they are compared (`pipelines.asr.errors`), so
that neither case nor punctuation parts them, and in characters of languages without spaces. A place is as small as the
words of all allow: where one heard "it's" and another "it was", both words are one place; so are another word and a
word too many beside it, for nobody knows which is which. At each the candidates, one of which may be silence, are
scored by

    SHARE * (share of the recognisers that say it) + (1 - SHARE) * (confidence of the surest of them)

where confidence is the least probability of the words, and that of silence is SILENCE; of equal ones that wins which
the recogniser says that is named first. How words are divided ("shop boy", "shopboy") makes no difference. The given
text has no vote: it is told apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from rapidfuzz.distance import Levenshtein

from turnmill.manifests.languages import UNSPACED, primary
from turnmill.pipelines.asr.errors import tokens
from turnmill.pipelines.asr.words import Word, spread
from turnmill.synth.tokens import joined

SHARE = 0.5
SILENCE = 0.5


@dataclass(frozen=True)
class Voice:
    """What one recogniser heard: its text, and the words of it in order."""

    text: str
    words: Sequence[Word]


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

    text: as the first wrote it whose words all won, or else the words that won. supports: of each place, silence too,
    how many of them say what won. unsupported: the errors of the given text against whichever recogniser is nearest to
    it, place by place; None where there is none.
    """

    text: str
    words: tuple[VotedWord, ...]
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
    text = [] if given is None else [_Token(token, place, ()) for place, token in enumerate(tokens(given, language))]
    words: list[VotedWord] = []
    supports: list[int] = []
    whole = list(range(len(voices)))  # the voices all of whose words won
    unsupported = 0
    for *heard, wanted in _places([*said, text]):
        offers, asked = [_undivided(each) for each in heard], _undivided(wanted)
        won = _winner(heard)
        supports.append(offers.count(offers[won]))
        whole = [voice for voice in whole if offers[voice] == offers[won]]
        in_text = None if given is None else offers[won] == asked
        words += [
            VotedWord(w.word, w.start, w.end, w.prob, supports[-1], len(voices), in_text) for w in _of(heard[won])
        ]
        if asked not in offers:
            unsupported += min(Levenshtein.distance(_texts(wanted), _texts(each)) for each in heard)
    if len(voices) > 1:  # words of two recognisers may overlap
        words = spread(words, seconds)
    return Consensus(
        text=voices[whole[0]].text if whole else _written([word.word for word in words], language),
        words=tuple(words),
        voices=len(voices),
        supports=tuple(supports),
        unsupported=None if given is None else unsupported,
    )


def merged(talks: Sequence[Consensus], language: str) -> Consensus:
    """The consensus of a clip of which each channel is a talk of its own, from theirs."""
    words = tuple(sorted((word for talk in talks for word in talk.words), key=lambda word: (word.start, word.end)))
    text = _written([word.word for word in words], language)
    return Consensus(text, words, talks[0].voices, tuple(s for talk in talks for s in talk.supports), None)


def _written(words: list[str], language: str) -> str:
    return "".join(words) if primary(language) in UNSPACED else joined(words)


@dataclass(frozen=True)
class _Token:
    """A word or character as it is compared, and the recognised `words` that it is of; `first`: the place of the first
    of them."""

    text: str
    first: int
    words: tuple[Word, ...]


def _said(voice: Voice, language: str) -> list[_Token]:
    """What is compared of words.

    A form depends on what is around a word ("twenty one" is 2 1), so the word that a token is of is found by aligning
    the tokens of the whole with those of each word by itself. A word of which nothing is compared, as a dash, goes with
    the one before it.
    """
    words = voice.words
    alone = [(token, place) for place, word in enumerate(words) for token in _of_word(word.word, language)]
    whole = tokens(voice.text, language)
    owners: list[int] = []
    for op in Levenshtein.opcodes([token for token, _ in alone], whole):
        if op.tag == "insert":
            owners += [alone[max(op.src_start - 1, 0)][1] if alone else 0] * (op.dest_end - op.dest_start)
        elif op.tag != "delete":
            owners += [place for _, place in alone[op.src_start : op.src_end]]
    firsts = sorted(set(owners))
    starts = dict(zip(firsts, [0, *firsts[1:]], strict=False))
    ends = dict(zip(firsts, [*firsts[1:], len(words)], strict=False))
    return [
        _Token(token, place, tuple(words[starts[place] : ends[place]]))
        for token, place in zip(whole, owners, strict=True)
    ]


@lru_cache(maxsize=1 << 16)
def _of_word(word: str, language: str) -> tuple[str, ...]:
    return tuple(tokens(word, language))


def _places(voices: Sequence[Sequence[_Token]]) -> Iterator[list[list[_Token]]]:
    """What each voice says at each place: as few tokens as may be, with no word of any voice in two places."""
    columns = _aligned(voices)
    # Columns behind which a place goes on; the last voice is the given text, on which no place depends.
    inside = {n for n, pair in enumerate(pairwise(columns)) if _one_run([column[:-1] for column in pair])}
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
    say between two of its tokens is aligned in the same way."""
    pivot = next((place for place, voice in enumerate(voices) if voice), None)
    if pivot is None:
        return []
    columns: list[list[_Token | None]] = [[None] * len(voices) for _ in voices[pivot]]
    between: list[list[Sequence[_Token]]] = [[()] * len(voices) for _ in range(len(columns) + 1)]
    for place, voice in enumerate(voices):
        for op in Levenshtein.opcodes(_texts(voices[pivot]), _texts(voice)):
            theirs = voice[op.dest_start : op.dest_end]
            if op.tag == "insert":
                between[op.src_start][place] = theirs
            elif op.tag != "delete":
                for column, token in zip(columns[op.src_start : op.src_end], theirs, strict=True):
                    column[place] = token
    found = _aligned(between[0])
    for column, behind in zip(columns, between[1:], strict=True):
        found += [column, *_aligned(behind)]
    return found


def _winner(heard: Sequence[Sequence[_Token]]) -> int:
    """The first of the voices that say what wins at a place."""
    offers = [_undivided(each) for each in heard]
    sure = [min((word.prob for word in _of(each)), default=SILENCE) for each in heard]

    def score(voice: int) -> float:
        surest = max(s for s, offer in zip(sure, offers, strict=True) if offer == offers[voice])
        return SHARE * offers.count(offers[voice]) / len(heard) + (1 - SHARE) * surest

    return max(range(len(heard)), key=score)  # the first of equal ones


def _of(said: Sequence[_Token]) -> list[Word]:
    """The words of tokens, each once."""
    return [word for words in {token.first: token.words for token in said}.values() for word in words]


def _undivided(said: Sequence[_Token]) -> str:
    """What is said, however it is divided into words: "shop boy" is "shopboy"."""
    return "".join(token.text for token in said)


def _texts(said: Sequence[_Token]) -> tuple[str, ...]:
    return tuple(token.text for token in said)
