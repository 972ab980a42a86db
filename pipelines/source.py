"""A source: the first stage of a half, which knows the units that its shards are made of."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from turnmill.pipelines.stage import Stage
from turnmill.sources.adapters.items import Unit
from turnmill.sources.places.place import Place, Stamp


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
    def stamps(self, files: Sequence[str]) -> Mapping[str, Stamp]:
        """How files of units look now. Raises OSError for one that went away."""

    @property
    def folders(self) -> Mapping[str, Place]:
        """The folders that its corpora fill, by their names: what lies there and no unit reads is counted."""
        return {}

    @property
    def generated(self) -> Path | None:
        """The folder in which its corpus is made at the start of a run; null where it is there already."""
        return None
