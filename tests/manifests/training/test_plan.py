"""The plan of an epoch: each sample once, whoever asks; batches that fit; told by the seed alone."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.training import plan as module
from turnmill.manifests.training.plan import Plan

LENGTHS = st.lists(st.floats(0.1, 30.0), min_size=1, max_size=80)
LIMITS = st.one_of(st.none(), st.floats(30.0, 300.0))
RANKS = st.integers(1, 9)
SEEDS = st.one_of(st.none(), st.integers(0, 2**32 - 1))


def dealt(plan: Plan, epoch: int, ranks: int) -> list[list[list[int]]]:
    """By rank its units."""
    return [[unit.tolist() for unit in plan.units(epoch, rank, ranks)] for rank in range(ranks)]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WINDOW", 32)


@given(LENGTHS, LIMITS, RANKS, SEEDS, st.integers(0, 10**6))
def test_each_sample_comes_once_over_all_ranks(
    lengths: list[float], limit: float | None, ranks: int, seed: int | None, epoch: int
) -> None:
    units = dealt(Plan(np.array(lengths), seed, limit), epoch, ranks)
    assert sorted(chain.from_iterable(chain.from_iterable(units))) == list(range(len(lengths)))
    counts = [len(mine) for mine in units]
    several = any(len(unit) > 1 for unit in chain.from_iterable(units))
    assert max(counts) - min(counts) <= (not several), "equally many, as long as a batch can be halved"


@given(LENGTHS, st.floats(30.0, 300.0), RANKS, SEEDS)
def test_batches_fit_when_they_are_padded(lengths: list[float], limit: float, ranks: int, seed: int | None) -> None:
    for batch in chain.from_iterable(dealt(Plan(np.array(lengths), seed, limit), 0, ranks)):
        assert batch
        assert len(batch) * max(lengths[number] for number in batch) <= limit


def test_samples_of_a_batch_are_of_like_length() -> None:
    lengths = np.random.default_rng(0).uniform(1, 30, 320)
    (batches,) = dealt(Plan(lengths, 3, 120.0), 0, 1)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded < 1.2 * lengths.sum(), "unsorted it is 1.5 times as much"
    assert len(batches) < 1.4 * lengths.sum() / 120, "batches are nearly full"


def test_the_seed_and_the_epoch_tell_the_order() -> None:
    lengths = np.linspace(1, 9, 60)
    for limit in (None, 30.0):
        orders = [dealt(Plan(lengths, seed, limit), epoch, 2) for seed in (0, 1) for epoch in (0, 1, 0)]
        assert orders[0] == orders[2] != orders[1]
        assert orders[0] != orders[3]
    plain = dealt(Plan(lengths, None, None), 5, 2)
    assert plain == [[[n] for n in range(0, 60, 2)], [[n] for n in range(1, 60, 2)]]


def test_the_order_is_the_same_in_years() -> None:
    """A state that was saved goes on in the order it was saved in, under whichever version of NumPy."""
    (units,) = dealt(Plan(np.ones(8), 7, None), 2, 1)
    assert [number for (number,) in units] == [7, 6, 4, 1, 5, 2, 0, 3]
