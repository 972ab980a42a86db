"""Of which script a character is, and in which a language is written."""

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

import langcodes

_LETTERS: Final[Mapping[str, tuple[str, ...]]] = {
    **{"Latn": ("LATIN",), "Cyrl": ("CYRILLIC",), "Grek": ("GREEK",), "Arab": ("ARABIC",), "Hebr": ("HEBREW",)},
    **{"Hans": ("CJK", "BOPOMOFO"), "Hant": ("CJK", "BOPOMOFO"), "Jpan": ("CJK", "HIRAGANA", "KATAKANA")},
    **{"Kore": ("HANGUL", "CJK"), "Deva": ("DEVANAGARI",), "Beng": ("BENGALI",), "Taml": ("TAMIL",)},
    **{"Telu": ("TELUGU",), "Knda": ("KANNADA",), "Mlym": ("MALAYALAM",), "Gujr": ("GUJARATI",), "Thai": ("THAI",)},
    **{"Guru": ("GURMUKHI",), "Armn": ("ARMENIAN",), "Geor": ("GEORGIAN",), "Ethi": ("ETHIOPIC",), "Laoo": ("LAO",)},
    **{"Khmr": ("KHMER",), "Mymr": ("MYANMAR",), "Sinh": ("SINHALA",), "Tibt": ("TIBETAN",)},
}
"""Scripts, by their ISO 15924 codes -> the first words of the Unicode names of their letters."""

UNPARTED: Final = "\u0e00-\u109f\u1780-\u17ff"
"""Thai, Lao, Tibetan, Burmese and Khmer, as ranges of a regular expression's class: letters that are less than words,
with no spaces between these."""

SCRIPTS: Final = frozenset(word for words in _LETTERS.values() for word in words)
"""The scripts that some language here is written in, as `script` names them."""


@lru_cache(maxsize=8192)
def script(char: str) -> str:
    """The first word of the character's Unicode name; "" for what is no letter, or one that many scripts share."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "").replace("-", " ").split(" ")[0]
    if name in ("MODIFIER", "MATHEMATICAL", "FEMININE", "MASCULINE", "SCRIPT", "DOUBLE"):
        return ""
    return {"FULLWIDTH": "LATIN", "HALFWIDTH": "KATAKANA"}.get(name, name)


@cache
def scripts_of(language: str) -> frozenset[str]:
    """The scripts, as `script` names them, that a language (BCP 47) is written in; none where none is known."""
    return frozenset(_LETTERS.get(langcodes.get(language).maximize().script or "", ()))
