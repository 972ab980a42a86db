"""What the sources looked like when shards were made of them: `seen/<fingerprint>.json`, one file for all shards of a
half. It tells times and hosts, so it lies beside the parts and never in one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from turnmill.manifests.records import stable_hash
from turnmill.manifests.store import Store
from turnmill.pipelines.stage import Shard
from turnmill.sources.adapters.items import Unit
from turnmill.sources.places.place import Stamp

Stamps = Callable[[Sequence[str]], Mapping[str, Stamp]]


@dataclass(frozen=True)
class Seen:
    """How every shard's sources look `now`, and looked `before`: shard key -> digest of what the adapter said of the
    unit, and of its files' sizes and times. Empty before a first run."""

    name: str
    now: Mapping[str, str]
    before: Mapping[str, str]

    @property
    def changed(self) -> frozenset[str]:
        """Keys of the shards whose sources changed, came or went away."""
        keys = self.now.keys() | self.before.keys()
        return frozenset(key for key in keys if self.now.get(key) != self.before.get(key))

    def remember(self, store: Store) -> None:
        """Write how they look now, whole or not at all. Call it only when nothing of a changed shard is left: killed
        before it, a run finds the same shards changed again; killed after it, there is no part of an older look."""
        store.write(self.name, json.dumps(self.now, indent=0, sort_keys=True).encode())


def look(fingerprint: str, shards: Sequence[Shard], units: Sequence[Unit], stamps: Stamps, store: Store) -> Seen:
    """Look at the files of all units. `fingerprint` is that of the stage that reads them, `stamps` tells how files
    look. Raises OSError for one that went away meanwhile."""
    found = stamps(list(dict.fromkeys(file for unit in units for file in unit.files)))
    now = {}
    for shard, unit in zip(shards, units, strict=True):
        looks = [(file, *found[file]) for file in unit.files]
        now[shard.key] = stable_hash(json.dumps([unit.spec, looks], sort_keys=True), size=16)
    name = f"seen/{fingerprint}.json"
    return Seen(name, now, _read(store, name))


def _read(store: Store, name: str) -> dict[str, str]:
    """Of a damaged file nothing is known: all shards are made again."""
    try:
        return dict(json.loads(store.read(name))) if store.exists(name) else {}
    except (ValueError, TypeError):
        return {}
