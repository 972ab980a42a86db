"""What a listener says while the other party speaks, and after which words: the rules of docs/turn-taking.md."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from turnmill.synth.phrases import Nodding, Phrases
from turnmill.synth.tokens import CLAUSE_END, SENTENCE_END, audible, ends_with, prefix, spans, tokens

_MOST = 4  # per turn; Turnmill's choice, as are the times below
_FIRST_S = 2.0  # of a turn, before anybody nods
_LAST_S = 1.0  # of a turn, in which nobody does: the listener's own turn is next
_CLAUSE_S = 0.9  # "Well," and "For example," have nothing to nod at
_MARKS = CLAUSE_END - frozenset(":：、")  # after which there is something to nod at, not something to come
# How a clause begins behind a comma where words are written apart.
_CLAUSE = re.compile(
    r"(?:and|but|so|because|which|who|when|where|while|if|as|although|though|then|since|until|unless|it|you|they|we|i|"
    r"there|he|she)\b",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"(?:oh,? |ah,? )?(?:i'm )?(?:sorry|my (?:mistake|apologies)|no (?:problem|worries)|sure|of course|okay),? "
    r"(?:i (?:mis)?heard|i (?:misheard|heard|didn't)|let me|once more|about that)|let me |"
    r"(?:抱歉|对不起|不好意思|好的|哦|啊)，(?:我|再|是)|我(?:再|重新)|是我",
    re.IGNORECASE,
)
_ASSESSES = 0.5  # share of the nods at news that say what they think of it


@dataclass(frozen=True)
class Nod:
    """What is said, and the counts of a turn's audible tokens after one of which it falls: the first that has room."""

    text: str
    after: tuple[int, ...]


@dataclass(frozen=True)
class _Place:
    """After how many tokens a nod may fall, and what it may be: words with their weights."""

    after: int
    continuers: Mapping[str, float]
    assessments: Mapping[str, float]


def nods(
    text: str,
    phrases: Phrases,
    per_minute: float,
    rng: np.random.Generator,
    named: Sequence[int] | None = None,
    *,
    neutral: bool = False,
    answered: bool = False,
) -> list[Nod]:
    """A listener's nods to a turn: as many a minute of it as asked, where it has so many places for them.

    `named` are the places that a language model chose, as counts of tokens: they rule over those that are found here.
    `neutral`: what is said shows that somebody listens, and agrees to nothing. `answered`: the listener has asked for
    it, and does not say that they knew.
    """
    parts = tokens(text)
    count = min(int(rng.poisson(per_minute * len(parts) / phrases.words_per_s / 60)), _MOST)
    if named is None:
        places = list(_places(text, phrases))
    else:
        places = [_named(text, n, phrases.nods) for n in named if 0 < n <= len(parts)]
    if neutral:
        places = [
            _Place(place.after, _neutral(prefix(text, place.after), place.continuers, phrases.nods), {})
            for place in places
        ]
    if answered:
        places = [replace(place, continuers=_without(place.continuers, phrases.nods.agreeing)) for place in places]
    places = [places[n] for n in rng.permutation(len(places))]
    spare = [] if named is not None else places[count:]
    return [_nod(place, spare, parts, rng) for place in places[:count]]


def _without(continuers: Mapping[str, float], words: frozenset[str]) -> Mapping[str, float]:
    return {word: weight for word, weight in continuers.items() if word not in words}


def _neutral(heard: str, continuers: Mapping[str, float], nodding: Nodding) -> Mapping[str, float]:
    tells = nodding.own.search(heard) is not None
    return {
        word: n for word, n in continuers.items() if word in nodding.neutral and (tells or word not in nodding.news)
    }


def _nod(place: _Place, spare: Sequence[_Place], parts: Sequence[str], rng: np.random.Generator) -> Nod:
    """A nod for a place, or for a spare one where it is said as well."""
    assesses = bool(place.assessments) and rng.random() < _ASSESSES
    words = place.assessments if assesses else place.continuers
    weights = np.array(list(words.values()))
    said = list(words)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    others = [] if assesses else [other for other in spare if said in other.continuers]
    return Nod(said, audible(parts, [fit.after for fit in (place, *others)]))


def _places(text: str, phrases: Phrases) -> Iterator[_Place]:
    """The ends of clauses that a listener nods at."""
    parts, nodding, rate = tokens(text), phrases.nods, phrases.words_per_s
    for start, end in _pieces(parts, 0, len(parts), SENTENCE_END):
        sentence = _between(text, start, end)
        if sentence.endswith(("?", "？")) or nodding.question.search(sentence):
            continue  # it awaits an answer
        sorry = nodding.apology.search(sentence) is not None
        clauses = _pieces(parts, start, end, _MARKS)
        for (first, last), (_, following) in pairwise([*clauses, (end, end)]):
            if phrases.words_apart and last < end and not _CLAUSE.match(_between(text, last, following)):
                continue  # what is listed or put in between goes on
            timely = (
                last >= _FIRST_S * rate and len(parts) - last >= _LAST_S * rate and last - first >= _CLAUSE_S * rate
            )
            clause, then = _between(text, first, last), _between(text, last, following)
            ours = _REPLY.match(sentence) is not None  # what was said instead is to come
            unsaid = nodding.refusal.search(then) or nodding.apology.search(clause) or (sorry and last < end) or ours
            if timely and not unsaid:
                yield _place(clause, sentence, last, nodding)


def _named(text: str, after: int, nodding: Nodding) -> _Place:
    """A place that was chosen elsewhere, with what may be said of the clause before it."""
    parts = tokens(text)
    sentence, _ = _pieces(parts, 0, after, SENTENCE_END)[-1]
    clause, _ = _pieces(parts, sentence, after, _MARKS)[-1]
    return _place(_between(text, clause, after), _between(text, sentence, after), after, nodding)


def _place(clause: str, sentence: str, after: int, nodding: Nodding) -> _Place:
    refused = nodding.refusal.search(clause) or nodding.apology.search(sentence)
    unfit = set(nodding.continuers) - nodding.neutral if refused else set()
    unfit |= nodding.agreeing if nodding.own.search(clause) else set()
    unfit |= set() if ends_with(clause, SENTENCE_END) else nodding.concluding
    continuers = _without(nodding.continuers, frozenset(unfit))
    assessments: dict[str, float] = {}
    if not refused and not nodding.hedged.search(sentence):
        assessments |= nodding.delighted if nodding.good_news.search(clause) else {}
        assessments |= nodding.dismayed if nodding.bad_news.search(clause) else {}
    return _Place(after, continuers, assessments)


def _pieces(parts: Sequence[str], start: int, end: int, marks: frozenset[str]) -> list[tuple[int, int]]:
    """[start, end) of the pieces that tokens from `start` up to `end` are parted into after one of `marks`."""
    cuts = [n for n in range(start + 1, end) if ends_with(parts[n - 1], marks)]
    return list(pairwise([start, *cuts, end]))


def _between(text: str, first: int, last: int) -> str:
    found = spans(text)
    return text[found[first][0] : found[last - 1][1]] if first < last else ""
