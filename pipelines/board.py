"""How far long work is, in items, with rate and time left: a bar per stage on a terminal, a line every 30 s without."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from turnmill.manifests.wording import plural

LINE_S = 30.0
"""Between two lines, where there is no terminal."""


class Standing(NamedTuple):
    """How far a piece of work is: items done, the share of all that is done, and what an item is called."""

    items: int
    share: float
    unit: str


@dataclass
class Board:
    """Shows how far several pieces of work are. `console` may be a terminal or not."""

    console: Console
    _bars: Progress | None = None
    _tasks: dict[str, TaskID] = field(default_factory=dict)
    _started: dict[str, tuple[float, float]] = field(default_factory=dict)  # seconds, and the share done by then
    _said: float = field(default_factory=lambda: time.monotonic())

    @contextmanager
    def shown(self) -> Iterator["Board"]:
        if not self.console.is_terminal:
            yield self
            return
        columns = (
            TextColumn("{task.fields[label]:>8}"),
            TextColumn("[bold]{task.description:<16}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[text]}", markup=False),
        )
        with Progress(*columns, console=self.console) as self._bars:
            yield self

    def show(self, label: str, standing: Mapping[str, Standing]) -> None:
        """`standing`: by name of the work."""
        now = time.monotonic()
        texts = {name: self._text(name, stand, now) for name, stand in standing.items()}
        if self._bars is not None:
            for name, stand in standing.items():
                if name not in self._tasks:
                    self._tasks[name] = self._bars.add_task(name, total=1.0, label=label, text="")
                self._bars.update(self._tasks[name], completed=stand.share, text=texts[name])
        elif now - self._said >= LINE_S:
            self._said = now
            begun = [f"{name} {standing[name].share:.0%}, {text}" for name, text in texts.items() if text]
            told = "; ".join(begun) or "nothing is done yet"
            self.console.print(f"{label}: {told}", markup=False, highlight=False, soft_wrap=True)

    def _text(self, name: str, stand: Standing, now: float) -> str:
        """Empty until something is done."""
        since, before = self._started.setdefault(name, (now, stand.share))
        if not stand.items:
            return ""
        text = counted(stand.items, stand.unit)
        if now > since and before < stand.share < 1:
            left = (1 - stand.share) / (stand.share - before) * (now - since)
            text += f", {stand.items / (now - since):,.1f}/s, {_time(left)} left"
        return text


@contextmanager
def still_at_it(what: str, console: Console) -> Iterator[None]:
    """A line every 30 s while the block runs, for work that tells nothing of itself where there is no terminal."""
    over, started = threading.Event(), time.monotonic()

    def say() -> None:
        while not over.wait(LINE_S):
            console.print(f"{what}: {_time(time.monotonic() - started)}", markup=False, highlight=False, soft_wrap=True)

    if console.is_terminal:
        yield
        return
    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()


def counted(items: int, unit: str) -> str:
    """`unit` is a plural, as stages have it."""
    return plural(items, unit.removesuffix("s"))


def _time(seconds: float) -> str:
    """Seconds, minutes or hours, as one looks at a clock."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
