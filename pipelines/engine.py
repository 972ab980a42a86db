"""Runs chains of stages over shards on Ray Data actor pools.

A chain is a run of neighbouring stages that want the same resources; one worker takes a shard through all of them, and
each commits its own part. Chains are Ray Data `map` operators over shard references, so that one shard is transcribed
while the next is ingested. Audio never goes through Ray.
"""

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from manifests.errors import TurnmillError, UsageError, os_sentence
from pipelines.capacity import check_capacity
from pipelines.cluster import Cluster, node_resources
from pipelines.stage import ClipLabel, Made, Row, Shard, Stage, Workspace, commit, committed
from pipelines.stages.ingest import Ingest


def chains(stages: Sequence[Stage]) -> list[tuple[Stage, ...]]:
    """Neighbouring stages that want the same resources."""
    return [tuple(group) for _, group in groupby(stages, key=lambda stage: stage.resources)]


def execute(
    stages: Sequence[Stage], shards: Sequence[Shard], workspace: Workspace, available: Cluster, workers: int | None
) -> Iterator[list[Row]]:
    """Take every shard through every stage; yields, per shard as it ends, the ledger rows of what was committed.

    Raises TurnmillError or UsageError as a worker met it; a bug in a stage keeps its traceback.
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
    for chain, share in zip(groups, asked, strict=True):
        dataset = dataset.map(
            ChainWorker,
            fn_constructor_args=(chain, workspace),
            compute=ActorPoolStrategy(size=size),
            **share,
        )
    for row in dataset.iter_rows():
        if row["failure"]:
            sentence, status = json.loads(row["failure"])
            raise (UsageError if status == UsageError.exit_status else TurnmillError)(sentence)
        yield json.loads(row["ledger"])


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

    def __init__(self, chain: Sequence[Stage], workspace: Workspace) -> None:
        self._chain = chain
        self._workspace = workspace
        self._ready: set[str] = set()

    def __call__(self, row: Mapping[str, Any]) -> Row:
        """The row with what was committed, or with the failure that ends the run: raised, Ray would lose its type."""
        if row["failure"]:
            return dict(row)
        shard = Shard(**json.loads(row["shard"]))
        try:
            ledger = json.loads(row["ledger"]) + self.take(shard)
        except TurnmillError as error:
            return {**row, "failure": json.dumps([f"{shard.name}: {error}", error.exit_status])}
        except OSError as error:
            return {**row, "failure": json.dumps([f"{shard.name}: {os_sentence(error)}", TurnmillError.exit_status])}
        return {**row, "ledger": json.dumps(ledger)}

    def take(self, shard: Shard) -> list[Row]:
        """Ledger rows of the parts committed now."""
        ledger: list[Row] = []
        todo = [stage for stage in self._chain if not committed(stage, self._workspace, shard.key)]
        for stage in todo:
            if any(row["stage"] == stage.name for row in ledger):
                continue  # it rode along with an earlier one
            started = time.time()
            self._set_up(stage)
            if isinstance(stage, Ingest):
                riders = [rider for rider in todo if isinstance(rider, ClipLabel)]
                for rider in riders:
                    self._set_up(rider)
                made, labels = stage.process_with(shard, self._workspace, riders)
                parts: list[tuple[Stage, Made]] = [(stage, made)]
                clips = made.tables["clips"]
                parts += [(rider, rider.made(rows, clips)) for rider, rows in zip(riders, labels, strict=True)]
            else:
                parts = [(stage, stage.process(shard, self._workspace))]
            for owner, part in parts:
                row = commit(owner, self._workspace, shard.key, part)
                ledger.append({**row, "started": started, "ended": time.time()})
        return ledger

    def _set_up(self, stage: Stage) -> None:
        if stage.name not in self._ready:
            stage.setup()
            self._ready.add(stage.name)


def pending(stages: Iterable[Stage], shards: Sequence[Shard], workspace: Workspace) -> list[Shard]:
    """Shards that lack a part of any of these stages."""
    tables = {stage.tables[-1]: workspace.fingerprints[stage.tables[-1]] for stage in stages}
    present = {table: set(workspace.store.names(f"{table}/{fingerprint}")) for table, fingerprint in tables.items()}
    return [
        shard for shard in shards if any(workspace.part(table, shard.key) not in present[table] for table in tables)
    ]
