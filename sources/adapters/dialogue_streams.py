"""The bytes of files of texts: as they are, or unpacked (`.gz`, `.zst`), whole or a member of a tar (also packed).

A packed file can only be read forwards. The last one that was read in this process stays open where its reader stopped,
so that one who reads its stretches in order unpacks it once, however many they are.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, cast

from turnmill.sources.adapters.packed import unpacked
from turnmill.sources.places.place import Place

PACKED: Final = (".gz", ".tgz", ".zst", ".tzst")
_TARS: Final = (".tar", ".tgz", ".tzst")
_BUFFER: Final = 1 << 20

_open_at: dict[Any, BinaryIO] = {}
"""The packed file that was read last; none while it is read."""


class Member(NamedTuple):
    """A stretch of a file's bytes, as they are when it is unpacked. `name`: of a tar's member."""

    name: str
    begin: int
    size: int


def plain(name: str) -> str:
    """The name of a file in lower case, without the ending that says that it is packed."""
    lower = name.lower()
    if lower.endswith((".tgz", ".tzst")):
        return lower.rpartition(".")[0] + ".tar"
    return lower.removesuffix(".gz").removesuffix(".zst")


def is_tar(name: str) -> bool:
    return plain(name).endswith(".tar")


@contextmanager
def opened(root: Place, path: str, at: int) -> Iterator[BinaryIO]:
    """The bytes of a file below a place, unpacked, from byte `at` on. It can seek, dearly to what is before that.

    Reading raises BrokenError (`packed.unpacked`).
    """
    name = path or root.name
    if not name.lower().endswith(PACKED):
        with root.open(path) as file:
            file.seek(at)
            yield file
        return
    key = (root.address, path, root.stamps([path])[path])
    file = _open_at.pop(key) if key in _open_at else unpacked(root, path)
    whole = False
    try:
        file.seek(at)
        yield file
        whole = True
    except GeneratorExit:  # who reads has enough
        whole = True
        raise
    finally:
        if whole:
            _keep(key, file)
        else:
            file.close()


def _keep(key: Any, file: BinaryIO) -> None:
    for other in list(_open_at):
        if (left := _open_at.pop(other, None)) is not None:
            left.close()
    _open_at[key] = file


def members(file: BinaryIO) -> Iterator[Member | str]:
    """The files in a tar, in order; then why what is none of them is not read. Raises BrokenError."""
    end, gaps = 0, []
    try:
        with tarfile.open(fileobj=file, mode="r:", ignore_zeros=True, errorlevel=1) as tar:
            while (info := tar.next()) is not None:
                cast(Any, tar).members.clear()  # what was told is of no more use, and there may be a million
                gaps += [(end, info.offset)] if info.offset > end else []
                end = tar.offset
                if info.isreg() and info.sparse is None:
                    yield Member(info.name, info.offset_data, info.size)
                elif not info.isdir():
                    yield f"has {info.name!r}, which is a link, a device or a file with holes: it is not read"
            gaps.append((end, tar.offset))
            file.read(1)  # what breaks off in a header says so here
    except (tarfile.TarError, ValueError, OverflowError) as error:
        yield f"is no whole tar ({error}); nothing after byte {end} is read"
    for begin, until in gaps:
        file.seek(begin)
        if any(file.read(min(_BUFFER, until - at)).strip(b"\0") for at in range(begin, until, _BUFFER)):
            yield f"has no member of a tar at byte {begin}: {until - begin} bytes are passed over"
