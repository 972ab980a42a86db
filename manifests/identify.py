"""The language that a text is written in, found by a naive Bayes over its bytes (py3langid)."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from turnmill.manifests.languages import UNKNOWN, primary

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_LOOKED_FOR: Final = frozenset(
    {"ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl", "no", "pl"}
    | {"pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "yue", "zh"}
)
"""Languages that are looked for beside the one that is said: with all that it knows, short texts are any of them."""
LIKELY: Final = 0.5
SURE: Final = 0.98
"""Probabilities from which on a language is found: where nobody stated one, and against what is stated."""
_UNLIKELY: Final = 0.1  # below it the one that is said is not
_LONGEST: Final = 4000  # characters that are read


def language_found(text: str, said: str, at_least: float = LIKELY) -> str:
    """The language (first part of a BCP-47 tag) of a text where it is plainly not the one that is `said`, else `said`.
    `at_least`: its probability.

    A text of two languages, as in a lesson, is in either. Of a language that is not known nothing is found.
    """
    named = primary(said)
    likely = _likely(text[:_LONGEST])
    if not likely or (said != UNKNOWN and named not in likely):
        return said
    asked = _LOOKED_FOR | {named}
    total = sum(share for language, share in likely.items() if language in asked)
    found = max(asked & likely.keys(), key=lambda language: (likely[language], language))
    if likely[found] < at_least * total or likely.get(named, 0.0) >= _UNLIKELY * total:
        return said
    return found


def _likely(text: str) -> Mapping[str, float]:
    """The probability of each language that is known; none where the text has no letters."""
    return dict(_identifier().rank(text)) if any(map(str.isalpha, text)) else {}


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
