"""Run a recipe: shards through the stages, then selection, plan, training shards and card. Resume is the same call."""

import fcntl
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow.compute as pc

from turnmill.dashboards.summary import Summary, summarised
from turnmill.manifests.card_sections import one_row
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import INDEX, RECIPE, Index
from turnmill.manifests.query import connect, read_only, told_of_parts
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store, opened, part_name
from turnmill.pipelines import finished
from turnmill.pipelines.cluster import Cluster, check_address, check_lasting, cluster
from turnmill.pipelines.demo import make_demo_corpus
from turnmill.pipelines.engine import Tell, execute, pending
from turnmill.pipelines.listening import PAGE, telling_page
from turnmill.pipelines.pieces import PIECES
from turnmill.pipelines.pipeline import Half, Plan, fingerprinted, halves, index_of, shards_of
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.seen import Seen, look
from turnmill.pipelines.stage import Row, Shard, Stage, Workspace, part_notes
from turnmill.pipelines.stages.card import write_card
from turnmill.pipelines.stages.plan import plan
from turnmill.pipelines.stages.select import check_predicate, select
from turnmill.pipelines.stages.voices import make_voices
from turnmill.pipelines.verdicts import VERDICTS
from turnmill.sources.adapters.items import Unit
from turnmill.sources.adapters.passed_over import passed_over

PACKAGES = (
    "turnmill",
    "ray",
    "duckdb",
    "pyarrow",
    "faster-whisper",
    "ctranslate2",
    "onnxruntime",
    "hibari-tts",
    "soundfile",
    "soxr",
    "numpy",
)


@dataclass(frozen=True)
class Step:
    """Stages that shards are about to be taken through: `total` shards, of which each stage has `done` so many."""

    half: str
    stages: Sequence[Stage]
    total: int
    done: Mapping[str, int]


Watcher = Callable[[Step], AbstractContextManager[Tell]]
"""Opened for each step; what it gives is told how far the step is (`pipelines.engine.Tell`)."""


@dataclass(frozen=True)
class Result:
    """A finished run. `seconds` is this run's own time, not that of earlier, interrupted ones."""

    store: Store
    index: Index
    summary: Summary
    seconds: float

    @property
    def bugs(self) -> int:
        """Items that were rejected for a bug of Turnmill's."""
        losses = (loss for funnel in self.summary.funnels for step in funnel.steps for loss in step.losses)
        return sum(loss.items for loss in losses if loss.name == Reason.INTERNAL_ERROR)


def run(
    recipe: Recipe,
    out: str,
    *,
    address: str | None = None,
    max_reject_ratio: float | None = None,
    retry_killed: bool = False,
    watch: Watcher = lambda _: nullcontext(lambda _: None),
) -> Result:
    """Make the dataset that a recipe describes in the folder or URL `out`, from wherever an earlier run stopped.

    With `retry_killed`, shards with items that killed or hung their worker, or met a bug, are made again.

    Raises UsageError before any work for what cannot be used, and TurnmillError when a stage rejects a larger share of
    its items than `max_reject_ratio` or a half comes to nothing (the dataset is then complete all the same).
    """
    started = time.time()
    check_address(address)
    store = opened(out)
    if store.is_local:
        check_lasting(store.root)
    check_ours(store, recipe)
    with ExitStack() as stack:
        stack.enter_context(told_of_parts(store))
        stack.enter_context(_locked(store))
        store.remove_temporaries()
        stack.callback(store.remove_temporaries)  # of workers that were stopped with the run
        found = halves(recipe, store)
        check_predicates(recipe, found, store)
        stages = [stage for half in found for stage in half.stages]
        # What a source lacks is told before a model that is not there.
        for half in found:
            half.source.check()
        given = {half.name: shards_of(half) for half in found if half.source.generated is None}
        for stage in stages:
            stage.check()
            if address is None:
                stage.check_here()
        for stage in stages:
            stage.fetch()
        work = []
        for half in found:
            if half.source.generated is not None:
                make_demo_corpus(half.source.generated)
            work.append(_worked_out(half, *(given.get(half.name) or shards_of(half)), recipe, store))
        index = index_of(recipe, [each.plan for each in work])
        index.save(store)
        store.write(RECIPE, recipe.yaml().encode())
        for each in work:
            _note_passed_over(each, store)
        summary = finished.load(store, index)
        again = [_with_killed(store, index, each.plan.half) if retry_killed else set() for each in work]
        if summary is None or any(again) or not all(_is_done(each, store) for each in work):
            store.remove(finished.FINISHED)
            ray = _Ray(stack, address, recipe)
            for each, keys in zip(work, again, strict=True):
                _forget_changed(each.plan.half, each.seen, store)
                if keys:
                    _forget(each.plan.half, keys, store)
                _run_half(each.plan, each.shards, index, store, recipe, ray, watch)
            summary = _finish(store, index)
        _check_rejects(store, summary, max_reject_ratio)
        _check_made(store, summary)
    return Result(store, index, summary, time.time() - started)


