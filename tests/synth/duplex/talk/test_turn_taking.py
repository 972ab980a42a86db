"""Turn-taking statistics of known talk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.talk.turn_taking import Activity, Durations, Intervals, ipus, talk


def spans(*seconds: tuple[float, float]) -> Intervals:
    return np.round(np.array(seconds).reshape(-1, 2) * RATE).astype(np.int64)


def lengths(found: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in np.sort(found) / RATE]


SPAN = st.tuples(st.integers(0, 400), st.integers(1, 60)).map(lambda s: (s[0] * 0.1, s[0] * 0.1 + s[1] * 0.05))
CHANNEL = st.lists(SPAN, max_size=12).map(lambda found: spans(*found))


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
