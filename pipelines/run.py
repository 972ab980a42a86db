"""Run a recipe: shards through the stages, then selection, plan, training shards and card. Resume is the same call."""

import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version

import duckdb
import pyarrow.compute as pc

from turnmill.dashboards.summary import Summary, summarised
from turnmill.manifests.card_sections import one_row
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.query import connect, read_only, told_of_parts
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store, locked, opened, part_name
from turnmill.pipelines import finished
from turnmill.pipelines.cluster import Cluster, check_address, check_lasting, cluster
from turnmill.pipelines.demo import make_demo_corpus
from turnmill.pipelines.engine import Tell, execute, pending
from turnmill.pipelines.listening import PAGE, telling_page
from turnmill.pipelines.output import check_ours
from turnmill.pipelines.pieces import PIECES
from turnmill.pipelines.pipeline import Chain, Half, Plan, fingerprinted, halves, index_of, shards_of
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.removal import (
    bring_back_recordings,
    forget,
    forget_changed,
    remove_recordings,
    remove_superseded,
    with_killed,
)
from turnmill.pipelines.seen import Seen, look
from turnmill.pipelines.stage import Row, Shard, Stage, Workspace, part_notes
from turnmill.pipelines.steps import clusters, parents
from turnmill.pipelines.steps.card import write_card
from turnmill.pipelines.steps.plan import plan
from turnmill.pipelines.steps.select import check_predicate, select
from turnmill.pipelines.steps.voices import make_voices
from turnmill.sources.adapters.items import Unit
from turnmill.sources.adapters.passed_over import passed_over
from turnmill.sources.places import place

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
    """Stages that shards are about to be taken through: `total` shards, of which each stage has `done` so many. `of`:
    the half, or its corpus where there are several."""

    of: str
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
        losses = (loss for funnel in self.summary.halves for step in funnel.steps for loss in step.losses)
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

    With `retry_killed`, shards with items that killed or hung a worker, made a model fail or met a bug are made again.

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
        stack.enter_context(locked(store, "--out"))
        store.remove_temporaries()
        stack.callback(store.remove_temporaries)  # of workers that were stopped with the run
        found = halves(recipe, store)
        check_predicates(recipe, found, store)
        given = _checked(found, address)
        work = [_worked_out(half, given, recipe, store) for half in found]
        index = index_of(recipe, [each.plan for each in work])
        index.save(store)
        store.write(RECIPE, recipe.yaml().encode())
        for each in work:
            _note_passed_over(each, store)
        summary = finished.load(store, index)
        again = [with_killed(store, index, each.plan.half) if retry_killed else set() for each in work]
        if summary is None or any(again) or not all(_is_done(each, store) for each in work):
            store.remove(finished.FINISHED)
            ray = _Ray(stack, address, recipe)
            for each, keys in zip(work, again, strict=True):
                for lot in each.lots:
                    forget_changed(each.plan.half, lot.seen, store)
                if keys:
                    forget(each.plan.half, keys, store)
                _run_half(each, index, store, recipe, ray, watch)
            summary = _finish(store, index, recipe, found)
        _check_rejects(store, summary, max_reject_ratio)
        _check_made(store, summary)
    return Result(store, index, summary, time.time() - started)


_Units = tuple[list[Shard], list[Unit]]


def _checked(found: Sequence[Half], address: str | None) -> dict[Chain, _Units]:
    """Check all that the run needs, then fetch its models; the shards and units of each chain, but of a corpus that is
    still to be made. What a source lacks is told before a model that is not there."""
    chains = [chain for half in found for chain in half.chains]
    for chain in chains:
        chain.source.check()
    given = {chain: shards_of(chain) for chain in chains if chain.source.generated is None}
    stages = [stage for half in found for stage in half.stages]
    for stage in stages:
        stage.check()
        if address is None:
            stage.check_here()
    for stage in stages:
        stage.fetch()
    return given


@dataclass(frozen=True)
class _Lot:
    """What goes through a chain: its shards, the units that they are made of in the same order, how the sources look,
    and the `place` where its stages find their tables."""

    chain: Chain
    place: Workspace
    shards: list[Shard]
    units: list[Unit]
    seen: Seen


@dataclass(frozen=True)
class _Work:
    """A half with what goes through each of its chains."""

    plan: Plan
    lots: tuple[_Lot, ...]


