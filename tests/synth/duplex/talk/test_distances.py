"""Exact distances from known distributions."""

import numpy as np
import pytest

from turnmill.synth.channels import RATE
from turnmill.synth.distributions import LogNormal, Uniform
from turnmill.synth.duplex.talk.distances import (
    EDGES,
    Values,
    cdf,
    effect_size,
    jsd,
    ks,
    quantile,
    reference_quantiles,
    w1,
    w1_by_chance,
)
from turnmill.synth.duplex.timing import PRESETS, FloorTransfer, timing

TRANSFERS = [getattr(timing(name), way) for name in PRESETS for way in ("user_to_assistant", "assistant_to_user")]


def draws(transfer: FloorTransfer, n: int, seed: int = 0) -> Values:
    rng = np.random.default_rng(seed)
    values = [
        -transfer.overlap.draw(rng) if rng.random() < transfer.p_overlap else transfer.gap.draw(rng) for _ in range(n)
    ]
    return Values.of(np.round(np.array(values) * RATE) / RATE)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_the_reference_is_the_distribution_that_is_drawn_from(transfer: FloorTransfer) -> None:
    drawn, shares = draws(transfer, 40_000), (0.01, 0.1, 0.3, 0.5, 0.9, 0.99)
    assert ks(transfer, drawn, 1 / RATE) == pytest.approx(0, abs=1.63 / 200)  # 1 % level
    points = quantile(transfer, shares)
    assert np.all(cdf(transfer, points) >= np.array(shares) - 1e-9)
    assert np.all(cdf(transfer, points, below=True) <= np.array(shares) + 1e-9)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_w1_is_the_area_between_the_quantile_functions(transfer: FloorTransfer) -> None:
    for measured in (draws(transfer, 500), Values.of([0.3]), Values.of([-9.0, -0.1, 0.2, 0.2, 12.0])):
        fine = reference_quantiles(transfer, 50_000)
        places = (np.arange(50_000) + 0.5) / 50_000 * measured.n
        steps = np.repeat(measured.at, measured.counts)[places.astype(int)]
        assert w1(transfer, measured) == pytest.approx(np.abs(fine - steps).mean(), abs=1e-4)
    assert w1(transfer, Values.of(reference_quantiles(transfer, 20_000))) == pytest.approx(0, abs=1e-3)


def test_a_shift_of_10_ms_is_a_w1_of_10_ms() -> None:
    transfer = timing("telephone").assistant_to_user
    assert w1(transfer, Values.of(reference_quantiles(transfer, 50_000) + 0.01)) == pytest.approx(0.01, abs=5e-5)


def test_a_distribution_without_spread_has_all_its_weight_at_one_value() -> None:
    one = LogNormal(median=0.3, sigma=0, low=0, high=1)
    steady = FloorTransfer(gap=one, p_overlap=0, overlap=one)
    assert w1(steady, Values.of([0.3, 0.5])) == pytest.approx(0.1)
    assert ks(steady, Values.of([0.3])) == 0
    assert ks(steady, Values.of([0.4])) == pytest.approx(1)


def test_chance_is_what_draws_of_the_reference_itself_are_from_it() -> None:
    transfer = timing("telephone").user_to_assistant
    found = [w1(transfer, draws(transfer, 400, seed)) or 0.0 for seed in range(60)]
    assert np.mean(found) == pytest.approx(w1_by_chance(transfer, 400), rel=0.12)


def test_jsd_is_zero_for_the_same_and_one_bit_for_another() -> None:
    transfer = timing("telephone").user_to_assistant
    assert jsd(transfer, Values.of(reference_quantiles(transfer, 50_000))) == pytest.approx(0, abs=1e-4)
    steady = transfer.model_copy(update={"p_overlap": 0.0})
    assert jsd(steady, Values.of([-1.0])) == 1.0


def test_offsets_fall_into_the_bin_they_begin() -> None:
    found = Values.of([-5.0, -2.0, -0.05, 0.0, 0.049, 0.15, 2.999, 3.0]).histogram()
    assert (found[0], found[-1], found.sum()) == (1, 1, 8)
    assert found[1 + int(np.flatnonzero(EDGES == 0.0)[0])] == 2
    assert found[1 + int(np.flatnonzero(EDGES == 0.15)[0])] == 1


def test_uniform_draws_are_near_their_distribution_and_others_are_not() -> None:
    values = Values.of(np.random.default_rng(1).uniform(-8, -3, 2000))
    assert (ks(Uniform(low=-8, high=-3), values) or 1) < 0.04
    assert (ks(Uniform(low=-8, high=0), values) or 0) > 0.3


def test_the_effect_size_tells_a_choice_that_was_not_asked_for() -> None:
    assert effect_size({"a": 1, "b": 1}, {"a": 50, "b": 50}) == 0
    assert (effect_size({"a": 1, "b": 1}, {"a": 100}) or 0) == 1
    assert (effect_size({"a": 1.0}, {"a": 90, "c": 10}) or 0) > 1
    assert effect_size({"a": 1.0}, {}) is None
