"""Where text reaches a terminal. Names, texts and reasons come from data, and may hold what a terminal obeys."""

import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from turnmill.manifests.wording import visible


class _Visible(Console):
    """Shows what a terminal would obey; its own colours and cursor movements are no text and stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def terminal(file: TextIO | None = None, width: int | None = None) -> Console:
    """The console that commands print to: standard output, or a file."""
    return _Visible(file=file, width=width)


def tell(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print a text, on standard error where it is one."""
    print(visible(text), end=end, file=sys.stderr if error else sys.stdout)
