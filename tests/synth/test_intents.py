"""Shares of the kinds of interruption: those asked for come out, whatever is possible where."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.records import Intent
from turnmill.synth.intents import INTENTS, Balance, IntentMix, says_again

TWO = "One two three four five six seven, eight!"


def run(balance: Balance, rng: np.random.Generator, turns: int, drawn: float, possible: dict[Intent, float]) -> Counter:
    """So many turns, each drawn with a chance, at which each kind makes sense with a chance of its own."""
    counts: Counter[Intent] = Counter()
    for _ in range(turns):
        here = {intent for intent in INTENTS if rng.random() < possible.get(intent, 1.0)}
        found = balance.choose(bool(rng.random() < drawn), lambda intent, here=here: intent if intent in here else None)
        counts.update([found] if found else [])
    return counts


def test_shares_and_rate_come_out_although_some_kinds_are_seldom_possible() -> None:
    rng, mix = np.random.default_rng(1), IntentMix()
    counts = run(Balance(mix, rng), rng, 5000, 0.2, {"follow_up": 0.15, "cancel": 0.1, "affirm": 0.2, "correct": 0.3})
    assert counts.total() == pytest.approx(1000, rel=0.05)
    for intent, share in mix.shares().items():
        assert counts[intent] / counts.total() == pytest.approx(share, abs=0.01), intent


def test_many_small_units_have_the_shares_of_one_large_one() -> None:
    counts: Counter[Intent] = Counter()
    for unit in range(400):
        rng = np.random.default_rng(unit)
        counts += run(Balance(IntentMix(), rng), rng, 20, 0.2, {})
    for intent, share in IntentMix().shares().items():
        assert counts[intent] / counts.total() == pytest.approx(share, abs=0.025), intent


def test_a_draw_without_room_is_made_up_for_and_none_is_made_up_for_ever() -> None:
    balance, rng = Balance(IntentMix(), np.random.default_rng(0)), np.random.default_rng(0)
    assert not run(balance, rng, 50, 1.0, dict.fromkeys(INTENTS, 0.0))
    assert run(balance, rng, 50, 0.0, {}).total() == 3


def test_a_kind_that_is_possible_in_few_places_alone_is_taken_there() -> None:
    """Four turns in a row, and then none for a while: as the turns of one dialogue among those of others."""
    balance, rng, counts = Balance(IntentMix(), np.random.default_rng(1)), np.random.default_rng(2), Counter[str]()
    for turn in range(6000):
        here = set(INTENTS) - (set() if turn % 50 < 5 else {"affirm", "cancel"})
        found = balance.choose(bool(rng.random() < 0.2), lambda intent, here=here: intent if intent in here else None)
        counts.update([found] if found else [])
    assert counts.total() == pytest.approx(1200, rel=0.06)
    for intent in ("affirm", "cancel"):
        assert counts[intent] / counts.total() == pytest.approx(0.1, abs=0.02), intent


def test_nothing_that_is_not_asked_for_is_chosen() -> None:
    mix = IntentMix.model_validate({**dict.fromkeys(INTENTS, 0), "topic": 2, "cancel": 1})
    rng = np.random.default_rng(3)
    counts = run(Balance(mix, rng), rng, 3000, 0.3, {"cancel": 0.2})
    assert set(counts) == {"topic", "cancel"}
    assert counts["cancel"] / counts.total() == pytest.approx(1 / 3, abs=0.01)


def test_an_answer_says_a_turn_again_by_eight_words_however_they_are_written() -> None:
    said = "Well, one two three, four five six - seven eight."
    assert says_again("topic", said, TWO)
    assert not says_again("topic", said, TWO.replace("four", "five"))
    assert not says_again("repeat", said, TWO)
    assert not says_again("clarify", said, TWO)
    assert says_again("denial", "我建议你先去看医生吧。", "对不起，我建议你先去看医生。")


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_a_shared_run_is_one(first: list[str], second: list[str]) -> None:
    shared = any(first[n : n + 8] == second[m : m + 8] for n in range(len(first) - 7) for m in range(len(second) - 7))
    assert says_again("affirm", " ".join(first), " ".join(second)) == shared
