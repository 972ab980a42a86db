"""Where what was heard differs from a text that was given: which words, when, and the longest stretch that is missing
in the one or the other.

Both are compared in the form and the units of `errors`, so that there are as many differences as it counts errors.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import jiwer
from rapidfuzz.distance import Levenshtein

from turnmill.manifests.languages import space
from turnmill.pipelines.asr.errors import aligned, tokens
from turnmill.pipelines.asr.words import Word
from turnmill.synth.tokens import sounds

_KINDS: Final = {"substitute": "substituted", "delete": "missing", "insert": "added"}


@dataclass(frozen=True)
class Difference:
    """A stretch in which a text and what was heard differ, in the form in which they are compared.

    `kind`: "substituted", "missing" (given and not heard; `heard` is empty) or "added" (heard and not given). `start`
    and `end`: in seconds, of the words that were heard; of what is missing, those between which it would be; null where
    no word has a time.
    """

    kind: str
    given: str
    heard: str
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Agreement:
    """`missing_run` and `added_run`: units (words, or characters) of the longest stretch of the given text that was not
    heard, and of what was heard that is not in it. `least_unheard`: the least probability of a given word that was not
    heard; None where all were, or none was looked for."""

    differences: tuple[Difference, ...]
    missing_run: int
    added_run: int
    least_unheard: float | None


def agreement(
    given: str, heard: str, words: Sequence[Word], language: str = "en", found_given: Sequence[Word] = ()
) -> Agreement:
    """How a given text and what was `heard` agree. `words` are those of the latter with their times, `found_given`
    those of the former where they were looked for."""
    wanted, said = tokens(given, language), tokens(heard, language)
    between = space(language)
    if not wanted:
        chunks = [("insert", 0, 0, 0, len(said))] if said else []
    else:
        (found_places,) = aligned(wanted, said).alignments
        chunks = [
            (each.type, each.ref_start_idx, each.ref_end_idx, each.hyp_start_idx, each.hyp_end_idx)
            for each in found_places
            if each.type != "equal"
        ]
    places, of_given = _places(said, words), _places(wanted, found_given)
    spans = [None if at is None else (words[at[0]].start, words[at[1]].end) for at in places]
    found, runs = [], {"substituted": 0, "missing": 0, "added": 0}
    unheard: list[float] = []
    for how, start, end, from_, to in chunks:
        kind = _KINDS[how]
        mine, theirs = between.join(wanted[start:end]), between.join(said[from_:to])
        found.append(Difference(kind, mine, theirs, *_when(spans, from_, to)))
        unheard += [
            w.prob for at in of_given[start:end] if at for w in found_given[at[0] : at[1] + 1] if sounds(w.word)
        ]
        runs[kind] = max(runs[kind], end - start, to - from_)
    return Agreement(tuple(found), runs["missing"], runs["added"], min(unheard, default=None))


def shown(given: str, heard: str, language: str = "en") -> str:
    """Both texts one above the other, for a terminal or a notebook: S where they differ, D where something is missing
    in what was heard, I where something was added."""
    wanted, said = tokens(given, language), tokens(heard, language)
    if not wanted or not said:
        return f"given: {' '.join(wanted)}\nheard: {' '.join(said)}"
    told: str = jiwer.visualize_alignment(aligned(wanted, said), show_measures=False, skip_correct=False)
    lines = told.replace("REF:", "given:").replace("HYP:", "heard:").splitlines()
    # The marks stand below the texts, whose names are two letters longer now; the first line counts sentences.
    return "\n".join(f"  {line}".rstrip() if line.startswith(" ") else line for line in lines[1:] if line.strip())


def _when(spans: Sequence[tuple[float, float] | None], start: int, end: int) -> tuple[float | None, float | None]:
    """When units [start, end) were heard; of none, from the end of the one before to the start of the next."""
    if start < end:
        timed = [span for span in spans[start:end] if span is not None]
        return (timed[0][0], timed[-1][1]) if timed else (None, None)
    before = next((span[1] for span in reversed(spans[:start]) if span is not None), None)
    after = next((span[0] for span in spans[start:] if span is not None), None)
    ends = [time for time in (before, after) if time is not None]
    return (ends[0], max(ends)) if ends else (None, None)


def _places(units: Sequence[str], words: Sequence[Word]) -> list[tuple[int, int] | None]:
    """Of units of the compared form, the places of the first and the last of the words that they are, as these were
    written.

    Letter by letter, for the form parts and joins words: "It's 25" is IT IS 2 5.
    """
    letters, written = "".join(units), [_letters(word.word) for word in words]
    begins = [0, *accumulate(len(word) for word in written)]
    owner: dict[int, int] = {}
    for block in Levenshtein.opcodes(letters, "".join(written)):
        size = block.dest_end - block.dest_start
        for at in range(block.src_start, block.src_end):
            if size:
                place = block.dest_start + min(at - block.src_start, size - 1)
                owner[at] = bisect_right(begins, place) - 1
    found: list[tuple[int, int] | None] = []
    at = 0
    for unit in units:
        mine = [owner[n] for n in range(at, at + len(unit)) if n in owner]
        found.append((mine[0], mine[-1]) if mine else None)
        at += len(unit)
    return found


def _letters(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
