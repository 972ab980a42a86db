"""Parameters of distributions: a range is a range of numbers."""

import math
from typing import Annotated

import numpy as np
import pytest
from pydantic import ValidationError

from turnmill.manifests.params import Params
from turnmill.synth.distributions import ExGaussian, LogNormal, Uniform, within

NORMAL = {"median": 0.5, "sigma": 0.3, "low": 0.1, "high": 2.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("shape", "fields"),
    [(Uniform, {"low": 0.0, "high": 1.0}), (LogNormal, NORMAL), (ExGaussian, {"mu": 0.0, "sigma": 1.0, "tau": 1.0})],
)
def test_no_field_of_a_distribution_is_endless_or_no_number(
    shape: type[Params], fields: dict[str, float], value: float
) -> None:
    for name in fields:
        with pytest.raises(ValidationError, match=name):
            shape.model_validate({**fields, name: value})
    shape.model_validate(fields)


def test_a_range_stays_within_its_bounds() -> None:
    class Bounded(Params):
        value: Annotated[Uniform, within(0, 10)]

    assert Bounded.model_validate({"value": {"low": 0, "high": 10}}).value.high == 10
    for low, high in ((-0.1, 5), (5, 10.1)):
        with pytest.raises(ValidationError, match=r"leaves \[0, 10\]"):
            Bounded.model_validate({"value": {"low": low, "high": high}})


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.3), (0.45, 2.0), (0.6, 0.6), (50.0, 60.0), (1e-9, 1e-8)])
def test_a_part_of_a_log_normal_is_drawn_as_it_lies_in_the_whole(low: float, high: float) -> None:
    law, rng = LogNormal(**NORMAL), np.random.default_rng(0)
    drawn = np.array([law.draw_within(low, high, rng) for _ in range(4000)])
    assert low <= drawn.min() <= drawn.max() <= high
    whole = 0.5 * np.exp(0.3 * rng.standard_normal(200_000))
    inside = whole[(whole >= low) & (whole <= high)]
    assert law.share(low, high) == pytest.approx(len(inside) / len(whole), abs=0.01)
    if len(inside) > 1000:
        assert np.median(drawn) == pytest.approx(np.median(inside), rel=0.02)


def test_a_law_without_spread_draws_its_median_or_the_nearer_bound() -> None:
    law, rng = LogNormal(median=0.3, sigma=0, low=0, high=1), np.random.default_rng(0)
    assert [law.draw_within(*span, rng) for span in ((0.1, 0.2), (0.2, 0.4), (0.4, 0.5))] == pytest.approx(
        [0.2, 0.3, 0.4]
    )
