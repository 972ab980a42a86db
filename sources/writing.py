"""Whether a text is written as its corpus says: in the letters of its language, and in its style."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from turnmill.manifests.letters import SCRIPTS, script, scripts_of

_MARKS: Final = frozenset(".,;:!?…。，、！？；：")
_TOKEN: Final = re.compile(r"<[A-Z_]+>")
_FEW: Final = 8  # letters that have cases: fewer may all be of one by chance


def foreign_letters(text: str, language: str) -> str:
    """The alphabet that most letters of a text are of, where its language (BCP-47) is not written in it; else empty,
    also where nothing is known of the language."""
    letters = Counter(word for word in map(_alphabet, text) if word)
    written = scripts_of(language)
    if not written or not letters or 2 * sum(letters[word] for word in written) >= letters.total():
        return ""
    return next(word for word, _ in letters.most_common() if word not in written).capitalize()


def _alphabet(character: str) -> str:
    found = script(character)
    return found if found in SCRIPTS else ""


class Style(NamedTuple):
    """`flaw` says what of a text is not of the style, or nothing. `allowed`: the share of texts in which it may be."""

    flaw: Callable[[str], str]
    allowed: float


def _of_one_case(text: str) -> str:
    cased = [character for character in text if character.isupper() or character.islower()]
    if len(cased) < _FEW or len({character.isupper() for character in cased}) > 1:
        return ""
    return "capitals alone" if cased[0].isupper() else "no capital letter"


def _not_upper(text: str) -> str:
    return "small letters" if any(map(str.islower, text)) else _punctuated(text)


def _not_lower(text: str) -> str:
    return "capital letters" if any(map(str.isupper, text)) else _punctuated(text)


def _punctuated(text: str) -> str:
    return "" if _MARKS.isdisjoint(text) else "punctuation"


def _without_tokens(text: str) -> str:
    return "" if _TOKEN.search(text) else "no token such as <COMMA>"


STYLES: Final[Mapping[str, Style]] = {
    "cased": Style(_of_one_case, 0.5),
    "upper_nopunct": Style(_not_upper, 0.01),
    "lower_nopunct": Style(_not_lower, 0.01),
    "punct_tokens": Style(_without_tokens, 0.9),
}
"""The styles of an entry's `text_style` that a text can be held against."""
