"""Background noise of any length from a recording of any length, without a click."""

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import generator
from turnmill.synth.acoustics.params import NoiseParams
from turnmill.synth.acoustics.plan import WHITE, Background, Span
from turnmill.synth.acoustics.pools import Pools
from turnmill.synth.channels import RATE
from turnmill.synth.energy import FRAME, frame_power

Float32 = NDArray[np.float32]

_CROSSFADE = RATE // 20  # 50 ms
_EDGE = RATE // 50  # 20 ms: how a burst begins and ends
_LEAST_BURST = RATE // 2
_SOUNDING = 1e-3  # of the power of the loudest 10 ms: a burst begins on such a sound


def check_categories(params: NoiseParams, pools: Pools) -> None:
    """UsageError where a category of the parameters is not in the whole pool, or all have weight 0."""
    if missing := sorted(params.categories.keys() - pools.noises.keys()):
        there = f"there are {sorted(pools.noises)}" if pools.noises else "none are given in simulate.noises"
        raise UsageError(f"simulate.acoustics.noise.categories: no noise files are {missing[0]!r}; {there}")
    if params.categories and not any(params.categories.values()):
        raise UsageError("simulate.acoustics.noise.categories: every weight is 0; give one category a weight above 0")


def draw_background(params: NoiseParams, pools: Pools, rng: np.random.Generator, n_samples: int) -> Background:
    """Which noise, how loud to 0.01 dB, and when it sounds: all the time, or in bursts.

    `pools` are those of a split, which may lack a category: then it is one of the others, or white where none is left.
    """
    category, name = WHITE, WHITE
    if weights := _weights(params, pools):
        category = str(rng.choice(list(weights), p=np.array(list(weights.values())) / sum(weights.values())))
        name = str(rng.choice(sorted(pools.noises[category])))
    snr_db = round(params.snr_db.draw(rng), 2)
    bursts = _bursts(params, rng, n_samples) if rng.random() < params.bursts else ((0, n_samples),)
    return Background(name, category, int(rng.integers(2**31)), snr_db, bursts)


def make_background(noise: Background, n_samples: int, dialogue: str, pools: Pools) -> Float32:
    """Float32 [n_samples] of the noise at whatever level it has, zero outside its bursts: white, or the recording from
    a drawn sound on, repeated with cross-fades of 50 ms.

    UsageError where the pool lacks the named noise.
    """
    rng = generator(noise.seed, dialogue, "noise samples")
    pcm = np.zeros(n_samples, np.float32)
    loop = None if noise.name == WHITE else looped(_recording(noise, pools))
    for start, end in noise.bursts:
        cut = pcm[start:end]
        if loop is None:
            rng.standard_normal(dtype=np.float32, out=cut)
        else:
            _repeat(loop, cut, rng)
        edge = min(_EDGE, len(cut) // 2)
        if start > 0:
            cut[:edge] *= rise(edge)
        if end < n_samples:
            cut[len(cut) - edge :] *= rise(edge)[::-1]
    return pcm


def looped(recording: Float32) -> Float32:
    """Float32 [fewer samples]: a recording whose end runs into its beginning, with a cross-fade of equal power."""
    fade = min(_CROSSFADE, len(recording) // 4)
    loop = recording[: len(recording) - fade].copy()
    if fade:
        up = np.sqrt(rise(fade))
        loop[:fade] = loop[:fade] * up + recording[len(recording) - fade :] * up[::-1]
    return loop


def rise(n_samples: int) -> Float32:
    """Raised cosine from just above 0 to just below 1: float32 [n_samples]."""
    phase = (np.arange(n_samples, dtype=np.float64) + 0.5) / max(n_samples, 1)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def sounding(pcm: Float32) -> NDArray[np.intp]:
    """First samples of the 10 ms frames of `pcm` [samples] that are within 30 dB of the loudest."""
    power = frame_power(pcm)
    return np.flatnonzero(power >= power.max() * _SOUNDING) * FRAME


def _weights(params: NoiseParams, pools: Pools) -> dict[str, float]:
    wanted = params.categories or dict.fromkeys(pools.noises, 1.0)
    return {name: wanted[name] for name in sorted(pools.noises) if wanted.get(name, 0) > 0}


def _bursts(params: NoiseParams, rng: np.random.Generator, n_samples: int) -> tuple[Span, ...]:
    """Pieces of noise one after the other, each replaced by silence with probability 0.5 (Moshi 4.4)."""
    spans: list[Span] = []
    at = 0
    while at < n_samples:
        noisy = rng.random() < 0.5
        length = max(round((params.burst_s if noisy else params.silence_s).draw(rng) * RATE), 1)
        end = min(at + length, n_samples)
        if noisy and spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], end)
        elif noisy and end - at >= min(_LEAST_BURST, n_samples):
            spans.append((at, end))
        at = end
    if not spans:
        length = min(round(params.burst_s.draw(rng) * RATE), n_samples)
        start = int(rng.integers(n_samples - length + 1))
        spans.append((start, start + length))
    return tuple(spans)


def _repeat(loop: Float32, cut: Float32, rng: np.random.Generator) -> None:
    """Fill `cut` with the loop, from one of its sounds on."""
    turned = np.roll(loop, -int(rng.choice(sounding(loop))))
    for at in range(0, len(cut), len(loop)):
        cut[at : at + len(loop)] = turned[: len(cut) - at]


def _recording(noise: Background, pools: Pools) -> Float32:
    if noise.name not in pools.noises.get(noise.category, {}):
        raise UsageError(f"noise: {noise.category}/{noise.name} is not among the noise files any more; put it back")
    return pools.noises[noise.category][noise.name]
