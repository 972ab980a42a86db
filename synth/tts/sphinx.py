"""Forced alignment of English by PocketSphinx, whose model of US English comes with its package.

It is made of phones, and needs a pronunciation of every word: those of its dictionary (134,000 words), else of the
parts of a word, else by rules of English spelling, which are right enough for finding where a word lies.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import primary
from turnmill.synth.energy import active_level
from turnmill.synth.reading.english.numbers import cardinal
from turnmill.synth.speech import Word
from turnmill.synth.tts.align import MODEL_RATE, Pcm, Span, finished, resampled, sounding

_LEVEL_DBFS, _NOISE_DBFS = -20.0, -45.0
"""What is aligned is brought to one level over faint noise: PocketSphinx loses its way in digital silence."""
_LEAST_FIT = -5.0e-3
"""Mean logarithm of the fit of a frame, below which the audio says something else: LibriSpeech lies between -2.5e-3 and
-1.4e-3, espeak between -4.4e-3 and -1.5e-3 (of 483 lines one below -5e-3, in a Scottish voice), and espeak aligned to
another line's text between -7.6e-3 and -4.8e-3."""

# Longest spelling first. US English in the phones of the CMU dictionary.
_SPELLINGS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "eigh": "EY", "tch": "CH", "igh": "AY", "sch": "SH",
    "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "gh": "G", "ck": "K", "ng": "NG", "qu": "K W", "wh": "W", "kn": "N",
    "wr": "R", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY", "ay": "EY", "oi": "OY",
    "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "IY", "eu": "Y UW", "ar": "AA R", "er": "ER", "ir": "ER",
    "or": "AO R", "ur": "ER", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH",
    "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S",
    "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_SPELLING = re.compile("|".join(_SPELLINGS))


class PocketsphinxAligner:
    """`synth.tts.align.Aligner` for English. A decoder is loaded at first use; a line depends on no other."""

    def __init__(self) -> None:
        self._decoder: Any = None

    @property
    def identity(self) -> str:
        """Raises UsageError where the package is not there."""
        try:
            return f"pocketsphinx {version('pocketsphinx')} {_LEVEL_DBFS} {_NOISE_DBFS}"
        except PackageNotFoundError as error:
            raise UsageError("speak.align: pocketsphinx is not installed: pip install pocketsphinx") from error

    def knows(self, language: str) -> bool:
        return primary(language) == "en"

    def align(self, pcm: Pcm, sample_rate: int, text: str, language: str) -> tuple[Word, ...] | None:
        """As `Aligner`, `sample_rate` in Hz: None for other languages than English, and where the audio says something
        else."""
        words = sounding(text)
        level = active_level(pcm)
        if not self.knows(language) or not words or level is None:
            return None
        self._load()
        parts = [self._parts(word) for word in words]
        if not all(parts):
            return None
        loud = resampled(pcm, sample_rate, MODEL_RATE) * 10 ** ((_LEVEL_DBFS - level) / 20)
        found = self._found([part for of_word in parts for part in of_word], loud)
        if found is None:
            return None
        spans, first = [], 0
        for of_word in parts:
            spans.append((found[first][0], found[first + len(of_word) - 1][1]))
            first += len(of_word)
        return finished(words, spans, pcm, sample_rate)

    def _found(self, parts: Sequence[str], pcm: Pcm) -> list[Span] | None:
        """The span of each part in seconds."""
        noise = np.random.Generator(np.random.PCG64(0)).standard_normal(len(pcm), np.float32)
        heard = np.clip(pcm + noise * np.float32(10 ** (_NOISE_DBFS / 20)), -1.0, 1.0)
        decoder = self._decoder
        decoder.set_align_text(" ".join(parts))
        decoder.start_utt()
        decoder.process_raw((heard * 32_767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        if best is None or math.log(max(best.score, 1e-300)) / decoder.n_frames() < _LEAST_FIT:
            return None
        # Frames of 10 ms; silences and noises are in brackets of some kind.
        spans = [(s.start_frame / 100, (s.end_frame + 1) / 100) for s in decoder.seg() if s.word[0] not in "<[+("]
        return spans if len(spans) == len(parts) else None

    def _load(self) -> None:
        if self._decoder is None:
            from pocketsphinx import Decoder

            # With the default beams it finds no way through speech that is not a person's.
            beams = {"beam": 1e-200, "wbeam": 1e-200, "pbeam": 1e-200}
            self._decoder = Decoder(samprate=MODEL_RATE, bestpath=False, loglevel="FATAL", **beams)

    def _parts(self, word: str) -> list[str]:
        """What a word is made of that has a pronunciation: "twenty-five" is two, "NATO's" one, "BBC" three."""
        apart = unicodedata.normalize("NFKD", word.replace("\u2019", "'"))
        plain = "".join(character for character in apart if unicodedata.category(character) != "Mn")
        plain = re.sub(r"\d+", lambda digits: f" {cardinal(digits[0])} ", plain)
        parts = []
        for part in re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)*", plain):
            known = part.lower()
            if self._decoder.lookup_word(known) is not None:
                parts.append(known)
            elif part.isupper() and not re.search("[AEIOUY]", part):
                parts += list(known)
            else:
                self._decoder.add_word(known, self._spelt(known), False)
                parts.append(known)
        return parts

    def _spelt(self, word: str) -> str:
        """A pronunciation by the letters, after that of the word before an 's."""
        stem = word.removesuffix("'s")
        known = self._decoder.lookup_word(stem)
        phones = known or " ".join(_SPELLINGS[match] for match in _SPELLING.findall(_silent_e(stem)))
        return phones if stem == word else f"{phones} Z"


def _silent_e(word: str) -> str:
    return word[:-1] if re.search("[aeiouy].*[^aeiouy]e$", word) else word
