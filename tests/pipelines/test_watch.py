"""What a watch makes of deaths: which item is to blame, and how a shard is taken again."""

from collections.abc import Iterator, Sequence

import pytest

from turnmill.manifests.records import Reason
from turnmill.pipelines import watch as module
from turnmill.pipelines.watch import (
    DEATHS_BETWEEN,
    LOADING_S,
    SILENCE_S,
    Attempt,
    InHand,
    Report,
    Reporter,
    TimeLimit,
    Watch,
)

PLACE = ("shard", "ingest")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds, settable."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now  # type: ignore[return-value]


def holding(*uids: str, since: float = 0.0, limit: float | None = 60.0) -> Report:
    return Report((InHand("quality", uids, since, limit),))


def deaths(watch: Watch, *reports: Report) -> Attempt:
    """A worker takes the shard, says something and dies, again and again; how the next has to take it."""
    watch.enter(PLACE, "worker")
    for report in reports:
        watch.report(PLACE, report)
        attempt = watch.enter(PLACE, "worker")
    return attempt


def test_an_item_in_hand_at_two_careful_deaths_gets_a_verdict_and_fewer_give_none() -> None:
    assert deaths(Watch(), holding("a")) == Attempt(careful=True)
    assert deaths(Watch(), holding("b"), holding("b")).verdicts == {}, "the first was not careful"
    assert deaths(Watch(), holding("a"), holding("b"), holding("c")).verdicts == {}
    thrice = deaths(Watch(), holding("a"), holding("b"), holding("b"))
    assert thrice.verdicts == {"quality": {"b": Reason.KILLED_WORKER}}


def test_a_lost_node_is_no_items_fault() -> None:
    watch = Watch()
    watch.hung(["there"])
    for node in ("there", "gone", "gone", "gone"):
        watch.enter(PLACE, "worker", node)
        watch.report(PLACE, holding("a"))
    assert watch.enter(PLACE, "worker", "there").verdicts == {}


def test_of_items_in_hand_together_each_is_probed_and_then_kept_from_the_others() -> None:
    once = deaths(Watch(), holding("a", "b"))
    assert (once.probe, once.alone, once.verdicts) == (frozenset("ab"), frozenset(), {})
    assert deaths(Watch(), holding("a", "b"), holding("a", "b")).alone == frozenset("ab")
    found = deaths(Watch(), holding("a", "b"), holding("b"), holding("b"))
    assert found.verdicts == {"quality": {"b": Reason.KILLED_WORKER}}


def test_a_worker_that_dies_with_nothing_in_hand_is_not_tried_for_ever() -> None:
    assert not deaths(Watch(), *[Report()] * (DEATHS_BETWEEN - 1)).hopeless
    assert "no item in hand" in deaths(Watch(), *[Report()] * DEATHS_BETWEEN).hopeless


def test_a_shard_that_was_left_has_no_history_and_its_items_count() -> None:
    watch = Watch()
    deaths(watch, holding("a"))
    watch.leave(PLACE, {"ingest": 5})
    assert watch.enter(PLACE, "worker") == Attempt()
    assert watch.stand()["ingest"].items == 5
    assert watch.stand()["ingest"].shards == 1


def test_a_hung_worker_is_named_once_and_its_item_timed_out() -> None:
    watch = Watch()
    for _ in range(2):
        watch.enter(PLACE, "worker")
        watch.report(PLACE, holding("a", since=59.0))
        assert watch.hung() == []
        watch.report(PLACE, holding("a", since=61.0))
        assert watch.hung() == ["worker"]
        assert watch.hung() == []
    assert watch.enter(PLACE, "worker").verdicts == {"quality": {"a": Reason.TIMED_OUT}}


def test_a_silent_worker_is_granted_the_time_of_a_restart_and_no_more(clock: list[float]) -> None:
    watch = Watch()
    watch.enter(PLACE, "worker")
    watch.report(PLACE, holding("a", since=1.0))
    clock[0] += 59 + SILENCE_S - 1
    assert watch.hung() == []
    clock[0] += 2
    assert watch.hung() == ["worker"]


def test_an_item_without_a_limit_may_take_any_time(clock: list[float]) -> None:
    watch = Watch()
    watch.enter(PLACE, "worker")
    watch.report(PLACE, holding("a", since=1e6, limit=None))
    clock[0] += 1e6
    assert watch.hung() == []


def test_verdicts_of_earlier_runs_are_honoured() -> None:
    earlier = {"shard": {"transcribe": {"x": Reason.TIMED_OUT}}}
    watch = Watch()
    watch.begin(earlier)
    assert watch.enter(PLACE, "worker").verdicts == earlier["shard"]
    assert watch.enter(("other", "ingest"), "worker").verdicts == {}


def test_progress_counts_what_is_under_way() -> None:
    watch = Watch()
    watch.enter(PLACE, "worker")
    watch.report(PLACE, Report(done={"ingest": 25, "quality": 10}, of={"ingest": 100, "quality": 100}))
    stand = watch.stand()
    assert (stand["ingest"].items, stand["ingest"].shards) == (25, 0.25)
    assert (stand["quality"].items, stand["quality"].shards) == (10, 0.1)


def test_a_careful_reporter_announces_each_item_before_it_is_touched() -> None:
    said: list[Sequence[str]] = []

    def hear(report: Report) -> None:
        said.append([uid for held in report.in_hand for uid in held.uids])

    with Reporter(lambda report: report, hear, True, set()) as reporter:
        token = reporter.take_up("quality", ["a"], 1.0)
        assert said == [["a"]]
        reporter.put_down(token)
    assert said == [["a"], []]


def test_the_first_item_of_a_stage_in_a_worker_is_granted_the_loading_of_its_model() -> None:
    warm: set[str] = set()
    with Reporter(lambda report: report, lambda _: None, False, warm) as reporter:
        for limit in (60 + LOADING_S, 60):
            token = reporter.take_up("speak", ["a"], 60)
            assert [held.limit for held in reporter.report().in_hand] == [limit]
            reporter.put_down(token)
    assert warm == {"speak"}


def test_the_limit_grows_with_the_audio() -> None:
    assert TimeLimit().of(0) == 60
    assert TimeLimit().of(30) == 660
