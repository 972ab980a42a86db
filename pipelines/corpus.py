"""A corpus, from Python: what it holds, without a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.records import Reject
from turnmill.pipelines.stages.ingest import IngestParams
from turnmill.sources.adapters.base import ClipRef, Unit, adapter_for
from turnmill.sources.audio import cut, read
from turnmill.sources.catalogue import Entry, load


@dataclass(frozen=True)
class Corpus:
    """A corpus of the catalogue, in the folder `root`."""

    entry: Entry
    root: Path

    def clips(self, keep_untranscribed: bool = True) -> Iterator[ClipRef | Reject]:
        """Each clip once, with what the corpus says of it, or why it is none. No audio is opened. Raises UsageError
        where `root` holds no such corpus."""
        for unit in self._units():
            yield from adapter_for(self.entry).read(self.root, self.entry, unit, keep_untranscribed)

    def _units(self) -> list[Unit]:
        sizes = IngestParams()
        return adapter_for(self.entry).units(self.root, self.entry, sizes.unit_clips, sizes.unit_bytes)

    def audio(self, clip: ClipRef) -> tuple[NDArray[np.float32], int]:
        """A clip's audio, float32 [channels, samples] with full scale at 1.0, and its sample rate in Hz. Raises
        AudioError, with the reason that a run would reject it for, and OSError."""
        with (self.root / clip.path).open("rb") as file:
            sound = read(file, clip.path).sound
            first = round((clip.start or 0.0) * sound.sample_rate)
            last = sound.frames if clip.end is None else round(clip.end * sound.sample_rate)
            blocks = list(cut(sound, first, last, clip.channel).blocks())
        return np.concatenate(blocks, axis=1), sound.sample_rate


def open_corpus(name: str, root: str | Path) -> Corpus:
    """A corpus of the catalogue (`turnmill sources`) by its name, and the folder it lies in. "files" is any folder of
    audio. UsageError, naming near names, for a name that the catalogue does not have."""
    return Corpus(load(name), Path(root))
