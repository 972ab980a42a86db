"""What a recipe would do (`--dry-run`), and what the catalogue knows (`turnmill sources`). Nothing runs here."""

from rich.console import Console
from rich.table import Table

from manifests.store import Store
from pipelines.engine import chains
from pipelines.pipeline import fingerprinted, halves, shards_of
from pipelines.recipe import Recipe
from pipelines.run import check_predicates
from sources.catalogue import load, names


def describe_plan(recipe: Recipe, out: str, console: Console) -> None:
    """Check a recipe as a run would, then print its stages, shards and what is already done."""
    store = Store(out)
    found = halves(recipe, store)
    check_predicates(recipe, found, store)
    for stage in (stage for half in found for stage in half.stages):
        stage.check()
    console.print(f"[bold]{recipe.name}[/] into {store.url}, recipe {recipe.hash}", highlight=False)
    for half in found:
        if half.generated and not half.source.root.exists():
            console.print(f"\n{half.name}: its corpus is spoken at the start of the run")
            shards = []
        else:
            shards = shards_of(half)[0]
        plan = fingerprinted(half, shards, recipe.seed)
        workspace = plan.workspace(store)
        table = Table("stage", "worker", "reads", "writes", "fingerprint", "done", box=None, title=half.name)
        for number, chain in enumerate(chains(half.stages)):
            for stage in chain:
                commit = stage.tables[-1]
                prefix = f"{commit}/{plan.fingerprints[commit]}"
                present = set(store.names(prefix)) if store.exists(prefix) else set()
                done = sum(workspace.part(commit, shard.key) in present for shard in shards)
                row = (stage.name, f"pool {number}", ", ".join(stage.needs), ", ".join(stage.tables))
                table.add_row(*row, plan.fingerprints[commit], f"{done} of {len(shards)}")
        table.add_row(half.write.name, "pool", ", ".join(half.write.needs), "training shards", "", "")
        console.print(table)
        for predicate in half.predicates:
            console.print(f"  select {predicate.name}: {predicate.keep}", markup=False, highlight=False, soft_wrap=True)


def describe_sources(console: Console) -> None:
    """One line per corpus of the catalogue."""
    table = Table("name", "what", "language", "hours", "licence", "access", box=None, pad_edge=False)
    for name in names():
        entry = load(name)
        hours = "" if entry.expect.hours is None else f"{entry.expect.hours:g}"
        licence = entry.licence.spdx + ("" if entry.licence.redistribute else " (not to be given on)")
        table.add_row(name, entry.title, entry.lang or "", hours, licence, entry.access.kind)
    console.print(table)


def describe_source(name: str, console: Console) -> None:
    """All that the catalogue knows of one corpus. Raises UsageError for a name it does not have."""
    entry = load(name)
    licence = entry.licence
    rights = {
        "may be given on": licence.redistribute,
        "commercial use": licence.commercial,
        "derivatives": licence.derivatives,
        "read in the licence itself": licence.verified,
    }
    console.print(f"[bold]{entry.name}[/]: {entry.title} ({entry.modality}, {entry.lang or 'any language'})")
    console.print(f"licence {licence.spdx}: " + ", ".join(f"{k}: {'yes' if v else 'no'}" for k, v in rights.items()))
    if licence.note:
        console.print(f"note: {licence.note}")
    console.print(f"access: {entry.access.kind}. {entry.access.how} {entry.access.url}".rstrip())
    expected = {k: v for k, v in entry.expect.model_dump().items() if v is not None}
    if expected:
        console.print("release: " + ", ".join(f"{k} {v}" for k, v in expected.items()), highlight=False)
    console.print(f"use: turnmill run pipelines/recipes/speech.yaml --set corpus={entry.name} --set root=FOLDER")
