"""`index.json`: which stages, at which fingerprints, a dataset folder was made by. Views read those parts only."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from turnmill.manifests.errors import UsageError
from turnmill.manifests.schema import SHARDS
from turnmill.manifests.store import Store

INDEX = "index.json"
RECIPE = "recipe.yaml"  # the resolved recipe, beside it


@dataclass(frozen=True)
class StageEntry:
    """One stage of the recipe. The last of `tables` is its commit: a shard is done when that part can be seen."""

    name: str
    fingerprint: str
    half: str  # "speech" | "dialogue"
    tables: tuple[str, ...]
    items: str  # what it counts: clips, dialogues, lines
    corpus: str | None = None  # of stages whose shards are those of one corpus

    @property
    def commit(self) -> str:
        return self.tables[-1]

    @property
    def shards(self) -> str:
        """Where the training shards lie that it writes."""
        return f"{SHARDS}/{self.fingerprint}"


@dataclass(frozen=True)
class Index:
    """The current state of a dataset folder, in pipeline order. Holds no time and no host: same recipe, same bytes."""

    recipe_name: str
    recipe_hash: str
    seed: int
    stages: tuple[StageEntry, ...]

    def makers(self, table: str) -> tuple[StageEntry, ...]:
        """The stages that write a table: one for each corpus; none where this recipe does not make it."""
        return tuple(stage for stage in self.stages if table in stage.tables)

    def maker(self, table: str) -> StageEntry | None:
        """The one stage that writes a table of all corpora, or None where this recipe does not make it."""
        return next(iter(self.makers(table)), None)

    def save(self, store: Store) -> None:
        """Write it, whole or not at all."""
        store.write(INDEX, (json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, store: Store) -> "Index":
        """Read it. UsageError where the folder is not an output of Turnmill or its index is damaged."""
        if not store.exists(INDEX):
            raise UsageError(
                f"{store.url} is not an output folder of Turnmill (it has no {INDEX}): "
                f"name the folder given to --out, or make one with `turnmill run RECIPE --out {store.url}`"
            )
        try:
            return _parse(json.loads(store.read(INDEX)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UsageError(
                f"{store.url}/{INDEX} is damaged ({error}): run the recipe again, which rewrites it and keeps the parts"
            ) from error


def _parse(found: Mapping[str, Any]) -> Index:
    stages = tuple(StageEntry(**{**stage, "tables": tuple(stage["tables"])}) for stage in found["stages"])
    return Index(**{**found, "stages": stages})