def _worked_out(half: Half, given: Mapping[Chain, _Units], recipe: Recipe, store: Store) -> _Work:
    for chain in half.chains:
        if chain.source.generated is not None:
            make_demo_corpus(chain.source.generated)
    sources = [given.get(chain) or shards_of(chain) for chain in half.chains]
    plan = fingerprinted(half, [shard for shards, _ in sources for shard in shards], recipe.seed)
    lots = []
    for number, (chain, (shards, units)) in enumerate(zip(half.chains, sources, strict=True)):
        place = plan.workspace(store, number)
        own = place.fingerprint(chain.source.tables[-1])
        lots.append(_Lot(chain, place, shards, units, look(own, shards, units, chain.source.stamps, store)))
    return _Work(plan, tuple(lots))


def _is_done(work: _Work, store: Store) -> bool:
    """Whether a half's sources are as they were, and all its parts there: a listing per table tells."""
    half, writing = work.plan.half, work.plan.workspace(store)
    of_all = [*(() if half.voices is None else ("voices",)), *half.wholes]
    return (
        not any(lot.seen.changed for lot in work.lots)
        and all(store.exists(writing.part(table, "all")) for table in of_all)
        and not any(any(pending(lot.chain.stages, lot.shards, lot.place).values()) for lot in work.lots)
        and not any(pending(half.writers, training_shards(half, writing), writing).values())
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


def _run_half(work: _Work, index: Index, store: Store, recipe: Recipe, ray: _Ray, watch: Watcher) -> None:
    half, writing = work.plan.half, work.plan.workspace(store)
    ledger: list[Row] = []

    def through(of: str, stages: Sequence[Stage], shards: Sequence[Shard], workspace: Workspace) -> None:
        missing = pending(stages, shards, workspace)
        todo = [shard for shard in shards if any(shard.key in keys for keys in missing.values())]
        if not todo:
            return
        done = {stage: len(shards) - len(keys) for stage, keys in missing.items()}
        made = {stage.name: workspace.fingerprint(stage.tables[-1]) for stage in stages}
        with watch(Step(of, stages, len(shards), done)) as tell:
            for number, rows in enumerate(ray.run(stages, todo, workspace, tell)):
                ledger.extend({**row, "fingerprint": made[row["stage"]]} for row in rows)
                if number == 0 and pending(stages, shards, workspace) == missing:  # told before hours of work
                    raise _elsewhere(todo[0], store)
        lacking = set().union(*pending(stages, shards, workspace).values())
        if lacking:
            raise _elsewhere(next(shard for shard in shards if shard.key in lacking), store)

    try:
        if half.voices is not None and not store.exists(writing.part("voices", "all")):
            make_voices(half.voices, writing, recipe.seed)
        for lot in work.lots:
            bring_back_recordings(lot.chain, lot.shards, lot.place)
            of = lot.chain.source.corpus if len(work.lots) > 1 else half.name
            through(of, lot.chain.stages, lot.shards, lot.place)
            remove_recordings(lot.chain, lot.shards, lot.place)
        _select_and_plan(work.plan, index, store, recipe)
        for writer in half.writers:
            through(half.name, [writer], training_shards(half, writing), writing)
            writer.check_files(writing, training_shards(half, writing))
        remove_superseded(work.plan, store)
    except BaseException:
        with suppress(OSError):  # the note of a full disk must not hide the news of it
            _note_run(store, recipe, half, ledger)
        raise
    _note_run(store, recipe, half, ledger)


def _elsewhere(shard: Shard, store: Store) -> TurnmillError:
    """A worker says that a shard is done, and it is not here."""
    return TurnmillError(
        f"the workers wrote {shard.name} somewhere else than {store.url} as this machine sees it: name an --out that "
        "all nodes see, a shared folder or a URL"
    )


def _select_and_plan(half_plan: Plan, index: Index, store: Store, recipe: Recipe) -> None:
    """The whole-table steps, each a part named 'all'."""
    half, workspace = half_plan.half, half_plan.workspace(store)
    if half.clusters is not None and not store.exists(workspace.part(clusters.TABLE, "all")):
        with connect(store, index) as connection:
            clusters.write(connection, half.clusters, workspace)
    selection = workspace.part(half.items.selection, "all")
    if not store.exists(selection):
        with connect(store, index) as connection:
            read_only(connection, store)
            made = select(connection, half.candidates, half.items.key, half.predicates)
        kept = made.filter(pc.is_null(made.column("removed_by")))
        hours = math.fsum(kept.column("duration").to_pylist()) / 3600
        names = json.dumps([predicate.name for predicate in half.predicates])
        notes = part_notes(len(made), len(kept), len(made) - len(kept), hours)
        store.write_part(selection, made, {**notes, "predicates": names})
    planned = workspace.part(half.items.plan, "all")
    if not store.exists(planned):
        with connect(store, index) as connection:
            made = plan(connection, half.planned, half.items.plan, recipe.seed, half.params)
        store.write_part(planned, made, part_notes(len(made), len(made), 0, 0.0))


def training_shards(half: Half, workspace: Workspace) -> list[Shard]:
    table = workspace.store.read_part(workspace.part(half.items.plan, "all"))
    return [Shard(name, name) for name in table.column("training_shard").unique().to_pylist()]


def check_predicates(recipe: Recipe, found: Sequence[Half], store: Store) -> None:
    """Refuse a selection that does not run, before any work, on empty tables."""
    with connect(store, Index(recipe.identity, recipe.hash, recipe.seed, ())) as empty:
        read_only(empty, store)
        for half in found:
            for predicate in half.predicates:
                check_predicate(empty, half.items.select_key, half.items.view, predicate)


def _note_passed_over(work: _Work, store: Store) -> None:
    """What of the corpora no unit reads, as a part beside those of the clips; where it changed, the run is not done."""
    out = place(store.url)
    for lot in work.lots:
        source = lot.chain.source
        if not source.folders:
            continue
        found = ((name, passed_over(root, name, lot.units, out)) for name, root in source.folders.items())
        made = to_table("passed_over", ({"corpus": name, **asdict(each)} for name, files in found for each in files))
        part = part_name("passed_over", lot.place.fingerprint(source.tables[-1]), "all")
        if not store.exists(part) or not store.read_part(part).equals(made):
            store.remove(finished.FINISHED)
            store.write_part(part, made, {})


def _note_run(store: Store, recipe: Recipe, half: Half, ledger: Sequence[Row]) -> None:
    """One row of `runs` per stage and fingerprint that committed something."""
    versions = json.dumps({name: version(name) for name in PACKAGES} | {"python": platform.python_version()})
    rows = []
    for stage, fingerprint in dict.fromkeys((row["stage"], row["fingerprint"]) for row in ledger):
        mine = [row for row in ledger if (row["stage"], row["fingerprint"]) == (stage, fingerprint)]
        rows.append(
            {
                "recipe": recipe.hash,
                "stage": stage,
                "fingerprint": fingerprint,
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


def _finish(store: Store, index: Index, recipe: Recipe, found: Sequence[Half]) -> Summary:
    """Write the card, prove that nothing was lost, and say that the dataset is done; pieces, which only a run under way
    needs, go before."""
    store.remove_all(store.names(PIECES))
    with connect(store, index) as connection:
        leaks = _leaks(connection, recipe, found)
        files = write_card(store, index, connection, leaks)
        if one_row(connection, "SELECT count(*) FROM dialogue_samples")[0]:
            telling_page(store)
            files.append(PAGE)
        else:
            store.remove(PAGE)
        problems = check_ledger(connection)
        if problems:
            raise RuntimeError(f"items were lost, which is a bug in Turnmill: {'; '.join(problems)}")
        summary = summarised(store, index, connection, leaks)
    finished.save(store, index, files, summary)
    return summary


def _leaks(connection: duckdb.DuckDBPyConnection, recipe: Recipe, found: Sequence[Half]) -> list[str]:
    entries = {"speech": [source.entry for source in recipe.sources]}
    of_each = (parents.leaks(connection, half.planned, half.items.plan, entries.get(half.name, ())) for half in found)
    return [leak for each in of_each for leak in each]


def _check_rejects(store: Store, summary: Summary, max_reject_ratio: float | None) -> None:
    for step in (step for funnel in summary.funnels for step in funnel.steps):
        if max_reject_ratio is not None and step.items_in and step.rejected / step.items_in > max_reject_ratio:
            raise TurnmillError(
                f"{step.stage} rejected {step.rejected} of {step.items_in} items, more than --max-reject-ratio "
                f'{max_reject_ratio}; turnmill query {store.url} "SELECT * FROM rejects" says why'
            )


def _check_made(store: Store, summary: Summary) -> None:
    """Refuse to call a half done that has no sample, and say where all of it went."""
    for half in (made.half for made in summary.made if not made.samples):
        steps = (step for funnel in summary.halves if funnel.half == half for step in funnel.steps)
        losses = [(step.stage, loss) for step in steps for loss in step.losses if loss.items]
        went = ", ".join(f"{stage} took {loss.items:,} ({loss.name})" for stage, loss in losses)
        raise TurnmillError(
            f"nothing is left of the {half} half: {went or 'it had no item'}; turnmill query {store.url} "
            '"SELECT * FROM rejects" says why of each that was rejected'
        )
