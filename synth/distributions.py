"""The shapes of `duplex.md` 1.3 as validated, frozen parameters that draw from a given generator."""

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from manifests.params import Params


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
        return float(rng.uniform(self.low, self.high))


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

    def draw(self, rng: np.random.Generator, scale: float = 1.0) -> float:
        """One draw; `scale` multiplies the median."""
        value = self.median * scale * np.exp(self.sigma * rng.standard_normal())
        return float(np.clip(value, self.low, self.high))


class ExGaussian(Params):
    """Normal(mu, sigma) plus Exponential(tau). Seconds."""

    mu: float
    sigma: float = Field(ge=0)
    tau: float = Field(ge=0)

    def draw(self, rng: np.random.Generator) -> float:
        return float(self.mu + self.sigma * rng.standard_normal() + self.tau * rng.exponential())
