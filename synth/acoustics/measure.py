"""What the delivered audio shows of its acoustics, by other means than those that made it.

The delivered channel is a sum: gain * user in the room + echo * assistant in the room, later + the rest. Gain and echo
are a least-squares fit for which the rest is made white and steady: audio is whitened by linear prediction and weighted
by the inverse of the rest's local level, so that neither hum nor bursts hide an echo below them. The delay is where the
correlation with the assistant peaks. What remains is the noise.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from turnmill.synth.acoustics.deliver import delayed, gain_curve, mean_power
from turnmill.synth.acoustics.plan import Span, room_of, spans_of
from turnmill.synth.acoustics.pools import Pools
from turnmill.synth.acoustics.rooms import impulse_response, through
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

LEAST_LEAKAGE_DB = -50.0
"""Below this the assistant is not in the user's channel (docs/turn-taking.md)."""

_BLOCK = 1 << 16  # 2.7 s, whatever the length of the dialogue
_LAGS = RATE + RATE // 4  # delays are looked for from 0 to 1.25 s
_ORDER = 32  # of the linear prediction: the usual two coefficients a kilohertz and some
_LOCAL = RATE // 20  # the level of the rest is taken over 50 ms
_PIECE = RATE // 50  # 20 ms, a packet
_FLOOR = 1e-9  # mean square: -90 dBFS, near the steps of 16 bits
_ROUNDS = 3
_SIGNIFICANT = 6.0  # standard deviations: chance reaches 4 among so many delays
_PRECISE = 0.0125  # a fourth of the 5 % to which a gain must be right


@dataclass(frozen=True)
class Measured:
    """Each None where this audio does not show it: after a codec or clipping, in a measured room without its pool,
    without speech of the user; the echo also where the assistant says too little against the noise (its gain: to be
    known to 1.25 %, one standard deviation); the SNR where unsteady noise is hidden by lost packets or what is beside.

    `gain_db` of the user against the clean stem at the start. `snr_db` as `Background` defines it. `echo_gain`, and
    `echo_delay` in seconds. `leakage_db`: where no echo is labelled, the strongest gain of the assistant in the user's
    channel at any delay up to 1.25 s; None where nothing is found and the noise could hide -50 dB.
    """

    gain_db: float | None = None
    snr_db: float | None = None
    echo_gain: float | None = None
    echo_delay: float | None = None
    leakage_db: float | None = None


@dataclass(frozen=True)
class _Fit:
    """`gain` of the user, `echo` of the assistant `delay` samples later, `doubt`: the echo's standard deviation, and
    the weighted energy that is left `unexplained`."""

    gain: float
    echo: float
    delay: int
    doubt: float
    unexplained: float = math.inf


def measure(
    label: Mapping[str, Any],
    *,
    delivered: Float32,
    clean_user: Float32,
    assistant: Float32,
    speech_spans: Sequence[Span],
    beside_spans: Sequence[Span] = (),
    pools: Pools | None = None,
) -> Measured:
    """Measure audio. Its `label` (of `labels`) says which room it is in, when the gain changes, which packets are lost
    and when the noise is on: no level, no delay.

    Audio is float32 [n_samples] at 24 kHz: the delivered user's channel, and the stems as `deliver` had them.
    `speech_spans`: the words of the user's turns. `beside_spans`: where something else sounds near the microphone,
    which is not noise; the decay of the room is added here.
    """
    room = room_of(label)
    unknown = isinstance(room, str) and (pools is None or room not in pools.rooms)
    if label["codec"] is not None or label["clip_dbfs"] is not None or unknown or not clean_user.any():
        return Measured()
    response = None if room is None else impulse_response(room, pools or Pools())
    decay = 0 if response is None else len(response)
    heard = _without_steps(delivered, label)
    lost = spans_of((label["packet_loss"] or {}).get("lost"))
    user = through(response, clean_user)
    level = mean_power(user, speech_spans)
    user = _without(user, lost)
    fit, rest = _fitted(heard, user, through(response, assistant), lost)
    del heard, user  # of an hour each has 346 MB
    if fit.gain <= 0:
        return Measured()
    gain_db = 20 * math.log10(fit.gain)
    snr_db = None
    if label["snr_db"] is not None:
        noise = _power_of_noise(rest, spans_of(label["noise_bursts"]), lost, beside_spans, decay)
        snr_db = 10 * math.log10(fit.gain**2 * level / noise) if noise and level else None
    found = abs(fit.echo) > _SIGNIFICANT * fit.doubt
    if label["echo_gain"] is None:
        leakage_db = 20 * math.log10(max(abs(fit.echo) / fit.gain, 1e-9))
        return Measured(gain_db, snr_db, leakage_db=leakage_db if found or leakage_db < LEAST_LEAKAGE_DB else None)
    if not found:
        return Measured(gain_db, snr_db)
    precise = fit.doubt < _PRECISE * abs(fit.echo)
    return Measured(gain_db, snr_db, fit.echo / fit.gain if precise else None, fit.delay / RATE)


