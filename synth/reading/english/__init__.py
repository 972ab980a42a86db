"""How written English is said: numbers, dates, money, units, abbreviations and symbols as words.

What is read differently in different places follows American use: 3/5/2024 is March fifth.
"""

import re
import unicodedata

from turnmill.synth.layout import plain_digit, without_layout, without_pictures
from turnmill.synth.reading.english import amounts, dates, digits, signs, words
from turnmill.synth.reading.rules import applied, compiled

_PLAIN = {
    "’": "'",
    "‘": "'",
    "–": "-",
    "—": ", ",
    "…": "...",
    "−": "-",
    "⁄": "/",
    "″": '"',
    "\u2032": "'",
    "\u2011": "-",
    "º": "°",
}
_KEPT = "°^♠♣♥♦♤♧♡♢♯♭★⭐º©"
"""Pictures and marks that a rule says."""

_DASHES = ((r"(?<=[^\W\d])\s+-+\s+(?=[A-Za-z\d])|(?<=\d)\s+-+\s+(?=[A-Za-z]{2})", ", "),)
_TOKENISED_RULES, _NAME_RULES = compiled(words.TOKENISED), compiled(words.NAMES)
_WORD_RULES, _ROMAN_RULES = compiled(words.ABBREVIATIONS), compiled(words.ROMAN)
_NUMBER_RULES = compiled(
    digits.FIRST, amounts.BEFORE, dates.RANGES, amounts.RANGES, dates.DATES, digits.TELEPHONES, digits.PLURALS,
    amounts.LENGTHS, dates.TIMES, digits.SUMS, amounts.AMOUNTS, digits.FRACTIONS, amounts.QUANTITIES, digits.PLAIN,
)  # fmt: skip
_SIGN_RULES = compiled(signs.SIGNS)
_DASH_RULES, _POWER_RULES = compiled(_DASHES), compiled(signs.POWERS)

_EDGES = re.compile(r"^[^\w]+|[^\w,.;:?!]+(?=[,.;:?!]*$)")
_UNSAID = re.compile(r"[^A-Za-z'.,;:?! -]")
_NAMED = re.compile(r"[&#+_@:/★⭐♠-♯]|\.\w|\d|[PpAa]\.?[Mm]")
_SHORTENED = re.compile(
    r"\w\.(?!\s*$|\s+[A-Z][a-z])|[/\d]|\b[A-Z][a-z]{0,4}\.|\b\w{1,6}\.|[a-z],\s+[A-Z]{2}\b|[nedutiSM]-"
)
_ROMAN = re.compile(r"\b[IVXL]+(?:th)?\b")
_SILENT = re.compile(r"[A-Za-z\s.,;?!]*")


def spoken_form(text: str) -> str:
    """English text as it is said, on one line, without a digit. Saying what is already said changes nothing."""
    # What one pass takes away can leave a new abbreviation or mark behind; passes only ever shorten such leftovers.
    while (said := _pass(text)) != text:
        text = said
    return text


def _pass(text: str) -> str:
    text = _plain(without_layout(text))
    text = applied(text, _TOKENISED_RULES) if "'" in text or "n't" in text else text
    text = applied(text, _NAME_RULES) if _NAMED.search(text) else text
    text = applied(text, _WORD_RULES) if _SHORTENED.search(text) else text
    text = applied(text, _ROMAN_RULES) if _ROMAN.search(text) else text
    text = applied(text, _POWER_RULES) if _SILENT.fullmatch(text) is None else text
    if any(map(str.isdigit, text)):
        text = applied(text, _NUMBER_RULES)
    text = applied(text, _DASH_RULES)
    return _tidy(text if _SILENT.fullmatch(text) else applied(text, _SIGN_RULES))


def _plain(text: str) -> str:
    """One kind of quote, dash and digit; no emoji."""
    for char, plain in _PLAIN.items():
        text = text.replace(char, plain)
    if text.isascii():
        return without_pictures(text)
    text = re.sub(r"(?:(?<=[\d)])|(?<=/s))[²³]", lambda m: " squared " if m[0] == "²" else " cubed ", text)
    kept = without_pictures(text, keep=_KEPT)
    # Compatibility forms become plain ones: fractions, superscripts, full-width digits.
    folded = unicodedata.normalize("NFKC", re.sub(r"(?<=\d)(?=[½¼¾⅓⅔⅛⅜])", " and ", kept)).replace("⁄", "/")
    return "".join(plain_digit(c) for c in folded)


def _tidy(text: str) -> str:
    """Letters, apostrophes, hyphens and the punctuation that shapes speech; each token has a letter."""
    text = re.sub(r"\s*[()\[\]{}]\s*", ", ", text)
    text = _UNSAID.sub(lambda m: m[0] if m[0].isalpha() or unicodedata.category(m[0]) in ("Mn", "Mc") else " ", text)
    text = re.sub(r"\s+([,.;:?!]|'(?:s|ll|re|ve|d)\b)", r"\1", " ".join(text.split()))
    text = re.sub(r"[,.;:?!]{2,}", lambda m: next(mark for mark in "?!.;:," if mark in m[0]), text)
    tokens = (token if token.isalpha() else _EDGES.sub("", token) for token in text.split())
    said = " ".join(token for token in tokens if any(map(str.isalpha, token)))
    return said.removesuffix(",")  # of a closing bracket
