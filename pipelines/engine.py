"""Runs chains of stages over shards on Ray.

A chain is a run of neighbouring stages that want the same resources; one worker takes a shard through all of them, and
each commits its own part. Each chain has a pool of workers, and a shard goes from pool to pool, so that one is
transcribed while the next is ingested. Audio never goes through Ray.

A worker that dies is started again by Ray, and its shard given to it, for ever. That it ends all the same is the work
of `pipelines.watch`: an actor beside the driver, which is told what each worker has in hand.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any

from manifests.errors import TurnmillError, UsageError
from pipelines.capacity import check_capacity
from pipelines.cluster import Cluster, node_resources
from pipelines.stage import Row, Shard, Stage, Workspace
from pipelines.verdicts import read_verdicts
from pipelines.watch import Stand, TimeLimit
from pipelines.worker import Job, Outcome

_LOOK_S = 0.5  # between two looks at what the workers do


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
            for ledger, outcome in _through(pools, jobs, shards):
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


def _through(
    pools: Sequence[Sequence[Any]], jobs: Sequence[Any], shards: Sequence[Shard]
) -> Iterator[tuple[list[Row], Outcome]]:
    """Per shard, in the order in which they end: its ledger rows of all pools, and its last outcome.

    A worker has no shard before it is up, so that none waits for a worker that Ray has no place for while another is
    free. `jobs`: the reference of each pool's job.
    """
    import ray

    waiting: list[deque[tuple[Shard, list[Row]]]] = [
        deque((shard, []) for shard in shards),
        *(deque() for _ in pools[1:]),
    ]
    idle: list[deque[Any]] = [deque() for _ in pools]
    starting = {worker.ready.remote(): (place, worker) for place, pool in enumerate(pools) for worker in pool}
    busy: dict[Any, tuple[int, Any, Shard, list[Row]]] = {}
    left = len(shards)
    while left:
        for place, (todo, free) in enumerate(zip(waiting, idle, strict=True)):
            while todo and free:
                (shard, ledger), worker = todo.popleft(), free.popleft()
                busy[worker.take.remote([jobs[place]], shard)] = (place, worker, shard, ledger)
        (answer,), _ = ray.wait([*starting, *busy], num_returns=1)
        try:
            outcome = ray.get(answer)
        except (ray.exceptions.RayActorError, ray.exceptions.RuntimeEnvSetupError) as error:
            said = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise TurnmillError(f"a worker does not start: {' '.join(said[:1] + said[1:][-1:])}") from error
        if answer in starting:
            place, worker = starting.pop(answer)
            idle[place].append(worker)
            continue
        place, worker, shard, ledger = busy.pop(answer)
        idle[place].append(worker)
        ledger.extend(outcome.ledger)
        if outcome.failure or place + 1 == len(pools):
            left -= 1
            yield ledger, outcome
        else:
            waiting[place + 1].append((shard, ledger))


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
