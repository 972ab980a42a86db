"""Whatever happens to one item is its reject, in the same words every time, and happens to it alone."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import ItemError, Reason, Reject
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.watch import Attempt


def failing(error: Exception) -> object:
    raise error


def test_an_error_of_the_item_is_its_reject_with_its_reason() -> None:
    result = Guard("s").one(Item("u", 1.0, "u.wav"), lambda: failing(ItemError(Reason.NO_SAMPLES, "u has none")))
    assert result == Reject(Reason.NO_SAMPLES, "u has none", "u", "u.wav")


def test_a_bug_is_told_with_type_and_place_and_without_an_address() -> None:
    thing = object()
    result = Guard("s").one(Item("u"), lambda: failing(ValueError(f"bad {thing!r} at {hex(id(thing))}\nsecond line")))
    assert isinstance(result, Reject)
    assert result.reason is Reason.INTERNAL_ERROR
    assert "0x" not in result.detail
    assert result.detail.startswith("ValueError: bad ... at ... (pipelines/guard.py:")


def test_memory_that_is_not_there_is_the_items_fault() -> None:
    result = Guard("s").one(Item("u"), lambda: failing(MemoryError()))
    assert isinstance(result, Reject)
    assert result.reason is Reason.KILLED_WORKER


@pytest.mark.parametrize("error", [TurnmillError("the server is down"), OSError(28, "No space left on device")])
def test_what_is_no_items_fault_ends_the_run(error: Exception) -> None:
    with pytest.raises(type(error)):
        Guard("s").one(Item("u"), lambda: failing(error))


def test_an_item_with_a_verdict_is_not_touched() -> None:
    verdicts = {"s": {"k": Reason.KILLED_WORKER, "t": Reason.TIMED_OUT}, "other": {"u": Reason.TIMED_OUT}}
    guard = Guard("s", Attempt(verdicts=verdicts))
    for uid in ("k", "t"):
        result = guard.one(Item(uid, 2.0), lambda: failing(AssertionError("touched")))
        assert isinstance(result, Reject)
        assert result.reason is verdicts["s"][uid]
        assert "--retry-killed" in result.detail
    assert guard.one(Item("u"), lambda: 7) == 7


ITEMS = [Item(uid) for uid in "abcde"]


class Batch:
    """Doubles its items, unless one of `bad`, or too many, are among them."""

    def __init__(self, bad: str = "", most: int = 9) -> None:
        self.bad, self.most = bad, most
        self.calls: list[str] = []

    def __call__(self, places: Sequence[int]) -> list[str]:
        uids = "".join(ITEMS[place].uid for place in places)
        self.calls.append(uids)
        if set(uids) & set(self.bad) or len(uids) > self.most:
            raise ItemError(Reason.RECOGNISER_FAILED, f"no {uids}")
        return [2 * uid for uid in uids]


def outcome(results: Sequence[str | Reject]) -> str:
    return " ".join(result if isinstance(result, str) else f"-{result.uid}" for result in results)


def test_of_a_batch_that_fails_the_bad_ones_are_found_and_the_others_go_together() -> None:
    work = Batch(bad="bd")
    assert outcome(Guard("s").batch(ITEMS, work)) == "aa -b cc -d ee"
    assert work.calls == ["abcde", "a", "b", "c", "d", "e", "ace"]


def test_items_that_fail_only_together_are_worked_on_one_by_one() -> None:
    work = Batch(most=1)
    assert outcome(Guard("s").batch(ITEMS, work)) == "aa bb cc dd ee"


def test_a_batch_that_killed_is_probed_and_one_with_a_verdict_left_out() -> None:
    work = Batch()
    attempt = Attempt(True, {"s": {"c": Reason.KILLED_WORKER}}, frozenset("abcde"), frozenset())
    assert outcome(Guard("s", attempt).batch(ITEMS, work)) == "aa bb -c dd ee"
    assert work.calls == ["a", "b", "d", "e", "abde"]
    lonely = Batch()
    assert outcome(Guard("s", Attempt(True, alone=frozenset("ab"))).batch(ITEMS, lonely)) == "aa bb cc dd ee"
    assert lonely.calls == ["a", "b", "cde"]


def test_what_is_made_ahead_is_the_same_and_nothing_is_made_ahead_on_a_careful_attempt() -> None:
    made: list[int] = []

    def things() -> Iterator[int]:
        for number in range(4):
            made.append(threading.get_ident())
            yield number

    assert list(Guard("s").ahead(things())) == [0, 1, 2, 3]
    assert threading.get_ident() not in made
    made.clear()
    assert list(Guard("s", Attempt(careful=True)).ahead(things())) == [0, 1, 2, 3]
    assert set(made) == {threading.get_ident()}
