"""What a language is called: one spelling of each BCP-47 tag, made where a tag is read and relied on elsewhere."""

from functools import lru_cache
from typing import Annotated, Any, Final

import langcodes
from pydantic import AfterValidator, BeforeValidator

UNKNOWN: Final = "und"

UNSPACED: Final = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "wuu", "yue", "zh"})
"""First parts of tags of languages that are written without spaces between words: they are counted in characters."""
SYLLABIC: Final = frozenset({"ja", "wuu", "yue", "zh"})
"""Those of them in which a character is about a syllable, so that characters a second are a rate of speech."""

_NAMES: Final = {
    **dict.fromkeys(("english", "英文", "英语"), "en"),
    **dict.fromkeys(("chinese", "mandarin", "中文", "汉语", "普通话"), "zh"),
}
_LONGEST: Final = 64  # characters: what is longer is a text


@lru_cache(maxsize=4096)
def language_tag(text: str) -> str:
    """The tag as everyone writes it: `en_us` is en-US, `cmn` and `chi` are zh, `eng` is en, `iw` is he.

    A part of a macrolanguage is called by that where CLDR has it so (`arb` is ar, `zsm` ms; `yue` stays). The names of
    English and Chinese are known as well. Raises ValueError for anything else.
    """
    spelled = text.strip()
    if spelled.lower() in _NAMES:
        return _NAMES[spelled.lower()]
    try:
        tag = _standard(_standard(spelled))  # twice, for a new first part may make one language of two parts
        if len(spelled) <= _LONGEST and not tag.startswith("x-") and langcodes.tag_is_valid(tag):
            return tag
    except ValueError:
        pass
    raise ValueError(f"{text[:_LONGEST]!r} is no language tag: write one of BCP-47, such as en, zh or pt-BR")


def _standard(tag: str) -> str:
    return langcodes.standardize_tag(tag, macro=True)


def primary(tag: str) -> str:
    """The first part of a tag, by which models and voices know a language: of `zh-TW` and `cmn` alike, zh.

    What is no tag, as a recogniser's "" for silence, is itself.
    """
    try:
        return language_tag(tag).split("-")[0]
    except ValueError:
        return tag


def _no_is_a_language(value: Any) -> Any:
    if value is False:
        raise ValueError('is false, as YAML reads `no`: write the language "no" in quotes')
    return value


LanguageTag = Annotated[str, BeforeValidator(_no_is_a_language), AfterValidator(language_tag)]
"""A language in a recipe or a catalogue entry."""

PrimaryTag = Annotated[LanguageTag, AfterValidator(primary)]
"""The same where only the first part counts, as for voices."""


def space(tag: str) -> str:
    """What stands between the words of a language: a space, or nothing."""
    return "" if primary(tag) in UNSPACED else " "
