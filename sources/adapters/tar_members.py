"""The members of a tar file that may be damaged or hostile, by what their headers say; none is unpacked.

A tar program goes by the headers alone. Here a header that is broken costs the members that it stands for: the next
sound one is looked for behind it, so that what was not damaged is read.
"""

import posixpath
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from turnmill.manifests.audio.views import size_of
from turnmill.manifests.records import Reason

_BLOCK: Final = tarfile.BLOCKSIZE
_LONGEST: Final = 1 << 16  # bytes of an extended header: names and attributes
_TAIL: Final = 1 << 20  # bytes behind an end mark in which further members are looked for
_LEAST_READ: Final = 1 << 12
_MOST_READ: Final = 1 << 20
_FALSE: Final = 1000  # false headers in one search
_MAGIC: Final = b"ustar"
_MAGIC_PLACE: Final = re.compile(_MAGIC)
_MAGIC_AT: Final = 257
_FILES: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS: Final = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_DEVICES: Final = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
_EXTENDED: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_NESTED: Final = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_PREFIX_AT: Final = 345
_PLAIN: Final = re.compile(
    rb"(?=(?P<name>[A-Za-z0-9_-][A-Za-z0-9_.-]{0,98})\0).{124}(?P<size>[0-7]{11})[\0 ].{12}(?P<sum>[0-7]{6})\0 [0\0]",
    re.DOTALL,
)
"""A header of a file in the archive's root: its name, 124 bytes in its size in octal, its checksum and its kind."""
_PAX: Final = re.compile(rb"(\d{1,7}) ([^=]{1,255})=")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, or what is in the place of one. start: byte at which its headers begin, where a walk may
    begin as well. offset, size: its bytes. flaw: what keeps it from being read, a part of a sentence, and its reason.
    """

    start: int
    name: str
    offset: int
    size: int
    flaw: str = ""
    reason: Reason = Reason.BAD_ROW

    @property
    def end(self) -> int:
        """Where the next header stands."""
        return self.offset + self.size + -self.size % _BLOCK


class _BrokenError(Exception):
    """A header that cannot be true."""


def members(file: BinaryIO, start: int = 0) -> Iterator[Member]:
    """From the member that begins at a byte on. Folders, and hidden names (`._x`), are passed over."""
    return filter(_counts, _Walk(file, size_of(file)).members(start))


def _counts(member: Member) -> bool:
    return bool(member.flaw) or not any(part.startswith(".") for part in member.name.split("/"))


@dataclass(frozen=True)
class _Walk:
    file: BinaryIO
    size: int

    def members(self, position: int) -> Iterator[Member]:
        held: list[Member] = []  # what was found last, until what is behind it bears it out
        following: int | None = position
        while following is not None and following < self.size:
            try:
                found = self._member(following)
            except _BrokenError as error:
                told, following = self._broken(held, following, str(error))
                yield from told
                held = []
                continue
            yield from held
            held = []
            if found is None:
                following = self._next_header(following, min(following + _TAIL, self.size))
            elif found.offset + found.size > self.size:
                there = max(self.size - found.offset, 0)
                yield replace(found, flaw=f"breaks off: {there} of its {found.size} bytes are there")
                following = self._next_header(found.offset, self.size)
            else:
                held = [] if found.name.endswith("/") else [found]
                following = found.end
        yield from held

    def _broken(self, held: list[Member], position: int, why: str) -> tuple[list[Member], int | None]:
        """What is told where a header is broken, of the member before it too, and where the walk goes on."""
        for before in filter(self._may_lie, held):
            inside = self._next_header(before.offset, before.end)
            if inside is not None:
                return [replace(before, flaw=f"is not as long as its header says, {before.size} bytes")], inside
        return [*held, Member(position, "", position, 0, f"at byte {position} {why}")], self._next_header(
            position + 1, self.size
        )

    def _may_lie(self, member: Member) -> bool:
        """Whether its bytes are looked through for headers: those of an archive in it are not ours."""
        return not member.flaw and not member.name.lower().endswith(_NESTED)

    def _at(self, position: int, count: int) -> bytes:
        self.file.seek(position)
        return self.file.read(count)

    def _next_header(self, position: int, end: int) -> int | None:
        """Where the next sound header begins, at any byte. What only looks like many of them is nothing to go by."""
        size, left = _LEAST_READ, _FALSE
        while position < end and left:
            data = self._at(position, size + _MAGIC_AT + len(_MAGIC))
            for place in _MAGIC_PLACE.finditer(data, _MAGIC_AT):
                begin = position + place.start() - _MAGIC_AT
                if begin >= end or not left:
                    return None
                if _is_header(self._at(begin, _BLOCK)):
                    return begin
                left -= 1
            position += size
            size = min(2 * size, _MOST_READ)
        return None

    def _member(self, start: int) -> Member | None:
        """The member whose headers begin at a byte, with a name that ends with / where it is a folder; null where the
        archive ends. Raises _BrokenError.
        """
        position = start
        said: dict[str, bytes] = {}
        while True:
            block = self._at(position, _BLOCK)
            if not any(block):
                return None
            if len(block) < _BLOCK:
                raise _BrokenError("it breaks off in a header")
            data = position + _BLOCK
            if not said and (quick := _plain(block)):
                return Member(start, quick[0], data, quick[1])
            header = _header(block)
            if header.type not in (
                tarfile.XHDTYPE,
                tarfile.XGLTYPE,
                tarfile.GNUTYPE_LONGNAME,
                tarfile.GNUTYPE_LONGLINK,
            ):
                return _checked(start, data, header, said)
            if header.size > _LONGEST:
                raise _BrokenError(f"it has an extended header of {header.size} bytes")
            text = self._at(data, header.size)
            if header.type == tarfile.GNUTYPE_LONGNAME:
                said["path"] = text.rstrip(b"\0")
            elif header.type == tarfile.XHDTYPE:
                said |= _attributes(text)
            position = data + header.size + -header.size % _BLOCK


def _plain(block: bytes) -> tuple[str, int] | None:
    """Name and size by the header of a file with a plain name, as nearly all are: several times faster than tarfile,
    which reads the others."""
    found = _PLAIN.match(block)
    if not found or block[_PREFIX_AT] or sum(block) - sum(block[148:156]) + 8 * 32 != int(found["sum"], 8):
        return None
    return found["name"].decode(), int(found["size"], 8)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise _BrokenError("it has a damaged header") from error
    if header.size < 0:
        raise _BrokenError("it has a header of a negative size")
    return header


def _is_header(block: bytes) -> bool:
    try:
        return bool(_header(block))
    except _BrokenError:
        return False


def _attributes(text: bytes) -> dict[str, bytes]:
    """The attributes of a PAX header. Raises _BrokenError."""
    found, position = {}, 0
    while position < len(text):
        record = _PAX.match(text, position)
        end = position + int(record[1]) if record else 0
        if record is None or end > len(text) or end <= record.end():
            raise _BrokenError("it has a damaged extended header")
        found[record[2].decode("utf-8", "replace")] = text[record.end() : end - 1]
        position = end
    return found


def _checked(start: int, offset: int, header: tarfile.TarInfo, said: dict[str, bytes]) -> Member:
    """A member by its header, and what headers before it said in place of that. Raises _BrokenError."""
    name, size = header.name, header.size
    if "path" in said:
        name = said["path"].decode("utf-8", "surrogateescape")
    if "size" in said:
        if not said["size"].isdigit() or len(said["size"]) > 18:
            raise _BrokenError("it has a damaged extended header")
        size = int(said["size"])
    sparse = header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in said)
    if header.type in (*_LINKS, *_DEVICES, tarfile.DIRTYPE):
        size = 0
    if header.type == tarfile.DIRTYPE:
        return Member(start, f"{name.rstrip('/')}/", offset, 0)
    flaw, reason = _flaw(name, header.type, sparse)
    shown = name.encode("utf-8", "backslashreplace").decode() if flaw else posixpath.normpath(name)
    return Member(start, shown.rstrip("/"), offset, size, flaw, reason)


def _flaw(name: str, kind: bytes, sparse: bool) -> tuple[str, Reason]:
    """Why a member of that kind is not read; empty where it may be."""
    if kind in _LINKS:
        return "is a link, which is not followed", Reason.UNSAFE_PATH
    if kind in _DEVICES:
        return "is a device, which is not opened", Reason.UNSAFE_PATH
    if name.startswith("/") or ".." in name.split("/"):
        return "is absolute or goes up a folder", Reason.UNSAFE_PATH
    if not name.strip("./") or "\0" in name:
        return "is no file name", Reason.UNSAFE_PATH
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "is not UTF-8", Reason.UNSAFE_PATH
    if sparse:
        return "is stored with holes (sparse): pack it anew without", Reason.BAD_ROW
    if kind not in _FILES:
        return f"is of a kind that holds no file ({kind!r})", Reason.BAD_ROW
    return "", Reason.BAD_ROW
