"""A corpus, from Python: what it holds, without a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import read
from turnmill.manifests.records import Licence, Reject
from turnmill.sources.adapters.items import ClipRef
from turnmill.sources.catalogue import Entry, load
from turnmill.sources.cutting import clip_of
from turnmill.sources.places import Place, place


@dataclass(frozen=True)
class Corpus:
    """A corpus of the catalogue, in the folder or URL `root`."""

    entry: Entry
    root: Place

    def clips(self, keep_untranscribed: bool = True) -> Iterator[ClipRef | Reject]:
        """Each clip once, with what the corpus says of it, or why it is none. No audio is opened. Raises UsageError
        where `root` holds no such corpus."""
        yield from self.entry.corpus(self.root, keep_untranscribed=keep_untranscribed).items()

    def licence(self, clip: ClipRef) -> Licence:
        """What may be done with a clip: its own licence or that of the corpus, whichever is stricter."""
        return self.entry.corpus(self.root).licence_of(clip)

    def audio(self, clip: ClipRef) -> tuple[NDArray[np.float32], int]:
        """A clip's audio, float32 [channels, samples] with full scale at 1.0, and its sample rate in Hz. Raises
        AudioError, with the reason that a run would reject it for, and OSError."""
        with self.entry.corpus(self.root).audio(clip) as file:
            sound = read(file, clip.path).sound
            blocks = list(clip_of(clip, sound).blocks())
        return np.concatenate(blocks, axis=1), sound.sample_rate


def open_corpus(name: str, root: str | Path) -> Corpus:
    """A corpus of the catalogue (`turnmill sources`) by its name, and the folder or URL it lies in. "files" is any
    folder of audio. UsageError, naming near names, for a name that the catalogue does not have."""
    return Corpus(load(name), place(root))
