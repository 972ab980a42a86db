"""A recognised text as it is said and as it is written, beside the raw one.

Whisper writes numbers now in digits and now in words, with case and punctuation as it pleases. A voice that is to be
trained wants what was said, a recogniser that is to be trained wants one way of writing.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from turnmill.manifests.languages import UNSPACED, primary
from turnmill.pipelines.asr.errors import numbers_said
from turnmill.synth.text import spoken_form

_BY_TEXT2NUM: Final = frozenset({"da", "de", "en", "es", "fr", "it", "nl", "pt"})
"""Languages of text2num, which leaves numbers up to three alone: "one" and "un" are more than numbers."""
_BY_WETEXT: Final = frozenset({"ja", "zh"})
_INSIDE: Final = "'"  # part of a word, as in "it's"
_LOOSE: Final = re.compile(r"(?<!\w)'+|'+(?!\w)")
_READ: Final = frozenset({"en", "zh"})
"""Languages whose dates, money and signs are read as well."""


def as_said(text: str, language: str) -> str:
    """A text in words, without case and punctuation: by `synth.reading` in English and Chinese; elsewhere whole numbers
    are said where num2words knows the language, and the digits of others stay."""
    first = primary(language)
    said = numbers_said(spoken_form(text, first) if first in _READ else text, first, kept=_INSIDE)
    return _LOOSE.sub("", said.replace(" ", "") if first in UNSPACED else said)


def as_written(text: str, language: str) -> str | None:
    """A text with its numbers in digits and all else as it is: inverse text normalisation by WeTextProcessing (Chinese,
    Japanese) or text2num; None in a language of neither."""
    first = primary(language)
    if first in _BY_WETEXT:
        return _wetext(first)(text)
    if first in _BY_TEXT2NUM:
        from text_to_num import alpha2digit

        written: str = alpha2digit(text, first)
        return written
    return None


@cache
def _wetext(language: str) -> Callable[[str], str]:
    from wetext import Normalizer

    return Normalizer(lang=language, operator="itn").normalize  # type: ignore[no-any-return]
