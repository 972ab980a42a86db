"""ingest: one unit of a corpus -> one lake shard (tar) and its rows of `clips`, or of `recordings` to be cut."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Literal

from pydantic import Field

from turnmill.manifests.audio import (
    SMALL_FILE,
    Audio,
    AudioError,
    Recording,
    Sound,
    as_flac,
    pcm_hash,
    read,
    span,
)
from turnmill.manifests.emotions import emotion_among
from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Licence, Reason, Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.manifests.wording import plural
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.source import Source
from turnmill.pipelines.stage import MIB, Made, Rider, Row, Shard, Workspace, hours
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize, clip_uid, span_facts
from turnmill.sources.catalogue import Entry
from turnmill.sources.cutting import clip_of
from turnmill.sources.places.place import Place, Stamp

Makes = Literal["clips", "recordings"]


class IngestParams(Params):
    unit_clips: int = Field(default=500, ge=1, description="clips per lake shard, at most")
    unit_bytes: int = Field(
        default=32 * MIB,
        ge=1,
        description="source bytes per lake shard: half an hour of 16 kHz FLAC, so that an hour keeps two cores busy",
    )
    keep_untranscribed: bool = Field(default=False, description="audio that no table row names is a clip without text")


class Ingest(Source):
    name = "ingest"
    version = 4
    needs = ()

    def __init__(
        self, params: IngestParams, entry: Entry, licence: Licence, root: Place, makes: Makes = "clips"
    ) -> None:
        """`makes`: clips where the corpus is cut as it is wanted, or recordings that a later stage cuts. Raises
        UsageError for an entry that holds no audio."""
        self.tables = (makes,)
        self.items = makes
        self.shares_decode = makes == "clips"
        if entry.family.holds != "audio":
            raise UsageError(f"{entry.name} is a source of {entry.family.holds}, not audio: name it under `texts`")
        self.params: IngestParams = params
        self.entry = entry
        self.source: Corpus[ClipRef] = entry.corpus(root, licence, keep_untranscribed=params.keep_untranscribed)

    def identity(self) -> Mapping[str, Any]:
        makes = {} if self.items == "clips" else {"makes": self.items}
        return {"entry": self.entry.model_dump(mode="json"), "licence": repr(self.source.licence), **makes}

    @property
    def corpus(self) -> str:
        return self.source.name

    @property
    def folders(self) -> Mapping[str, Place]:
        return {self.source.name: self.source.root}

    @property
    def generated(self) -> Path | None:
        return Path(str(self.source.root)) if self.entry.access.is_generated else None

    def stamps(self, files: Sequence[str]) -> Mapping[str, Stamp]:
        return self.source.root.stamps(files)

    def units(self) -> list[Unit]:
        return self.source.units(UnitSize(self.params.unit_clips, self.params.unit_bytes))

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        return self.process_with(shard, workspace, guard, ())[0]

    def process_with(
        self, shard: Shard, workspace: Workspace, guard: Guard, riders: Sequence[Rider]
    ) -> tuple[Made, list[list[Row | Reject]]]:
        """Ingest a shard; each rider labels every clip from the same decode. Returns the part and each rider's labels.

        A rider hears what the lake holds: the 16-bit samples, where the clip was encoded again.
        """
        made: list[Row] = []
        rejects: list[Reject] = []
        labels: list[list[Row | Reject]] = [[] for _ in riders]
        unit = Unit(shard.name, tuple(shard.spec["files"]), shard.spec["spec"])
        for each in (guard, *(rider_guard for _, rider_guard in riders)):
            each.expect(shard.spec.get("items", 0))
        with workspace.write_tar(self.items, shard.key) as tar, _Recordings(self.source) as recordings:
            for ref in self.source.read(unit):
                if isinstance(ref, Reject):
                    rejects.append(ref)
                    guard.did(1)
                    continue
                if recordings.wants(ref):
                    whole = self._item(ref, self._recording(ref))
                    recordings.hold(ref, guard.caught(whole, partial(recordings.get, ref)))
                with ExitStack() as opened:
                    work = partial(self._stored, ref, shard, recordings, tar, opened)
                    stored = guard.one(self._item(ref, ref.uid), work)
                    if isinstance(stored, Reject):
                        rejects.append(stored)
                        continue
                    row, sound = stored
                    made.append(row)
                    for (rider, rider_guard), found in zip(riders, labels, strict=True):
                        found.append(rider.labelled(row, rider_guard, partial(_same, sound)))
        return Made({self.items: made}, rejects, len(made) + len(rejects), hours(made)), labels

    def _recording(self, ref: ClipRef) -> str:
        """The uid of what a clip is a stretch of."""
        return clip_uid(self.source.name, ref.config, ref.split, ref.path)

    def _item(self, ref: ClipRef, uid: str) -> Item:
        """How long a clip is nobody knows before it is decoded: its bytes are reckoned at 64 kbit/s."""
        try:
            size = self.source.audio_bytes(ref)
        except OSError:  # said when it is read
            size = 0
        return Item(uid, size / 8000, ref.path)

    def _stored(
        self, ref: ClipRef, shard: Shard, recordings: "_Recordings", tar: TarWriter, opened: ExitStack
    ) -> tuple[Row, Sound]:
        """A clip's row, once its bytes are in the lake, and the sound, which is there while `opened` is."""
        whole = recordings.get(ref)
        codec, file, sound = opened.enter_context(kept(ref, whole))
        row = self._row(ref, shard, codec, sound)
        row |= self._told(ref, whole[1].sound, sound) if self.items == "clips" else {"roles": self._roles(sound)}
        row["offset"], row["size"] = tar.add(f"{stable_hash(ref.uid)}.{codec}", file)
        return row, sound

    def _row(self, ref: ClipRef, shard: Shard, codec: str, sound: Sound) -> Row:
        """What a row of `clips` and one of `recordings` have, but for the place of the bytes."""
        licence = self.source.licence_of(ref)
        return {
            "uid": ref.uid,
            "corpus": self.source.name,
            "config": ref.config,
            "split": ref.split,
            "shard": shard.key,
            "codec": codec,
            "sample_rate": sound.sample_rate,
            "channels": sound.channels,
            "duration": sound.duration,
            "pcm_hash": pcm_hash(sound),
            "text": ref.text,
            "text_style": self.entry.text_style,
            "trust": self.entry.trust,
            "language": ref.language,
            "speaker": ref.speaker,
            "captions": list(ref.captions),
            "tags": list(ref.tags),
            "emotion": emotion_among(ref.tags) if self.entry.kind == "emotion" else None,
            "licence": licence.spdx,
            "licence_redistribute": licence.redistribute,
            "parent": ref.parent,
            "source_uri": ref.path,
            "native": json.dumps(ref.native, sort_keys=True, ensure_ascii=False),
        }

    def _told(self, ref: ClipRef, recording: Sound, clip: Sound) -> Row:
        """Which span of its recording a clip is."""
        start = ref.start or 0.0
        return span_facts(self._recording(ref), start, start + clip.duration, ref.channel, self._roles(recording))

    def _roles(self, recording: Sound) -> list[str]:
        """Who is heard on each channel of a recording. Raises ItemError where the entry says it of other channels."""
        roles = self.entry.family.roles
        if roles and len(roles) != recording.channels:
            heard = plural(recording.channels, "channel")
            raise ItemError(
                Reason.OTHER_CHANNELS, f"it has {heard}, and ingest.roles of {self.entry.name} names {len(roles)}"
            )
        return list(roles)


