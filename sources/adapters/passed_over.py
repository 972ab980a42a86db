"""What lies below a corpus root and is nothing to us: counted, so that nothing is passed over in silence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from turnmill.sources.adapters.folder import ending, list_folder
from turnmill.sources.adapters.items import Unit
from turnmill.sources.places.place import Place


@dataclass(frozen=True)
class PassedOver:
    """Files of one ending (lower case, with its dot; empty for none) that no unit reads. `size`: bytes of all."""

    ending: str
    hidden: bool
    files: int
    size: int


def passed_over(root: Place, corpus: str, units: Iterable[Unit], out: Place | None) -> list[PassedOver]:
    """The files below a root that none of its units reads, in order. `out`: the output folder, no part of the corpus
    though it lie in it."""
    folder = list_folder(root, corpus)
    read = {file for unit in units for file in unit.files}
    own = None if out is None else root.below(out)
    counts: Counter[tuple[str, bool]] = Counter()
    sizes: Counter[tuple[str, bool]] = Counter()
    for files, hidden in ((folder.sizes, False), (folder.hidden, True)):
        for path, size in files.items():
            if path in read or (own is not None and path.startswith(f"{own}/")):
                continue
            counts[ending(path), hidden] += 1
            sizes[ending(path), hidden] += size
    return [PassedOver(*key, counts[key], sizes[key]) for key in sorted(counts)]
