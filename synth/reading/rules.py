"""Rules of reading: what a pattern finds in a written text, and how that is said."""

import re
from collections.abc import Callable, Iterable

Say = Callable[[re.Match[str]], str] | str
Specs = tuple[tuple[str, Say], ...]
Rules = tuple[tuple[re.Pattern[str], Say], ...]


def compiled(*rooms: Specs) -> Rules:
    """The rules of several rooms, in order: what an earlier rule has said, a later one no longer sees."""
    return tuple((re.compile(pattern), say) for specs in rooms for pattern, say in specs)


def applied(text: str, rules: Rules) -> str:
    for pattern, say in rules:
        text = pattern.sub(say, text)
    return text


def one_of(words: Iterable[str]) -> str:
    """A pattern of any of the words, the longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))