@dataclass(frozen=True)
class _Work:
    """A half with its shards, the units that they are made of in the same order, and how the sources look."""

    plan: Plan
    shards: list[Shard]
    units: list[Unit]
    seen: Seen


def _worked_out(half: Half, shards: list[Shard], units: list[Unit], recipe: Recipe, store: Store) -> _Work:
    plan = fingerprinted(half, shards, recipe.seed)
    own = plan.fingerprints[half.source.tables[-1]]
    return _Work(plan, shards, units, look(own, shards, units, half.source.located, store))


def _is_done(work: _Work, store: Store) -> bool:
    """Whether a half's sources are as they were, and all its parts there: a listing per table tells."""
    half, workspace = work.plan.half, work.plan.workspace(store)
    of_all = [*(() if half.voices is None else ("voices",)), half.select_table, half.plan_table]
    return (
        not work.seen.changed
        and all(store.exists(workspace.part(table, "all")) for table in of_all)
        and not any(pending(half.stages, work.shards, workspace).values())
        and not any(pending([half.write], training_shards(half, workspace), workspace).values())
    )


class _Ray:
    """Started when the first shard needs it: a run with nothing left to do never waits for it."""

    def __init__(self, stack: ExitStack, address: str | None, recipe: Recipe) -> None:
        self._stack, self._address, self._recipe = stack, address, recipe
        self._cluster: Cluster | None = None

    def run(
        self, stages: Sequence[Stage], shards: Sequence[Shard], workspace: Workspace, tell: Tell
    ) -> Iterator[list[Row]]:
        if self._cluster is None:
            self._cluster = self._stack.enter_context(cluster(self._address))
        return execute(stages, shards, workspace, self._cluster, self._recipe.workers, self._recipe.time_limit, tell)


def _run_half(
    half_plan: Plan, shards: list[Shard], index: Index, store: Store, recipe: Recipe, ray: _Ray, watch: Watcher
) -> None:
    half, workspace = half_plan.half, half_plan.workspace(store)
    ledger: list[Row] = []

    def through(stages: Sequence[Stage], shards: Sequence[Shard]) -> None:
        missing = pending(stages, shards, workspace)
        todo = [shard for shard in shards if any(shard.key in keys for keys in missing.values())]
        if not todo:
            return
        done = {stage: len(shards) - len(keys) for stage, keys in missing.items()}
        with watch(Step(half.name, stages, len(shards), done)) as tell:
            for number, rows in enumerate(ray.run(stages, todo, workspace, tell)):
                ledger.extend(rows)
                if number == 0 and pending(stages, shards, workspace) == missing:  # told before hours of work
                    raise _elsewhere(todo[0], store)
        lacking = set().union(*pending(stages, shards, workspace).values())
        if lacking:
            raise _elsewhere(next(shard for shard in shards if shard.key in lacking), store)

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


