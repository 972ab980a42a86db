"""Runs chains of stages over shards on Ray.

A chain is a run of neighbouring stages that want the same resources; one worker takes a shard through all of them, and
each commits its own part. Each chain has a pool of workers, and a shard goes from pool to pool, so that one is
transcribed while the next is ingested. Audio never goes through Ray.

A worker that dies is started again by Ray, and its shard given to it, for ever. That it ends all the same is the work
of `pipelines.watch`: an actor beside the driver, which is told what each worker has in hand.
"""

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.pipelines.capacity import check_capacity
from turnmill.pipelines.cluster import Cluster, node_resources
from turnmill.pipelines.stage import Row, Shard, Stage, Workspace
from turnmill.pipelines.verdicts import read_verdicts
from turnmill.pipelines.watch import Stand, TimeLimit
from turnmill.pipelines.worker import Crew, Job, Outcome

_LOOK_S = 0.5  # between two looks at what the workers do
_SILENCE_S = 30.0  # after which idle workers make room: one may be waiting for their places, as after a lost node


def chains(stages: Sequence[Stage]) -> list[tuple[Stage, ...]]:
    """Neighbouring stages that want the same resources."""
    return [tuple(group) for _, group in groupby(stages, key=lambda stage: stage.resources)]


Tell = Callable[[Mapping[str, Stand]], None]
"""What is told how far each stage is, about once a second, from a thread of its own."""


def execute(
    stages: Sequence[Stage],
    shards: Sequence[Shard],
    workspace: Workspace,
    available: Cluster,
    workers: int | None,
    limit: TimeLimit,
    tell: Tell = lambda _: None,
) -> Iterator[list[Row]]:
    """Take every shard through every stage; yields, per shard as it ends, the ledger rows of what was committed.

    Raises TurnmillError or UsageError as a worker met it, and RuntimeError, with the worker's traceback, when all other
    shards are done, for a bug that is no item's.
    """
    import ray

    groups = chains(stages)
    size = min(workers or max(1, int(available.cpus)), len(shards))
    asked = shares(groups, size, available)
    check_capacity(groups, asked, node_resources())
    crew = available.crew
    jobs = [ray.put(Job(chain, workspace, limit)) for chain in groups]
    bugs = []
    try:
        pools = crew.muster(asked, size)
        ray.get(crew.watch.begin.remote(read_verdicts(workspace, stages)))
        with _watching(crew.watch, tell):
            for ledger, outcome in _outcomes(crew, pools, jobs, shards):
                if not outcome.failure:
                    yield ledger
                elif outcome.status is None:
                    bugs.append(outcome.failure)
                else:
                    raise (UsageError if outcome.status == UsageError.exit_status else TurnmillError)(outcome.failure)
    except BaseException:
        crew.dismiss()  # some have work in hand that nobody waits for
        raise
    if bugs:
        raise RuntimeError(f"{len(bugs)} of {len(shards)} shards met a bug in Turnmill, the first of them:\n{bugs[0]}")


@dataclass
class _Trip:
    """A shard on its way from pool to pool, and what was committed of it."""

    shard: Shard
    ledger: list[Row] = field(default_factory=list)


@dataclass
class _Pool:
    """The workers of a chain, and the shards that wait for one of them."""

    job: Any
    starting: dict[Future[Any], Any]
    idle: list[Any] = field(default_factory=list)
    busy: dict[Future[Any], tuple[Any, _Trip]] = field(default_factory=dict)
    waiting: deque[_Trip] = field(default_factory=deque)

    def release(self, crew: Crew) -> None:
        """End who has nothing in hand."""
        crew.end([*self.idle, *self.starting.values()])
        self.idle.clear()
        self.starting.clear()

    def step_back(self, asked: Callable[[Any], Future[Any]]) -> None:
        """Start those anew that have nothing in hand, behind who waits for what they hold."""
        import ray

        for worker in self.idle:
            ray.kill(worker, no_restart=False)
            self.starting[asked(worker.ready.remote())] = worker
        self.idle.clear()


