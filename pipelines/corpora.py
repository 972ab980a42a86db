"""The corpora that a recipe names, and what it says of them besides the catalogue."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.sources import catalogue
from turnmill.sources.catalogue import Entry
from turnmill.sources.places import Place, PlaceKey


@dataclass(frozen=True)
class NamedCorpus:
    """A corpus that a recipe names: its entry in the catalogue, and where it lies, where it says so."""

    entry: Entry
    root: Place | None

    def reads_as(self, other: "NamedCorpus") -> bool:
        """Whether both find the same clips: in one folder, however it is named, by the same knobs."""
        if self.root is None or other.root is None or self.entry.ingest != other.entry.ingest:
            return False
        return self.root.address == other.root.address


class CorpusParams(Params):
    """A corpus of several."""

    corpus: str | dict[str, Any] = Field(
        description="name in the catalogue, a file of an entry of your own (./my-corpus.yaml), or the entry itself"
    )
    root: PlaceKey | None = Field(default=None, description="folder of the corpus, or its URL")
    entry: dict[str, Any] = Field(default={}, description="what is otherwise than in the catalogue, such as `lang`")

    def read(self, where: str) -> NamedCorpus:
        """The corpus. UsageError, beginning with the recipe's key `where`, for one that is not there."""
        entry = catalogue.load(self.corpus, where)
        if self.entry:
            entry = catalogue.override(entry, self.entry, f"{where.removesuffix('corpus')}entry")
        check_trains(entry, where)
        return NamedCorpus(entry, self.root)


def check_trains(entry: Entry, where: str) -> None:
    """Raise UsageError, beginning with the recipe's key, for a corpus that nobody trains on: there is nothing of it to
    ingest, or models are judged on it."""
    if entry.ingest is None:
        raise UsageError(f"{where}: {entry.name}: there is nothing to ingest: {entry.nothing}")
    if entry.eval_only:
        raise UsageError(
            f"{where}: {entry.name}: models are judged on it, so nothing that is made of it may train one: leave it "
            "out, or say that you mean it, under `corpora` as `entry: {eval_only: false}`"
        )
