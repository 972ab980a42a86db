"""What a microphone adds to the user's channel. The assistant's channel is never touched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from pydantic import Field

from manifests.errors import UsageError
from manifests.params import Params
from manifests.records import generator
from synth.distributions import Uniform

WHITE = "white"

_RATE = 24_000
_LEAST_S = 0.5  # a shorter noise file would buzz when it is repeated


class NoiseParams(Params):
    """Noise on the user's channel. Defaults: `duplex.md` 1.3, "noise"."""

    probability: float = Field(default=0.4, ge=0, le=1)
    """Share of dialogues with noise (1.3: 0.3 to 0.5)."""
    snr_db: Uniform = Uniform(low=15.0, high=25.0)
    """Power of the user's words over power of the noise (OmniFlatten)."""


@dataclass(frozen=True)
class Noise:
    """Noise of one dialogue: `name` is `white` or a name of the pool; `seed` gives its samples, or where in the file
    it begins."""

    name: str
    snr_db: float
    seed: int


NoisePool = Mapping[str, NDArray[np.float32]]
"""Noise recordings by name: float32 mono [samples] at 24 kHz, not silent."""


def load_pool(paths: Sequence[Path]) -> dict[str, NDArray[np.float32]]:
    """Read noise files of any rate and channel count that libsndfile opens; named by file name, in sorted order.

    UsageError names a file that cannot be opened, is silent, or is shorter than 0.5 s, and two files of one name.
    """
    pool: dict[str, NDArray[np.float32]] = {}
    for path in sorted(paths):
        if path.name in pool or path.name == WHITE:
            raise UsageError(f"noise: two noises are named {path.name!r}; rename one")
        try:
            audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise UsageError(f"noise: {path} cannot be read ({error}); remove it from the noise folder") from error
        mono = soxr.resample(audio.mean(axis=1), rate, _RATE).astype(np.float32)
        if len(mono) < _LEAST_S * _RATE or not np.isfinite(mono).all() or not mono.any():
            raise UsageError(
                f"noise: {path} is silent, broken or shorter than {_LEAST_S} s; remove it from the noise folder"
            )
        pool[path.name] = mono
    return pool


def draw_noise(params: NoiseParams, names: Sequence[str], seed: int, dialogue: str) -> Noise | None:
    """Whether a dialogue has noise, which of `names` (white where there are none), and at what SNR in dB, to 0.01."""
    rng = generator(seed, dialogue, "noise")
    if rng.random() >= params.probability:
        return None
    name = str(rng.choice(sorted(names))) if names else WHITE
    return Noise(name, round(params.snr_db.draw(rng), 2), int(rng.integers(2**31)))


def make_noise(noise: Noise, n_samples: int, dialogue: str, pool: NoisePool) -> NDArray[np.float32]:
    """Float32 [n_samples] of the noise, at whatever level it has: white, or the file from a drawn point on, repeated.

    UsageError where the pool lacks the named noise.
    """
    rng = generator(noise.seed, dialogue, "noise samples")
    if noise.name == WHITE:
        return rng.standard_normal(n_samples, dtype=np.float32)
    if noise.name not in pool:
        raise UsageError(f"noise: {noise.name!r} is not in the noise folder any more; put it back")
    recording = pool[noise.name]
    begin = int(rng.choice(np.flatnonzero(recording)))  # on a sound: a cut out of the file is never all silence
    return np.resize(np.roll(recording, -begin), n_samples)