def _fitted(heard: Float32, user: Float32, echoed: Float32, lost: Sequence[Span]) -> tuple[_Fit, Float32]:
    """The fit, and the rest: float32 [n_samples]."""
    fit = _Fit(_dot(heard, user) / _dot(user, user), 0.0, 0, math.inf)
    rest = _rest(heard, user, echoed, lost, fit)
    for round_ in range(_ROUNDS):
        # At first the rest is the echo as well, and must not weigh it down.
        whitener, weight = _whitener(rest), _weight(rest) if round_ else None
        del rest
        heard_w, user_w = _whiten(heard.copy(), whitener, weight), _whiten(user.copy(), whitener, weight)
        found = _delay(heard_w, user_w, fit.gain, echoed, whitener, weight)
        # A new delay has to explain more than the one before, by the same weights.
        delays = {found, fit.delay} if round_ else {found}
        fits = [_solved(heard_w, user_w, echoed, lost, delay, whitener, weight) for delay in sorted(delays)]
        fit = min(fits, key=lambda candidate: candidate.unexplained)
        del heard_w, user_w, weight
        rest = _rest(heard, user, echoed, lost, fit)
    return fit, rest


def _rest(heard: Float32, user: Float32, echoed: Float32, lost: Sequence[Span], fit: _Fit) -> Float32:
    rest = user * np.float32(-fit.gain)
    rest += heard
    if fit.echo:
        echo = _echo(echoed, fit.delay, lost)
        echo *= np.float32(fit.echo)
        rest -= echo
    return rest


def _echo(echoed: Float32, delay: int, lost: Sequence[Span]) -> Float32:
    late = delayed(echoed, delay)
    for start, end in lost:
        late[start:end] = 0.0
    return late


def _solved(
    heard: Float32,
    user: Float32,
    echoed: Float32,
    lost: Sequence[Span],
    delay: int,
    whitener: Float32,
    weight: Float32 | None,
) -> _Fit:
    """The least squares of `heard` on `user`, both whitened, and the assistant at one delay."""
    echo = _whiten(_echo(echoed, delay, lost), whitener, weight)
    uu, ee, ue = _dot(user, None), _dot(echo, None), _dot(user, echo)
    hu, he = _dot(heard, user), _dot(heard, echo)
    determinant = uu * ee - ue * ue
    gain, level = hu / uu, 0.0
    if determinant > 1e-9 * uu * ee:
        gain, level = (hu * ee - he * ue) / determinant, (he * uu - hu * ue) / determinant
    unexplained = max(_dot(heard, None) - gain * hu - level * he, 0.0)
    doubt = math.sqrt(unexplained / len(heard) / ee) if ee > 0 else math.inf
    return _Fit(gain, level, delay, doubt, unexplained)


