"""Obey a plan: what the user's channel delivers, from the clean stems."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.acoustics.codecs import transmit
from turnmill.synth.acoustics.noise import make_background, rise
from turnmill.synth.acoustics.plan import Acoustics, Background, Echo, Fitted, Span
from turnmill.synth.acoustics.pools import Pools
from turnmill.synth.acoustics.rooms import impulse_response, reverberation_time, through
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

PEAK_DBFS = -1.0
"""No sample is louder (docs/turn-taking.md)."""

_LIMIT = 10 ** (PEAK_DBFS / 20) * 0.999  # 16-bit rounding may raise a sample by half a step
_RAMP = RATE // 50  # 20 ms: how a gain changes
_PIECE = 1 << 20  # samples that are looked at together


@dataclass(frozen=True)
class Delivered:
    """`user`: float32 [n_samples], the user's channel as it is written; `fitted`: for `labels`."""

    user: Float32
    fitted: Fitted


def deliver(
    acoustics: Acoustics,
    *,
    clean_user: Float32,
    beside: Float32 | None,
    assistant: Float32,
    speech_spans: Sequence[Span],
    pools: Pools,
    dialogue: str,
) -> Delivered:
    """The user's channel after its acoustics. All stems are float32 [n_samples] at 24 kHz: `clean_user` what the user
    says to the assistant, `beside` what else sounds near the microphone (None: nothing), `assistant` for the echo.
    `speech_spans` are the words of the user's turns: the SNR is against their level in the room (`Background`).

    In order: user and what is beside through the room, the direct path at its own sample; the assistant's echo, later,
    through the same room; noise; gain; clipping; a gain that keeps the peaks below -1 dBFS; codec, its delay removed;
    lost packets. What the limit took is `fitted.fit_db`, a part of the labelled gain, and moves the clipping level with
    it: labels stay true, `clean_user` itself is never changed, and the assistant's channel is not touched.

    ValueError where there is noise but no user's speech to set it against.
    """
    # Few arrays as long as the dialogue live at once: of an hour each has 346 MB.
    response = None if acoustics.room is None else impulse_response(acoustics.room, pools)
    mix = clean_user.copy() if response is None else through(response, clean_user)
    level = mean_power(mix, speech_spans)
    _add_others(mix, acoustics.echo, beside, assistant, response)
    if acoustics.noise is not None:
        _add_noise(mix, level, acoustics.noise, pools, dialogue)
    _apply_gain(mix, acoustics.gain_steps)
    cut_db = _clip(mix, acoustics.clip_over_db)
    fit_db = _fit(mix)
    if acoustics.codec is not None:
        mix = transmit(acoustics.codec, mix)
        fit_db += _fit(mix)  # a codec may overshoot
    for start, end in acoustics.packet_loss.lost if acoustics.packet_loss else ():
        mix[start:end] = 0.0
    clip_dbfs = None if cut_db is None else round(cut_db + fit_db, 2)
    rt60 = None if response is None else reverberation_time(response)
    return Delivered(mix, Fitted(round(fit_db, 2), clip_dbfs, rt60))


def delayed(pcm: Float32, samples: int) -> Float32:
    """Float32 [samples] as long as `pcm`: later by `samples`, with zeros before."""
    late = np.zeros_like(pcm)
    late[samples:] = pcm[: max(len(pcm) - samples, 0)]
    return late


def mean_power(pcm: Float32, spans: Sequence[Span]) -> float:
    """Mean square of `pcm` [samples], full scale being 1, over spans of samples; 0 for none."""
    pieces = ((at, min(at + _PIECE, end)) for start, end in spans for at in range(start, end, _PIECE))
    total = sum(float(np.square(pcm[start:end], dtype=np.float64).sum()) for start, end in pieces)
    return total / max(sum(end - start for start, end in spans), 1)


def gain_curve(steps: Sequence[tuple[int, float]], n_samples: int) -> Float32:
    """Float32 [n_samples]: the factor at each sample. A step begins at its sample and takes 20 ms."""
    curve = np.ones(n_samples, np.float32)
    before = 1.0
    for at, level_db in steps:
        after = 10 ** (level_db / 20)
        curve[at:] = after
        if at > 0:
            ramp = min(_RAMP, n_samples - at)
            curve[at : at + ramp] = before + (after - before) * rise(_RAMP)[:ramp]
        before = after
    return curve


def _add_others(
    mix: Float32, echo: Echo | None, beside: Float32 | None, assistant: Float32, response: Float32 | None
) -> None:
    if echo is not None:
        others = delayed(assistant, echo.delay)
        others *= np.float32(echo.gain)
        if beside is not None:
            others += beside
        mix += through(response, others)
    elif beside is not None:
        mix += through(response, beside)


def _add_noise(mix: Float32, level: float, background: Background, pools: Pools, dialogue: str) -> None:
    """`level`: mean square of the user's words in the room."""
    if level <= 0:
        raise ValueError(f"{dialogue}: there is noise, and no speech of the user to set it against")
    noise = make_background(background, len(mix), dialogue, pools)
    ratio = level / mean_power(noise, background.bursts)
    # To 0.0001 dB, so that the last bit of a sum, which differs between processors, is in no sample.
    noise *= np.float32(10 ** (round(10 * math.log10(ratio) - background.snr_db, 4) / 20))
    mix += noise


def _apply_gain(mix: Float32, steps: Sequence[tuple[int, float]]) -> None:
    if len(steps) > 1:
        mix *= gain_curve(steps, len(mix))
    elif steps:
        mix *= np.float32(10 ** (steps[0][1] / 20))


def _clip(mix: Float32, over_db: float | None) -> float | None:
    """Cut the peaks, in place; the level in dBFS at which they are cut, to 0.01 dB."""
    peak = _peak(mix)
    if over_db is None or peak == 0:
        return None
    level_db = round(20 * math.log10(peak) - over_db, 2)
    level = np.float32(10 ** (level_db / 20))
    np.clip(mix, -level, level, out=mix)
    return level_db


def _fit(mix: Float32) -> float:
    """Bring the peak under the limit, in place; the gain in dB, to 0.01 dB."""
    peak = _peak(mix)
    if peak <= _LIMIT:
        return 0.0
    gain_db = math.floor(2000 * math.log10(_LIMIT / peak)) / 100
    mix *= np.float32(10 ** (gain_db / 20))
    return gain_db


def _peak(pcm: Float32) -> float:
    return max(float(pcm.max(initial=0.0)), -float(pcm.min(initial=0.0)))
