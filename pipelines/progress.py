"""How far each stage of a run is."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console

from turnmill.manifests.terminal import terminal
from turnmill.manifests.wording import plural
from turnmill.pipelines.board import Board, Standing, counted
from turnmill.pipelines.engine import Tell
from turnmill.pipelines.run import Step, Watcher
from turnmill.pipelines.watch import Stand


def watcher(console: Console) -> Watcher:
    """What `run` is given to show how far each stage is."""

    @contextmanager
    def watch(step: Step) -> Iterator[Tell]:
        started = time.monotonic()
        names = ", ".join(stage.name for stage in step.stages)
        if not console.is_terminal:
            console.print(f"{step.of}: {names}: {plural(step.total, 'shard')}", markup=False, highlight=False)
        last: dict[str, Stand] = {}
        board = Board(console)

        def tell(stands: Mapping[str, Stand]) -> None:
            last.update(stands)
            board.show(step.of, {stage.name: _standing(step, stage.name, stage.items, last) for stage in step.stages})

        with board.shown():
            tell({})
            yield tell
        if not console.is_terminal:
            seconds = time.monotonic() - started
            done = ", ".join(f"{s.name} {counted(last[s.name].items, s.items)}" for s in step.stages if s.name in last)
            text = f"{step.of}: done in {seconds:.1f} s: {done}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    return watch


def progress() -> Watcher:
    """The same for who runs a recipe from Python: `run(recipe, out, watch=progress())`."""
    return watcher(terminal())


def _standing(step: Step, stage: str, unit: str, stands: Mapping[str, Stand]) -> Standing:
    stand = stands.get(stage, Stand())
    return Standing(stand.items, min((step.done.get(stage, 0) + stand.shards) / step.total, 1.0), unit)
