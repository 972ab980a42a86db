"""Offsets are drawn for a whole dialogue, and the longest overlaps go where there is room for them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.records import generator
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.planning.offsets import OWN_GAP, assigned, draw_offset, longest_overlap
from turnmill.synth.duplex.talk.distances import Values, w1
from turnmill.synth.duplex.timing import timing
from turnmill.synth.script.context import relied_on

PAIRS = st.lists(st.tuples(st.integers(-70_000, 100_000), st.integers(0, 70_000)), min_size=1, max_size=30)


@given(PAIRS, st.integers(0, 1000))
def test_no_transfer_gets_more_than_it_bears_and_nothing_is_changed_that_fits(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    offsets, limits = [offset or 1 for offset, _ in pairs], [limit for _, limit in pairs]
    given_ = assigned(offsets, limits, generator(seed, "d", "offsets"))
    assert all(-offset <= limit for offset, limit in zip(given_, limits, strict=True))
    assert all(given_)
    if all(-offset <= min(limits) for offset in offsets):
        assert sorted(given_) == sorted(offsets)


def test_a_feasible_dialogue_keeps_every_offset_that_was_drawn() -> None:
    assert sorted(assigned([-100, -5000, 300], [6000, 50, 200], generator(1, "d", "o"))) == [-5000, -100, 300]


def test_both_turns_reach_beyond_an_overlap() -> None:
    assert longest_overlap(10 * RATE, RATE) == RATE - OWN_GAP
    assert longest_overlap(RATE, 10 * RATE) < RATE
    assert longest_overlap(OWN_GAP, RATE) == 0


def test_offsets_follow_their_preset() -> None:
    transfer = timing("telephone").user_to_assistant
    rng = generator(3, "d", "draws")
    drawn = np.array([draw_offset(transfer, float(rng.normal(0, 0.29)), 0.29, rng) for _ in range(20_000)]) / RATE
    found = w1(transfer, Values.of(drawn))
    assert found is not None
    assert found < 0.012


def test_a_turn_relies_on_what_only_the_unsaid_words_had() -> None:
    assert (
        relied_on("and the old lighthouse", ["There is a harbour"], [(True, "Is the lighthouse open?")]) == "lighthouse"
    )
    assert relied_on("and the old lighthouse", ["The lighthouse"], [(True, "Is the lighthouse open?")]) is None
    later = [(True, "Why?"), (False, "It has a lighthouse."), (True, "Is the lighthouse open?")]
    assert relied_on("and the old lighthouse", [], later) is None
    assert relied_on("还有旧灯塔可以看", ["有港口"], [(True, "旧灯塔几点开门？")]) == "旧灯"
    assert relied_on("北京。", ["中国的首都是"], [(True, "北京有多大？")]) == "北京"
    assert relied_on("in Rome, I say", ["Stay a few days"], [(True, "How warm is it in Rome?")]) == "rome"
