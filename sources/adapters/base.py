"""What a family of corpora is: its knobs, and how it finds and reads what lies under a root.

A family is a module of this folder with one class below `Family`: its fields are what the `ingest` of a catalogue entry
may say. It never decodes audio, and opens a file only where its ending does not tell what it is: a bad file is met, and
rejected, by whoever decodes it. The promise that `units` and `read` keep together: each audio file below the root, each
table row and each written dialogue is yielded by exactly one unit, exactly once, as an item or a reject. What is
neither is counted (`passed_over`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from turnmill.manifests.licences import strictest
from turnmill.manifests.params import Params
from turnmill.manifests.records import UNKNOWN_LICENCE, Licence, Reject, TextDialogue
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize
from turnmill.sources.places.place import Place

Item = TypeVar("Item", ClipRef, TextDialogue)
"""What a family reads: stretches of audio, or written dialogues."""


@dataclass(frozen=True)
class Corpus(Generic[Item]):
    """A corpus where it lies, with what is said of all of it. `root`: its folder, or its one file.

    language: of items that state none. keep_untranscribed: audio without a transcript is a clip whose text is null.
    """

    name: str
    root: Place
    family: "Family[Item]"
    licence: Licence
    language: str | None = None
    keep_untranscribed: bool = False

    def units(self, size: UnitSize) -> list[Unit]:
        """See `Family.units`."""
        return self.family.units(self, size)

    def read(self, unit: Unit) -> Iterator[Item | Reject]:
        """See `Family.read`."""
        return self.family.read(self, unit)

    def audio(self, ref: ClipRef) -> BinaryIO:
        """See `Family.audio_of`."""
        return self.family.audio_of(self, ref)

    def licence_of(self, ref: ClipRef) -> Licence:
        """What a clip is under: the stricter of its own licence and that of its corpus, which is of all that was made
        of it (selection, texts); its own alone where nobody knows that of the corpus."""
        if ref.licence is None:
            return self.licence
        return ref.licence if self.licence.spdx == UNKNOWN_LICENCE else strictest((ref.licence, self.licence))

    def audio_bytes(self, ref: ClipRef) -> int:
        """See `Family.bytes_of`."""
        return self.family.bytes_of(self, ref)

    def items(self) -> Iterator[Item | Reject]:
        """Everything that it holds, each thing once. Raises UsageError when the root holds no such corpus."""
        for unit in self.units(UnitSize()):
            yield from self.read(unit)


class Family(Params, ABC, Generic[Item]):
    """The knobs of a family, and what it makes of a corpus."""

    roles: tuple[str, ...] = Field(default=(), description="who is heard on each channel, in order: [agent, caller]")

    holds: ClassVar[Literal["audio", "text"]] = "audio"
    """What its items are: clips, or written dialogues."""

    @property
    def takes_folder(self) -> bool:
        """Whether its root is a folder, or may be."""
        return self.holds == "audio"

    @property
    def has_splits(self) -> bool:
        """Whether the corpus itself says which split an item is in."""
        return False

    @property
    def cuts(self) -> bool:
        """Whether the corpus says where in its recordings its clips begin and end."""
        return False

    @abstractmethod
    def units(self, corpus: Corpus[Item], size: UnitSize) -> list[Unit]:
        """Split a corpus, without opening audio. Raises UsageError when its root holds no such corpus."""

    @abstractmethod
    def read(self, corpus: Corpus[Item], unit: Unit) -> Iterator[Item | Reject]:
        """Each item of a unit, in order."""

    def audio_of(self, corpus: Corpus[Item], ref: ClipRef) -> BinaryIO:
        """The bytes that a clip is a stretch of, as an open file that can seek. Raises OSError, and
        TurnmillError where a store cannot be reached.

        Clips of the same `path` are stretches of the same bytes.
        """
        return corpus.root.open(ref.path)

    def bytes_of(self, corpus: Corpus[Item], ref: ClipRef) -> int:
        """How many bytes those are, as far as it is told without opening them. Raises OSError."""
        return corpus.root.size(ref.path)
