"""What is asked of the place where a corpus lies.

Names below a place are relative to it, POSIX; the empty name is the place itself, where that is a file.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

Stamp = tuple[int, int | str | None]
"""What tells one version of a file from another: its size in bytes, and its time of change [ns]; of an object the
ETag, hash or time that its store gives, or null."""


class UnsafeNameError(Exception):
    """A name that leads out of the place that it is looked for in."""


@dataclass(frozen=True)
class Folder:
    """What lies below a root. Paths are POSIX, relative to it, sorted by code point.

    `sizes`: bytes of each file. `hidden`: the same of those whose name, or a folder's above, begins with a dot.
    `unsafe`: links that leave the root, names that are not UTF-8 or no path and what is no file, with the reason.
    """

    root: "Place"
    sizes: dict[str, int]
    hidden: dict[str, int]
    unsafe: dict[str, str]


class Place(ABC):
    """A folder or file that is read. `str` tells it to people: it has no credential in it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part of its path."""

    @property
    @abstractmethod
    def address(self) -> tuple[str, str]:
        """Its filesystem, and its path there with links resolved."""

    @abstractmethod
    def kind(self) -> Literal["file", "folder", "other"] | None:
        """What is there now; other: a pipe or device, that may never end. Raises UsageError where nobody can tell."""

    @abstractmethod
    def listing(self) -> Folder:
        """All that lies below it now. Raises OSError, of a URL UsageError, where it cannot be listed."""

    @abstractmethod
    def target(self, path: str, listed: bool) -> str | None:
        """Where the links of a path that is not in the listing lead, relative to the place; null where that is nowhere.
        `listed`: whether its folder is. Raises UnsafeNameError where it leads out."""

    @abstractmethod
    def open(self, path: str = "") -> BinaryIO:
        """A file that can seek. Raises OSError; of a URL FileNotFoundError, and TurnmillError for all else."""

    @abstractmethod
    def read(self, path: str = "", offset: int = 0, length: int | None = None) -> bytes:
        """A stretch of a file, up to its end where no length [bytes] is given. Raises as `open` does."""

    @abstractmethod
    def size(self, path: str = "") -> int:
        """Bytes of a file. Raises as `open` does."""

    @abstractmethod
    def stamps(self, paths: Sequence[str]) -> Mapping[str, Stamp]:
        """Of each of some files. Raises as `open` does."""

    def below(self, other: "Place") -> str | None:
        """The name of another place below this one; null where it is elsewhere."""
        (there, path), (here, root) = other.address, self.address
        relative = os.path.relpath(path, root) if there == here else ".."
        return None if relative.split("/")[0] == ".." else relative


def is_hidden(path: str) -> bool:
    """Whether a name, or a folder's in it, begins with a dot."""
    return path.startswith(".") or "/." in path
