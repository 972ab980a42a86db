"""Short sounds and other voices that the user's microphone hears, none of which speaks to the assistant."""

import math
import re
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from turnmill.manifests.records import generator
from turnmill.synth.acoustics.noise import rise, sounding
from turnmill.synth.acoustics.pools import Pools
from turnmill.synth.channels import RATE
from turnmill.synth.energy import FRAME

Float32 = NDArray[np.float32]

MADE_SOUNDS = frozenset({"cough", "knock"})
"""Names of the sounds that need no recording."""

_WORDS = {
    "cough": "cough(s|ing)?|sneez(e|es|ing)|throat",
    "noise_burst": "(knock|slam|click|bark|bang|horn|burst)(s|ing)?|(door|glass|drop)s?|dropping",
}
_SHORTEST_S, _LONGEST_S = 0.15, 1.2
_PEAK = 0.5


def make_sound(kind: Literal["noise_burst", "cough"], seed: int, pools: Pools) -> tuple[str, Float32]:
    """(name, float32 mono [samples] at 24 kHz) of 0.15 to 1.2 s with a peak of 0.5 and soft edges; the caller sets its
    level.

    From the categories of the noise pool whose name speaks of such a sound (cough, sneeze; knock, door, bark, ...);
    where there are none, `knock` or `cough`, made from filtered noise. The same seed gives the same sound.
    """
    rng = generator(seed, kind, "sound")
    fitting = [category for category in sorted(pools.noises) if _speaks_of(category, kind)]
    if fitting:
        category = fitting[int(rng.integers(len(fitting)))]
        name = str(rng.choice(sorted(pools.noises[category])))
        return name, _to_peak(_cut_out(pools.noises[category][name], rng))
    return ("cough", _to_peak(_cough(rng))) if kind == "cough" else ("knock", _to_peak(_knocks(rng)))


def colour_beside(kind: Literal["third_party", "side_talk"], pcm: Float32) -> Float32:
    """Float32 [samples, with the last reflection]: speech [samples] at 24 kHz as it sounds from beside the microphone.

    The filters of Full-Duplex-Bench v1.5 (docs/turn-taking.md), as second-order sections (audio EQ cookbook), for it
    names no order. side_talk: high shelf of -5 dB above 4 kHz, reflections after 45 ms at -6 dB and 120 ms at -12 dB.
    third_party: low-pass at 3 kHz, echo after 100 ms at -10 dB. The direct path keeps its sample; the level is the
    caller's.
    """
    side_talk = kind == "side_talk"
    section = _high_shelf(4000.0, -5.0) if side_talk else _low_pass(3000.0)
    reflections = [(0.045, -6.0), (0.120, -12.0)] if side_talk else [(0.100, -10.0)]
    dry = scipy.signal.sosfilt(section, pcm.astype(np.float64))
    last = round(max(delay for delay, _ in reflections) * RATE)
    wet = np.concatenate((dry, np.zeros(last)))
    for delay, level_db in reflections:
        at = round(delay * RATE)
        wet[at : at + len(dry)] += dry * 10 ** (level_db / 20)
    return wet.astype(np.float32)


def _speaks_of(category: str, kind: str) -> bool:
    """By whole words, `_` among what parts them: neither `indoor` nor `raindrops` is a short sound."""
    return any(re.fullmatch(_WORDS[kind], word) for word in re.split(r"[\W_]+", category.lower()))


def _to_peak(pcm: NDArray[Any]) -> Float32:
    scaled: Float32 = (pcm * (_PEAK / np.abs(pcm).max())).astype(np.float32)
    return scaled


