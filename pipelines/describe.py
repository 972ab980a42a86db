"""What a recipe would do and take (`--dry-run`), and which recipes there are. Nothing is made here."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turnmill.manifests.store import Store, opened
from turnmill.manifests.urls import redacted
from turnmill.pipelines.cluster import check_address
from turnmill.pipelines.engine import chains
from turnmill.pipelines.output import check_ours
from turnmill.pipelines.pipeline import Chain, Half, Plan, fingerprinted, halves, shards_of
from turnmill.pipelines.pricing import Price, Quantities, price
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.run import check_predicates
from turnmill.pipelines.shipped import shipped
from turnmill.pipelines.stage import Shard, Stage, Workspace
from turnmill.sources.adapters.items import Unit


def describe_plan(recipe: Recipe, out: str, console: Console, address: str | None = None) -> None:
    """Check a recipe as a run at `address` would, then print what its texts will take, its stages, and what is already
    done."""
    check_address(address)
    store = opened(out)
    check_ours(store, recipe)
    found = halves(recipe, store)
    check_predicates(recipe, found, store)
    console.print(f"[bold]{recipe.name}[/] into {redacted(store.url)}, recipe {recipe.hash}", highlight=False)
    work = [(half, [_sources(half, chain, console) for chain in half.chains]) for half in found]
    for half, given in work:
        if half.scripts is not None:
            print_price(price(recipe, half.scripts, given[0][1]), recipe, console)
    # After the price, for texts are often priced where the engine is not.
    for stage in (stage for half in found for stage in half.stages):
        stage.check()
        if address is None:
            stage.check_here()
    for half, given in work:
        here = tuple(replace(chain, labels=tuple(_here(chain)[1:])) for chain in half.chains)
        plan = fingerprinted(replace(half, chains=here), [one for shards, _ in given for one in shards], recipe.seed)
        _print_stages(half, plan, [shards for shards, _ in given], store, console)


def _here(chain: Chain) -> list[Stage]:
    """The first stages of a chain, up to one whose model is not on this machine."""
    return list(takewhile(lambda stage: stage.unfetched() is None, chain.stages))


def _sources(half: Half, chain: Chain, console: Console) -> tuple[list[Shard], list[Unit]]:
    """The shards and units of a chain. Raises UsageError where its sources are not there."""
    chain.source.check()
    if chain.source.generated is not None and not chain.source.generated.exists():
        console.print(f"\n{half.name}: its corpus is spoken at the start of the run")
        return [], []
    return shards_of(chain)


def _print_stages(half: Half, plan: Plan, given: Sequence[Sequence[Shard]], store: Store, console: Console) -> None:
    """`plan` has the fingerprints of the stages whose models are here, `given` the shards of each chain."""
    table = Table("stage", "worker", "reads", "writes", "fingerprint", "done", box=None, title=half.name)
    for place, (chain, shards) in enumerate(zip(half.chains, given, strict=True)):
        workspace = plan.workspace(store, place)
        for number, stages in enumerate(chains(chain.stages)):
            for stage in stages:
                name = f"{chain.corpus}: {stage.name}" if len(half.chains) > 1 else stage.name
                row = (name, f"pool {number}", ", ".join(stage.needs), ", ".join(stage.tables))
                table.add_row(*row, *_standing(stage, workspace, shards))
    for writer in half.writers:
        table.add_row(writer.name, "pool", ", ".join(writer.needs), f"{writer.folder}/", "", "")
    console.print(table)
    for remark in filter(None, dict.fromkeys(stage.remark() for stage in half.stages)):
        console.print(f"  {remark}", markup=False, highlight=False, soft_wrap=True)
    for model in filter(None, dict.fromkeys(stage.unfetched() for stage in half.stages)):
        console.print(f"  {model} is fetched at the start of the run", markup=False, highlight=False, soft_wrap=True)
    for predicate in half.predicates:
        console.print(
            f"  {half.items.select_key} {predicate.name}: {predicate.keep}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _standing(stage: Stage, workspace: Workspace, shards: Sequence[Shard]) -> tuple[str, str]:
    """Fingerprint, and how many shards are done; nothing where a model that is not here decides on it."""
    commit = stage.tables[-1]
    if not workspace.has(commit):
        return "", ""
    prefix = f"{commit}/{workspace.fingerprint(commit)}"
    present = set(workspace.store.names(prefix)) if workspace.store.exists(prefix) else set()
    done = sum(workspace.part(commit, shard.key) in present for shard in shards)
    return workspace.fingerprint(commit), f"{done} of {len(shards)}"


def print_price(priced: Price, recipe: Recipe, console: Console) -> None:
    """A table of the texts, and a line for each thing that they cost."""
    table = Table(box=None, title="what the texts will take")
    for column in ("text", "dialogues", "kept", "turns", "lines", "characters", "spoken", "simulated"):
        table.add_column(column, justify="left" if column == "text" else "right")
    rows = [*priced.by_text.items(), *([("all", priced.total)] if len(priced.by_text) > 1 else [])]
    for name, found in rows:
        table.add_row(name, *_figures(found, priced.takes))
    console.print(table)
    total = priced.total
    reasons = sorted(total.rejected.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{reason}: {count:,.0f} rejected" for reason, count in reasons]
    takes = f" in {priced.takes} takes" if priced.takes > 1 else ""
    lines.append(f"audio: {_hours(priced.speech_hours)} to speak, {_hours(priced.dialogue_hours)} of dialogues{takes}")
    if priced.gpu_hours is not None:
        factor = recipe.pricing.real_time_factor
        lines.append(f"GPU: {_hours(priced.gpu_hours)} at pricing.real_time_factor {factor:g}, one try a line")
    lines.append(f"disk: {_size(priced.lake_bytes)} in the lake, {_size(priced.shard_bytes)} of training shards")
    if recipe.script.rewrite is not None:
        cost = "no price is given" if priced.cost is None else f"cost {priced.cost:,.2f}"
        sent, said = total.prompt_tokens, total.completion_tokens
        lines.append(f"rewrite: {sent:,.0f} prompt tokens, {said:,.0f} completion tokens, {cost}; one answer a task")
    read = "all were read" if priced.sampled >= total.dialogues else f"from a sample of {priced.sampled:,}"
    removed = "verify" if recipe.script.rewrite is None else "the rewrite, verify"
    lines.append(f"figures: {read}; before what {removed} and select_dialogues remove")
    for line in lines:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _figures(found: Quantities, takes: int) -> list[str]:
    counts = (found.dialogues, found.kept, found.turns, found.lines, found.characters)
    hours = (found.speech_s / 3600, found.dialogue_s * takes / 3600)
    return [*(f"{count:,.0f}" for count in counts), *map(_hours, hours)]


def _hours(hours: float) -> str:
    return f"{hours:,.{0 if hours >= 100 else 1 if hours >= 1 else 3}f} h"


def _size(n_bytes: float) -> str:
    for unit in ("kB", "MB", "GB"):
        n_bytes /= 1000
        if n_bytes < 1000:
            return f"{n_bytes:.1f} {unit}"
    return f"{n_bytes / 1000:,.2f} TB"


def describe_recipes(console: Console) -> None:
    """One line per recipe that comes with Turnmill."""
    found = shipped()
    width = max(len(recipe.name) for recipe in found)
    for recipe in found:
        console.print(f"[bold]{recipe.name:{width}}[/]  {escape(recipe.summary)}", highlight=False, soft_wrap=True)
    console.print("`turnmill run NAME` runs one, `turnmill init NAME` copies it to edit.", highlight=False)
