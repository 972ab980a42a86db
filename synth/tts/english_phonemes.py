"""English as phonemes, in misaki's alphabet, by the rules and the dictionaries that come with hibari.

Its inline pronunciations, `[word](/wɜd/)`, are for people who write them: of a text that is given, every word is read.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synth.tokens import tokens
from synth.tts.phonemes import Sentence

# What the dictionaries lack and the rules read as something else.
_SAID = {"mhm": "mˈhˌm", "mmhm": "mˈhˌm", "mm-hmm": "mˈhˌm"}
_BRACKETS = str.maketrans({"[": "(", "]": ")"})
_STRESS = "ˈˌ"


def english_sentences(text: str) -> list[Sentence]:
    """The sentences of a text without tags."""
    from hibari import Hibari

    written = [token.translate(_BRACKETS) for token in tokens(text)]
    sounding = [n for n, token in enumerate(written) if any(character.isalnum() for character in token)]
    places = {token: place for place, token in enumerate(sounding)}
    read = list(_read(written, sounding))
    words = [word for word, _ in read]
    sentences: list[Sentence] = []
    first = 0
    for sentence in Hibari.split_sentences(" ".join(words)):
        count = len(sentence.split())
        owners = [places.get(token) for _, token in read[first : first + count]]
        sentences.append(_phonemes(words[first : first + count], owners))
        first += count
    return [sentence for sentence in sentences if any(owner is not None for owner in sentence.owners)]


def _read(written: list[str], sounding: list[int]) -> Iterator[tuple[str, int]]:
    """The words as they are read ("5 km" as "5 kilometers"), each with the place of the token that it comes from."""
    from hibari.g2p.normalize import normalize

    words = normalize(" ".join(written)).split()
    for change, begin, end, first, last in SequenceMatcher(None, written, words, autojunk=False).get_opcodes():
        mine = [place for place in sounding if begin <= place < end]
        if change == "equal":
            yield from zip(words[first:last], range(begin, end), strict=True)
        elif mine and len(mine) > last - first:  # a word that reads as nothing beside another reads as itself alone
            yield from ((word, place) for place in mine for word in normalize(written[place]).split())
        elif end > begin:
            places = mine or range(begin, end)
            yield from ((words[first + n], places[n * len(places) // (last - first)]) for n in range(last - first))


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
    if word != len(words) - 1 and len(words) > 1:  # characters that count as spaces here and not there
        return _joined([_phonemes([word], [owner]) for word, owner in zip(words, owners, strict=True)])
    symbols = "".join(phonemes for phonemes, _ in pieces).rstrip()
    found = [
        owners[min(place, len(words) - 1)] if symbol.isalpha() or symbol in _STRESS else None
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
def alphabet() -> Mapping[str, int]:
    """The number of each symbol, in hibari as in Kokoro, from which hibari learnt."""
    import hibari

    numbers: Mapping[str, int] = json.loads((Path(hibari.__file__).parent / "assets" / "vocab.json").read_text("utf-8"))
    return numbers


@cache
def _g2p() -> Any:
    from hibari.g2p import G2P

    return G2P()
