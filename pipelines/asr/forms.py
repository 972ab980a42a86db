"""A recognised text as it is said and as it is written, beside the raw one.

Whisper writes numbers now in digits and now in words, with case and punctuation as it pleases. A voice that is to be
trained wants what was said, a recogniser that is to be trained wants one way of writing.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from turnmill.manifests.languages import UNSPACED, primary
from turnmill.manifests.letters import UNPARTED
from turnmill.pipelines.asr.errors import GROUPED, numbers_said, tame
from turnmill.synth.text import spoken_form

_BY_TEXT2NUM: Final = frozenset({"da", "de", "en", "es", "fr", "it", "nl", "pt"})
"""Languages of text2num, which leaves numbers up to three alone: "one" and "un" are more than numbers."""
_INSIDE: Final = "'"  # part of a word, as in "it's"
_UNSPACED: Final = rf"[{UNPARTED}\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""Letters that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, kana and Han."""
_LOOSE: Final = re.compile(r"(?<!\w)'+|'+(?!\w)")
_SPACE: Final = re.compile(rf"(?<={_UNSPACED}) | (?={_UNSPACED})")
_DECIMAL: Final = re.compile(r"(\d+(?:[.,]\d+)+)")
_SENTENCE: Final = re.compile(r"(?<=[。！？；\n])")
_READ: Final = frozenset({"en", "zh"})
"""Languages whose dates, money and signs are read as well."""


def as_said(text: str, language: str) -> str:
    """A text in words, without case and punctuation: by `synth.reading` in English and Chinese; elsewhere whole numbers
    are said where num2words knows the language, and the digits of others and of decimals stay."""
    first = primary(language)
    text = tame(text).replace("\u2019", "'")
    parts = _DECIMAL.split(GROUPED.sub("", spoken_form(text, first) if first in _READ else text))
    said = " ".join(part if n % 2 else numbers_said(part, first, kept=_INSIDE) for n, part in enumerate(parts)).strip()
    return _LOOSE.sub("", _SPACE.sub("", said) if first in UNSPACED else said)


def as_written(text: str, language: str) -> str | None:
    """A text with its numbers in digits, by the rules of WeTextProcessing (Chinese: dates and measures in signs too) or
    of text2num; None in a language of neither. Both take some words for numbers that are none (docs/transcripts.md)."""
    first = primary(language)
    if first == "zh":  # by sentences: its time and memory grow faster than the text
        return "".join(_wetext()(part) if part.strip() else part for part in _SENTENCE.split(text))
    if first in _BY_TEXT2NUM:
        from text_to_num import alpha2digit

        written: str = alpha2digit(text, first)
        return written
    return None


@cache
def _wetext() -> Callable[[str], str]:
    from wetext import Normalizer

    return Normalizer(lang="zh", operator="itn").normalize  # type: ignore[no-any-return]
