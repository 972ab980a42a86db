"""What counts as a word: the unit of word times, of `text_heard` and of pauses.

Where a script puts spaces between words, a token is what stands between them; each character of Chinese or Japanese is
one of its own. Punctuation belongs to the token it stands beside, an inline tag (`synth.tags`) to none.
"""

import re
from collections.abc import Sequence

import numpy as np

from turnmill.synth.tags import without_tags

SENTENCE_END = frozenset(".?!。？！")
CLAUSE_END = SENTENCE_END | frozenset(",;:，；：、")
_CLOSING = "\"'”’)]」』）》"

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[^\s\w]*[{_CJK}][^\s\w]*|[^\s{_CJK}]+")


def spans(text: str) -> list[tuple[int, int]]:
    """[start, end) in characters of each token of `text`, in order."""
    return [match.span() for match in _TOKEN.finditer(without_tags(text))]


def tokens(text: str) -> list[str]:
    """The tokens of `text`, in order."""
    return _TOKEN.findall(without_tags(text))


def places(words: Sequence[str], parts: Sequence[str]) -> list[int]:
    """The position of each spoken word among the tokens of its text, in order; an engine may leave tokens out."""
    found, at = [], 0
    for word in words:
        place = next((n for n in range(at, len(parts)) if parts[n] == word), at)
        found.append(place)
        at = place + 1
    return found


def sounds(token: str) -> bool:
    """Whether a token is said: a dash that stands alone is not."""
    return any(character.isalnum() for character in token)


def audible(parts: Sequence[str], counts: Sequence[int]) -> tuple[int, ...]:
    """Counts of tokens as counts of those that make a sound."""
    heard = np.cumsum([sounds(token) for token in parts]).tolist()
    return tuple(heard[count - 1] for count in counts)


def ends_with(token: str, marks: frozenset[str]) -> bool:
    """Whether one of `marks` ends a token, quotation marks and brackets aside."""
    return token.rstrip(_CLOSING)[-1:] in marks


def prefix(text: str, count: int) -> str:
    """`text` up to the end of its first `count` tokens, as it is written."""
    return text[: spans(text)[count - 1][1]] if count else ""


def joined(parts: list[str]) -> str:
    """One text of several, with a space between where both sides are written with spaces."""
    text = ""
    for part in parts:
        apart = text and not (re.match(f"[{_CJK}]", part) or re.search(rf"[{_CJK}][^\s\w]*$", text))
        text += f" {part}" if apart else part
    return text


def shares_run(first: str, second: str, length: int) -> bool:
    """Whether two texts have so many tokens in a row in common, however they are written."""
    return not runs(first, length).isdisjoint(runs(second, length))


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """All so many tokens in a row of a text that make a sound, in letters and digits alone."""
    words = ["".join(filter(str.isalnum, token)).casefold() for token in tokens(text) if sounds(token)]
    return {tuple(words[n : n + length]) for n in range(len(words) - length + 1)}
