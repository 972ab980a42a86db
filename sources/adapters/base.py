"""What every adapter gives: units of work, and for each unit its clips and rejects.

An adapter is a module with two functions, `units` and `read`. It never decodes audio, and opens a file only where its
ending does not tell what it is: a bad file is met, and rejected, by whoever decodes it. The promise both keep together:
each audio file below the root and each table row is yielded by exactly one unit, exactly once, as a clip or a reject.
What is neither is counted (`passed_over`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reject
from turnmill.sources.adapters import files, table
from turnmill.sources.adapters.items import ClipRef, Unit
from turnmill.sources.catalogue import Entry

__all__ = ["Adapter", "ClipRef", "Unit", "adapter_for"]


class Adapter(Protocol):
    """A family of corpora: modules of this folder are adapters."""

    def units(self, root: Path, entry: Entry, unit_clips: int, unit_bytes: int) -> list[Unit]:
        """Split a corpus: a unit ends with the clip that fills `unit_clips`, or `unit_bytes` of audio files.

        Raises UsageError when `root` holds no such corpus.
        """

    def read(self, root: Path, entry: Entry, unit: Unit, keep_untranscribed: bool) -> Iterator[ClipRef | Reject]:
        """Each item of a unit. With `keep_untranscribed`, audio without a transcript is a clip whose text is null."""


_FAMILIES: dict[str, Adapter] = {"table": table, "files": files}


def adapter_for(entry: Entry) -> Adapter:
    """The adapter of an entry's family. Raises UsageError for a family that has no audio."""
    if entry.ingest.family not in _FAMILIES:
        raise UsageError(f"{entry.name} is a {entry.ingest.family} source, not audio: name it under `texts`")
    return _FAMILIES[entry.ingest.family]