def _elsewhere(shard: Shard, store: Store) -> TurnmillError:
    """A worker says that a shard is done, and it is not here."""
    return TurnmillError(
        f"the workers wrote {shard.name} somewhere else than {store.url} as this machine sees it: name an --out that "
        "all nodes see, a shared folder or a URL"
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
            made = plan(connection, half.items, half.plan_table, recipe.seed, recipe.shard)
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
        read_only(empty, store)
        for half in found:
            for predicate in half.predicates:
                check_predicate(empty, half.select_key, half.view, predicate)


def check_ours(store: Store, recipe: Recipe) -> None:
    """Refuse a folder that is somebody else's. A damaged index is written anew: the parts are what counts."""
    if not store.exists(INDEX) and not store.exists(RECIPE):
        foreign = next((name for name in _held(store) if not name.startswith((".", "demo-corpus"))), None)
        if foreign is not None:
            raise UsageError(
                f"{store.url} is not empty and not an output of Turnmill (it holds {foreign}): name another --out"
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


def _held(store: Store) -> list[str]:
    """What lies in a folder, sorted: of a local one not what lies below."""
    if not store.is_local:
        return store.names("")
    try:
        return sorted(os.listdir(store.root))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{store.url} cannot be an output folder: {error.strerror}; name another --out") from error


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


def _note_passed_over(work: _Work, store: Store) -> None:
    """What of the corpus no unit reads, as a part beside those of the clips; where it changed, the run is not done."""
    source, out = work.plan.half.source, store.root if store.is_local else None
    if not source.folders:
        return
    found = ((name, passed_over(root, name, work.units, out)) for name, root in source.folders.items())
    made = to_table("passed_over", ({"corpus": name, **asdict(each)} for name, files in found for each in files))
    part = part_name("passed_over", work.plan.fingerprints[source.tables[-1]], "all")
    if not store.exists(part) or not store.read_part(part).equals(made):
        store.remove(finished.FINISHED)
        store.write_part(part, made, {})


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


def _with_killed(store: Store, index: Index, half: Half) -> set[str]:
    """Keys of the shards with an item that killed or hung its worker, or met a bug, whether or not they have a part."""
    reasons = {Reason.KILLED_WORKER, Reason.TIMED_OUT, Reason.INTERNAL_ERROR}
    with connect(store, index) as connection:
        rejecting = connection.execute(
            "SELECT fingerprint, shard FROM ledger JOIN stages USING (position) WHERE rejected > 0 AND ledger.half = ?",
            [half.name],
        ).fetchall()
    parts = [(part_name("rejects", fingerprint, key), key) for fingerprint, key in rejecting]
    found = ((key, store.read_part(name).column("reason").to_pylist()) for name, key in parts if store.exists(name))
    mine = {stage.fingerprint for stage in index.stages if stage.half == half.name}
    verdicts = (name.split("/") for name in store.names(VERDICTS))
    without_part = {file.removesuffix(".json") for _, fingerprint, file in verdicts if fingerprint in mine}
    return {key for key, given in found if reasons.intersection(given)} | without_part


_NAMED_BY_SHARD = ("rejects", "audio", VERDICTS, PIECES)
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
    """Write the card, prove that nothing was lost, and say that the dataset is done; pieces, which only a run under way
    needs, go before."""
    store.remove_all(store.names(PIECES))
    with connect(store, index) as connection:
        files = write_card(store, index, connection)
        if one_row(connection, "SELECT count(*) FROM dialogue_samples")[0]:
            telling_page(store)
            files.append(PAGE)
        else:
            store.remove(PAGE)
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


def _check_made(store: Store, summary: Summary) -> None:
    """Refuse to call a half done that has no sample, and say where all of it went."""
    for half in (made.half for made in summary.made if not made.samples):
        steps = (step for funnel in summary.funnels if funnel.half == half for step in funnel.steps)
        losses = [(step.stage, loss) for step in steps for loss in step.losses if loss.items]
        went = ", ".join(f"{stage} took {loss.items:,} ({loss.name})" for stage, loss in losses)
        raise TurnmillError(
            f"nothing is left of the {half} half: {went or 'it had no item'}; turnmill query {store.url} "
            '"SELECT * FROM rejects" says why of each that was rejected'
        )
