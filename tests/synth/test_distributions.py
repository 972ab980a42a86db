"""Parameters of distributions: a range is a range of numbers."""

import math
from typing import Annotated

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
