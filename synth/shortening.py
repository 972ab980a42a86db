"""Long answers cut to their first sentences, so that they can be spoken and still make sense."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Final

from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.script.context import relied_on
from turnmill.synth.tokens import tokens

_FEWEST: Final = 6  # tokens of what is left: "Of course!" alone is no answer
# "No." is one before a number, and an answer else.
_ABBREVIATED: Final = (
    r"(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|Sr|Jr|St|Mt|vs|Nr)\.)(?<!\b(?:Mrs|Sra|Dra|e\.g|i\.e|Inc)\.)(?<!\bProf\.)"
    r"(?!(?<=\bNo\.)\s+\d)"
)
_BREAK: Final = re.compile(
    rf"(?:(?<=[.!?]){_ABBREVIATED}|(?<=[.!?][\"'”’)]))\s+(?=[\"'“(]?[A-Z0-9])|(?<=[。！？])(?![。！？”’」）])"
)
_ENDED: Final = re.compile(r"[.!?。！？…][\"'”’」）)]?\Z")
_ITEM: Final = re.compile(
    r"\s*(?:[-*•·#|>]|```|[（(]?\d{1,2}[.)、）:]|[一二三四五六七八九十]{1,3}、|\w+ \d+\s*[:：])", re.IGNORECASE
)
_OF_A_LIST: Final = re.compile(
    r"^(?:first|firstly|first of all|to begin with|to start with|one (?:\w+ ){1,3}is|step one|start by|begin by)\b"
    r"|\b(?:here (?:are|is)|here's|the following|as follows|(?:listed|see|are) below|these (?:include|are)"
    r"|(?:there are|has|have|offer|take|follow|consider) "
    r"(?:a few|a number of|some|several|many|various|two|three|four|five|six|seven|ten|\d+))\b|[:：]\W*$"
    r"|^(?:首先|第一|其一|一是|一方面)|以下|如下"
    r"|[几两三四五六七八九十多]+(?:个|种|点|条|步|方面|方法|建议|技巧|因素|原因)|包括",
    re.IGNORECASE,
)
"""Of a sentence that announces an enumeration, or is its first part: what comes after would be missed."""
_TURNS: Final = re.compile(r"\s*(?:however|but|yet|still|on the other hand|但|然而|不过|可是)", re.IGNORECASE)
_CONCLUDES: Final = re.compile(r"\b(?:therefore|thus|hence)\b|因此|所以|综上", re.IGNORECASE)


def shortened(dialogue: TextDialogue, longest: int) -> TextDialogue:
    """The dialogue with each answer over `longest` characters cut to its first sentences, and marked.

    A turn stays as it was, and so too long, where no sentence can stand without the rest, and where the user speaks of
    what would not be said. What the user says is never cut.
    """
    turns = list(dialogue.turns)
    for index, turn in enumerate(turns):
        if turn.role != "assistant" or len(turn.text) <= longest or turn.interruption is not None:
            continue
        kept = _first_sentences(turn.text, longest)
        said = [*(earlier.text for earlier in turns[:index]), kept]
        later = [(after.role == "user", after.text) for after in turns[index + 1 :]]
        if kept and relied_on(turn.text.strip()[len(kept) :], said, later) is None:
            turns[index] = _cut(turn, kept)
    return replace(dialogue, turns=tuple(turns))


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; what ends without a mark is one as well."""
    cuts = [0, *(found.start() for found in _BREAK.finditer(text)), len(text)]
    return [part for one, other in pairwise(cuts) if (part := text[one:other].strip())]


def _cut(turn: TextTurn, kept: str) -> TextTurn:
    heard = None if turn.backchannels is None else tuple(n for n in turn.backchannels if n < len(tokens(kept)))
    return replace(turn, text=kept, backchannels=heard, shortened=True)


def _first_sentences(text: str, longest: int) -> str:
    """As many sentences from the beginning as fit, before any enumeration; empty where they say too little."""
    end = 0
    for begin, stop in _sentences(text.strip()):
        sentence = text.strip()[begin:stop].strip()
        if stop > longest or _OF_A_LIST.search(sentence):
            break
        end = stop
    kept, rest = text.strip()[:end].rstrip(), text.strip()[end:]
    if _TURNS.match(rest) or _CONCLUDES.search(rest):  # what is said would be half of it
        return ""
    whole = kept.count('"') % 2 == 0 and all(
        kept.count(one) == kept.count(other) for one, other in ("()", "“”", "（）")
    )
    return kept if whole and len(tokens(kept)) >= _FEWEST else ""


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text's first prose begin and stop; it ends at a list, a verse, a table or code."""
    begin = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            if _ITEM.match(line) or not _ENDED.search(line.strip()):
                return
            cuts = [0, *(found.start() for found in _BREAK.finditer(line)), len(line.rstrip())]
            yield from ((begin + one, begin + other) for one, other in pairwise(cuts) if other > one)
        begin += len(line)
