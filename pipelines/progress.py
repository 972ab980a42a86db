"""Progress of a run: a bar per stage on a terminal, plain lines otherwise. Read off the parts, not told by workers."""

import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from manifests.wording import plural
from pipelines.run import Step, Watcher
from pipelines.stage import Row

_INTERVAL_S = 0.5


def watcher(console: Console) -> Watcher:
    """What `run` is given to show how far each stage is."""
    return lambda step, rows: _bars(step, rows, console) if console.is_terminal else _lines(step, rows, console)


def _done(step: Step) -> dict[str, int]:
    """Shards of which each stage has committed its part."""
    store, prints = step.workspace.store, step.workspace.fingerprints
    return {stage.name: len(store.names(f"{t}/{prints[t]}")) for stage in step.stages for t in stage.tables[-1:]}


def _bars(step: Step, rows: Iterator[list[Row]], console: Console) -> Iterator[list[Row]]:
    columns = (
        TextColumn("{task.fields[half]:>8}"),
        TextColumn("[bold]{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("shards"),
        TimeElapsedColumn(),
    )
    over = threading.Event()
    with Progress(*columns, console=console) as progress:
        tasks = {s.name: progress.add_task(s.name, total=step.total, half=step.half) for s in step.stages}

        def update() -> None:
            for name, count in _done(step).items():
                progress.update(tasks[name], completed=count)

        def poll() -> None:
            while not over.wait(_INTERVAL_S):
                update()

        poller = threading.Thread(target=poll, daemon=True)
        poller.start()
        try:
            yield from rows
        finally:
            over.set()
            poller.join()
            update()


def _lines(step: Step, rows: Iterator[list[Row]], console: Console) -> Iterator[list[Row]]:
    started = time.monotonic()
    names = ", ".join(stage.name for stage in step.stages)
    console.print(f"{step.half}: {names}: {plural(step.total, 'shard')}", highlight=False)
    rejects = items = done = 0
    for ledger in rows:
        done += 1
        items += sum(row["items"] for row in ledger)
        rejects += sum(row["rejects"] for row in ledger)
        yield ledger
    seconds = time.monotonic() - started
    what = f"{plural(done, 'shard')} done in {seconds:.1f} s, {plural(rejects, 'reject')}"
    console.print(f"{step.half}: {names}: {what}", highlight=False)
