"""Runs chains of stages over shards on Ray Data actor pools.

A chain is a run of neighbouring stages that want the same resources; one worker takes a shard through all of them, and
each commits its own part. Chains are Ray Data `map` operators over shard references, so that one shard is transcribed
while the next is ingested. Audio never goes through Ray.

A worker that dies is started again by Ray, and its shard given to it, for ever. That it ends all the same is the work
of `pipelines.watch`: an actor beside the driver, which is told what each worker has in hand.
"""

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import groupby
from typing import Any

from manifests.errors import TurnmillError, UsageError, os_sentence
from pipelines.capacity import check_capacity
from pipelines.cluster import Cluster, node_resources
from pipelines.guard import Guard
from pipelines.pieces import PIECES, Pieces
from pipelines.stage import ClipLabel, Made, Row, Shard, Stage, Workspace, commit, committed
from pipelines.stages.ingest import Ingest
from pipelines.verdicts import read_verdicts, write_verdicts
from pipelines.watch import Attempt, Reporter, Stand, TimeLimit

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
    import ray.data
    from ray.data import ActorPoolStrategy

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.issue_detectors_config.detectors = []
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it would print of an error is raised as well

    references = [
        {"shard": json.dumps(asdict(shard), sort_keys=True), "ledger": "[]", "failure": ""} for shard in shards
    ]
    dataset = ray.data.from_items(references, override_num_blocks=len(references))
    groups = chains(stages)
    size = workers or max(1, int(available.cpus))
    size = min(size, len(shards))
    asked = shares(groups, size, available)
    check_capacity(groups, asked, node_resources())
    watch = available.watch
    ray.get(watch.begin.remote(read_verdicts(workspace, stages)))
    for chain, share in zip(groups, asked, strict=True):
        dataset = dataset.map(
            ChainWorker,
            fn_constructor_args=(chain, workspace, limit, watch),
            compute=ActorPoolStrategy(size=size),
            **share,
        )
    bugs = []
    with _watching(watch, tell):
        for row in dataset.iter_rows():
            if row["failure"]:
                said, status = json.loads(row["failure"])
                if status is None:
                    bugs.append(said)
                    continue
                raise (UsageError if status == UsageError.exit_status else TurnmillError)(said)
            yield json.loads(row["ledger"])
    if bugs:
        raise RuntimeError(f"{len(bugs)} of {len(shards)} shards met a bug in Turnmill, the first of them:\n{bugs[0]}")


@contextmanager
def _watching(watch: Any, tell: Tell) -> Iterator[None]:
    """Kill the workers that hang, and tell how far the others are, while the block runs."""
    import ray

    over = threading.Event()

    def look() -> None:
        for worker in ray.get(watch.hung.remote()):
            with suppress(ray.exceptions.RayError):  # it ended just now
                ray.kill(worker, no_restart=False)
        tell(ray.get(watch.stand.remote()))

    def keep_looking() -> None:
        while not over.wait(_LOOK_S):
            with suppress(ray.exceptions.RayError):  # the cluster is going down
                look()

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


class ChainWorker:
    """One worker: takes a shard through its stages, skipping those whose part is there."""

    def __init__(self, chain: Sequence[Stage], workspace: Workspace, limit: TimeLimit, watch: Any) -> None:
        """`watch`: the actor of a `Watch`."""
        self._chain = chain
        self._workspace = workspace
        self._limit = limit
        self._watch = watch
        self._ready: set[str] = set()

    def __call__(self, row: Mapping[str, Any]) -> Row:
        """The row with what was committed, or with the failure that ends the run: raised, Ray would lose its type."""
        if row["failure"]:
            return dict(row)
        shard = Shard(**json.loads(row["shard"]))
        try:
            ledger = json.loads(row["ledger"]) + self._watched(shard)
        except TurnmillError as error:
            return {**row, "failure": json.dumps([f"{shard.name}: {error}", error.exit_status])}
        except OSError as error:
            return {**row, "failure": json.dumps([f"{shard.name}: {os_sentence(error)}", TurnmillError.exit_status])}
        except Exception:  # noqa: BLE001  # a bug that is no item's; the other shards go on
            return {**row, "failure": json.dumps([f"{shard.name}: {traceback.format_exc()}", None])}
        return {**row, "ledger": json.dumps(ledger)}

    def _watched(self, shard: Shard) -> list[Row]:
        import ray

        place = (shard.key, self._chain[0].name)
        attempt: Attempt = ray.get(self._watch.enter.remote(place, ray.get_runtime_context().current_actor))
        if attempt.hopeless:
            raise TurnmillError(attempt.hopeless)
        if attempt.careful:
            write_verdicts(self._workspace, self._chain, shard.key, attempt)
        reporter = Reporter(
            tell=lambda report: self._watch.report.remote(place, report),
            announce=lambda report: ray.get(self._watch.report.remote(place, report)),
            careful=attempt.careful,
        )
        ledger: list[Row] = []
        try:
            with reporter:
                ledger = self.take(shard, attempt, reporter)
        finally:
            ray.get(self._watch.leave.remote(place, {row["stage"]: row["items"] for row in ledger}))
        return ledger

    def take(self, shard: Shard, attempt: Attempt, reporter: Reporter) -> list[Row]:
        """Ledger rows of the parts committed now."""
        ledger: list[Row] = []
        todo = [stage for stage in self._chain if not committed(stage, self._workspace, shard.key)]
        guards = {stage.name: self._guard(stage, shard, attempt, reporter) for stage in todo}
        for stage in todo:
            if any(row["stage"] == stage.name for row in ledger):
                continue  # it rode along with an earlier one
            started = time.time()
            self._set_up(stage)
            guard = guards[stage.name]
            if isinstance(stage, Ingest):
                riders = [rider for rider in todo if isinstance(rider, ClipLabel)]
                for rider in riders:
                    self._set_up(rider)
                guarded = [(rider, guards[rider.name]) for rider in riders]
                made, labels = stage.process_with(shard, self._workspace, guard, guarded)
                parts: list[tuple[Stage, Made]] = [(stage, made)]
                clips = made.tables["clips"]
                parts += [(rider, rider.made(rows, clips)) for rider, rows in zip(riders, labels, strict=True)]
            else:
                parts = [(stage, stage.process(shard, self._workspace, guard))]
            for owner, part in parts:
                row = commit(owner, self._workspace, shard.key, part)
                ledger.append({**row, "started": started, "ended": time.time()})
            if guard.pieces is not None:
                guard.pieces.remove()
        return ledger

    def _guard(self, stage: Stage, shard: Shard, attempt: Attempt, reporter: Reporter) -> Guard:
        pieces = None
        if stage.in_steps:
            fingerprint = self._workspace.fingerprints[stage.tables[-1]]
            pieces = Pieces(self._workspace.store, f"{PIECES}/{fingerprint}/{shard.key}")
        return Guard(stage.name, attempt, reporter, self._limit, pieces)

    def _set_up(self, stage: Stage) -> None:
        if stage.name not in self._ready:
            stage.setup()
            self._ready.add(stage.name)


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