def _cut_out(recording: Float32, rng: np.random.Generator) -> Float32:
    """One sound of a recording: from a sounding frame after silence, for as long as it sounds."""
    frames = sounding(recording) // FRAME
    runs = np.split(frames, np.flatnonzero(np.diff(frames) > 10) + 1)  # 100 ms of silence between sounds
    run = runs[int(rng.integers(len(runs)))]
    shortest, longest = round(_SHORTEST_S * RATE), round(_LONGEST_S * RATE)
    start = max(int(run[0]) * FRAME - FRAME, 0)
    length = min(max(int(run[-1] + 2) * FRAME - start, shortest), longest)
    pcm = recording[start : start + length]
    pcm = np.concatenate((pcm, np.zeros(length - len(pcm), np.float32)))
    pcm[:FRAME] *= rise(FRAME)
    fade = min(5 * FRAME, length // 4)
    pcm[len(pcm) - fade :] *= rise(fade)[::-1]
    return pcm


def _knocks(rng: np.random.Generator) -> NDArray[np.float64]:
    """One to four knocks on wood: noise through two resonances, each dying away within 80 ms."""
    count, apart = int(rng.integers(1, 5)), rng.uniform(0.15, 0.25)
    pitch = rng.uniform(120, 300)
    pcm = np.zeros(round((0.2 + apart * (count - 1)) * RATE))
    for knock in range(count):
        at = round(knock * apart * RATE)
        length = min(round(0.2 * RATE), len(pcm) - at)
        struck = _band(rng, length, pitch, pitch * 2.2) + 0.5 * _band(rng, length, pitch * 5, pitch * 9)
        pcm[at : at + length] += struck * _dying(length, rng.uniform(0.015, 0.03)) * rng.uniform(0.6, 1.0)
    return pcm


def _cough(rng: np.random.Generator) -> NDArray[np.float64]:
    """A sudden burst of breath and a weaker, voiced-sounding second phase, through the formants of an open mouth."""
    first, second = rng.uniform(0.06, 0.12), rng.uniform(0.15, 0.35)
    pieces = [_phase(rng, first, 0.02, 1.0), _phase(rng, second, 0.08, rng.uniform(0.3, 0.6))]
    if rng.random() < 0.4:
        pieces += [np.zeros(round(rng.uniform(0.08, 0.2) * RATE)), _phase(rng, first + 0.1, 0.05, 0.7)]
    return np.concatenate(pieces)


def _phase(rng: np.random.Generator, seconds: float, decay_s: float, level: float) -> NDArray[np.float64]:
    length = round(seconds * RATE)
    mouth = [(500, 1000, 1.0), (1200, 2000, 0.7), (2500, 4000, 0.4)]
    breath: NDArray[np.float64] = sum(
        (gain * _band(rng, length, low, high) for low, high, gain in mouth), np.zeros(length)
    )
    return breath * _dying(length, max(decay_s, seconds / 3)) * level


def _band(rng: np.random.Generator, length: int, low: float, high: float) -> NDArray[np.float64]:
    """Noise of a band, float64 [length], with a standard deviation near 1."""
    section = scipy.signal.butter(2, [low, high], "bandpass", fs=RATE, output="sos")
    noise: NDArray[np.float64] = scipy.signal.sosfilt(section, rng.standard_normal(length))
    return noise / math.sqrt((high - low) / (RATE / 2))


def _dying(length: int, decay_s: float) -> NDArray[np.float64]:
    """An attack of 3 ms, an exponential decay, and zero at the end: float64 [length]."""
    time = np.arange(length) / RATE
    envelope = np.minimum(time / 0.003, 1.0) * np.exp(-time / decay_s)
    fade = min(FRAME, length)
    envelope[length - fade :] *= rise(fade)[::-1]
    return envelope


def _high_shelf(frequency: float, gain_db: float) -> NDArray[np.float64]:
    a, w = 10 ** (gain_db / 40), 2 * math.pi * frequency / RATE
    slope = math.sin(w) / math.sqrt(2) * 2 * math.sqrt(a)
    up, down, cos = a + 1, a - 1, math.cos(w)
    b = (a * (up + down * cos + slope), -2 * a * (down + up * cos), a * (up + down * cos - slope))
    c = (up - down * cos + slope, 2 * (down - up * cos), up - down * cos - slope)
    return np.array([[*b, *c]]) / c[0]


def _low_pass(frequency: float) -> NDArray[np.float64]:
    section: NDArray[np.float64] = scipy.signal.butter(2, frequency, "lowpass", fs=RATE, output="sos")
    return section