def _outcomes(
    crew: Crew, workers: Sequence[Sequence[Any]], jobs: Sequence[Any], shards: Sequence[Shard]
) -> Iterator[tuple[list[Row], Outcome]]:
    """Per shard, in the order in which they end: its ledger rows of all pools, and its last outcome.

    A worker has no shard before it is up, so that none waits for a worker that Ray has no place for while another is
    free; and workers that no shard will come to, or not yet, make room for those that start. `workers`: of each pool,
    `jobs`: the reference of its job.
    """
    answers: SimpleQueue[Future[Any]] = SimpleQueue()  # a signal breaks off the wait for it, and not that of `ray.wait`

    def asked(reference: Any) -> Future[Any]:
        future: Future[Any] = reference.future()
        future.add_done_callback(answers.put)
        return future

    pools = [
        _Pool(job, {asked(one.ready.remote()): one for one in pool}) for job, pool in zip(jobs, workers, strict=True)
    ]
    pools[0].waiting.extend(map(_Trip, shards))
    while any(pool.waiting or pool.busy for pool in pools):
        for pool in pools:
            while pool.waiting and pool.idle:
                trip, worker = pool.waiting.popleft(), pool.idle.pop()
                pool.busy[asked(worker.take.remote([pool.job], trip.shard))] = worker, trip
        first = next(number for number, pool in enumerate(pools) if pool.waiting or pool.busy)
        for pool in pools[:first]:
            pool.release(crew)
        try:
            answer = answers.get(timeout=_SILENCE_S)
        except Empty:
            if not pools[first].waiting:
                pools[first].release(crew)
            elif not pools[first].busy:  # none of its workers has a place, which Ray may have given to later ones
                for pool in pools[first + 1 :]:
                    pool.step_back(asked)
            continue
        for number, pool in enumerate(pools):
            if answer in pool.starting:
                _result(answer, "a worker does not start")
                pool.idle.append(pool.starting.pop(answer))
            elif answer in pool.busy:
                worker, trip = pool.busy.pop(answer)
                outcome = _result(answer, f"{trip.shard.name}: its worker ended")
                pool.idle.append(worker)
                trip.ledger.extend(outcome.ledger)
                for note in outcome.notes:
                    print(f"{trip.shard.name}: {note}", file=sys.stderr)
                if outcome.failure or pool is pools[-1]:
                    yield trip.ledger, outcome
                else:
                    pools[number + 1].waiting.append(trip)


def _result(answer: Future[Any], failing: str) -> Any:
    import ray

    try:
        return answer.result()
    except (ray.exceptions.RayActorError, ray.exceptions.RuntimeEnvSetupError) as error:
        said = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise TurnmillError(f"{failing}: {' '.join(said[:1] + said[1:][-1:])}") from error


@contextmanager
def _watching(watch: Any, tell: Tell) -> Iterator[None]:
    """Kill the workers that hang, and tell how far the others are, while the block runs."""
    import ray

    over = threading.Event()

    def look() -> None:
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        for worker in ray.get(watch.hung.remote(nodes)):
            with suppress(ray.exceptions.RayError):  # it ended just now
                ray.kill(worker, no_restart=False)

    def keep_looking() -> None:
        while not over.wait(_LOOK_S):
            with suppress(ray.exceptions.RayError):  # the cluster is going down
                look()
            with suppress(ray.exceptions.RayError, OSError, ValueError):  # nobody reads what is told
                tell(ray.get(watch.stand.remote()))

    looker = threading.Thread(target=keep_looking, daemon=True)
    looker.start()
    try:
        yield
        tell(ray.get(watch.stand.remote()))
    finally:
        over.set()
        looker.join()


def shares(groups: Sequence[Sequence[Stage]], size: int, available: Cluster) -> list[dict[str, Any]]:
    """What each worker of each pool may ask of Ray, so that all pools fit at once, on however small a machine."""
    cpus = sum(size * group[0].resources.cpus for group in groups)
    memory = sum(size * group[0].resources.memory for group in groups)
    cpu_scale = min(1.0, available.cpus / cpus)
    memory_scale = min(1.0, available.memory / memory) if available.memory else 1.0
    return [
        {
            "num_cpus": int(group[0].resources.cpus * cpu_scale * 1000) / 1000,
            "memory": int(group[0].resources.memory * memory_scale),
            **({"num_gpus": group[0].resources.gpus} if group[0].resources.gpus else {}),
            **({"runtime_env": json.loads(env)} if (env := group[0].resources.runtime_env) else {}),
        }
        for group in groups
    ]


def pending(stages: Iterable[Stage], shards: Sequence[Shard], workspace: Workspace) -> dict[str, set[str]]:
    """By stage, the keys of the shards whose part it lacks."""
    tables = {stage.name: stage.tables[-1] for stage in stages}
    present = {
        table: set(workspace.store.names(f"{table}/{workspace.fingerprints[table]}")) for table in tables.values()
    }
    return {
        name: {shard.key for shard in shards if workspace.part(table, shard.key) not in present[table]}
        for name, table in tables.items()
    }
