"""ingest: one unit of a corpus -> one lake shard (tar) and its rows of `clips`."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from manifests.params import Params
from manifests.records import Licence, Reason, Reject, stable_hash
from pipelines.guard import Guard, Item
from pipelines.stage import MIB, ClipLabel, Made, Row, Shard, Stage, Workspace, hours
from sources.adapters.base import ClipRef, Unit, adapter_for
from sources.audio import Audio, AudioError, decode, encode_flac, keeps_own_bytes, pcm_hash, probe, quantize16
from sources.catalogue import Entry


class IngestParams(Params):
    unit_clips: int = Field(default=500, ge=1, description="clips per lake shard, at most")
    unit_bytes: int = Field(
        default=32 * MIB,
        ge=1,
        description="source bytes per lake shard: half an hour of 16 kHz FLAC, so that an hour keeps two cores busy",
    )
    keep_untranscribed: bool = Field(default=False, description="audio without a transcript is a clip without text")


class Ingest(Stage):
    name = "ingest"
    needs = ()
    tables = ("clips",)
    items = "clips"

    def __init__(self, params: IngestParams, entry: Entry, licence: Licence, root: Path) -> None:
        self.params: IngestParams = params
        self.entry = entry
        self.licence = licence
        self.root = root

    def identity(self) -> Mapping[str, Any]:
        return {"entry": self.entry.model_dump(mode="json"), "licence": repr(self.licence)}

    @property
    def corpus(self) -> str:
        return self.entry.name

    def located(self, file: str) -> Path:
        """Where a file of a unit is."""
        return self.root / file

    def units(self) -> list[Unit]:
        """The corpus split into units, without decoding audio. Raises UsageError for a root that holds none."""
        return list(
            adapter_for(self.entry).units(self.root, self.entry, self.params.unit_clips, self.params.unit_bytes)
        )

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        return self.process_with(shard, workspace, guard, ())[0]

    def process_with(
        self, shard: Shard, workspace: Workspace, guard: Guard, riders: Sequence[tuple[ClipLabel, Guard]]
    ) -> tuple[Made, list[list[Row | Reject]]]:
        """Ingest a shard; each rider labels every clip from the same decode. Returns the part and each rider's labels.

        A rider hears what the lake holds: the 16-bit samples, where the clip was encoded again.
        """
        clips: list[Row] = []
        rejects: list[Reject] = []
        labels: list[list[Row | Reject]] = [[] for _ in riders]
        guard.expect(len(shard.spec["files"]))
        for _, rider_guard in riders:
            rider_guard.expect(len(shard.spec["files"]))
        unit = Unit(shard.name, tuple(shard.spec["files"]), shard.spec["spec"])
        opened = _Opened(self.root)
        with workspace.write_tar("clips", shard.key) as tar:
            for ref in adapter_for(self.entry).read(self.root, self.entry, unit, self.params.keep_untranscribed):
                if isinstance(ref, Reject):
                    rejects.append(ref)
                    guard.did(1)
                    continue
                result = guard.one(self._item(ref), partial(opened.clip, ref))
                if isinstance(result, Reject):
                    rejects.append(result)
                    continue
                codec, data, audio = result
                offset, size = tar.add(f"{stable_hash(ref.uid)}.{codec}", data)
                clips.append(self._row(ref, shard, offset, size, codec, audio))
                for (rider, rider_guard), made in zip(riders, labels, strict=True):
                    made.append(rider.labelled(clips[-1], rider_guard, partial(_same, audio)))
        return Made({"clips": clips}, rejects, len(clips) + len(rejects), hours(clips)), labels

    def _item(self, ref: ClipRef) -> Item:
        """Before it is opened a clip is taken for as long as it can be: 1 kB a second is less than any codec takes."""
        try:
            size = (self.root / ref.path).stat().st_size
        except OSError:  # said when it is read
            size = 0
        return Item(ref.uid, size / 1000, ref.path)

    def _row(self, ref: ClipRef, shard: Shard, offset: int, size: int, codec: str, audio: Audio) -> Row:
        return {
            "uid": ref.uid,
            "corpus": self.entry.name,
            "config": ref.config,
            "split": ref.split,
            "shard": shard.key,
            "offset": offset,
            "size": size,
            "codec": codec,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
            "duration": audio.duration,
            "pcm_hash": pcm_hash(audio),
            "text": ref.text,
            "text_style": self.entry.text_style,
            "trust": self.entry.trust,
            "language": ref.language,
            "speaker": ref.speaker,
            "captions": list(ref.captions),
            "tags": list(ref.tags),
            "licence": self.licence.spdx,
            "licence_redistribute": self.licence.redistribute,
            "parent": ref.parent,
            "source_uri": ref.path,
            "native": json.dumps(ref.native, sort_keys=True, ensure_ascii=False),
        }


class _Opened:
    """The recording that was decoded last: several clips of it follow each other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path: str | None = None

    def clip(self, ref: ClipRef) -> tuple[str, bytes, Audio]:
        """(codec, bytes for the lake, audio as those bytes decode)."""
        if self._path != ref.path:
            self._data = self._bytes(ref)
            self._audio = decode(self._data, ref.path)
            self._path = ref.path
        return lake_bytes(ref, self._data, self._audio)

    def _bytes(self, ref: ClipRef) -> bytes:
        try:
            return (self._root / ref.path).read_bytes()
        except FileNotFoundError as error:
            raise AudioError(Reason.MISSING_FILE, f"{ref.path} went away during the run") from error
        except OSError as error:
            raise AudioError(Reason.UNREADABLE_FILE, f"{ref.path} cannot be read: {error.strerror}") from error


def _same(audio: Audio) -> Audio:
    return audio


def lake_bytes(ref: ClipRef, data: bytes, recording: Audio) -> tuple[str, bytes, Audio]:
    """(codec, bytes, audio) to keep of a clip: its own bytes where they can stay, else FLAC of 16 bit."""
    whole = ref.start is None and ref.end is None and ref.channel is None
    codec = probe(data, ref.path).codec
    if whole and keeps_own_bytes(codec):
        return codec, data, recording
    samples = recording.samples
    if ref.channel is not None:
        samples = samples[ref.channel : ref.channel + 1]
    rate = recording.sample_rate
    first = 0 if ref.start is None else round(ref.start * rate)
    last = samples.shape[1] if ref.end is None else round(ref.end * rate)
    audio = quantize16(Audio(samples[:, first:last], rate))
    return "flac", encode_flac(audio), audio
