"""Tar shards of audio with a JSON of the same key beside each: LAION's, Emilia's, our own, and what WebDataset reads.

A member is audio, or what is said of audio, by its ending; members whose names are the same up to the first dot are a
sample, as WebDataset has it, and within one each audio takes the JSON of its own name, else the sample's only one. So a
key with a dot in it is read as it was meant. `sizes.json` is not read, for it counts wrongly as often as not.

`units` walks the headers of every shard once; nothing is unpacked, and the audio of a clip is a stretch of its shard.
"""

import io
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, BinaryIO, Final, Literal

from turnmill.manifests.audio import SMALL_FILE
from turnmill.manifests.audio.views import View
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.described import DEEPEST, DescribedFamily
from turnmill.sources.adapters.folder import glob_pattern, kind_by_name, list_folder
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    ClipRef,
    Unit,
    UnitSize,
    clip_uid,
    fill,
    raw_audio,
    unit_name,
    unsafe,
)
from turnmill.sources.adapters.lines import MAX_LINE
from turnmill.sources.adapters.sniff import HEAD, is_audio_head
from turnmill.sources.adapters.tar_members import Member, members
from turnmill.sources.places.place import Folder, Place

_PACKED: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_MAGICS: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_STUB: Final = b"version https://git-lfs.github.com/spec"
_ARCHIVES: Final = (".tar", ".tgz", ".zip", ".7z", ".rar")


class WebDatasetIngest(DescribedFamily):
    """Tar shards. `shards`: which files they are. `key`: what a member is called in uids, its whole name in the archive
    or without its folders, as where these are those of whoever packed it.

    A record is the JSON of a sample; its `.txt` is the key `txt` of it. Spaces in keys are underscores.
    """

    family: Literal["webdataset"]
    shards: str = "**/*.tar"
    key: Literal["full", "basename"] = "full"

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: samples in the order of shards and members, then links that are not read."""
        folder = list_folder(corpus.root, corpus.name)
        shards = [path for path in folder.sizes if glob_pattern(self.shards).fullmatch(path)]
        packed = [path for path in folder.sizes if path.lower().endswith(_PACKED) and path not in set(shards)]
        if not shards:
            which = f"but {packed[0]} {_DECOMPRESS}" if packed else "give the folder that holds them"
            raise UsageError(f"{corpus.name}: {corpus.root} holds no shards (looked for {self.shards}): {which}")
        by_split: dict[str, list[str]] = {}
        for path in (*shards, *packed, *folder.unsafe):
            by_split.setdefault(self.split_of(path), []).append(path)
        made = []
        for split, paths in sorted(by_split.items()):
            items = (item for path in paths for item in self._items(folder, path))
            groups = fill(items, size)
            made += [_unit(unit_name(split, number), split, group) for number, group in enumerate(groups)]
        return made

    def _items(self, folder: Folder, shard: str) -> Iterator[tuple["_Item", int]]:
        """Every item of a shard, with its audio's bytes; one where it cannot be read."""
        if shard in folder.unsafe:
            yield _Item(shard, 0, 0, why=folder.unsafe[shard], unsafe=True), 0
            return
        if why := _why_unread(folder.root, shard):
            yield _Item(shard, 0, 0, why=why), 0
            return
        seen: set[str] = set()
        with folder.root.open(shard) as file:
            for sample in _samples(file):
                for number, part in enumerate(_parts(sample, file)):
                    name = self._path(shard, part.member)
                    repeats = part.what == "audio" and name in seen
                    yield _Item(shard, sample[0].start, number, repeats), part.member.size
                    seen.add(name)

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        split = unit.spec["split"]
        for shard, start, skip, count, repeats in unit.spec["spans"]:
            with corpus.root.open(shard) as file:
                parts = (part for sample in _samples(file, start) for part in _parts(sample, file))
                again = set(repeats)
                for number, part in enumerate(islice(parts, skip, skip + count)):
                    yield self._found(corpus, file, shard, split, part, number in again)
        for path, why in unit.spec["unread"]:
            yield Reject(Reason.BAD_ROW, f"{path} {why}", source_uri=path)
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)

    def audio_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> BinaryIO:
        path, offset, size = ref.at
        if size <= SMALL_FILE:
            return io.BytesIO(corpus.root.read(path, offset, size))
        return io.BufferedReader(_Stretch(corpus.root.open(path), offset, size), 1 << 16)

    def bytes_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> int:  # noqa: ARG002  # a header has told it
        return int(ref.at[2])

    def _path(self, shard: str, member: Member) -> str:
        name = posixpath.basename(member.name) if self.key == "basename" else member.name
        return f"{shard}/{name}"

    def _found(
        self, corpus: Corpus[ClipRef], file: BinaryIO, shard: str, split: str, part: "_Part", repeats: bool
    ) -> ClipRef | Reject:
        """What an item of a shard is."""
        member, path = part.member, self._path(shard, part.member)
        uid = clip_uid(corpus.name, DEFAULT_CONFIG, split, path) if member.name else None
        if part.what == "flawed":
            return Reject(member.reason, f"{path if member.name else shard} {member.flaw}", uid, shard)
        if repeats:
            return Reject(Reason.DUPLICATE_UID, f"{path} is in its shard twice", uid, path)
        if part.what in _NO_CLIP:
            reason, detail = _NO_CLIP[part.what]
            return Reject(reason, f"{path} {detail}", uid, path)
        if part.what == "raw":
            return raw_audio(f"{uid}", path)
        try:
            record = _record(file, part)
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{path}: {error}", uid, path)
        return self.clip(corpus, record, shard, path, (shard, member.offset, member.size))


