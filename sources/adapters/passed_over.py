"""What lies below a corpus root and is nothing to us: counted, so that nothing is passed over in silence."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from turnmill.sources.adapters.folder import ending, list_folder
from turnmill.sources.adapters.items import Unit


@dataclass(frozen=True)
class PassedOver:
    """Files of one ending (lower case, with its dot; empty for none) that no unit reads. `size`: bytes of all."""

    ending: str
    hidden: bool
    files: int
    size: int


def passed_over(root: Path, corpus: str, units: Iterable[Unit], out: str | None) -> list[PassedOver]:
    """The files below a root that none of its units reads, in order. `out`: the output folder, no part of the corpus
    though it lie in it."""
    folder = list_folder(root, corpus)
    read = {file for unit in units for file in unit.files}
    own = None if out is None else os.path.relpath(os.path.realpath(out), os.path.realpath(root)) + "/"
    counts: Counter[tuple[str, bool]] = Counter()
    sizes: Counter[tuple[str, bool]] = Counter()
    for files, hidden in ((folder.sizes, False), (folder.hidden, True)):
        for path, size in files.items():
            if path in read or (own is not None and path.startswith(own)):
                continue
            counts[ending(path), hidden] += 1
            sizes[ending(path), hidden] += size
    return [PassedOver(*key, counts[key], sizes[key]) for key in sorted(counts)]
