"""Misaki's alphabet of phonemes, in which front ends write and which hibari and Kokoro read."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

STRESS: Final = "ˈˌ"
_TONES: Final = "↓→↗↘"


def is_phoneme(symbol: str) -> bool:
    """Whether a symbol belongs to a word, as its stress and tone do: spaces and punctuation are pauses."""
    return symbol.isalpha() or symbol in STRESS or symbol in _TONES


def numbered(symbols: str) -> tuple[list[int], NDArray[np.int64]]:
    """The ids of symbols between two zeros, which are silence, and where in them each symbol begins, int64 [symbols +
    1]. A symbol that the models do not know has no id and no length."""
    known = [_alphabet().get(symbol) for symbol in symbols]
    places = np.cumsum([1, *(number is not None for number in known)])
    return [0, *(number for number in known if number is not None), 0], places


@cache
def _alphabet() -> Mapping[str, int]:
    """The number of each symbol: hibari learnt from Kokoro, and kept its alphabet."""
    import hibari

    numbers: Mapping[str, int] = json.loads((Path(hibari.__file__).parent / "assets" / "vocab.json").read_text("utf-8"))
    return numbers
