"""Fit a timing preset to recordings of two people, one on each channel.

Turns are told from timing alone (`floor`): what takes the floor changes it whenever the speaker changes. A short answer
that the other talks into looks like a backchannel and is lost to the fit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import scipy
import yaml
from numpy.typing import NDArray

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import generator
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import LogNormal
from turnmill.synth.duplex.lengths import LONGEST_BACKCHANNEL
from turnmill.synth.duplex.talk.floor import floor
from turnmill.synth.duplex.talk.turn_taking import Intervals
from turnmill.synth.duplex.timing import Timing, timing

LEAST_TRANSFERS = 10
"""Changes of the floor below which nothing is fitted."""

LEAST_LEAK_DB = -30.0
"""Cross-talk below this is too quiet to be taken for talk."""

_LEAST = 5  # gaps, overlaps or pauses below which their shape is that of the preset `telephone`
_RESAMPLES = 1000
_SHARES = np.linspace(0.1, 0.9, 33)
_SCORES = np.array([NormalDist().inv_cdf(share) for share in _SHARES])
_ENVELOPE_S = 0.01
_LONGEST_DELAY_S = 0.5
_SAME = 0.6
"""Correlation of two channels' energy from which they are one talk: 0.31 at most for eleven real two-channel
recordings, 0.69 and more for copies of their channels that were attenuated, encoded as GSM or delayed by 0.4 s."""


@dataclass(frozen=True)
class Recording:
    """Two channels of talk: where each has speech, int64 [n, 2] of [start, end) in samples at 24 kHz, what it hears of
    the other left out. `leak_db`: the level of that, against the other channel; None where neither hears the other."""

    name: str
    channels: tuple[Intervals, Intervals]
    seconds: float
    leak_db: float | None = None


@dataclass(frozen=True)
class Measured:
    """What was measured in recordings, in seconds: float64 [n] each. Offsets below zero are overlaps."""

    offsets: NDArray[np.float64]
    pauses: NDArray[np.float64]
    turns: int
    backchannels: int


@dataclass(frozen=True)
class Fit:
    """Shapes of gaps, overlaps and pauses, and the share of overlaps; None where there were too few to tell."""

    gap: LogNormal | None
    p_overlap: float
    overlap: LogNormal | None
    pause: LogNormal | None

    def named(self) -> dict[str, float]:
        """Its numbers by their name in a preset."""
        found = {"p_overlap": self.p_overlap}
        for name, shape in (("gap", self.gap), ("overlap", self.overlap), ("pause", self.pause)):
            found |= {f"{name}.median": shape.median, f"{name}.sigma": shape.sigma} if shape else {}
        return found


def same_talk(channels: NDArray[np.float32], sample_rate: int) -> bool:
    """Whether two channels, float32 [2, samples], hold one and the same talk: a copy, however loud, delayed by up to
    `_LONGEST_DELAY_S`, in whatever codec. Two people at one table, who are heard in both, are not that alike."""
    hop = round(sample_rate * _ENVELOPE_S)
    whole = channels[:, : channels.shape[1] // hop * hop].reshape(2, -1, hop)
    envelopes = np.sqrt(np.mean(np.square(whole), axis=2, dtype=np.float64))
    envelopes -= envelopes.mean(axis=1, keepdims=True)
    size = float(np.prod(np.linalg.norm(envelopes, axis=1)))
    if size == 0:
        return False
    alike = scipy.signal.correlate(*envelopes, method="fft") / size
    middle, reach = envelopes.shape[1] - 1, round(_LONGEST_DELAY_S / _ENVELOPE_S)
    return bool(alike[max(middle - reach, 0) : middle + reach + 1].max() > _SAME)


def measure_turns(recordings: Sequence[Recording]) -> Measured:
    """The floor-transfer offsets of all recordings and the pauses inside their turns."""
    return _pooled([_measured(recording) for recording in recordings])


def _pooled(found: Sequence[Measured]) -> Measured:
    return Measured(
        np.concatenate([one.offsets for one in found]) if found else np.zeros(0),
        np.concatenate([one.pauses for one in found]) if found else np.zeros(0),
        sum(one.turns for one in found),
        sum(one.backchannels for one in found),
    )


def _measured(recording: Recording) -> Measured:
    found = floor(recording.channels)
    offsets: list[float] = []
    pauses: list[float] = []
    turns, last = 0, None
    for claim in found.claims:
        start, end, channel = claim[0].start, claim[-1].end, claim[0].channel
        if last is None or channel != last[1]:
            turns += 1
            offsets += [] if last is None else [(start - last[0]) / RATE]
        else:
            pauses.append((start - last[0]) / RATE)
        last = (end, channel)
    backchannels = sum(aside.length <= LONGEST_BACKCHANNEL for aside in found.asides)
    return Measured(np.array(offsets), np.array(pauses), turns, backchannels)


def fit(measured: Measured) -> Fit:
    """Log-normals by their quantiles from 10 to 90 %, which a few stray offsets or a coarse detector do not move.
    TurnmillError where the floor changes too rarely."""
    offsets = measured.offsets
    if len(offsets) < LEAST_TRANSFERS:
        raise TurnmillError(
            f"the recordings have {len(offsets)} changes of speaker, and a preset needs {LEAST_TRANSFERS} (hundreds, "
            "to be worth much): give more or longer recordings, with one speaker on each channel"
        )
    late, early = offsets[offsets > 0], -offsets[offsets < 0]
    return Fit(_log_normal(late), float((offsets < 0).mean()), _log_normal(early), _log_normal(measured.pauses))


def _log_normal(values: NDArray[np.float64]) -> LogNormal | None:
    if len(values) < _LEAST:
        return None
    sigma, mu = np.polyfit(_SCORES, np.log(np.quantile(values, _SHARES, method="hazen")), 1)
    rounded = [round(float(value), 3) for value in (np.exp(mu), max(sigma, 0.0), values.min(), values.max())]
    median, sigma, low, high = rounded
    return LogNormal(median=max(median, 0.001), sigma=sigma, low=low, high=max(high, 0.001))


def intervals(recordings: Sequence[Recording], name: str) -> dict[str, tuple[float, float]]:
    """90 % bootstrap intervals of the fitted numbers, from 1,000 resamples of the recordings; of their changes of floor
    and pauses where there are fewer than ten recordings, which takes no account of how speakers differ.

    That of `p_overlap` is at least Wilson's (1927): no overlap in a few changes does not mean that there is none.
    """
    rng = generator(0, name, "bootstrap")
    parts = [_measured(recording) for recording in recordings]
    whole = _pooled(parts)
    found: dict[str, list[float]] = {}
    for _ in range(_RESAMPLES):
        if len(parts) >= 10:
            drawn = _pooled([parts[n] for n in rng.integers(len(parts), size=len(parts))])
        else:
            drawn = replace(whole, offsets=_resampled(whole.offsets, rng), pauses=_resampled(whole.pauses, rng))
        if len(drawn.offsets) >= LEAST_TRANSFERS:
            for key, value in fit(drawn).named().items():
                found.setdefault(key, []).append(value)
    bounds = {key: np.quantile(values, (0.05, 0.95)) for key, values in found.items()}
    low, high = _wilson(float((whole.offsets < 0).mean()), len(whole.offsets))
    bounds["p_overlap"] = np.array((min(bounds["p_overlap"][0], low), max(bounds["p_overlap"][1], high)))
    return {key: (round(float(low), 3), round(float(high), 3)) for key, (low, high) in bounds.items()}


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.95)
    middle, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def _resampled(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return values[rng.integers(len(values), size=len(values))] if len(values) else values


def fit_preset(recordings: Sequence[Recording], name: str) -> str:
    """A preset file for `simulate.preset`: YAML whose comments say what it was fitted to and how sure it is.

    Both directions get the same timing, for two people are no user and assistant. What timing alone does not tell keeps
    its default. TurnmillError where there is too little talk.
    """
    if not recordings:
        raise UsageError("a preset is fitted to recordings: name at least one two-channel file")
    measured = measure_turns(recordings)
    found, sure = fit(measured), intervals(recordings, name)
    people = timing("telephone").user_to_assistant
    transfer = {
        "gap": (found.gap or people.gap).model_dump(),
        "p_overlap": round(found.p_overlap, 3),
        "overlap": (found.overlap or people.overlap).model_dump(),
    }
    preset = {"user_to_assistant": transfer, "assistant_to_user": transfer}
    preset |= {"pause": found.pause.model_dump()} if found.pause else {}
    Timing.model_validate(preset)
    body: str = yaml.dump(preset, Dumper=_Plain, sort_keys=False)
    return "".join(f"# {line}\n" for line in _provenance(recordings, name, measured, found, sure)) + body


def leaking(recordings: Sequence[Recording]) -> list[str]:
    """Which recordings have cross-talk that can make overlaps, and how much of it: a sentence each."""
    return [
        f"{one.name} has cross-talk of {one.leak_db:.0f} dB between its channels; it was left out by its level, and "
        "with it any speech as quiet"
        for one in recordings
        if one.leak_db is not None and one.leak_db > LEAST_LEAK_DB
    ]


class _Plain(yaml.SafeDumper):
    """Writes the second direction out in full, so that it can be changed by itself."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _provenance(
    recordings: Sequence[Recording],
    name: str,
    measured: Measured,
    found: Fit,
    sure: dict[str, tuple[float, float]],
) -> list[str]:
    hours = math.fsum(recording.seconds for recording in recordings) / 3600
    sources = ", ".join(recording.name for recording in recordings[:5])
    more = f" and {len(recordings) - 5} more" if len(recordings) > 5 else ""
    lines = [
        f"Timing preset {name}, fitted by `turnmill fit` to {hours:.3f} h of two-channel talk: {sources}{more}.",
        f"{measured.turns} turns, {len(measured.offsets)} changes of the floor, {len(measured.pauses)} pauses inside "
        f"turns; {measured.backchannels} backchannels left out.",
        "With 90 % bootstrap intervals:",
    ]
    lines += [
        f"  {key} {value:.3f}" + (f" ({sure[key][0]:.3f} to {sure[key][1]:.3f})" if key in sure else "")
        for key, value in found.named().items()
    ]
    shapes = (("gap", found.gap), ("overlap", found.overlap), ("pause", found.pause))
    missing = [key for key, shape in shapes if shape is None]
    lines += [f"Too few to fit, so the default: {', '.join(missing)}."] if missing else []
    lines += [f"Warning: {warning}." for warning in leaking(recordings)]
    return lines
