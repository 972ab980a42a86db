"""Where a turn can be taken up again: runs of clauses that are long enough to be heard, and short enough to be said
again."""

import re
from collections.abc import Iterable

from turnmill.synth.tokens import CLAUSE_END, SENTENCE_END, ends_with, joined, tokens

_CLAUSE_END = CLAUSE_END - frozenset("、")  # what is listed is one
# How a clause begins that says nothing without the one before.
_CARRIES_ON = re.compile(
    r"(?:which|who|whom|whose|that|than|of|or|nor|as well|respectively)\b|"
    "[而并所则以从也还又才就或和与及即使用来让将被其等]|因为|但是?|那么|认为|导致|包括",
    re.IGNORECASE,
)


def clauses(text: str, least: int, most: int) -> list[tuple[int, int]]:
    """[first, last) in tokens (`synth.tokens`) of stretches that cover `text`: its sentences; of those over `most`
    tokens their clauses. None is shorter than `least`, but for a text that is."""
    parts = tokens(text)
    sentences = _runs(parts, 0, len(parts), SENTENCE_END, least)
    found: list[tuple[int, int]] = []
    for first, last in sentences:
        found += _runs(parts, first, last, _CLAUSE_END, least) if last - first > most else [(first, last)]
    return found


def _runs(parts: list[str], first: int, last: int, marks: frozenset[str], least: int) -> list[tuple[int, int]]:
    """The tokens from `first` to `last`, parted after those that end in `marks`, where what follows stands alone."""
    cuts = [n for n in range(first + 1, last) if ends_with(parts[n - 1], marks) and not _carries_on(parts, n)]
    kept = [first]
    for cut in _spaced(cuts, first, least):
        if last - cut >= least:
            kept.append(cut)
    return list(zip(kept, [*kept[1:], last], strict=True))


def _carries_on(parts: list[str], n: int) -> bool:
    return bool(_CARRIES_ON.match(joined(parts[n : n + 2])))


def _spaced(cuts: Iterable[int], first: int, least: int) -> Iterable[int]:
    before = first
    for cut in cuts:
        if cut - before >= least:
            yield cut
            before = cut
