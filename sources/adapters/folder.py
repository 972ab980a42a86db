"""The files below a corpus root, what kind each is, and names that may not leave it."""

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from turnmill.manifests.errors import UsageError
from turnmill.sources.adapters.sniff import holds_audio

# By its ending a file is audio, or a text, and is not opened to tell; any other is told by its first bytes. An ending
# that also means something else (.ts) is in none of the lists.
_AUDIO = frozenset(
    [
        *("3g2", "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "avi", "awb", "caf", "dsf", "eac3"),
        *("flac", "flv", "gsm", "m2ts", "m4a", "m4b", "m4r", "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpc"),
        *("mpeg", "mpg", "mpga", "oga", "ogg", "ogv", "opus", "ra", "rf64", "shn", "snd", "sph", "spx", "tta", "voc"),
        *("w64", "wav", "wave", "weba", "webm", "wma", "wmv", "wv"),
    ]
)
_TEXT = frozenset(
    [
        *("csv", "ctm", "htm", "html", "json", "jsonl", "lab", "log", "md", "rttm", "srt", "stm", "textgrid", "trn"),
        *("tsv", "txt", "vtt", "xml", "yaml", "yml"),
    ]
)
_RAW = frozenset(
    [
        *("al", "alaw", "g722", "g726", "g729", "mulaw", "pcm", "raw", "s16", "s16le", "sln", "sw", "ul", "ulaw"),
        "vox",
    ]
)
_ENDING = re.compile(r"\.[A-Za-z0-9_]{1,12}")


@dataclass(frozen=True)
class Folder:
    """What lies below a root. Paths are POSIX, relative to it, sorted by code point.

    `sizes`: bytes of each file. `hidden`: the same of those whose name, or a folder's above, begins with a dot.
    `unsafe`: links that leave the root, names that are not UTF-8 and what is no file, with the reason.
    """

    root: Path
    sizes: dict[str, int]
    hidden: dict[str, int]
    unsafe: dict[str, str]


def list_folder(root: Path, corpus: str) -> Folder:
    """Walk a corpus root; hidden files (`.git`, AppleDouble `._x`) are no part of a corpus, and set apart.

    Links to folders inside the root are not followed, for their target is walked under its own name.
    Raises UsageError when the root is not a folder that can be read.
    """
    if not root.is_dir():
        problem = "is not a folder" if root.exists() else "does not exist"
        raise UsageError(f"{corpus}: {root} {problem}: give the folder that holds the corpus as its `root`")
    sizes: dict[str, int] = {}
    hidden: dict[str, int] = {}
    unsafe: dict[str, str] = {}
    real_root = os.path.realpath(root)
    pending = [""]
    while pending:
        prefix = pending.pop()
        inside_hidden = prefix.startswith(".") or "/." in prefix
        try:
            with os.scandir(root / prefix) as found:
                for entry in found:
                    path = prefix + entry.name
                    apart = inside_hidden or entry.name.startswith(".")
                    if not apart and (why := _why_unsafe(real_root, path, entry)):
                        unsafe[os.fsencode(path).decode("utf-8", "backslashreplace")] = why
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append(path + "/")
                    elif apart:
                        hidden[path] = entry.stat(follow_symlinks=False).st_size
                    elif entry.is_file():
                        sizes[path] = entry.stat().st_size
        except OSError as error:
            if inside_hidden:
                hidden[prefix] = 0
                continue
            raise UsageError(
                f"{corpus}: {root / prefix} cannot be listed ({error.strerror}): make it readable"
            ) from error
    return Folder(root, dict(sorted(sizes.items())), hidden, dict(sorted(unsafe.items())))


def _why_unsafe(real_root: str, path: str, entry: os.DirEntry[str]) -> str:
    """Why an entry is not read; empty where it may be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if entry.is_symlink():
        if not is_inside(real_root, entry.path):
            return "it is a link that leaves the corpus folder"
        if not os.path.exists(entry.path):
            return "it is a link to nothing"
    return "" if entry.is_file() or entry.is_dir() else "it is neither a file nor a folder"


def is_inside(real_root: str, path: str) -> bool:
    real = os.path.realpath(path)
    return real == real_root or real.startswith(real_root.rstrip("/") + "/")


class UnsafeNameError(Exception):
    """A name that leaves the corpus folder."""


class Names:
    """Finds the files that tables name among those that are there."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)
        self._paths = set(paths)
        self._folders = {os.path.dirname(path) for path in self._paths}
        self._otherwise: dict[str, str] = {}  # common spelling -> the disk's
        for path in self._paths:
            if (common := _common(path)) != path:
                self._otherwise[common] = min(path, self._otherwise.get(common, path))

    def find(self, path: str) -> str | None:
        """The file as the disk spells it, or null. NFC and NFD names are the same name, an ending is the same in
        capitals, and links are resolved.

        Raises UnsafeNameError where the name leads out of the root.
        """
        if path in self._paths:
            return path
        if "\0" in path:
            raise UnsafeNameError(f"{path!r} is not a file name")
        common = _common(path)
        spelled = common if common in self._paths else self._otherwise.get(common)
        if spelled is not None:
            return spelled
        full = os.path.join(self._real_root, path)
        if os.path.dirname(path) in self._folders and not os.path.lexists(full):
            return None  # the dear resolving of links would say no more
        if not is_inside(self._real_root, full):
            raise UnsafeNameError(f"{path} leads out of the corpus folder")
        real = os.path.relpath(os.path.realpath(full), self._real_root)
        return real if real in self._paths else None


def _common(path: str) -> str:
    """One spelling of the names that are taken for the same."""
    stem, suffix = posixpath.splitext(path)
    return unicodedata.normalize("NFC", stem + suffix.lower())


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
    """`**/` is any number of folders, `*` and `?` stay within a name; everything else stands for itself, an ending
    in capitals too."""
    stem, suffix = posixpath.splitext(glob)
    return re.compile(f"{_translated(stem)}(?i:{_translated(suffix)})", re.DOTALL)


def _translated(glob: str) -> str:
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return "".join(tokens.get(piece, re.escape(piece)) for piece in pieces)


def ending(path: str) -> str:
    """The ending of a name in lower case, with its dot; empty where there is none, or what follows the dot is words."""
    suffix = posixpath.splitext(path)[1]
    return suffix.lower() if _ENDING.fullmatch(suffix) else ""


def audio_files(folder: Folder, texts: str = "") -> list[str]:
    """The files of a folder that are audio, raw audio among them, in order.

    Only a file whose ending tells neither that nor a text (`texts` is one more ending of those) is opened; one that
    cannot be is left to whoever decodes it.
    """
    return [path for path in folder.sizes if _is_audio(folder.root, path, texts)]


def _is_audio(root: Path, path: str, texts: str) -> bool:
    kind = ending(path)
    if kind[1:] in _AUDIO or kind[1:] in _RAW:
        return True
    if kind[1:] in _TEXT or (kind and kind == texts):
        return False
    try:
        return holds_audio(root / path)
    except OSError:
        return True


def is_raw(root: Path, path: str) -> bool:
    """Whether a file's ending says that it is samples without a header, and nothing in it says otherwise."""
    try:
        return ending(path)[1:] in _RAW and not holds_audio(root / path)
    except OSError:
        return False
