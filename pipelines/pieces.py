"""Pieces of a part that takes long to make, so that a kill loses less than a minute of a model's work.

A stage whose shard costs a model minutes does it in *steps*, the same ones in the same order in every run. What a step
gave is kept in the dataset folder, several steps a file, and given again, instead of the work, when the shard is taken
up once more. Which steps share a file depends on the clock; nothing else does, and the files go when the part is there.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Final

from manifests.store import Store

PIECES: Final = "pieces"
"""The folder of all pieces; nothing of it is left when a run is complete."""
KEEP_S: Final = 20.0
"""After so many seconds of work what was done is kept, at the end of a step: the larger, the more is lost; the smaller,
the more files an object store is sent."""

Json = Any


class Pieces:
    """The steps of one shard in one stage: `folder` is theirs alone."""

    def __init__(self, store: Store, folder: str, keep_s: float = KEEP_S) -> None:
        self._store, self._folder, self._keep_s = store, folder, keep_s
        self._names = store.names(folder)
        self._earlier: list[Json] = []
        for name in self._names:
            if name == self._name(len(self._earlier)):  # else it is of a worker that was thought dead, and went on
                self._earlier += json.loads(store.read(name))
        self._earlier.reverse()
        self.kept = self._saved = len(self._earlier)  # steps
        self._made: list[Json] = []
        self._since = time.monotonic()

    def step(self, work: Callable[[], Json]) -> Json:
        """What `work` gives, a JSON value, or gave when an earlier worker came to this step."""
        if self._earlier:
            self._since = time.monotonic()
            return self._earlier.pop()
        self._made.append(made := work())
        if time.monotonic() - self._since >= self._keep_s:
            name = self._name(self._saved)
            self._store.write(name, json.dumps(self._made, ensure_ascii=False).encode())
            self._names.append(name)
            self._saved += len(self._made)
            self._made, self._since = [], time.monotonic()
        return made

    def remove(self) -> None:
        """The part is there: what it was made of may go."""
        for name in self._names:
            self._store.remove(name)

    def _name(self, first_step: int) -> str:
        return f"{self._folder}/{first_step:08d}.json"
