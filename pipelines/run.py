"""Run a recipe: shards through the stages, then selection, plan, training shards and card. Resume is the same call."""

import fcntl
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow.compute as pc

from dashboards.summary import Summary, summarised
from manifests.errors import TurnmillError, UsageError
from manifests.funnel import check_ledger
from manifests.index import INDEX, RECIPE, Index
from manifests.query import connect
from manifests.schema import to_table
from manifests.store import Store, part_name
from pipelines import finished
from pipelines.demo import make_demo_corpus
from pipelines.engine import Cluster, cluster, execute, pending
from pipelines.pipeline import Half, Plan, fingerprinted, halves, index_of, shards_of
from pipelines.recipe import Recipe
from pipelines.seen import Seen, look
from pipelines.stage import Row, Shard, Stage, Workspace, part_notes
from pipelines.stages.card import write_card
from pipelines.stages.ingest import Ingest
from pipelines.stages.plan import plan
from pipelines.stages.select import check_predicate, select
from pipelines.stages.voices import make_voices

PACKAGES = ("turnmill", "ray", "duckdb", "pyarrow", "faster-whisper", "ctranslate2", "soundfile", "soxr", "numpy")


@dataclass(frozen=True)
class Step:
    """What a watcher of a run is told: a stage's shards, or how far they are."""

    half: str
    stages: Sequence[Stage]
    total: int
    workspace: Workspace


Watcher = Callable[[Step, Iterator[list[Row]]], Iterator[list[Row]]]


@dataclass(frozen=True)
class Result:
    """A finished run. `seconds` is this run's own time, not that of earlier, interrupted ones."""

    store: Store
    index: Index
    summary: Summary
    seconds: float


def run(
    recipe: Recipe,
    out: str,
    *,
    address: str | None = None,
    max_reject_ratio: float | None = None,
    watch: Watcher = lambda _, rows: rows,
) -> Result:
    """Make the dataset that a recipe describes in the folder or URL `out`, from wherever an earlier run stopped.

    Raises UsageError before any work for what cannot be used, and TurnmillError when a stage rejects a larger share of
    its items than `max_reject_ratio` (the dataset is then complete all the same).
    """
    started = time.time()
    store = Store(out)
    with ExitStack() as stack:
        stack.enter_context(_locked(store))
        _claim(store, recipe)
        found = halves(recipe, store)
        check_predicates(recipe, found, store)
        stages = [stage for half in found for stage in half.stages]
        for stage in stages:
            stage.check()
            if address is None:
                stage.check_here()
        for stage in stages:
            stage.fetch()
        work = []
        for half in found:
            if isinstance(half.source, Ingest) and half.generated:
                make_demo_corpus(half.source.root)
            shards, units = shards_of(half)
            half_plan = fingerprinted(half, shards, recipe.seed)
            own = half_plan.fingerprints[half.source.tables[-1]]
            work.append((half_plan, shards, look(own, shards, units, half.source.located, store)))
        index = index_of(recipe, [plan for plan, _, _ in work])
        index.save(store)
        store.write(RECIPE, recipe.yaml().encode())
        summary = finished.load(store, index)
        if summary is None or not all(_is_done(*half, store) for half in work):
            store.remove(finished.FINISHED)
            ray = _Ray(stack, address, recipe.workers)
            for half_plan, shards, seen in work:
                _forget_changed(half_plan.half, seen, store)
                _run_half(half_plan, shards, index, store, recipe, ray, watch)
            summary = _finish(store, index)
        _check_rejects(store, summary, max_reject_ratio)
    return Result(store, index, summary, time.time() - started)


def _is_done(half_plan: Plan, shards: Sequence[Shard], seen: Seen, store: Store) -> bool:
    """Whether a half's sources are as they were, and all its parts there: a listing per table tells."""
    half, workspace = half_plan.half, half_plan.workspace(store)
    of_all = [*(() if half.voices is None else ("voices",)), half.select_table, half.plan_table]
    return (
        not seen.changed
        and all(store.exists(workspace.part(table, "all")) for table in of_all)
        and not pending(half.stages, shards, workspace)
        and not pending([half.write], training_shards(half, workspace), workspace)
    )


