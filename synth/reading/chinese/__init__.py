"""How written Chinese is said: numbers, dates, money and units in characters, by WeTextProcessing's rules (wetext).

wetext is given text without quotes and layout, in which what it reads wrongly (ranges of percentages, thousands commas,
money with a unit behind, telephone numbers in groups) has been written in a way that it reads right. Latin words stay.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from turnmill.manifests.errors import UsageError
from turnmill.synth.layout import plain_digit, without_layout, without_pictures
from turnmill.synth.reading.chinese import amounts, numbers, signs
from turnmill.synth.reading.chinese.numbers import DIGITS
from turnmill.synth.reading.rules import applied, compiled

_PLAIN = {
    "℃": "°C", "℉": "°F", "º": "°", "〇": "零", "№": "No.", "−": "-", "－": "-", "\u2011": "-", "％": "%", "＝": "=",
    "＋": "+", "／": "/", "：": ":", "￥": "¥", "\uff04": "$", "￡": "£", "￠": "¢", "￦": "₩",
    "\uff1c": "<", "\uff1e": ">",
    "\uff0a": "*", "\uff06": "&", "\uff20": "@", "\uff03": "#", "．": ".",
}  # fmt: skip
_KEPT = "°^♠♥♣♦♡♢♤♧♯♭★⭐©"
"""Pictures and marks that a rule says."""
_POWERS = str.maketrans({"²": "平方", "³": "立方"})
_QUOTED = re.compile(r"[\"'“”‘’「」『』《》〈〉【】\\{}\x00-\x1f\x7f]+")
_CLAUSE_WITH_DIGIT = re.compile(r"[^，。！？；\d]*\d[^，。！？；]*")

_FIRST = compiled(signs.FIRST)
_BEFORE = compiled(
    numbers.TELEPHONES, signs.NAMES, numbers.TIMES, numbers.DATES, amounts.MONEY, numbers.FRACTIONS, amounts.UNITS,
    signs.SUMS, numbers.RANGES,
)  # fmt: skip
_AFTER = compiled(numbers.AFTER, signs.SIGNS)

_WIDE = {",": "，", ".": "。", ";": "；", ":": "：", "?": "？", "!": "！"}
_MARKS = "？?！!。.；;：:，,、"  # of several in a row, the first of these stays


def spoken_form(text: str) -> str:
    """Chinese text as it is said, on one line, without a digit. Saying what is already said changes nothing.

    Raises UsageError where wetext is not installed and the text has a digit.
    """
    # What one pass takes away can leave a new mark of layout at the start; passes only ever shorten such leftovers.
    while (said := _pass(text)) != text:
        text = said
    return text


def _pass(text: str) -> str:
    text = _plain(without_layout(text, stop="。"))
    if any(c.isdigit() for c in text):
        text = applied(text, _BEFORE)
        normalize = _normalizer()
        text = _CLAUSE_WITH_DIGIT.sub(lambda m: normalize(m[0]), text)  # its time grows with the length
        text = re.sub(r"\d", lambda m: DIGITS[int(m[0])], text)
    return _tidy(applied(text.translate(_POWERS), _AFTER))


def _plain(text: str) -> str:
    """One kind of digit, minus and colon; no emoji, quote or control character."""
    for sign, plain in _PLAIN.items():
        text = text.replace(sign, plain)
    text = applied(text, _FIRST)
    text = re.sub(r"(?<=\d)(?=[½¼¾⅓⅔⅛⅜])", "又", text)
    text = re.sub(r"(?<=[\d)])[²³]", lambda m: "的平方" if m[0] == "²" else "的立方", text)
    text = "".join(_folded(c) for c in without_pictures(text, keep=_KEPT))
    return _QUOTED.sub(_quote, text)


def _folded(char: str) -> str:
    """Full-width letters and numeric signs as plain ones; Chinese punctuation and characters as they are."""
    if char.isascii() or char in "²³" or unicodedata.category(char)[0] not in "LN":
        return char
    if unicodedata.category(char) == "Lo" or "一" <= char <= "鿿":
        return char
    return "".join(plain_digit(c) for c in unicodedata.normalize("NFKC", char).replace("⁄", "/"))


def _quote(match: re.Match[str]) -> str:
    """An apostrophe within a Latin word is one of its letters; other quotes and brackets leave nothing."""
    text, start, end = match.string, match.start(), match.end()
    within = start > 0 and end < len(text) and (text[start - 1] + text[end]).isascii()
    if within and (text[start - 1] + text[end]).isalpha() and match[0] in ("'", "’"):
        return "'"
    return " " if match[0].isspace() else ""


@lru_cache(maxsize=1)
def _normalizer() -> Callable[[str], str]:
    """wetext's rules, loaded once a process from its own files (0.3 s); nothing is written or fetched."""
    try:
        from wetext import Normalizer
    except ImportError as error:
        raise UsageError("Chinese numbers need wetext, which is not installed: pip install wetext") from error
    normalize = Normalizer(lang="zh", operator="tn").normalize
    return lambda text: str(normalize(text))


def _tidy(text: str) -> str:
    """Letters and the punctuation that shapes speech, which after a Chinese character is Chinese."""
    text = "".join(
        c if c.isalpha() or unicodedata.category(c) in ("Mn", "Mc") or c in f"'-{_MARKS} " else " " for c in text
    )
    text = re.sub(r"(?<![A-Za-z])['-]+|['-]+(?![A-Za-z])", "", " ".join(text.split()))
    text = re.sub(rf"\s*([{_MARKS}])(?:\s*[{_MARKS}])+", lambda m: next(c for c in _MARKS if c in m[0]), text)
    text = re.sub(rf"\s+(?=[{_MARKS}])|(?<=[？！。；：，、])\s+", "", text)
    text = re.sub(r"(?<=[一-鿿])[,.;:?!]", lambda m: _WIDE[m[0]], text)
    text = re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text)
    text = text.lstrip(_MARKS + " ").rstrip(" ，,、")  # a comma at the end was a closing bracket
    return text if any(map(str.isalpha, text)) else ""
