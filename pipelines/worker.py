"""What takes shards through stages: a Ray actor, kept from one chain of a run to the next that asks for the same."""

import json
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from turnmill.manifests.errors import TurnmillError, UsageError, os_sentence
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.pieces import PIECES, Pieces
from turnmill.pipelines.stage import ClipLabel, Made, Row, Shard, Stage, Workspace, commit, committed
from turnmill.pipelines.verdicts import write_verdicts
from turnmill.pipelines.watch import Attempt, Reporter, TimeLimit


@dataclass(frozen=True)
class Job:
    """What is to be done with each shard."""

    chain: Sequence[Stage]
    workspace: Workspace
    limit: TimeLimit


@dataclass(frozen=True)
class Outcome:
    """Ledger rows of what was committed, and what is to be said of it; or why the run ends, with its exit status (None:
    a bug, and its traceback). Raised, a failure would come out of Ray as another type."""

    ledger: Sequence[Row] = ()
    notes: Sequence[str] = ()
    failure: str = ""
    status: int | None = None


class Worker:
    """One worker. What it loads for a job is kept until the next job, and for that where it asks for the same, as the
    next corpus does."""

    def __init__(self, watch: Any) -> None:
        """`watch`: the actor of a `Watch`."""
        self._watch = watch
        self._reference: Any = None
        self._job: Job | None = None
        self._ready: set[str] = set()
        self._warm: set[str] = set()

    def ready(self) -> None:
        """Answers once the worker is up."""

    def take(self, job: Sequence[Any], shard: Shard) -> Outcome:
        """Take a shard through its stages, skipping those whose part is there. `job`: the reference of a `Job`, alone
        in a list, lest Ray unpack the job anew, with all that it has loaded, for each shard."""
        try:
            return self._watched(self._job_of(job[0]), shard)
        except TurnmillError as error:
            return Outcome(failure=f"{shard.name}: {error}", status=error.exit_status)
        except OSError as error:
            said = f"{shard.name}: {os_sentence(error)}, it goes on where it was"
            return Outcome(failure=said, status=TurnmillError.exit_status)
        except Exception:  # noqa: BLE001  # a bug that is no item's; the other shards go on
            return Outcome(failure=f"{shard.name}: {traceback.format_exc()}")

    def _job_of(self, reference: Any) -> Job:
        import ray

        if self._job is None or reference != self._reference:
            before = () if self._job is None else self._job.chain
            self._job = None  # what it has loaded goes before the next loads
            self._job, self._reference = ray.get(reference), reference
            for stage, old in product(self._job.chain, before):
                if (stage.name, stage.params) == (old.name, old.params):
                    stage.loaded = old.loaded
            del before
            self._ready.clear()
            self._warm.clear()
        return self._job

    def _watched(self, job: Job, shard: Shard) -> Outcome:
        import ray

        place = (shard.key, job.chain[0].name)
        context = ray.get_runtime_context()
        attempt: Attempt = ray.get(self._watch.enter.remote(place, context.current_actor, context.get_node_id()))
        if attempt.hopeless:
            raise TurnmillError(attempt.hopeless)
        if attempt.careful:
            write_verdicts(job.workspace, job.chain, shard.key, attempt)
        reporter = Reporter(
            send=lambda report: self._watch.report.remote(place, report),
            wait=ray.get,
            careful=attempt.careful,
            warm=self._warm,
        )
        outcome = Outcome()
        try:
            with reporter:
                outcome = self._through(job, shard, attempt, reporter)
        finally:
            ray.get(self._watch.leave.remote(place, {row["stage"]: row["items"] for row in outcome.ledger}))
        return outcome

    def _through(self, job: Job, shard: Shard, attempt: Attempt, reporter: Reporter) -> Outcome:
        """What was committed now."""
        ledger: list[Row] = []
        notes: list[str] = []
        todo = [stage for stage in job.chain if not committed(stage, job.workspace, shard.key)]
        guards = {stage.name: _guard(job, stage, shard, attempt, reporter) for stage in todo}
        for stage in todo:
            if any(row["stage"] == stage.name for row in ledger):
                continue  # it rode along with an earlier one
            started = time.time()
            self._set_up([stage])
            guard = guards[stage.name]
            riders = [rider for rider in todo if stage.shares_decode and isinstance(rider, ClipLabel)]
            self._set_up(riders)
            guarded = [(rider, guards[rider.name]) for rider in riders]
            made, labels = stage.process_with(shard, job.workspace.seen_by(stage), guard, guarded)
            parts: list[tuple[Stage, Made]] = [(stage, made)]
            for rider, rows in zip(riders, labels, strict=True):
                parts.append((rider, rider.made(rows, made.tables["clips"])))
            for owner, part in parts:
                row = commit(owner, job.workspace, shard.key, part)
                ledger.append({**row, "started": started, "ended": time.time()})
                notes += part.notes
            if guard.pieces is not None:
                guard.pieces.remove()
        return Outcome(ledger, notes)

    def _set_up(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            if stage.name not in self._ready:
                stage.setup()
                self._ready.add(stage.name)


def _guard(job: Job, stage: Stage, shard: Shard, attempt: Attempt, reporter: Reporter) -> Guard:
    pieces = None
    if stage.in_steps:
        fingerprint = job.workspace.fingerprints[stage.tables[-1]]
        pieces = Pieces(job.workspace.store, f"{PIECES}/{fingerprint}/{shard.key}")
    return Guard(stage.name, attempt, reporter, job.limit, pieces)


class Crew:
    """The workers of a run, and their watch."""

    def __init__(self, watch: Any) -> None:
        """`watch`: the actor of a `Watch`."""
        self.watch = watch
        self._workers: dict[str, list[Any]] = {}  # by what they ask of Ray

    def muster(self, asked: Sequence[Mapping[str, Any]], size: int) -> list[list[Any]]:
        """For each of `asked`, options of a Ray actor, a pool of `size` workers that have it, or will once Ray has it
        free: those that are there already, before others are started. The rest go first, for what they hold.

        Raises UsageError for a runtime_env that Ray refuses.
        """
        import ray

        keys = [json.dumps(options, sort_keys=True) for options in asked]
        left = {key: list(workers) for key, workers in self._workers.items()}
        pools = []
        for key in keys:
            there = left.setdefault(key, [])
            pools.append(there[:size])
            del there[:size]
        self.end([worker for workers in left.values() for worker in workers])
        # Ray starts a worker that died again, and gives it again what it had in hand: `pipelines.watch` ends that.
        actor = ray.remote(max_restarts=-1, max_task_retries=-1)(Worker)
        for key, options, pool in zip(keys, asked, pools, strict=True):
            try:
                started = [actor.options(**options).remote(self.watch) for _ in range(size - len(pool))]
            except ValueError as error:  # from Ray, which looks at a runtime_env here
                raise UsageError(f"runtime_env: {error}") from error
            pool += started
            self._workers.setdefault(key, []).extend(started)
        return pools

    def end(self, workers: Sequence[Any]) -> None:
        """End these workers, whatever they have in hand."""
        import ray

        for pool in self._workers.values():
            pool[:] = [worker for worker in pool if worker not in workers]
        for worker in workers:
            ray.kill(worker)

    def dismiss(self) -> None:
        """End all workers."""
        self.end([worker for pool in self._workers.values() for worker in pool])
