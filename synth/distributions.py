"""Distributions (those of docs/turn-taking.md) as validated, frozen parameters that draw from a given generator."""

from collections.abc import Callable
from math import exp, log
from statistics import NormalDist
from typing import Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from turnmill.manifests.params import Params

_LEAST = 1e-300  # a probability that is not 0


class Uniform(Params):
    """Uniform over [low, high]."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def draw(self, rng: np.random.Generator) -> float:
        """One draw, in the unit of `low` and `high`."""
        return float(rng.uniform(self.low, self.high))


def within(low: float, high: float) -> AfterValidator:
    """For `Annotated[Uniform, within(low, high)]`: a range that leaves [low, high], in its own unit, is refused."""

    def check(value: Uniform) -> Uniform:
        if value.low < low or value.high > high:
            raise ValueError(f"[{value.low:g}, {value.high:g}] leaves [{low:g}, {high:g}]")
        return value

    checked: Callable[[Uniform], Uniform] = check
    return AfterValidator(checked)


class LogNormal(Params):
    """Log-normal with the given median and sigma (of the logarithm), clipped to [low, high]. Seconds."""

    median: float = Field(gt=0)
    sigma: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def draw(self, rng: np.random.Generator, effect: float = 0.0, effect_sigma: float = 0.0) -> float:
        """One draw, in the unit of `median`. `effect` is what a dialogue or speaker adds to the logarithm, itself a
        draw of Normal(0, `effect_sigma`): it is a part of the spread and not added to it, so that draws over many
        dialogues keep the median and sigma."""
        part = min(effect_sigma, self.sigma)
        own = np.sqrt(self.sigma**2 - part**2) * rng.standard_normal()
        shared = effect * part / effect_sigma if effect_sigma else 0.0
        return float(np.clip(self.median * np.exp(own + shared), self.low, self.high))

    def share(self, low: float, high: float) -> float:
        """How much of it, unclipped, lies in [low, high], both above 0."""
        return self._below(high) - self._below(low)

    def draw_within(self, low: float, high: float, rng: np.random.Generator) -> float:
        """One draw of what of it, unclipped, lies in [low, high]; the nearer bound where nothing does. Both are above
        0."""
        first, last = self._below(low), self._below(high)
        if first == last:
            return low if self.median < low else high
        drawn = self._normal().inv_cdf(max(rng.uniform(first, last), _LEAST))
        return float(np.clip(exp(drawn), low, high))

    def _below(self, value: float) -> float:
        return self._normal().cdf(log(value))

    def _normal(self) -> NormalDist:
        return NormalDist(log(self.median), max(self.sigma, 1e-12))


class ExGaussian(Params):
    """Normal(mu, sigma) plus Exponential(tau). Seconds."""

    mu: float
    sigma: float = Field(ge=0)
    tau: float = Field(ge=0)

    def draw(self, rng: np.random.Generator) -> float:
        """One draw, in the unit of `mu`."""
        return float(self.mu + self.sigma * rng.standard_normal() + self.tau * rng.exponential())
