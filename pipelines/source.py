"""A source: the first stage of a half, which knows the units that its shards are made of."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from turnmill.pipelines.stage import Stage
from turnmill.sources.adapters.items import Unit


class Source(Stage):
    """A stage that nothing comes before."""

    @property
    @abstractmethod
    def corpus(self) -> str:
        """What its units are of: with a unit's name it makes the key of a shard."""

    @abstractmethod
    def units(self) -> list[Unit]:
        """What there is, in units. Raises UsageError where there is nothing."""

    @abstractmethod
    def located(self, file: str) -> Path:
        """Where a file of a unit is."""

    @property
    def folders(self) -> Mapping[str, Path]:
        """The folders that its corpora fill, by their names: what lies there and no unit reads is counted."""
        return {}

    @property
    def generated(self) -> Path | None:
        """The folder in which its corpus is made at the start of a run; null where it is there already."""
        return None
