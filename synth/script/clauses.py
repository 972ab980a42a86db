"""Where a turn can be taken up again, and where it has told something: clauses and sentences."""

import re
from collections.abc import Iterable

from turnmill.synth.tokens import CLAUSE_END, SENTENCE_END, ends_with, joined, tokens

_CLAUSE_END = CLAUSE_END - frozenset("、")  # what is listed is one
# How a clause begins that says nothing without the one before.
_CARRIES_ON = re.compile(
    r"(?:which|who|whom|whose|that|than|of|or|nor|as well|respectively|\w+ing)\b|"
    "[而并所则以从也还又才就或和与及即使用来让将被其等只更却再]|然后|因为|但是?|那么|认为|导致|包括",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(r"(?:[A-Za-z]|Mr|Mrs|Ms|Dr|St|vs|etc|Jr|Sr|Inc|Co)\.", re.IGNORECASE)
# How a clause begins behind a comma that is a sentence of its own.
_SENTENCE_OF_ITS_OWN = re.compile(
    r"(?:and|but|so)\s+(?:it|you|they|we|i|there|he|she)\b|(?:其实|不过)?[我你您他她它这那](?!样|么|时|里)",
    re.IGNORECASE,
)
# How a clause begins that only leads to the next.
_LEADS = re.compile(
    r"(?:if|when|while|although|though|because|since|as|once|unless|in|on|at|for|with|after|before|to|by|according|"
    r"instead|besides)\b|"
    "在|当|对于?|关于|由于|根据|随着|如果|要是|虽然|尽管|因为|为了?|除了?|作为|通过|首先|其次|例如|比如|此外|同时|其中|凭借|据|"
    "只[有要]|无论|不管|不仅|从|自|经过|按照|目前|另外|总之",
    re.IGNORECASE,
)
# What a Chinese clause has, behind its topic too, after which the main clause is to come.
_CONDITION = re.compile("要是|如果|假如|万一|除非|(?:的话|的时候|的时|以后|之后|之前)[，；]?$")
_COMMAS = frozenset("，；")
_SHORTEST_CLAUSE = 8  # characters of a Chinese one that tells something


def begins(text: str, first: int) -> bool:
    """Whether a sentence begins at that token, or could."""
    if first == 0 or first in sentence_ends(text):
        return True
    return bool(_SENTENCE_OF_ITS_OWN.match(joined(tokens(text)[first : first + 2])))


def sentence_ends(text: str) -> list[int]:
    """Counts of tokens after which a sentence ends and another one follows."""
    parts = tokens(text)
    return [
        n
        for n in range(1, len(parts))
        if ends_with(parts[n - 1], SENTENCE_END)
        and not parts[n][0].islower()
        and not _ABBREVIATED.fullmatch(parts[n - 1])
    ]


def ends(text: str) -> list[int]:
    """Those, and counts after which a clause ends behind which there could be a full stop as well."""
    parts, found, before, start = tokens(text), sentence_ends(text), 0, 0
    for n in range(1, len(parts)):
        last = parts[n - 1]
        chinese = ends_with(last, _COMMAS) and n - before >= _SHORTEST_CLAUSE and not _carries_on(parts, n)
        clause = chinese or (ends_with(last, frozenset(",;")) and _SENTENCE_OF_ITS_OWN.match(joined(parts[n : n + 2])))
        led = before if chinese else start
        conditional = chinese and _CONDITION.search(joined(parts[before:n]))
        if clause and not conditional and not _LEADS.match(joined(parts[led : led + 2])):
            found.append(n)
        before = n if ends_with(last, CLAUSE_END) else before
        start = n if ends_with(last, SENTENCE_END) else start
    return sorted(found)


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
