"""English as phonemes, in misaki's alphabet, by the rules and the dictionaries that come with hibari.

Its inline pronunciations, `[word](/wɜd/)`, are for people who write them: of a text that is given, every word is read.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

from turnmill.synth.tts.misaki import is_phoneme
from turnmill.synth.tts.phonemes import Sentence, owned

# What the dictionaries lack and the rules read as something else.
_SAID = {"mhm": "mˈhˌm", "mmhm": "mˈhˌm", "mm-hmm": "mˈhˌm"}
_PLAIN = str.maketrans({"[": "(", "]": ")", "\u02bc": "'"})


def english_sentences(text: str) -> list[Sentence]:
    """The sentences of a text without tags. It is read as it is written: abbreviations are for `synth.text`, which
    knows "No. 5" from "Oh no. Five of them"."""
    from hibari import Hibari

    read = list(_read(text))
    words = [word for word, _ in read]
    sentences: list[Sentence] = []
    first = 0
    for sentence in Hibari.split_sentences(" ".join(words)):
        count = len(sentence.split())
        sentences.append(_phonemes(words[first : first + count], [owner for _, owner in read[first : first + count]]))
        first += count
    return [sentence for sentence in sentences if any(owner is not None for owner in sentence.owners)]


def _read(text: str) -> Iterator[tuple[str, int | None]]:
    """The words, each with the place of its token among those that sound; "5km" is two."""
    from hibari.g2p.normalize import normalize

    for token, owner in owned(text):
        plain = unicodedata.normalize("NFC", token).translate(_PLAIN)
        figures = any(character.isdigit() for character in token)
        for word in (normalize(plain).split() if figures else []) or plain.split() or [token]:
            yield word, owner


def _phonemes(words: list[str], owners: list[int | None]) -> Sentence:
    """The phonemes of one sentence: words keep their places, for what stands between them is a space."""
    g2p = _g2p()
    pieces: list[tuple[str, int]] = []  # phonemes and the word they belong to
    word = 0
    for token in g2p.phonemize_tokens(g2p.tokenize(" ".join(words))):
        pieces.append((_SAID.get(token.text.lower(), token.phonemes or ""), word))
        if token.whitespace:
            pieces.append((" ", word))
            word += 1
    read = {place for phonemes, place in pieces if any(map(str.isalpha, phonemes))}
    unread = any(owner is not None and place not in read for place, owner in enumerate(owners))
    # Characters may count as spaces here and not there, and a word may be lost beside another: each is read for itself.
    if (unread or word != len(words) - 1) and len(words) > 1:
        return _joined([_phonemes([word], [owner]) for word, owner in zip(words, owners, strict=True)])
    symbols = "".join(phonemes for phonemes, _ in pieces).rstrip()
    found = [
        owners[min(place, len(words) - 1)] if is_phoneme(symbol) else None
        for phonemes, place in pieces
        for symbol in phonemes
    ]
    return Sentence(symbols, tuple(found[: len(symbols)]))


def _joined(sentences: list[Sentence]) -> Sentence:
    symbols = " ".join(sentence.symbols for sentence in sentences)
    owners = [owner for sentence in sentences for owner in (*sentence.owners, None)]
    return Sentence(symbols, tuple(owners[:-1]))


def english_rules() -> str:
    """What pronunciations depend on: name and version."""
    return f"hibari {version('hibari-tts')}"


@cache
def _g2p() -> Any:
    from hibari.g2p import G2P

    return G2P()
