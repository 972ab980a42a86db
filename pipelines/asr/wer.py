"""Word and character error rates after Whisper's own normalisation, so that "It's $5." and "it is five dollars"
agree.
"""

from functools import cache
from typing import Protocol

import jiwer

from manifests.languages import primary


class _Normalizer(Protocol):
    def __call__(self, text: str) -> str: ...


def normalize(text: str, language: str = "en") -> str:
    """Normalise text as Whisper's evaluation does: English in full (case, punctuation, contractions, numbers,
    spelling), other languages in case and punctuation alone. `language` is a BCP 47 tag.
    """
    plain = _normalizer(primary(language) == "en")(text.replace("\u2019", "'").replace("-", " "))
    # Whisper's normaliser leaves some points that stand alone.
    return " ".join(word for word in plain.split() if any(character.isalnum() for character in word))


def wer(reference: str, hypothesis: str, language: str = "en") -> float:
    """Give the word errors over the words of the reference, >= 0; with no reference words, 0 if nothing was heard and
    1 if something was.
    """
    return _rate(normalize(reference, language), normalize(hypothesis, language), by_word=True)


def cer(reference: str, hypothesis: str, language: str = "en") -> float:
    """Give the character errors over the characters of the reference; with an empty reference as `wer`."""
    return _rate(normalize(reference, language), normalize(hypothesis, language), by_word=False)


def word_errors(reference: str, hypothesis: str, language: str = "en") -> tuple[int, int]:
    """Give the word errors and the number of reference words, to be summed over a set: the rate of a set is no mean
    of rates.
    """
    wanted, heard = normalize(reference, language), normalize(hypothesis, language)
    if not wanted:
        return len(heard.split()), 0
    out = jiwer.process_words(wanted, heard)
    return out.substitutions + out.deletions + out.insertions, len(wanted.split())


def _rate(wanted: str, heard: str, by_word: bool) -> float:
    if not wanted:
        return float(bool(heard))
    return float(jiwer.wer(wanted, heard) if by_word else jiwer.cer(wanted, heard))


@cache
def _normalizer(english: bool) -> _Normalizer:
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer() if english else BasicTextNormalizer()  # type: ignore[no-any-return]
