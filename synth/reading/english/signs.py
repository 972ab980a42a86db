"""Signs that stand by no number that a room before has read: operators, Greek letters, marks with a name."""

import re
import unicodedata

from turnmill.synth.reading.english.amounts import currency
from turnmill.synth.reading.english.numbers import cardinal
from turnmill.synth.reading.rules import Specs

_SAID = {
    "+": "plus", "=": "equals", "&": "and", "%": "percent", "@": "at", "°": "degrees", "º": "degrees", "<": "less than",
    ">": "greater than", "≤": "less than or equal to", "≥": "greater than or equal to", "≠": "is not equal to",
    "≈": "is approximately", "±": "plus or minus", "∓": "minus or plus", "÷": "divided by", "×": "times", "·": "times",
    "√": "the square root of", "∞": "infinity", "→": "to", "←": "from", "↔": "to and from", "⇒": "implies",
    "∑": "the sum of", "∏": "the product of", "∫": "the integral of", "∂": "partial", "∈": "in", "∀": "for all",
    "∃": "there is", "\u222a": "union", "∩": "intersection", "⊂": "is a subset of", "∆": "delta", "‰": "per thousand",
    "§": "section", "¶": "paragraph", "\\": "backslash", "©": "copyright", "¬": "not", "#": "hash", "^": "caret",
    "†": "dagger", "‡": "double dagger", "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "№": "number",
    "¡": "", "¿": "",
}  # fmt: skip
_POWERS = {"2": " squared ", "3": " cubed "}
_OPERATORS = re.compile(r"[+=<>≤≥≠≈±∓÷×√∞→←↔⇒∑∏∫∂∈∀∃\u222a∩⊂∆‰§¶\\©¬#^†‡№&%@°º]")


def _power(match: re.Match[str]) -> str:
    power = match["power"]
    if power in _POWERS:
        return _POWERS[power]
    minus = "minus " if power.startswith("-") else ""
    power = power.lstrip("-")
    return f" to the power of {minus}{cardinal(power) if power.isdigit() else power} "


def _named(match: re.Match[str]) -> str:
    return f" {_SAID[match[0]]} "


def _other(match: re.Match[str]) -> str:
    """A sign of a currency or of mathematics without a word above is said by its name in Unicode."""
    sign = match[0]
    kind = unicodedata.category(sign)
    if kind == "Sc":
        return f" {currency(sign)} "
    return f" {unicodedata.name(sign).lower()} " if kind == "Sm" and sign not in "|~" else sign


def _greek(match: re.Match[str]) -> str:
    return f" {unicodedata.name(match[0]).split()[-1].lower().replace('lamda', 'lambda')} "


POWERS: Specs = (
    (r"\b([a-z])([a-z])(?=\^)", r"\1 \2"),
    (r"(?<=[\w)])\s?\^\s?\(?(?P<power>-?\d+|[a-z])\b\)?", _power),
    (r"(?<![A-Za-z'])([a-z])\s*-\s*(?=[a-z]\s*=|\d+\s*=)", r"\1 minus "),
    (r"(?<==)\s*([a-z\d]{1,4})\s*-\s*(?=[a-z\d]{1,3}(?![\w']))", r" \1 minus "),
    (r"(?<=[a-z\d)])\s*\*\s*(?=[a-z\d(])", " times "),
)
SIGNS: Specs = (
    (r"(?<=[A-Za-z])\s?/\s?(?=[A-Za-z])", " slash "),
    (r"(?<=\d)\s?/\s?(?=[A-Za-z])|(?<=[A-Za-z])\s?/\s?(?=\d)", " slash "),
    (r"(?<=\w)\s+\*\s+(?=\w)", " times "),
    (r"<=", " less than or equal to "),
    (r">=", " greater than or equal to "),
    (r"[-=]>", " to "),
    (_OPERATORS.pattern, _named),
    (r"(?<![Α-ω])[Α-ΡΣ-Ωα-ω](?![Α-ω])", _greek),
    (r"[^\w\s.,;:?!'\"()\[\]{}*`~|/-]", _other),
)
