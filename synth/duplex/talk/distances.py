"""What a preset promises, exactly: the distribution of its floor-transfer offsets and how far measured ones are from
it.

A floor transfer is a mixture: with probability `p_overlap` minus a clipped log-normal, else plus one. A clip puts the
whole tail on one value. Everything here is in closed form: no draws, no noise but that of the sample.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from turnmill.synth.distributions import LogNormal, Uniform
from turnmill.synth.duplex.timing import FloorTransfer

Floats = NDArray[np.float64]
Shape = LogNormal | Uniform | FloorTransfer

BIN_S = 0.05
EDGES = np.round(np.arange(-2.0, 3.0 + BIN_S / 2, BIN_S), 2)
"""Bins of floor-transfer offsets: 50 ms from -2 to 3 s (docs/turn-taking.md); beyond lie two bins more."""

_NORMAL = NormalDist()
_phi = np.vectorize(_NORMAL.cdf, otypes=[np.float64])
_inverse = np.vectorize(lambda u: _NORMAL.inv_cdf(u) if 0 < u < 1 else math.copysign(math.inf, u - 0.5), otypes=[float])


@dataclass(frozen=True)
class Values:
    """Measured values: the distinct ones in order, float64 [n] in seconds or dB, and how often each was measured."""

    at: Floats
    counts: NDArray[np.int64]

    @staticmethod
    def of(values: ArrayLike) -> "Values":
        return Values(*np.unique(np.asarray(values, np.float64), return_counts=True))

    @property
    def n(self) -> int:
        """How many were measured."""
        return int(self.counts.sum())

    def quantile(self, share: float) -> float | None:
        """The least value that a share of them does not exceed; None without values."""
        if not self.n:
            return None
        reached = np.cumsum(self.counts)
        return float(self.at[np.searchsorted(reached, share * reached[-1])])

    def where(self, chosen: NDArray[np.bool_]) -> "Values":
        return Values(self.at[chosen], self.counts[chosen])

    def mirrored(self) -> "Values":
        """The same with the other sign."""
        return Values(-self.at[::-1], self.counts[::-1])

    def histogram(self) -> NDArray[np.int64]:
        """How many are in each bin of `EDGES`, those below in the first and those above in the last: [n + 1]."""
        found: NDArray[np.int64] = np.zeros(len(EDGES) + 1, np.int64)
        np.add.at(found, np.searchsorted(EDGES, np.round(self.at, 9), side="right"), self.counts)
        return found


def cdf(shape: Shape, x: ArrayLike, below: bool = False) -> Floats:
    """P(X <= x), or with `below` P(X < x), which differs at a clip: float64 like x."""
    at = np.asarray(x, np.float64)
    if isinstance(shape, FloorTransfer):
        p = shape.p_overlap
        late = cdf(shape.gap, at, below)
        return np.asarray((1 - p) * late + p * (1 - cdf(shape.overlap, -at, not below)), np.float64)
    if isinstance(shape, Uniform):
        if shape.low == shape.high:
            return np.asarray((at > shape.low) if below else (at >= shape.low), np.float64)
        return np.asarray(np.clip((at - shape.low) / (shape.high - shape.low), 0.0, 1.0), np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = _phi(np.log(np.maximum(at, 0.0) / shape.median) / _sigma(shape))
    low, high = (at <= shape.low, at > shape.high) if below else (at < shape.low, at >= shape.high)
    return np.where(low, 0.0, np.where(high, 1.0, inside))


def quantile(shape: LogNormal | FloorTransfer, share: ArrayLike) -> Floats:
    """The inverse of `cdf` at shares in (0, 1): float64 like share."""
    u = np.asarray(share, np.float64)
    if isinstance(shape, FloorTransfer):
        p = shape.p_overlap
        early = -quantile(shape.overlap, 1 - np.minimum(u / p, 1.0)) if p > 0 else np.zeros_like(u)
        late = quantile(shape.gap, np.maximum((u - p) / (1 - p), 0.0)) if p < 1 else np.zeros_like(u)
        return np.where(u <= p, early, late)
    drawn = shape.median * np.exp(_sigma(shape) * _inverse(u))
    return np.asarray(np.clip(drawn, shape.low, shape.high), np.float64)


def reference_quantiles(transfer: FloorTransfer, n: int) -> Floats:
    """`n` values that stand for the distribution: its quantiles at (i + 0.5) / n, float64 [n] in seconds."""
    return quantile(transfer, (np.arange(n) + 0.5) / n)


def _sigma(shape: LogNormal) -> float:
    return max(shape.sigma, 1e-12)


def _mean_below(shape: LogNormal | FloorTransfer, share: ArrayLike) -> Floats:
    """The integral of the quantile function from 0 to each share: float64 like share."""
    u = np.asarray(share, np.float64)
    if isinstance(shape, FloorTransfer):
        p = shape.p_overlap
        early, late = np.zeros_like(u), np.zeros_like(u)
        if p > 0:
            mean = _mean_below(shape.overlap, 1.0)
            early = -p * (mean - _mean_below(shape.overlap, 1 - np.minimum(u / p, 1.0)))
        if p < 1:
            late = (1 - p) * _mean_below(shape.gap, np.maximum((u - p) / (1 - p), 0.0))
        return np.asarray(early + late, np.float64)
    sigma = _sigma(shape)
    first, last = cdf(shape, shape.low), cdf(shape, shape.high, below=True)
    inner = np.clip(u, first, max(first, last))
    scale = shape.median * math.exp(sigma**2 / 2)
    middle = scale * (_phi(_inverse(inner) - sigma) - _phi(_inverse(first) - sigma))
    tails = shape.low * np.minimum(u, first) + shape.high * np.maximum(u - np.maximum(first, last), 0.0)
    return np.asarray(tails + middle, np.float64)


def w1(shape: LogNormal | FloorTransfer, measured: Values) -> float | None:
    """The Wasserstein-1 distance of measured values from a distribution: the area between the two quantile functions,
    in the unit of the values. None without values."""
    if not measured.n:
        return None
    reached = np.cumsum(measured.counts) / measured.n
    first = np.concatenate(([0.0], reached[:-1]))
    # Each value stands for the shares [first, reached); the distribution is below it up to `crossed`, and above after.
    crossed = np.clip(cdf(shape, measured.at), first, reached)
    start, middle, end = (_mean_below(shape, share) for share in (first, crossed, reached))
    area = measured.at * (2 * crossed - first - reached) + start + end - 2 * middle
    return float(np.maximum(area, 0.0).sum())


def w1_by_chance(shape: LogNormal | FloorTransfer, n: int) -> float:
    """The mean `w1` of `n` independent draws of the distribution itself, for n of 30 or more: sqrt(2 / pi n) times the
    integral of sqrt(G (1 - G)), by steps of 1 ms."""
    low, high = (-shape.overlap.high, shape.gap.high) if isinstance(shape, FloorTransfer) else (shape.low, shape.high)
    below = cdf(shape, np.arange(low, high, 0.001) + 0.0005)
    return float(np.sqrt(below * (1 - below)).sum() * 0.001 * math.sqrt(2 / (math.pi * n)))


def ks(shape: Shape, measured: Values, resolution: float = 0.0) -> float | None:
    """The Kolmogorov-Smirnov statistic: the largest distance of the two distribution functions, 0 to 1.

    `resolution` is the step that the values are rounded to. None without values.
    """
    if not measured.n:
        return None
    half = resolution / 2 + 1e-9
    reached = np.cumsum(measured.counts) / measured.n
    before = np.concatenate(([0.0], reached[:-1]))
    above = reached - cdf(shape, measured.at + half)
    below = cdf(shape, measured.at - half, below=True) - before
    return float(max(above.max(), below.max(), 0.0))


def jsd(shape: FloorTransfer, measured: Values) -> float | None:
    """The Jensen-Shannon divergence in bits (0 same, 1 disjoint) over the bins of `EDGES`. None without values."""
    if not measured.n:
        return None
    p = measured.histogram() / measured.n
    q = np.diff(np.concatenate(([0.0], cdf(shape, EDGES, below=True), [1.0])))
    middle = (p + q) / 2
    return float((_relative(p, middle) + _relative(q, middle)) / 2)


def _relative(p: Floats, q: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def effect_size(wanted: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """Cohen's w of counts against the shares that were asked for: the root of chi-square over n; 0.1 is small. None
    without counts; what was not asked for and still came is counted as if asked for once in a thousand."""
    n, total = sum(counts.values()), sum(wanted.values())
    if not n:
        return None
    w = 0.0
    for name in sorted({*wanted, *counts}):
        share = max(wanted.get(name, 0.0) / total, 0.0)
        seen = counts.get(name, 0) / n
        w += (seen - share) ** 2 / max(share, 1e-3) if share or seen else 0.0
    return math.sqrt(w)