class _Ray:
    """Started when the first shard needs it: a run with nothing left to do never waits for it."""

    def __init__(self, stack: ExitStack, address: str | None, workers: int | None) -> None:
        self._stack, self._address, self._workers = stack, address, workers
        self._cluster: Cluster | None = None

    def run(self, stages: Sequence[Stage], shards: Sequence[Shard], workspace: Workspace) -> Iterator[list[Row]]:
        if self._cluster is None:
            self._cluster = self._stack.enter_context(cluster(self._address))
        return execute(stages, shards, workspace, self._cluster, self._workers)


def _run_half(
    half_plan: Plan, shards: list[Shard], index: Index, store: Store, recipe: Recipe, ray: _Ray, watch: Watcher
) -> None:
    half, workspace = half_plan.half, half_plan.workspace(store)
    ledger: list[Row] = []

    def through(stages: Sequence[Stage], shards: Sequence[Shard]) -> None:
        todo = pending(stages, shards, workspace)
        if todo:
            rows = ray.run(stages, todo, workspace)
            for done in watch(Step(half.name, stages, len(shards), workspace), rows):
                ledger.extend(done)

    try:
        if half.voices is not None and not store.exists(workspace.part("voices", "all")):
            make_voices(half.voices, workspace, recipe.seed)
        through(half.stages, shards)
        _select_and_plan(half_plan, index, store, recipe)
        through([half.write], training_shards(half, workspace))
        _remove_superseded(half_plan, store)
    except BaseException:
        with suppress(OSError):  # the note of a full disk must not hide the news of it
            _note_run(store, recipe, workspace, half, ledger)
        raise
    _note_run(store, recipe, workspace, half, ledger)


def _select_and_plan(half_plan: Plan, index: Index, store: Store, recipe: Recipe) -> None:
    """The whole-table steps, each a part named 'all'."""
    half, workspace = half_plan.half, half_plan.workspace(store)
    selection = workspace.part(half.select_table, "all")
    if not store.exists(selection):
        with connect(store, index) as connection:
            made = select(connection, half.candidates, half.uid, half.predicates)
        kept = made.filter(pc.is_null(made.column("removed_by")))
        hours = math.fsum(kept.column("duration").to_pylist()) / 3600
        names = json.dumps([predicate.name for predicate in half.predicates])
        notes = part_notes(len(made), len(kept), len(made) - len(kept), hours)
        store.write_part(selection, made, {**notes, "predicates": names})
    planned = workspace.part(half.plan_table, "all")
    if not store.exists(planned):
        with connect(store, index) as connection:
            made = plan(connection, half.items, _prefix(half), recipe.seed, recipe.shard)
        store.write_part(planned, made, part_notes(len(made), len(made), 0, 0.0))


def _remove_superseded(half_plan: Plan, store: Store) -> None:
    """Remove the training shards of earlier settings: what a reader finds under `shards/` is this dataset, once. Their
    parts go first, so that they are written again when those settings return; what they were cut from stays."""
    half = half_plan.half
    current = half_plan.fingerprints[half.write.tables[-1]]
    for folder in (*half.write.tables, "shards"):
        old = (name for name in store.names(folder) if f"/{current}/" not in name)
        store.remove_all(name for name in old if name.rsplit("/", 1)[1].startswith(f"{_prefix(half)}-"))


def _prefix(half: Half) -> str:
    return half.plan_table.removesuffix("_plan")


def training_shards(half: Half, workspace: Workspace) -> list[Shard]:
    table = workspace.store.read_part(workspace.part(half.plan_table, "all"))
    return [Shard(name, name) for name in table.column("training_shard").unique().to_pylist()]


def check_predicates(recipe: Recipe, found: Sequence[Half], store: Store) -> None:
    """Refuse a selection that does not run, before any work, on empty tables."""
    with connect(store, Index(recipe.identity, recipe.hash, recipe.seed, ())) as empty:
        for half in found:
            for predicate in half.predicates:
                check_predicate(empty, half.view, predicate)


def _claim(store: Store, recipe: Recipe) -> None:
    """Refuse a folder that is somebody else's. A damaged index is written anew: the parts are what counts."""
    if not store.exists(INDEX) and not store.exists(RECIPE):
        foreign = [name for name in store.names("") if not name.startswith((".", "demo-corpus/"))]
        if foreign:
            raise UsageError(
                f"{store.url} is not empty and not an output of Turnmill (it holds {foreign[0]}): name another --out"
            )
        return
    try:
        owner = Index.load(store).recipe_name
    except UsageError:
        owner = recipe.identity
    if owner != recipe.identity:
        raise UsageError(
            f"{store.url} is the output of another recipe ({owner}, this one is {recipe.identity}): name another --out"
        )
    store.remove_temporaries()


