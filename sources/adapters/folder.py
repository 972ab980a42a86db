"""The files below a corpus root, what kind each is, and names that may not leave it."""

import posixpath
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Literal

from turnmill.manifests.errors import UsageError
from turnmill.sources.adapters.sniff import holds_audio
from turnmill.sources.places.place import Folder, Place, UnsafeNameError

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
_ENDING = re.compile(r"[A-Za-z0-9_]{1,12}")


def list_folder(root: Place, corpus: str) -> Folder:
    """Walk a corpus root; hidden files (`.git`, AppleDouble `._x`) are no part of a corpus, and set apart.

    Raises UsageError when the root is not a folder that can be read.
    """
    kind = root.kind()
    if kind != "folder":
        problem = "does not exist" if kind is None else "is not a folder"
        raise UsageError(f"{corpus}: {root} {problem}: give the folder that holds the corpus as its `root`")
    try:
        return root.listing()
    except OSError as error:
        raise UsageError(f"{corpus}: {error.filename} cannot be listed ({error.strerror}): make it readable") from error


class Names:
    """Finds the files that tables name among those that are there."""

    def __init__(self, root: Place, paths: Iterable[str]) -> None:
        self.root = root
        self._paths = set(paths)
        self._folders = {path.rpartition("/")[0] for path in self._paths}
        self._otherwise: dict[str, str] = {}  # common spelling -> the disk's
        for path in self._paths:
            if (common := _common(path)) != path:
                self._otherwise[common] = min(path, self._otherwise.get(common, path))

    def find(self, path: str) -> str | None:
        """The file as the disk spells it, or null. NFC and NFD names are the same name, an ending is the same in
        capitals, and links are resolved.

        Raises UnsafeNameError where the name leads out of the root.
        """
        listed = self.listed(path)
        if listed is not None:
            return listed
        if "\0" in path:
            raise UnsafeNameError(f"{path!r} is not a file name")
        real = self.root.target(path, listed=path.rpartition("/")[0] in self._folders)
        return real if real in self._paths else None

    def beside(self, path: str) -> str | None:
        """The same of what may well not be there, for which no folder that is known is looked into again."""
        listed = self.listed(path)
        return listed if listed is not None or path.rpartition("/")[0] in self._folders else self.find(path)

    def listed(self, path: str) -> str | None:
        """The same without links."""
        if path in self._paths:
            return path
        common = _common(path)
        return common if common in self._paths else self._otherwise.get(common)


def _common(path: str) -> str:
    """One spelling of the names that are taken for the same."""
    stem, dot, suffix = path.rpartition(".")
    common = f"{stem}.{suffix.lower()}" if dot and "/" not in suffix else path
    return common if common.isascii() else unicodedata.normalize("NFC", common)


def safe_join(path: str, parts: Iterable[str]) -> str:
    """The normal form of a path relative to the root. `parts` are the table's own values in it.

    Raises UnsafeNameError when one of them is absolute or goes up a folder, for such a name is never meant.
    """
    for part in parts:
        if part.startswith("/") or (".." in part and ".." in part.split("/")):
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
    stem, dot, suffix = path.rpartition(".")
    return f".{suffix.lower()}" if dot and stem.rpartition("/")[2].strip(".") and _ENDING.fullmatch(suffix) else ""


def audio_files(folder: Folder, texts: str = "") -> list[str]:
    """The files of a folder that are audio, raw audio among them, in order.

    Only a file whose ending tells neither that nor a text (`texts` is one more ending of those) is opened; one that
    cannot be is left to whoever decodes it.
    """
    return [path for path in folder.sizes if _is_audio(folder.root, path, texts)]


def kind_by_name(path: str) -> Literal["audio", "raw", "text"] | None:
    """What the ending of a name tells of a file; null where that needs a look into it."""
    kind = ending(path)[1:]
    if kind in _AUDIO:
        return "audio"
    if kind in _RAW:
        return "raw"
    return "text" if kind in _TEXT else None


def _is_audio(root: Place, path: str, texts: str) -> bool:
    kind = kind_by_name(path)
    if kind in ("audio", "raw"):
        return True
    if kind == "text" or (texts and ending(path) == texts):
        return False
    try:
        return holds_audio(root, path)
    except OSError:
        return True


def is_raw(root: Place, path: str) -> bool:
    """Whether a file's ending says that it is samples without a header, and nothing in it says otherwise."""
    try:
        return ending(path)[1:] in _RAW and not holds_audio(root, path)
    except OSError:
        return False
