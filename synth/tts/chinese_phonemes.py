"""Mandarin as phonemes, in misaki's alphabet: words by jieba, their syllables by pypinyin, IPA by misaki.

Latin words among the Chinese are read as English is; misaki would take their letters for phonemes.
"""

import logging
import re
import tempfile
from functools import cache
from itertools import groupby
from typing import Any

from turnmill.synth.tts.english_phonemes import english_sentences
from turnmill.synth.tts.misaki import is_phoneme
from turnmill.synth.tts.phonemes import Sentence, owned

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CHARACTER = re.compile(f"[{_HAN}]")
_ENDS = "。！？!?"
_MARKS = str.maketrans({"、": ",", "，": ",", "。": ".", "！": "!", "：": ":", "；": ";", "？": "?"})
_ZERO = str.maketrans({"〇": "零", "○": "零"})
_KNOWN_MARKS = frozenset(",.!:;?…—")


def chinese_sentences(text: str) -> list[Sentence]:
    """The sentences of a text without tags."""
    begun: list[tuple[str, int | None]] = []
    sentences: list[Sentence] = []
    for token, owner in owned(text):
        begun.append((token.translate(_ZERO), owner))
        if any(mark in token for mark in _ENDS):
            sentences.append(_sentence(begun))
            begun = []
    sentences.append(_sentence(begun))
    return [sentence for sentence in sentences if any(owner is not None for owner in sentence.owners)]


def _sentence(words: list[tuple[str, int | None]]) -> Sentence:
    symbols, owners = "", []
    for chinese, group in groupby(words, lambda item: bool(_CHARACTER.search(item[0]))):
        run = list(group)
        read = _chinese(run) if chinese else _foreign(run)
        apart = [(" ", None)] if symbols and not symbols.endswith(" ") else []
        for piece, owner in [*apart, *read]:
            symbols += piece
            owners += [owner if is_phoneme(letter) else None for letter in piece]
    return Sentence(symbols.rstrip(), tuple(owners[: len(symbols.rstrip())]))


def _chinese(run: list[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    """Phonemes of tokens of one character each, which may have punctuation about it; a word stands apart."""
    text = "".join(token for token, _ in run)
    owners = [owner for token, owner in run for _ in token]
    pieces: list[tuple[str, int | None]] = []
    at = 0
    for han, piece in groupby(text, lambda character: bool(_CHARACTER.match(character))):
        whole = "".join(piece)
        if han:
            for word in _jieba().lcut(whole, HMM=True):
                apart = pieces and not pieces[-1][0].endswith(" ")
                pieces += [(" ", None)] if apart else []
                pieces += [(syllable, owners[at + n]) for n, syllable in enumerate(_syllables(word))]
                at += len(word)
        else:
            marks = "".join(mark for mark in whole.translate(_MARKS) if mark in _KNOWN_MARKS)
            pieces.append((f"{marks} " if marks else " ", None))
            at += len(whole)
    return pieces


def _foreign(run: list[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    """Phonemes of tokens that are not Chinese."""
    owners = [owner for _, owner in run if owner is not None]
    pieces: list[tuple[str, int | None]] = []
    for sentence in english_sentences(" ".join(token for token, _ in run)):
        pieces += [
            (symbol, None if place is None else owners[place])
            for symbol, place in zip(sentence.symbols, sentence.owners, strict=True)
        ]
        pieces.append((" ", None))
    return pieces


def _syllables(word: str) -> list[str]:
    """The phonemes of each character of a word; a character that pypinyin does not know has none."""
    from misaki.zh import ZHG2P
    from pypinyin import Style, lazy_pinyin

    spelt = lazy_pinyin(
        word,
        style=Style.TONE3,
        neutral_tone_with_five=True,
        errors=lambda unknown: [""] * len(unknown),  # type: ignore[arg-type,return-value]  # its types lack it
    )
    return [ZHG2P.py2ipa(syllable).replace("\u032f", "") if syllable else "" for syllable in spelt]


@cache
def _jieba() -> Any:
    """A segmenter of our own: jieba's keeps its dictionary in a file that anybody may have written."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        segmenter.tmp_dir = folder
        segmenter.initialize()
    return segmenter