@contextmanager
def _locked(store: Store) -> Iterator[None]:
    """One run at a time in a local folder; the lock dies with the process, however it dies."""
    if not store.is_local:
        yield
        return
    try:
        os.makedirs(store.root, exist_ok=True)
        lock = Path(store.path(".lock"))
        lock.touch()
    except OSError as error:
        raise UsageError(f"{store.url} cannot be written: {error.strerror}; name another --out") from error
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{store.url}: another run is writing here; wait for it or name another --out") from error
        yield


def _forget_changed(half: Half, seen: Seen, store: Store) -> None:
    """Remove all that was made of a unit that changed or went away, then remember how the sources look now; a killed
    run starts over here."""
    if seen.changed:
        _forget(half, seen.changed, store)
        seen.remember(store)


def _forget(half: Half, keys: Set[str], store: Store) -> None:
    """Remove these shards' parts under every fingerprint: what is made of all shards first, the source's last."""
    for folder in (*half.write.tables, half.plan_table, half.select_table):
        store.remove_all(store.names(folder))
    for folder in ("shards", "rejects"):  # a training shard is named by its half
        mine = (name for name in store.names(folder) if name.rsplit("/", 1)[1].startswith(f"{_prefix(half)}-"))
        store.remove_all(mine)
    tables = [table for stage in reversed(half.stages) for table in reversed(stage.tables)]
    for folder in (*tables, *_NAMED_BY_SHARD):
        store.remove_all(name for name in store.names(folder) if _shards_of(name) & keys)


_NAMED_BY_SHARD = ("rejects", "audio")
"""Folders, besides those of the tables, that hold files or folders named by a shard's key."""


def _shards_of(name: str) -> Set[str]:
    """What may be a shard's key in a name: `audio/clips/<fingerprint>/<key>.tar`."""
    return {segment.split(".")[0] for segment in name.split("/")}


def _note_run(store: Store, recipe: Recipe, workspace: Workspace, half: Half, ledger: Sequence[Row]) -> None:
    """One row of `runs` per stage that committed something."""
    versions = json.dumps({name: version(name) for name in PACKAGES} | {"python": platform.python_version()})
    rows = []
    for stage in (*half.stages, half.write):
        mine = [row for row in ledger if row["stage"] == stage.name]
        if mine:
            rows.append(
                {
                    "recipe": recipe.hash,
                    "stage": stage.name,
                    "fingerprint": workspace.fingerprints[stage.tables[-1]],
                    "started": min(row["started"] for row in mine),
                    "ended": max(row["ended"] for row in mine),
                    "shards": len(mine),
                    "items": sum(row["items"] for row in mine),
                    "hours": sum(row["hours"] for row in mine),
                    "rejects": sum(row["rejects"] for row in mine),
                    "versions": versions,
                }
            )
    if rows:
        store.write_part(part_name("runs", recipe.hash, f"{half.name}-{time.time_ns()}"), to_table("runs", rows), {})


def _finish(store: Store, index: Index) -> Summary:
    """Write the card, prove that nothing was lost, and say that the dataset is done."""
    with connect(store, index) as connection:
        files = write_card(store, index, connection)
        problems = check_ledger(connection)
        if problems:
            raise RuntimeError(f"items were lost, which is a bug in Turnmill: {'; '.join(problems)}")
        summary = summarised(store, index, connection)
    finished.save(store, index, files, summary)
    return summary


def _check_rejects(store: Store, summary: Summary, max_reject_ratio: float | None) -> None:
    for step in (step for funnel in summary.funnels for step in funnel.steps):
        rejected = step.rejected
        if max_reject_ratio is not None and step.items_in and rejected / step.items_in > max_reject_ratio:
            raise TurnmillError(
                f"{step.stage} rejected {rejected} of {step.items_in} items, more than --max-reject-ratio "
                f'{max_reject_ratio}; turnmill query {store.url} "SELECT * FROM rejects" says why'
            )
