"""Marks of layout and pictures: what a written text shows and nobody says, in any language."""

import re
import unicodedata

UNSPOKEN = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs"})
"""Unicode categories of what has no sound: emoji and other pictures, modifiers, invisible and unassigned characters."""

_LIST_MARK = re.compile(
    r"^\s*(?:[-*•·–]\s+|\d{1,2}[.)](?:\s+|(?=[^\W\d]))"
    r"|\d{1,2}[、．](?!\d)\s*|[(（]\d{1,2}[)）]\s*|[①-⑳](?![①-⑳、和与或到至分个名号是])\s*)"
)
_FIRST_IN_LIST = re.compile(r"\s*1[.)]\s+\S.*\s2[.)]\s+\S")
_NEXT_IN_LIST = re.compile(r"\s+(?=\d{1,2}[.)]\s+\S)")
_ESCAPED = re.compile(r"\\[rn](?=\\|[A-Z\s]|$)")
# A star between two numbers, or words with spaces, multiplies.
_EMOTICON = re.compile(r"(?<!\S)(?:[:;=]['-]?[)(\[\]DPpOo3|/\\]+|<3+|\^_*\^|>[_.]<|[Tt]_[Tt]|[xX]D)(?=[\s.,!?]|$)")
_EMPHASIS = re.compile(r"(?P<sum>(?<=[\d)])\*(?=[\d(])|(?<=[\w)]) \* (?=[\w(]))|\*+|(?<!\w)_+|_+(?!\w)|`+|~~+")


def without_layout(text: str, stop: str = ".") -> str:
    """The text without list marks and emphasis, on one line; a line that ends in a letter or digit gets a `stop`
    before the next."""
    lines = [" ".join(_LIST_MARK.sub("", line).split()) for line in _in_lines(text).splitlines()]
    lines = [line for line in lines if line]
    ended = [line + stop if line[-1].isalnum() else line for line in lines[:-1]]
    return _EMPHASIS.sub(lambda m: m["sum"] or "", " ".join(ended + lines[-1:]))


def _in_lines(text: str) -> str:
    """The text with line breaks that were written as escapes, and with a list that is all in one line in several."""
    text = _ESCAPED.sub("\n", text)
    return _NEXT_IN_LIST.sub("\n", text) if _FIRST_IN_LIST.match(text) else text


def is_emoji(char: str) -> bool:
    """Whether a character is, or belongs to, an emoji."""
    point = ord(char)
    return (
        0x1F000 <= point <= 0x1FAFF
        or 0x2600 <= point <= 0x27BF
        or point in (0xFE0F, 0x200D, 0x20E3)
        or point >= 0xE0000
    )


def without_pictures(text: str, keep: str = "") -> str:
    """The text without emoji, emoticons and what else has no sound, except for the characters in `keep`. A picture
    parts the words beside it."""
    text = _EMOTICON.sub("", text)
    if text.isascii():
        return text
    return "".join(c if c in keep else _in_place_of(c) for c in text)


def _in_place_of(char: str) -> str:
    if unicodedata.category(char) == "Cf" or 0xFE00 <= ord(char) <= 0xFE0F or char == "\u20e3":
        return ""
    return " " if is_emoji(char) or unicodedata.category(char) in UNSPOKEN else char


def plain_digit(char: str) -> str:
    """A digit of any script as one of ASCII; a space for other numeric signs; every other character as it is."""
    if char.isascii() or not char.isnumeric():
        return char
    value = unicodedata.digit(char, None)
    return " " if value is None else str(value)
