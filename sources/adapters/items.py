"""Units, clips and the names they go by: what adapters are made of."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from turnmill.manifests.languages import language_tag
from turnmill.manifests.licences import of_item
from turnmill.manifests.records import Licence, Reason, Reject

_T = TypeVar("_T")
DEFAULT_CONFIG = "default"
DEFAULT_SPLIT = "train"
UNLISTED = "unlisted"  # the split of what no table assigns to one
FieldName = Literal["text", "speaker", "parent", "language", "licence", "tags", "captions"]
"""What an entry may take of the rows of a corpus."""


@dataclass(frozen=True)
class Unit:
    """A stretch of a corpus that becomes one lake shard.

    name: `<split>/<number>`, unique in the corpus and the same on every host.
    files: every existing file that `read` looks at or refers to, relative to the root; their sizes and times tell
        whether the unit has to be read again.
    spec: what `read` needs, JSON-able.
    items: how many `read` yields; 0 where nobody has counted.
    """

    name: str
    files: tuple[str, ...]
    spec: Mapping[str, Any]
    items: int = 0


@dataclass(frozen=True)
class UnitSize:
    """A unit ends with the item that makes it so many, or its audio files so many bytes."""

    items: int = 2000
    n_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.items < 1 or self.n_bytes < 1:
            raise ValueError(f"a unit of {self.items} items and {self.n_bytes} bytes: both must be at least 1")


@dataclass(frozen=True)
class ClipRef:
    """A stretch of an audio file, not yet opened, with all that the corpus says of it (see `manifests.schema` CLIPS).

    path: relative to the root, POSIX. start, end: seconds, [start, end), null for the whole file.
    channel: null for all of them. parent: what must stay in one split (recording or book); the speaker where the corpus
    names none, for nobody is heard in two splits. licence: its own, where the corpus has several (see
    `Corpus.licence_of`). at: where its family finds the bytes, in terms of its own, if they
    are no file below the root; `path` is what they are called then, of a name for each.
    """

    uid: str
    path: str
    config: str = DEFAULT_CONFIG
    split: str = DEFAULT_SPLIT
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    captions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parent: str | None = None
    licence: Licence | None = None
    native: Mapping[str, Any] = field(default_factory=dict)
    at: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.parent is None:
            object.__setattr__(self, "parent", self.speaker)


def clip_uid(
    corpus: str, config: str, split: str, path: str, start: float | None = None, end: float | None = None
) -> str:
    """`corpus/config/split/relpath`, and `#start-end` in seconds where the clip is cut out of the file."""
    recording = f"{corpus}/{config}/{split}/{path}"
    return recording if start is None or end is None else span_uid(recording, start, end)


def span_uid(recording: str, start: float, end: float, channel: int | None = None) -> str:
    """The uid of a span [s] of a recording: `recording#start-end`, and `@channel` where it is of one."""
    return f"{recording}#{start:.6f}-{end:.6f}" + ("" if channel is None else f"@{channel}")


def span_facts(
    recording: str, start: float, end: float, channel: int | None, roles: Sequence[str]
) -> dict[str, str | float | int | list[str] | None]:
    """What a row of `clips` says of its recording: the span [s], and its roles of those of all channels."""
    heard = roles if channel is None else roles[channel : channel + 1]
    return {"recording": recording, "start": start, "end": end, "channel": channel, "roles": list(heard)}


def corpus_of(uid: str) -> str:
    """The corpus of a clip, by its uid."""
    return uid.partition("/")[0]


def fill(items: Iterable[tuple[_T, int]], size: UnitSize) -> Iterator[list[_T]]:
    """Group items with their sizes in bytes, in order: a group ends with the item that reaches either limit."""
    group: list[_T] = []
    filled = 0
    for item, n_bytes in items:
        group.append(item)
        filled += n_bytes
        if len(group) >= size.items or filled >= size.n_bytes:
            yield group
            group, filled = [], 0
    if group:
        yield group


def unit_name(split: str, number: int) -> str:
    """The name of a split's unit; `number` counts from 0."""
    return f"{split}/{number:04d}"


def split_name(split: str) -> str:
    """A split as it stands in uids and unit names: one path segment."""
    return split.replace("/", "_") or UNLISTED


_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me"})  # spaces, controls, zero width; marks on nothing


def transcript(text: str | None) -> str | None:
    """A transcript as it is given; null where there is nothing to be seen in it, for such a text says nothing."""
    return text if text and not all(unicodedata.category(c) in _UNSEEN for c in text) else None


def language(spelled: str | None, default: str | None) -> str | None:
    """The tag of a clip's own language, else of its corpus. Raises ValueError for what is no tag."""
    return language_tag(spelled) if spelled and spelled.strip() else default


def licence(said: str | None) -> Licence | None:
    """The own licence of a clip, in whatever words."""
    return of_item(said) if said and said.strip() else None


def seconds(text: str) -> float:
    """A time as a decimal number. Raises ValueError for what is none."""
    try:
        found = math.nan if "_" in text else float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"has the time {text[:40]!r}, which is none")
    return found


def untranscribed(uid: str, path: str) -> Reject:
    detail = f"{path} has no transcript: ingest.keep_untranscribed=true takes it, to be transcribed"
    return Reject(Reason.UNTRANSCRIBED, detail, uid=uid, source_uri=path)


def raw_audio(uid: str, path: str) -> Reject:
    detail = f"{path} is raw audio: nothing in it says its rate, channels and encoding; convert it to WAV or FLAC"
    return Reject(Reason.RAW_AUDIO, detail, uid=uid, source_uri=path)


def unsafe(corpus: str, split: str, path: str, why: str) -> Reject:
    uid = clip_uid(corpus, DEFAULT_CONFIG, split, path)
    return Reject(Reason.UNSAFE_PATH, f"{path} is not read: {why}", uid=uid, source_uri=path)
