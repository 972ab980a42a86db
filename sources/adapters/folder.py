"""The files below a corpus root, and names that may not leave it."""

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from manifests.errors import UsageError

AUDIO_EXTENSIONS = frozenset(
    [
        *("3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "caf", "flac", "m4a", "mka", "mkv", "mov"),
        *("mp2", "mp3", "mp4", "oga", "ogg", "opus", "ra", "rf64", "snd", "sph", "spx", "tta", "w64", "wav", "wave"),
        *("webm", "wma", "wv"),
    ]
)


@dataclass(frozen=True)
class Folder:
    """What lies below a root. Paths are POSIX, relative to it, sorted by code point.

    `sizes`: bytes of each file. `unsafe`: links that leave the root and names that are not UTF-8, with the reason.
    """

    root: Path
    sizes: dict[str, int]
    unsafe: dict[str, str]


def list_folder(root: Path, corpus: str) -> Folder:
    """Walk a corpus root; hidden files (`.git`, AppleDouble `._x`) are no part of a corpus.

    Links to folders inside the root are not followed, for their target is walked under its own name.
    Raises UsageError when the root is not a folder that can be read.
    """
    if not root.is_dir():
        problem = "is not a folder" if root.exists() else "does not exist"
        raise UsageError(f"{corpus}: {root} {problem}: give the folder that holds the corpus as its `root`")
    sizes: dict[str, int] = {}
    unsafe: dict[str, str] = {}
    real_root = os.path.realpath(root)
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(root / prefix) as found:
                for entry in found:
                    path = prefix + entry.name
                    if entry.name.startswith("."):
                        continue
                    why = _why_unsafe(real_root, path, entry)
                    if why:
                        unsafe[os.fsencode(path).decode("utf-8", "backslashreplace")] = why
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append(path + "/")
                    elif entry.is_file():
                        sizes[path] = entry.stat().st_size
        except OSError as error:
            raise UsageError(
                f"{corpus}: {root / prefix} cannot be listed ({error.strerror}): make it readable"
            ) from error
    return Folder(root, dict(sorted(sizes.items())), dict(sorted(unsafe.items())))


def _why_unsafe(real_root: str, path: str, entry: os.DirEntry[str]) -> str:
    """Why an entry is not read; empty where it may be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if not entry.is_symlink():
        return ""
    if not is_inside(real_root, entry.path):
        return "it is a link that leaves the corpus folder"
    return "" if os.path.exists(entry.path) else "it is a link to nothing"


def is_inside(real_root: str, path: str) -> bool:
    real = os.path.realpath(path)
    return real == real_root or real.startswith(real_root.rstrip("/") + "/")


class UnsafeNameError(Exception):
    """A name that leaves the corpus folder."""


class Names:
    """Finds the files that tables name among those that are there."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._paths = set(paths)
        self._composed = {unicodedata.normalize("NFC", path): path for path in self._paths if not path.isascii()}

    def find(self, path: str) -> str | None:
        """The file as the disk spells it (NFC and NFD names are the same name; links resolved), or null.

        Raises UnsafeNameError where the name leads out of the root.
        """
        if path in self._paths:
            return path
        if "\0" in path:
            raise UnsafeNameError(f"{path!r} is not a file name")
        composed = self._composed.get(unicodedata.normalize("NFC", path))
        if composed is not None:
            return composed
        full = os.path.join(self._real_root, path)
        if not is_inside(self._real_root, full):
            raise UnsafeNameError(f"{path} leads out of the corpus folder")
        real = os.path.relpath(os.path.realpath(full), self._real_root)
        return real if real in self._paths else None


def safe_join(path: str, parts: Iterable[str]) -> str:
    """The normal form of a path relative to the root. `parts` are the table's own values in it.

    Raises UnsafeNameError when one of them is absolute or goes up a folder, for such a name is never meant.
    """
    for part in parts:
        if part.startswith("/") or ".." in part.split("/"):
            raise UnsafeNameError(f"{part!r} is absolute or goes up a folder")
    return posixpath.normpath(path)


@cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    """`**/` is any number of folders, `*` and `?` stay within a name; everything else stands for itself."""
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(tokens.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def is_audio(path: str) -> bool:
    return posixpath.splitext(path)[1][1:].lower() in AUDIO_EXTENSIONS
