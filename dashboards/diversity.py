"""How varied the texts and voices of a dataset are."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.tokens import tokens

_BANDS, _ROWS = 16, 8
_SHINGLE = 3  # words

_RNG = np.random.Generator(np.random.PCG64(0))
_FACTORS = _RNG.integers(1, 2**32, (_BANDS * _ROWS, 1), dtype=np.uint64) | np.uint64(1)
_OFFSETS = _RNG.integers(0, 2**32, (_BANDS * _ROWS, 1), dtype=np.uint64)


def entropy_bits(counts: Sequence[int]) -> float:
    """Entropy of a distribution in bits: its logarithm to base 2 where all are as frequent."""
    total = sum(counts)
    return -math.fsum(n / total * math.log2(n / total) for n in counts if n) if total else 0.0


def text_diversity(texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Figures of the turns of dialogues, by dialogue.

    distinct_2 is the share of different word pairs among all (Li et al. 2016), type_token_ratio that of words; both
    fall as the amount of text grows. near_duplicate_share is that of dialogues with which another one shares a MinHash
    band: 16 bands of 8 over shingles of 3 words, which texts of Jaccard similarity 0.7 do in 61 % of cases, 0.9 in all.
    """
    words: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    n_pairs = 0
    bands: list[NDArray[np.uint64]] = []
    for turns in texts.values():
        spoken = [[re.sub(r"\W+", "", token).casefold() for token in tokens(turn)] for turn in turns]
        for said in spoken:
            words.update(said)
            pairs.update(pairwise(said))
            n_pairs += max(len(said) - 1, 0)
        bands.append(_bands([word for said in spoken for word in said]))
    n_words = sum(words.values())
    return {
        "dialogues": len(texts),
        "words": n_words,
        "vocabulary": len(words),
        "type_token_ratio": len(words) / n_words if n_words else None,
        "distinct_2": len(pairs) / n_pairs if n_pairs else None,
        "near_duplicate_share": _shared(np.array(bands)) if bands else None,
    }


def _bands(words: Sequence[str]) -> NDArray[np.uint64]:
    """A hash of each band of the MinHashes of a text: uint64 [bands]."""
    count = max(len(words) - _SHINGLE + 1, 1)
    shingles = sorted({crc32(" ".join(words[n : n + _SHINGLE]).encode()) for n in range(count)})
    least = ((_FACTORS * np.array(shingles, np.uint64) + _OFFSETS) >> np.uint64(16)).min(axis=1)
    mixed = least.reshape(_BANDS, _ROWS) * _FACTORS.reshape(_BANDS, _ROWS)
    found: NDArray[np.uint64] = np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(29)), axis=1)
    return found


def _shared(bands: NDArray[np.uint64]) -> float:
    alike = np.zeros(len(bands), bool)
    for band in bands.T:
        _, place, count = np.unique(band, return_inverse=True, return_counts=True)
        alike |= count[place] > 1
    return float(alike.mean())
