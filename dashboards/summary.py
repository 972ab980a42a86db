"""What a run made, and how far one is: for a person at a terminal, or as plain lines in a log."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnmill.manifests.funnel import Funnel, funnels
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural

_BAR = 24  # characters of the longest bar
_MADE = {"speech": ("clip", " of speech"), "dialogue": ("two-channel dialogue", "")}
_COLOUR = {"speech": "cyan", "dialogue": "yellow"}


@dataclass(frozen=True)
class Made:
    """What lies ready in the training shards of one half."""

    half: str
    samples: int
    hours: float
    shards: int
    size: int  # bytes


@dataclass(frozen=True)
class Summary:
    """What the end of a run tells of the dataset: what was made, what was lost and why, the files that were passed over
    (ending, how many), the events (kind, how many), and what is, or may be, in two splits, a sentence each."""

    made: tuple[Made, ...]
    funnels: tuple[Funnel, ...]
    passed_over: tuple[tuple[str, int], ...]
    events: tuple[tuple[str, int], ...]
    leaks: tuple[str, ...]

    @property
    def halves(self) -> tuple[Funnel, ...]:
        """The funnels of whole halves."""
        return tuple(funnel for funnel in self.funnels if funnel.corpus is None)


def summarised(store: Store, index: Index, connection: duckdb.DuckDBPyConnection, leaks: Sequence[str] = ()) -> Summary:
    """The summary of a dataset, over `manifests.query.connect`, with the leaks that were found in it."""
    events = connection.execute(
        """SELECT kind, count(*) FROM events SEMI JOIN dialogue_samples ON dialogue = uid
           GROUP BY kind ORDER BY 2 DESC, kind"""
    ).fetchall()
    return Summary(
        tuple(made(store, index, connection)),
        tuple(funnels(connection)),
        tuple(passed_over(connection)),
        tuple(events),
        tuple(leaks),
    )


def made(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[Made]:
    """What each half of the recipe made; a half without samples has zeros."""
    found = []
    for half, items in HALVES.items():
        table = items.samples
        maker = index.maker(table)
        if maker is None:
            continue
        count, hours, shards = connection.execute(
            f"SELECT count(*), hours_of(duration), count(DISTINCT shard) FROM {table}"
        ).fetchall()[0]
        folder = store.path(maker.shards)
        files = store.fs.find(folder, detail=True) if shards else {}
        size = sum(info["size"] for path, info in files.items() if path.endswith(".tar"))
        found.append(Made(half, count, hours, shards, size))
    return found


def print_summary(
    found: Summary,
    store: Store,
    index: Index,
    seconds: float,
    next_commands: Sequence[tuple[str, str]],
    console: Console,
) -> None:
    """The end of a run: what was made, what was lost and why, the events, the time it took, and what to try next.

    `seconds` is the run's wall time; `next_commands` are pairs of a word and a command line.
    """
    console.print()
    _line(console, Text.assemble((index.recipe_name, "bold"), f" is ready in {store.url}"))
    for half in found.made:
        word, rest = _MADE[half.half]
        what = Text.assemble(
            "  ",
            (f"{plural(half.samples, word)}{rest}", f"bold {_COLOUR[half.half]}"),
            f", {_duration(half.hours * 3600)} of audio, in {plural(half.shards, 'shard')}",
            f" ({half.size / 1e6:,.1f} MB)",
        )
        _line(console, what)
    for losses in found.funnels:
        _print_funnel(losses, console)
    _print_passed_over(found.passed_over, console)
    _print_events(found.events, console)
    for leak in found.leaks:
        console.print()
        _line(console, Text.assemble(("Splits: ", "bold red"), leak))
    console.print()
    _line(console, Text(f"Took {_duration(seconds)}."))
    if next_commands:
        console.print()
        _line(console, Text("Next", "bold"))
        width = max(len(word) for word, _ in next_commands)
        for word, command in next_commands:
            _line(console, Text.assemble("  ", (word.ljust(width), "dim"), "  ", (command, "green")))


def print_status(store: Store, index: Index, console: Console) -> None:
    """How far each stage is: shards done of those known to come, items, rejects, hours of audio, rate, funnel."""
    connection = connect(store, index)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("stage", overflow="fold")
    for name in ("shards", "items in", "rejected", "audio", "items/s", "x real time"):
        table.add_column(name, justify="right")
    last = None
    for corpus, stage, half, shards, total, items, rejected, hours, per_second, real_time in _progress(connection):
        if corpus not in (None, last):
            table.add_row(Text(corpus, "bold"))
        last = corpus
        table.add_row(
            Text(f"  {stage}" if corpus else stage, _COLOUR[half]),
            f"{shards} of {total}" if total is not None else f"{shards}",
            f"{items:,}",
            Text(f"{rejected:,}", "red" if rejected else "dim"),
            _duration(hours * 3600) if hours else "",
            f"{per_second:,.1f}" if per_second else "",
            f"{real_time:,.1f}" if real_time else "",
        )
    _line(console, Text.assemble((index.recipe_name, "bold"), f" in {store.url}"))
    console.print(table)
    for losses in funnels(connection):
        _print_funnel(losses, console)
    _print_passed_over(passed_over(connection), console)


def _progress(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[str | None, str, str, int, int | None, int, int, float, float, float]]:
    """A row per stage: its corpus, where there are several, stage, half, shards done, shards to do (None: not known
    yet), items, rejects, hours, rates.

    A label stage has as many shards as the first stage of its half or corpus; a training shard is known from the plan
    on. Rates are of the runs that committed something at the current fingerprint.
    """
    planned = " UNION ALL ".join(
        f"SELECT '{items.samples}' AS table_name, nullif(count(DISTINCT training_shard), 0) AS total FROM {items.plan}"
        for items in HALVES.values()
    )
    of_all = ", ".join(f"'{table}'" for items in HALVES.values() for table in (items.selection, items.plan))
    return connection.execute(
        f"""
        WITH done AS (
            SELECT position, count(*) AS shards, sum(items_in)::BIGINT AS items, sum(rejected)::BIGINT AS rejected,
                   sum(CAST(round(hours * 3.6e9) AS BIGINT)) / 3.6e9 AS hours
            FROM ledger GROUP BY position
        ), first AS (
            SELECT half, corpus, min(position) AS position FROM stages GROUP BY half, corpus
        ), rates AS (
            SELECT stage, fingerprint, sum(items) / sum(ended - started) AS per_second,
                   sum(hours) * 3600 / sum(ended - started) AS real_time
            FROM runs GROUP BY ALL HAVING sum(ended - started) > 0
        ), planned AS (
            {planned}
        )
        SELECT CASE WHEN (SELECT count(DISTINCT corpus) FROM stages) > 1 THEN stages.corpus END, stages.stage,
               stages.half, coalesce(done.shards, 0),
               CASE WHEN planned.table_name IS NOT NULL THEN planned.total
                    WHEN table_name IN ({of_all}) THEN 1
                    WHEN stages.position > first.position THEN begun.shards END,
               coalesce(done.items, 0), coalesce(done.rejected, 0), coalesce(done.hours, 0.0), per_second, real_time
        FROM stages LEFT JOIN first ON first.half = stages.half AND first.corpus IS NOT DISTINCT FROM stages.corpus
             LEFT JOIN planned USING (table_name)
             LEFT JOIN done ON done.position = stages.position
             LEFT JOIN done AS begun ON begun.position = first.position
             LEFT JOIN rates ON rates.stage = stages.stage AND rates.fingerprint = stages.fingerprint
        ORDER BY stages.position
        """
    ).fetchall()


def _print_funnel(found: Funnel, console: Console) -> None:
    if not found.steps:
        return
    console.print()
    _line(console, Text(f"Funnel: {found.corpus or found.half}", f"bold {_COLOUR[found.half]}"))
    losses = [loss for step in found.steps for loss in step.losses]
    most = max((loss.items for loss in losses), default=0)
    width = max(len(name) for name in [*(step.stage for step in found.steps), *(f"  {loss.name}" for loss in losses)])
    for step in found.steps:
        text = f"  {step.stage.ljust(width)} {step.items_in:>9,} in {step.items_out:>9,} out"
        _line(console, Text(f"{text}  {step.unit}".rstrip()))
        for loss in step.losses:
            bar = _bar(loss.items, most, console)
            how = "rejected" if loss.hours is None else "removed "
            name = f"    {loss.name.ljust(width - 2)} {loss.items:>9,} {how}"
            tail = f" {_duration(loss.hours * 3600)}" if loss.hours else ""
            _line(console, Text.assemble((name, "" if loss.items else "dim"), (f" {bar}", "red"), tail))


_ENDINGS = 12  # that are named; there may be one a file


def passed_over(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """How many files of the corpus are none of its audio, transcripts and tables: by ending, most first."""
    return connection.execute(
        """SELECT CASE WHEN hidden THEN 'hidden' WHEN ending = '' THEN 'without ending' ELSE ending END AS name,
                  sum(files)::BIGINT AS n
           FROM passed_over GROUP BY name ORDER BY n DESC, name"""
    ).fetchall()


def _print_passed_over(found: Sequence[tuple[str, int]], console: Console) -> None:
    if not found:
        return
    named = [f"{count:,} {name}" for name, count in found[:_ENDINGS]]
    rest = sum(count for _, count in found[_ENDINGS:])
    console.print()
    _line(console, Text(f"Passed over: {', '.join([*named, *([f'{rest:,} of other endings'] if rest else [])])}"))


def _print_events(events: Sequence[tuple[str, int]], console: Console) -> None:
    if not events:
        return
    console.print()
    _line(console, Text("Events in the dialogues", f"bold {_COLOUR['dialogue']}"))
    width, most = max(len(kind) for kind, _ in events), events[0][1]
    for kind, count in events:
        bar = _bar(count, most, console)
        _line(console, Text.assemble(f"  {kind.ljust(width)} {count:>9,} ", (bar, _COLOUR["dialogue"])))


def _bar(count: int, most: int, console: Console) -> str:
    """At least one block for anything that is there."""
    block = "█" if console.encoding.lower().startswith("utf") else "#"
    return block * max(count > 0, round(_BAR * count / most)) if most else ""


def _duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{seconds / 3600:,.2f} h"


def _line(console: Console, text: Text) -> None:
    """One line, however long: a command that is broken in two cannot be copied."""
    text.rstrip()
    console.print(text, soft_wrap=True, highlight=False)
