"""Turn-taking statistics of known talk, and exact distances from known distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.distributions import LogNormal, Uniform
from turnmill.synth.duplex import RATE
from turnmill.synth.duplex.realism import Activity, Durations, Intervals, ipus, speech_of_stem, talk
from turnmill.synth.duplex.reference import (
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


def spans(*seconds: tuple[float, float]) -> Intervals:
    return np.round(np.array(seconds).reshape(-1, 2) * RATE).astype(np.int64)


def lengths(found: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in np.sort(found) / RATE]


def draws(transfer: FloorTransfer, n: int, seed: int = 0) -> Values:
    rng = np.random.default_rng(seed)
    values = [
        -transfer.overlap.draw(rng) if rng.random() < transfer.p_overlap else transfer.gap.draw(rng) for _ in range(n)
    ]
    return Values.of(np.round(np.array(values) * RATE) / RATE)


SPAN = st.tuples(st.integers(0, 400), st.integers(1, 60)).map(lambda s: (s[0] * 0.1, s[0] * 0.1 + s[1] * 0.05))
CHANNEL = st.lists(SPAN, max_size=12).map(lambda found: spans(*found))
TRANSFERS = [getattr(timing(name), way) for name in PRESETS for way in ("user_to_assistant", "assistant_to_user")]


def test_silence_of_200_ms_ends_an_ipu_and_less_does_not() -> None:
    assert ipus(spans((1.0, 2.0), (2.19, 3.0), (3.2, 4.0))).tolist() == spans((1.0, 3.0), (3.2, 4.0)).tolist()
    assert ipus(spans((3.0, 3.5), (0.0, 9.0), (2.0, 2.1))).tolist() == spans((0.0, 9.0)).tolist()
    assert ipus(spans()).shape == (0, 2)


def test_pauses_gaps_and_overlaps_of_known_talk() -> None:
    assistant = spans((2.5, 5.0), (5.4, 8.0), (10.0, 11.0))
    user = spans((0.0, 1.0), (1.5, 2.0), (6.0, 6.5), (7.8, 9.5))
    found = talk(assistant, user)
    assert lengths(found.pauses) == [0.4, 0.5]  # 1.0-1.5 of the user, 5.0-5.4 of the assistant
    assert lengths(found.gaps) == [0.5, 0.5]  # 2.0-2.5, 9.5-10.0
    assert lengths(found.within) == [0.5]  # 6.0-6.5: the assistant goes on
    assert lengths(found.between) == [0.2]  # 7.8-8.0: the user takes over
    assert found.span == 11 * RATE


def test_a_nod_in_a_pause_makes_gaps_of_it() -> None:
    found = talk(spans((0.0, 2.0), (3.0, 5.0)), spans((2.25, 2.75)))
    assert (lengths(found.pauses), lengths(found.gaps)) == ([], [0.25, 0.25])


def test_nobody_speaks_in_silence() -> None:
    assert talk(spans(), spans()).span == 0
    assert Activity().figures()["ipu"]["seconds_per_minute"] is None


@given(CHANNEL, CHANNEL)
def test_every_moment_from_first_to_last_speech_is_counted_once(one: Intervals, other: Intervals) -> None:
    found = talk(one, other)
    sounding = np.zeros((2, 45 * RATE // 120), bool)  # steps of 5 ms
    for row, units in zip(sounding, found.ipus, strict=True):
        for start, end in units // 120:
            row[start:end] = True
    both = 120 * int(sounding.all(axis=0).sum())
    assert found.within.sum() + found.between.sum() == both
    speaking = sum(int((units[:, 1] - units[:, 0]).sum()) for units in found.ipus)
    assert speaking - both + found.pauses.sum() + found.gaps.sum() == found.span
    swapped = talk(other, one)
    assert lengths(swapped.gaps) == lengths(found.gaps)
    assert lengths(swapped.between) == lengths(found.between)


def test_the_card_is_per_minute_of_conversation() -> None:
    activity = Activity()
    for _ in range(3):
        activity.add(talk(spans((10.0, 20.0), (21.0, 40.0)), spans((39.0, 70.0))))
    found = activity.figures()
    assert found["minutes"] == 3.0
    assert found["ipu"]["seconds_per_minute"] == 60.0
    assert found["pause"] == {
        "seconds_per_minute": 1.0,
        "count_per_minute": 1.0,
        "count": 3,
        "mean_s": 1.0,
        "quantiles_s": dict.fromkeys(("p10", "p25", "p50", "p75", "p90"), 1.0),
    }
    assert found["overlap_between"]["seconds_per_minute"] == 1.0
    assert found["overlap_share_of_speech"] == pytest.approx(1 / 59)


def test_quantiles_of_durations_are_right_to_the_millisecond() -> None:
    values = np.random.default_rng(0).lognormal(0.2, 0.8, 5001)
    found = Durations()
    for part in np.array_split(np.round(values * RATE).astype(np.int64), 7):
        found.add(part)
    for share in (0.1, 0.5, 0.9):
        exact = np.quantile(values, share, method="inverted_cdf")
        assert found.quantile(share) == pytest.approx(exact, abs=0.001)


def test_speech_of_a_stem_is_where_it_has_energy() -> None:
    stem = np.zeros(5 * RATE, np.float32)
    tone = 0.3 * np.sin(np.arange(5 * RATE) * 0.05).astype(np.float32)
    for start, end in ((RATE, 2 * RATE), (RATE * 21 // 10, 3 * RATE), (4 * RATE, 5 * RATE)):
        stem[start:end] = tone[start:end]
    found = ipus(speech_of_stem(stem))
    assert found.shape == (2, 2)
    assert np.abs(found - spans((1.0, 3.0), (4.0, 5.0))).max() < RATE // 100
    assert not len(speech_of_stem(np.zeros(RATE, np.float32)))


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