_DECOMPRESS: Final = "is compressed: gunzip (unzstd) it, for of such an archive no member can be read by itself"
_NO_CLIP: Final = {
    "archive": (Reason.BAD_ROW, "is an archive in an archive: unpack the outer one"),
    "alone": (Reason.MISSING_FILE, "has no audio of its key beside it"),
}


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing to yield: the place in its shard at which its sample begins, and which of that it is. repeats: an
    earlier one has its name. why: its shard is not read, or its link is `unsafe`."""

    shard: str
    start: int
    part: int
    repeats: bool = False
    why: str = ""
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """What a member is. what: audio, raw, flawed, archive, or a JSON that is alone. said, text: the JSON and the text
    of audio."""

    what: str
    member: Member
    said: Member | None = None
    text: Member | None = None


class _Stretch(View):
    """A stretch of a file that nobody else has."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        super().__init__([(file, offset, size)])
        self._under = file

    def close(self) -> None:
        self._under.close()
        super().close()


def _unit(name: str, split: str, items: list[_Item]) -> Unit:
    spans: list[list[Any]] = []
    for shard, found in groupby((item for item in items if not item.why), lambda item: item.shard):
        within = list(found)
        repeats = [number for number, item in enumerate(within) if item.repeats]
        spans.append([shard, within[0].start, within[0].part, len(within), repeats])
    spec = {
        "split": split,
        "spans": spans,
        "unread": [[item.shard, item.why] for item in items if item.why and not item.unsafe],
        "unsafe": [[item.shard, item.why] for item in items if item.unsafe],
    }
    return Unit(name, tuple(sorted({item.shard for item in items if not item.unsafe})), spec, len(items))


def _why_unread(root: Place, shard: str) -> str:
    """Why a file is no shard, as far as its first bytes tell; empty where they do not."""
    try:
        head = root.read(shard, 0, len(_STUB))
    except OSError as error:
        return f"is there, but cannot be read: {error.strerror}"
    if not head:
        return "is a file of no bytes"
    if head.startswith(_STUB):
        return "is the stub that Git LFS leaves of a file: get the file itself (git lfs pull)"
    return _DECOMPRESS if head.startswith(_MAGICS) else ""


def _samples(file: BinaryIO, start: int = 0) -> Iterator[list[Member]]:
    """The members of each sample, from one on."""
    held: list[Member] = []
    key: str | None = None
    for member in members(file, start):
        own = _key(member.name) if member.name else key  # damage ends no sample
        if held and key is not None and own != key:
            yield held
            held = []
        held.append(member)
        key = own
    if held:
        yield held


def _key(name: str) -> str:
    folder, base = posixpath.split(name)
    return f"{folder}/{base.partition('.')[0]}"


def _parts(sample: Sequence[Member], file: BinaryIO) -> Iterator[_Part]:
    """What each member of a sample is, but for what is nothing to us."""
    said: dict[str, Member] = {}
    texts: dict[str, Member] = {}
    for member in sample:
        stem, suffix = posixpath.splitext(member.name)
        if not member.flaw and suffix.lower() in (".json", ".txt"):
            (said if suffix.lower() == ".json" else texts)[stem] = member
    used: set[int] = set()
    for member in sample:
        kind = "flawed" if member.flaw else _kind(member, file)
        if kind == "audio":
            own = _beside(member.name, said)
            used |= {own.start} if own else set()
            yield _Part(kind, member, own, _beside(member.name, texts))
        elif kind:
            yield _Part(kind, member)
    yield from (_Part("alone", member) for member in said.values() if member.start not in used)


@lru_cache(maxsize=256)  # a shard has few endings
def _kind_by_suffix(suffix: str) -> str | None:
    """archive, or what `kind_by_name` says."""
    return "archive" if suffix.lower() in _ARCHIVES else kind_by_name(f"x{suffix}")


def _kind(member: Member, file: BinaryIO) -> str:
    """Empty for what is neither audio nor an archive; a member whose ending does not tell is looked into."""
    kind = _kind_by_suffix(posixpath.splitext(member.name)[1])
    if member.name.lower().endswith(_PACKED):
        return "archive"
    if kind is None:
        file.seek(member.offset)
        kind = "audio" if is_audio_head(file.read(min(HEAD, member.size))) else "text"
    return "" if kind == "text" else kind


def _beside(name: str, by_stem: Mapping[str, Member]) -> Member | None:
    """What is said of audio: of its very name, or its name without endings where the sample has one for all."""
    if not by_stem:
        return None
    stem = posixpath.splitext(name)[0]
    found = by_stem.get(stem) or by_stem.get(name)
    if found is None and len(by_stem) == 1:
        ((only, found),) = by_stem.items()
        return found if stem.startswith(f"{only}.") else None
    return found


def _record(file: BinaryIO, part: _Part) -> dict[str, Any]:
    """What is said of audio. Raises ValueError where that cannot be read."""
    record: dict[str, Any] = {}
    if part.said:
        value = _json(_text(file, part.said), posixpath.basename(part.said.name))
        record |= {key.replace(" ", "_"): each for key, each in value.items()}
    if part.text:
        record["txt"] = _text(file, part.text).strip()
    return record


def _text(file: BinaryIO, member: Member) -> str:
    name = posixpath.basename(member.name)
    if member.size > MAX_LINE:
        raise ValueError(f"{name} is longer than {MAX_LINE} bytes")
    file.seek(member.offset)
    try:
        return file.read(member.size).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from error


def _json(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"is nested more than {DEEPEST} deep") from error
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object of JSON")
    return value