def _delay(
    heard: Float32, user: Float32, gain: float, echoed: Float32, whitener: Float32, weight: Float32 | None
) -> int:
    """Where the rest is most like the assistant, in samples: `heard` less `gain` times `user`, both whitened.

    Block by block: the spectrum of the correlation is summed, so memory does not grow with the dialogue.
    """
    size = scipy.fft.next_fast_len(_BLOCK + _LAGS, real=True)
    total = np.zeros(size // 2 + 1, np.complex128)
    for at in range(0, len(heard), _BLOCK):
        said = _white(echoed, whitener, at)
        if said.any():
            span = slice(at, at + _BLOCK + _LAGS)
            rest = heard[span] - np.float32(gain) * user[span]
            if weight is not None:  # that of the assistant's side of the product, which stays in its own time
                rest *= weight[span]
            total += np.conj(scipy.fft.rfft(said, size)) * scipy.fft.rfft(rest, size)
    match = scipy.fft.irfft(total, size)[:_LAGS]
    return int(np.argmax(np.abs(match)))


def _whitener(rest: Float32) -> Float32:
    """The linear predictor's error filter, float32 [33]."""
    n_samples = len(rest)
    lags = np.array([_dot(rest[: n_samples - lag], rest[lag:]) for lag in range(_ORDER + 1)])
    lags[0] = lags[0] * (1 + 1e-6) + _FLOOR * n_samples
    predictor = scipy.linalg.solve_toeplitz(lags[:-1], lags[1:])
    return np.concatenate(([1.0], -predictor)).astype(np.float32)


def _weight(rest: Float32) -> Float32:
    """One over the local level of the rest, float32 [n_samples]."""
    weight = np.empty_like(rest)
    for at in range(0, len(rest), _BLOCK):
        begin, end = max(at - _LOCAL, 0), min(at + _BLOCK, len(rest))
        power = scipy.ndimage.uniform_filter1d(np.square(rest[begin : end + _LOCAL]), _LOCAL, mode="nearest")
        weight[at:end] = 1 / np.sqrt(np.maximum(power[at - begin : end - begin], np.float32(_FLOOR)))
    return weight


def _whiten(pcm: Float32, whitener: Float32, weight: Float32 | None) -> Float32:
    """In place, from the end, for a sample depends on those before it."""
    for at in reversed(range(0, len(pcm), _BLOCK)):
        pcm[at : at + _BLOCK] = _white(pcm, whitener, at)
    if weight is not None:
        pcm *= weight
    return pcm


def _white(pcm: Float32, whitener: Float32, at: int) -> Float32:
    """The block of whitened audio that begins at a sample: float32 [65,536, fewer at the end]."""
    begin, end = max(at - _ORDER, 0), min(at + _BLOCK, len(pcm))
    return np.convolve(pcm[begin:end], whitener)[at - begin : end - begin]


def _without_steps(delivered: Float32, label: Mapping[str, Any]) -> Float32:
    """The delivered channel as if its gain had stayed what it was at the start."""
    if not label["gain_steps"]:
        return delivered
    steps = [
        (0, 0.0),
        *((round(step["start"] * RATE), step["gain_db"] - label["gain_db"]) for step in label["gain_steps"]),
    ]
    return delivered / gain_curve(steps, len(delivered))


def _without(pcm: Float32, spans: Sequence[Span]) -> Float32:
    if not spans:
        return pcm
    kept = pcm.copy()
    for start, end in spans:
        kept[start:end] = 0.0
    return kept


def _power_of_noise(
    rest: Float32, bursts: Sequence[Span], lost: Sequence[Span], beside: Sequence[Span], decay: int
) -> float:
    """Mean square of the rest where the noise is on, no packet is lost and nothing else sounds; 0 where that does not
    tell the power over all bursts to 0.5 dB: a dog may have barked in what is missing."""
    on, known = np.zeros(len(rest), np.bool_), np.ones(len(rest), np.bool_)
    for start, end in bursts:
        on[start:end] = True
    for start, end in lost:
        known[start:end] = False
    for start, end in beside:
        known[start : end + decay] = False
    known &= on
    energy, counts, wanted = (
        _pieces(values) for values in (np.where(known, np.square(rest), np.float32(0)), known, on)
    )
    heard, missing = counts.sum(axis=1), wanted.sum(axis=1) - counts.sum(axis=1)
    if not heard.any():
        return 0.0
    overall = float(energy.sum() / heard.sum())
    mean = np.where(heard > 0, energy.sum(axis=1) / np.maximum(heard, 1), overall)
    power = float((mean * wanted.sum(axis=1)).sum() / wanted.sum())
    # What is missing is as the rest of its quarter of a second, give or take how much that varies; where all of it is
    # missing, as any other, and not independent of its neighbours.
    vary = np.where(counts > 0, np.square(energy / np.maximum(counts, 1) - mean[:, None]), 0.0).sum(axis=1)
    pieces = np.maximum((counts > 0).sum(axis=1) - 1, 1)
    within = missing * _PIECE * vary / pieces * (1 + missing / np.maximum(heard, 1))
    between = missing[heard == 0].sum() * 12 * _PIECE * _long_variance(np.where(heard > 0, mean - overall, 0.0))
    doubt = 4 * math.sqrt(float(within[heard > 0].sum() + between)) / wanted.sum()
    return power if doubt < (10**0.05 - 1) * power else 0.0


def _long_variance(deviations: NDArray[np.float64]) -> float:
    """Variance of a sum of many quarters of a second, for each of them: with what they have in common over 2 s
    (Bartlett's weights). Those that are not known are 0."""
    count = max(int(np.count_nonzero(deviations)), 1)
    own = float(np.square(deviations).sum()) / count
    shared = [float((deviations[:-lag] * deviations[lag:]).sum()) / count * (1 - lag / 9) for lag in range(1, 9)]
    return max(own + 2 * sum(shared), own)


def _pieces(values: NDArray[Any]) -> NDArray[np.float64]:
    """Sums over pieces of 20 ms: float64 [quarters of a second, 12]."""
    padded = np.zeros(-(-len(values) // (12 * _PIECE)) * 12 * _PIECE, values.dtype)
    padded[: len(values)] = values
    sums: NDArray[np.float64] = padded.reshape(-1, _PIECE).sum(axis=1, dtype=np.float64)
    return sums.reshape(-1, 12)


def _dot(one: Float32, other: Float32 | None) -> float:
    """Sum of products: in float32 over 4,096 samples, in float64 over all."""
    other = one if other is None else other
    whole = len(one) // 4096 * 4096
    blocks = np.einsum("ij,ij->i", one[:whole].reshape(-1, 4096), other[:whole].reshape(-1, 4096))
    return float(blocks.sum(dtype=np.float64)) + float(np.einsum("i,i->", one[whole:], other[whole:]))
