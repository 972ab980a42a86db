"""Run a recipe: shards through the stages, then selection, plan, training shards and card. Resume is the same call."""

import fcntl
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from manifests.errors import TurnmillError, UsageError
from manifests.funnel import check_ledger
from manifests.index import INDEX, Index
from manifests.query import connect, read_only
from manifests.schema import to_table
from manifests.store import Store, opened, part_name
from pipelines.cluster import Cluster, check_address, check_lasting, cluster
from pipelines.demo import make_demo_corpus
from pipelines.engine import execute, pending
from pipelines.pipeline import Half, Plan, fingerprinted, halves, index_of, shards_of
from pipelines.recipe import Recipe
from pipelines.stage import Row, Shard, Stage, Workspace, part_notes
from pipelines.stages.card import RECIPE, write_card
from pipelines.stages.ingest import Ingest
from pipelines.stages.plan import plan
from pipelines.stages.select import check_predicate, select
from pipelines.stages.voices import make_voices
from sources.adapters.base import Unit

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
    check_address(address)
    store = opened(out)
    if store.is_local:
        check_lasting(store.root)
    with ExitStack() as stack:
        stack.enter_context(_locked(store))
        _claim(store, recipe)
        stack.callback(store.remove_temporaries)  # of workers that were stopped with the run
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
            work.append((fingerprinted(half, shards, recipe.seed), shards, units))
        plans = [plan for plan, _, _ in work]
        index = index_of(recipe, plans)
        index.save(store)
        store.write(RECIPE, recipe.yaml().encode())
        ray = _Ray(stack, address, recipe.workers)
        for half_plan, shards, units in work:
            _forget_changed(half_plan, shards, units, store)
            _run_half(half_plan, shards, index, store, recipe, ray, watch)
        write_card(store, index)
        _check(store, index, max_reject_ratio)
    return Result(store, index, time.time() - started)


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
            for number, done in enumerate(watch(Step(half.name, stages, len(shards), workspace), rows)):
                ledger.extend(done)
                if number == 0 and len(pending(stages, todo, workspace)) == len(todo):  # not only after hours of work
                    _check_written(todo, store)
            _check_written(pending(stages, todo, workspace), store)

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


def _check_written(missing: Sequence[Shard], store: Store) -> None:
    """What the workers say is done can be read here, or nothing is worth going on for."""
    if missing:
        raise TurnmillError(
            f"the workers wrote {missing[0].name} somewhere else than {store.url} as this machine sees it: name an "
            "--out that all nodes see, a shared folder or a URL"
        )


def _select_and_plan(half_plan: Plan, index: Index, store: Store, recipe: Recipe) -> None:
    """The whole-table steps, each a part named 'all'."""
    half, workspace = half_plan.half, half_plan.workspace(store)
    selection = workspace.part(half.select_table, "all")
    if not store.exists(selection):
        with connect(store, index) as connection:
            read_only(connection, store)
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
    for table in half.write.tables:
        for name in store.names(table):
            if f"/{current}/" not in name:
                store.remove(name)
    for name in store.names("shards"):
        if f"/{current}/" not in name and name.rsplit("/", 1)[1].startswith(f"{_prefix(half)}-"):
            store.remove(name)


def _prefix(half: Half) -> str:
    return half.plan_table.removesuffix("_plan")


def training_shards(half: Half, workspace: Workspace) -> list[Shard]:
    table = workspace.store.read_part(workspace.part(half.plan_table, "all"))
    return [Shard(name, name) for name in table.column("training_shard").unique().to_pylist()]


def check_predicates(recipe: Recipe, found: Sequence[Half], store: Store) -> None:
    """Refuse a selection that does not run, before any work, on empty tables."""
    with connect(store, Index(recipe.identity, recipe.hash, recipe.seed, ())) as empty:
        read_only(empty, store)
        for half in found:
            for predicate in half.predicates:
                check_predicate(empty, half.select_key, half.view, predicate)


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


def _forget_changed(half_plan: Plan, shards: Sequence[Shard], units: Sequence[Unit], store: Store) -> None:
    """Remove all that was made of a unit that changed or went away; a killed run starts over here.

    What a unit looked like is kept beside its part (`seen/`), never in it.
    """
    half = half_plan.half
    folder = f"seen/{half_plan.fingerprints[half.source.tables[-1]]}"
    now = {
        f"{folder}/{shard.key}.json": json.dumps([unit.spec, _stats(half, unit)], sort_keys=True)
        for shard, unit in zip(shards, units, strict=True)
    }
    before = {name: store.read(name).decode() for name in store.names(folder)}
    stale = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
    _forget(half, {name.rsplit("/", 1)[1].removesuffix(".json") for name in stale}, store)
    for name in sorted(stale):
        if name in now:
            store.write(name, now[name].encode())
        else:
            store.remove(name)


def _forget(half: Half, keys: set[str], store: Store) -> None:
    """Remove these shards' parts under every fingerprint: what is made of all shards first, the source's last."""
    if not keys:
        return
    made_of_all = (*half.write.tables, half.plan_table, half.select_table)
    for folder in made_of_all:
        for name in store.names(folder):
            store.remove(name)
    for folder in ("shards", "rejects"):  # a training shard is named by its half
        for name in store.names(folder):
            if name.rsplit("/", 1)[1].startswith(f"{_prefix(half)}-"):
                store.remove(name)
    tables = [table for stage in reversed(half.stages) for table in reversed(stage.tables)]
    for folder in (*tables, "rejects", "audio"):
        for name in store.names(folder):
            if name.rsplit("/", 1)[1].split(".")[0] in keys:
                store.remove(name)


def _stats(half: Half, unit: Unit) -> list[list[Any]]:
    found = []
    for file in unit.files:
        stat = half.source.located(file).stat()
        found.append([file, stat.st_size, stat.st_mtime_ns])
    return found


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


def _check(store: Store, index: Index, max_reject_ratio: float | None) -> None:
    connection = connect(store, index)
    problems = check_ledger(connection)
    if problems:
        raise RuntimeError(f"items were lost, which is a bug in Turnmill: {'; '.join(problems)}")
    if max_reject_ratio is None:
        return
    query = """SELECT stage, count(*), (SELECT sum(items_in) FROM ledger WHERE ledger.stage = rejects.stage)
        FROM rejects GROUP BY stage ORDER BY stage"""
    for stage, rejected, items in connection.execute(query).fetchall():
        if items and rejected / items > max_reject_ratio:
            raise TurnmillError(
                f"{stage} rejected {rejected} of {items} items, more than --max-reject-ratio {max_reject_ratio}; "
                f'turnmill query {store.url} "SELECT * FROM rejects" says why'
            )
