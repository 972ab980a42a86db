"""Pieces of a part that takes long to make, so that a kill loses little of a model's work.

A stage whose shard costs a model minutes does it in *steps*. What a step gave is kept in the dataset folder, several
steps a file, and given again, instead of the work, when the shard is taken up once more. Which steps share a file
depends on the clock; nothing else does, and the files go when the part is there.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from turnmill.manifests.store import Store

PIECES: Final = "pieces"
"""The folder of all pieces; nothing of it is left when a run is complete."""
KEEP_S: Final = 20.0
"""After so many seconds of work what was done is kept, at the end of a step: the larger, the more is lost; the smaller,
the more files an object store is sent."""

Json = Any


class Pieces:
    """The steps of one shard in one stage: `folder` is theirs alone.

    A step is known by its key, which names all that it works on: where the steps of a rerun are others (an item was
    rejected in the meantime, a batch has another size), those that are the same are given, and no other.
    """

    def __init__(self, store: Store, folder: str, keep_s: float = KEEP_S) -> None:
        self._store, self._folder, self._keep_s = store, folder, keep_s
        self._names = store.names(folder)
        self._earlier: dict[str, Json] = {}
        for name in self._names:
            with suppress(ValueError, TypeError):  # a damaged one is not there
                self._earlier |= json.loads(store.read(name))
        self._made: dict[str, Json] = {}
        self._since = time.monotonic()

    def has(self, key: str) -> bool:
        """Whether an earlier worker did this step."""
        return key in self._earlier

    def step(self, key: str, work: Callable[[], Json], lasts: Callable[[Json], bool] = lambda _: True) -> Json:
        """What `work` gives, a JSON value, or gave when an earlier worker did this step; what does not last is not kept
        for a later one."""
        if key in self._earlier:
            self._since = time.monotonic()
            return self._earlier.pop(key)
        made = work()
        if lasts(made):
            self._made[key] = made
        if time.monotonic() - self._since >= self._keep_s:
            name = f"{self._folder}/{len(self._names):06d}-{key}.json"
            self._store.write(name, json.dumps(self._made, ensure_ascii=False).encode())
            self._names.append(name)
            self._made, self._since = {}, time.monotonic()
        return made

    def remove(self) -> None:
        """The part is there: what it was made of may go."""
        for name in self._names:
            self._store.remove(name)
