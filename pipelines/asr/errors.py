"""How far what was heard is from what was given: errors in words, or in characters where no spaces part words.

Both texts are brought to one form first, so that "It's $5." and "it is five dollars", or 三 and 3, agree:

    english     Whisper's own normaliser for English (case, punctuation, contractions, numbers, spelling), each digit
                a word: "3, 2, 2, 7" is THREE TWO TWO SEVEN
    words       compatible forms as one (NFKC), no case, no punctuation, whole numbers in words where num2words knows
                the language
    characters  the same without spaces
    chinese     as `characters`, after numbers in characters (`synth.reading.chinese`), and simplified (OpenCC)
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import jiwer

from turnmill.manifests.languages import UNSPACED, primary
from turnmill.synth.reading import chinese


@dataclass(frozen=True)
class Errors:
    """Of a text against another, in its `units` ("word" or "character"); `total`: those of the given one."""

    substitutions: int
    deletions: int
    insertions: int
    total: int
    units: str
    normalisation: str

    @property
    def count(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """The errors over the given units, >= 0; where none were given, 0 if nothing was heard and 1 if something was.

        The rate of a set is no mean of rates: sum `count` and `total`.
        """
        return self.count / self.total if self.total else float(self.count > 0)


def errors(given: str, heard: str, language: str = "en") -> Errors:
    """The errors in what was `heard` of a `given` text in a language, a BCP 47 tag."""
    name, units, _ = _form(primary(language))
    wanted, said = tokens(given, language), tokens(heard, language)
    if not wanted:
        return Errors(0, 0, len(said), 0, units, name)
    found = aligned(wanted, said)
    return Errors(found.substitutions, found.deletions, found.insertions, len(wanted), units, name)


def aligned(wanted: Sequence[str], said: Sequence[str]) -> jiwer.WordOutput:
    """The alignment of units, of which some are `wanted`, by which errors are counted and told."""
    return jiwer.process_words(" ".join(wanted), " ".join(said))


def tokens(text: str, language: str = "en") -> list[str]:
    """The units of a text in which errors are counted, in the form in which it is compared."""
    _, units, _ = _form(primary(language))
    form = normalize(text, language)
    return list(form.replace(" ", "")) if units == "character" else form.split()


def normalize(text: str, language: str = "en") -> str:
    """A text in the form in which it is compared, with one space between words."""
    return _normalized(text, primary(language))


@lru_cache(maxsize=1 << 8)  # each text of a clip is compared several times, and numbers of Chinese take 10 ms
def _normalized(text: str, language: str) -> str:
    _, _, form = _form(language)
    return form(tame(text))


def _form(language: str) -> tuple[str, str, Callable[[str], str]]:
    """The name of a language's form, its units, and what brings a text to it."""
    if language == "en":
        return "english", "word", _english
    if language in _CHINESE:
        return "chinese", "character", _chinese
    if language in UNSPACED:
        return "characters", "character", lambda text: numbers_said(text, language).replace(" ", "")
    return "words", "word", lambda text: numbers_said(text, language)


GROUPED = re.compile(r"(?<=\d)[.,'\u00a0\u2009\u202f](?=\d{3}(?!\d))")  # what parts the thousands of a number
_SAYABLE = 12  # digits
_UNSAYABLE = frozenset({"am"})  # num2words takes minutes for some numbers of seven digits, and fails on one of four
_CHINESE = frozenset({"zh", "yue"})


def _english(text: str) -> str:
    normal = _whisper()(text.replace("\u2019", "'").replace("-", " "))
    # Whisper's normaliser leaves some points that stand alone.
    words = (word for word in normal.split() if any(character.isalnum() for character in word))
    return " ".join(re.sub(r"\d", r" \g<0> ", " ".join(words)).split())


def plain(text: str, kept: str = "") -> str:
    """One form of each letter, no case, and a space for what is no letter, mark, digit or one of those `kept`. An
    Indian vowel sign is a mark, which Whisper's own normaliser for other languages takes away."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" or c in kept else " " for c in folded).split())


def _chinese(text: str) -> str:
    simple = _simplified()(unicodedata.normalize("NFKC", text))
    # What is written 2 is said 二 or 两.
    return plain(chinese.spoken_form(simple)).replace(" ", "").replace("两", "二")


def numbers_said(text: str, language: str, kept: str = "") -> str:
    """A plain text (`plain`) with whole numbers in words where num2words knows the language, grouped by thousands or
    not; digit by digit those of more than 12, which some of its languages cannot say."""
    from num2words import num2words

    def said(match: re.Match[str]) -> str:
        parts = [match[0]] if len(match[0]) <= _SAYABLE else [*match[0]]
        if language in _UNSAYABLE:
            return " ".join(parts)
        try:
            return f" {plain(' '.join(num2words(int(part), lang=language) for part in parts))} "
        except (NotImplementedError, LookupError, OverflowError, TypeError, ValueError):  # or one it errs in
            return " ".join(parts)

    return " ".join(re.sub(r"\d+", said, plain(GROUPED.sub("", text), kept)).split())


def tame(text: str) -> str:
    """Without halves of characters, nor numbers that are none: a recogniser that loops writes digits without end."""
    return re.sub(r"\d{16,}", lambda match: " ".join(match[0]), text.encode("utf-8", "replace").decode("utf-8"))


@cache
def _whisper() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()  # type: ignore[no-any-return]


@cache
def _simplified() -> Callable[[str], str]:
    from opencc import OpenCC

    return OpenCC("t2s").convert