def _same(sound: Sound) -> Sound:
    return sound


def _is_cut(ref: ClipRef) -> bool:
    """Whether a clip is less than its recording."""
    return ref.start is not None or ref.end is not None or ref.channel is not None


@contextmanager
def _spool() -> Iterator[BinaryIO]:
    with TemporaryFile() as spool:
        yield spool


class _Recordings:
    """The corpus's audio, the last piece of it kept open and decoded, once, for all the clips that are cut from it."""

    def __init__(self, corpus: Corpus[ClipRef]) -> None:
        self._corpus = corpus
        self._asked: tuple[str, bool] | None = None
        self._last: tuple[BinaryIO, Recording] | Reject | None = None
        self._open = ExitStack()

    def __enter__(self) -> "_Recordings":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def wants(self, ref: ClipRef) -> bool:
        """Whether a clip begins another recording, which is to be decoded as an item of its own."""
        return _is_cut(ref) and self._asked != (ref.path, True)

    def hold(self, ref: ClipRef, found: tuple[BinaryIO, Recording] | Reject) -> None:
        """What became of it: what is wrong with it is said of each of its clips, and it is not tried again."""
        self._asked, self._last = (ref.path, True), found

    def get(self, ref: ClipRef) -> tuple[BinaryIO, Recording]:
        """What a clip is cut from, in memory where it is small, and what it decodes to. Raises AudioError."""
        if self._last is None or self._asked != (ref.path, _is_cut(ref)):
            self._open.close()
            self._last, self._asked = None, (ref.path, _is_cut(ref))
            self._last = self._read(ref)
        if isinstance(self._last, Reject):
            raise AudioError(self._last.reason, self._last.detail)
        return self._last

    def _read(self, ref: ClipRef) -> tuple[BinaryIO, Recording]:
        file = self._file(ref)
        spool: BinaryIO | None = None
        if _is_cut(ref):
            spool = self._open.enter_context(_spool())
        recording = read(file, ref.path, spool)
        if not isinstance(recording.sound, Audio):
            self._open.callback(recording.sound.close)  # before the file
        return file, recording

    def _file(self, ref: ClipRef) -> BinaryIO:
        try:
            file = self._open.enter_context(self._corpus.audio(ref))
            size = file.seek(0, io.SEEK_END)
            return self._open.enter_context(span(file, 0, size)) if size <= SMALL_FILE else file
        except FileNotFoundError as error:
            raise AudioError(Reason.MISSING_FILE, f"{ref.path} went away during the run") from error
        except OSError as error:
            raise AudioError(Reason.UNREADABLE_FILE, f"{ref.path} cannot be read: {error.strerror}") from error


@contextmanager
def kept(ref: ClipRef, found: tuple[BinaryIO, Recording]) -> Iterator[tuple[str, BinaryIO, Sound]]:
    """(codec, file for the lake, sound as that file decodes) of a clip: the recording's own bytes where they can stay,
    else FLAC of 16 bit. Raises AudioError."""
    file, recording = found
    if not _is_cut(ref) and recording.keeps_own_bytes:
        yield recording.codec, file, recording.sound
        return
    with as_flac(clip_of(ref, recording.sound), ref.path) as (flac, stored):
        yield "flac", flac, stored
