"""ingest: one unit of a corpus -> one lake shard (tar) and its rows of `clips`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from manifests.params import Params
from manifests.records import Licence, Reason, Reject, stable_hash
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

    def process(self, shard: Shard, workspace: Workspace) -> Made:
        return self.process_with(shard, workspace, ())[0]

    def process_with(
        self, shard: Shard, workspace: Workspace, riders: Sequence[ClipLabel]
    ) -> tuple[Made, list[list[Row | Reject]]]:
        """Ingest a shard; each rider labels every clip from the same decode. Returns the part and each rider's labels.

        A rider hears what the lake holds: the 16-bit samples, where the clip was encoded again.
        """
        clips: list[Row] = []
        rejects: list[Reject] = []
        labels: list[list[Row | Reject]] = [[] for _ in riders]
        with workspace.write_tar("clips", shard.key) as tar:
            for item in self._read(shard):
                if isinstance(item, Reject):
                    rejects.append(item)
                    continue
                ref, codec, data, audio = item
                offset, size = tar.add(f"{stable_hash(ref.uid)}.{codec}", data)
                clips.append(self._row(ref, shard, offset, size, codec, audio))
                for rider, made in zip(riders, labels, strict=True):
                    made.append(rider.label(ref.uid, audio))
        return Made({"clips": clips}, rejects, len(clips) + len(rejects), hours(clips)), labels

    def _read(self, shard: Shard) -> Iterator[tuple[ClipRef, str, bytes, Audio] | Reject]:
        """(clip, codec, bytes for the lake, audio as those bytes decode), or why there is none."""
        unit = Unit(shard.name, tuple(shard.spec["files"]), shard.spec["spec"])
        recording: tuple[str, bytes, Audio] | None = None
        for ref in adapter_for(self.entry).read(self.root, self.entry, unit, self.params.keep_untranscribed):
            if isinstance(ref, Reject):
                yield ref
                continue
            try:
                if recording is None or recording[0] != ref.path:
                    data = self._bytes(ref)
                    recording = (ref.path, data, decode(data, ref.path))
                yield (ref, *lake_bytes(ref, recording[1], recording[2]))
            except AudioError as error:
                yield Reject(error.reason, error.detail, uid=ref.uid, source_uri=ref.path)

    def _bytes(self, ref: ClipRef) -> bytes:
        try:
            return (self.root / ref.path).read_bytes()
        except FileNotFoundError as error:
            raise AudioError(Reason.MISSING_FILE, f"{ref.path} went away during the run") from error
        except OSError as error:
            raise AudioError(Reason.UNREADABLE_FILE, f"{ref.path} cannot be read: {error.strerror}") from error

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
