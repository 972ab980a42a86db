"""Workers are kept for who asks for the same, and hold nothing back from who asks for other ones."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import ray

from turnmill.manifests.errors import UsageError
from turnmill.manifests.store import Store
from turnmill.pipelines import engine
from turnmill.pipelines.cluster import Cluster, cluster
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Resources, Shard, Stage, Workspace
from turnmill.pipelines.stages.quality import QualityParams
from turnmill.pipelines.stopping import Stopped, stoppable
from turnmill.pipelines.watch import TimeLimit
from turnmill.pipelines.worker import Job, Worker
from turnmill.synth.tts.declaration import NoParams

SHARDS = [Shard(f"shard{number}", f"shard {number}") for number in range(3)]


class Slow(Stage):
    """Makes an empty part in so many seconds."""

    needs, items, params = (), "lines", QualityParams()

    def __init__(self, table: str, seconds: float = 0.0) -> None:
        self.name = table  # type: ignore[misc]
        self.tables = (table,)  # type: ignore[misc]
        self.resources = Resources()
        self.seconds = seconds

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:  # noqa: ARG002
        time.sleep(self.seconds)
        return Made({self.name: []}, [], 0, 0.0)


def outcomes(given: Cluster, folder: Path, options: list[dict[str, Any]], stages: list[Slow]) -> list[list[str]]:
    """The stages that each shard went through, each with a pool of one worker."""
    place = Workspace(Store(str(folder)), {"lines": "l", "speech": "s"})
    jobs = [ray.put(Job((stage,), place, TimeLimit())) for stage in stages]
    pools = given.crew.muster(options, 1)
    done = engine._outcomes(given.crew, pools, jobs, SHARDS)
    return [[row["stage"] for row in ledger] for ledger, outcome in done if not outcome.failure]


def test_what_a_stage_loaded_is_handed_on_to_that_of_the_next_corpus_with_its_parameters(tmp_path: Path) -> None:
    def job(*stages: Slow) -> Any:
        return ray.put(Job(stages, Workspace(Store(str(tmp_path)), {"lines": "l"}), TimeLimit()))

    with cluster(None):
        worker = Worker(None)
        (first,) = worker._job_of(job(Slow("lines"))).chain
        first.loaded = model = object()
        again, other = worker._job_of(job(Slow("lines"), Slow("speech"))).chain
        assert (again.loaded, other.loaded) == (model, None)
        changed = Slow("lines")
        changed.params = NoParams()  # type: ignore[misc]
        (anew,) = worker._job_of(job(changed)).chain
        assert anew.loaded is None


def test_a_pool_that_no_shard_will_come_to_makes_room_for_the_next(tmp_path: Path) -> None:
    with cluster(None) as given:
        options = [{"num_cpus": given.cpus}, {"num_cpus": given.cpus, "memory": 1}]
        found = outcomes(given, tmp_path, options, [Slow("lines"), Slow("speech")])
    assert found == [["lines", "speech"]] * 3


def test_a_later_pool_that_has_the_places_makes_room_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SILENCE_S", 0.5)
    with cluster(None) as given:
        options = [{"num_cpus": given.cpus}, {"num_cpus": given.cpus, "memory": 1}]
        ((late,),) = given.crew.muster(options[1:], 1)
        ray.get(late.ready.remote())
        found = outcomes(given, tmp_path, options, [Slow("lines"), Slow("speech")])
    assert found == [["lines", "speech"]] * 3


def test_an_idle_worker_makes_room_where_nothing_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SILENCE_S", 0.5)
    place = Workspace(Store(str(tmp_path)), {"lines": "l"})
    with cluster(None) as given:
        (workers,) = pools = given.crew.muster([{"num_cpus": given.cpus / 2}], 2)
        ray.get([worker.ready.remote() for worker in workers])
        jobs = [ray.put(Job((Slow("lines", 3.0),), place, TimeLimit()))]
        assert len(list(engine._outcomes(given.crew, pools, jobs, SHARDS[:1]))) == 1
        ended = []
        for worker in workers:
            try:
                ray.get(worker.ready.remote())
            except ray.exceptions.RayActorError:
                ended.append(worker)
        assert len(ended) == 1


def test_a_signal_breaks_off_the_wait_for_a_worker_as_what_it_is(tmp_path: Path) -> None:
    def stopped_in_the_middle() -> None:
        with stoppable(), cluster(None) as given:
            threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
            outcomes(given, tmp_path, [{"num_cpus": 1}], [Slow("lines", 20.0)])

    with pytest.raises(Stopped):
        stopped_in_the_middle()
    with cluster(None) as given:
        given.crew.dismiss()


def test_a_crew_keeps_who_fits_and_ends_the_rest() -> None:
    with cluster(None) as given:
        crew = given.crew
        one, other = {"num_cpus": given.cpus / 2}, {"num_cpus": given.cpus / 2, "runtime_env": {"env_vars": {"A": "1"}}}
        ((first, second),) = crew.muster([one], 2)
        ray.get([first.ready.remote(), second.ready.remote()])
        assert crew.muster([one], 2) == [[first, second]]
        ((kept,), (started,)) = crew.muster([one, other], 1)
        assert kept == first
        ray.get([kept.ready.remote(), started.ready.remote()], timeout=60)  # it has room: `second` is gone
        _expect_end(second)
        assert crew.muster([one, one], 1)[0] == [first]  # two pools that ask for the same share nobody
        crew.dismiss()
        _expect_end(first)


def _expect_end(actor: Any) -> None:
    """`ray.kill` returns before the actor ends: one that is asked at once may still answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            ray.get(actor.ready.remote(), timeout=60)
        except ray.exceptions.RayActorError:
            return
        time.sleep(0.1)
    pytest.fail("it goes on")


def test_a_runtime_env_that_ray_refuses_is_a_sentence() -> None:
    with cluster(None) as given, pytest.raises(UsageError, match="runtime_env: /no/such/folder is not a valid path"):
        given.crew.muster([{"num_cpus": 0.1, "runtime_env": {"working_dir": "/no/such/folder"}}], 1)
