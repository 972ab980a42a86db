"""What stages have in common that cut recordings into clips: decode a recording once, and write each span once."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO

from pydantic import Field

from turnmill.manifests.audio import Audio, LongSound, as_flac, cut, pcm_hash, read
from turnmill.manifests.audio import span as span_of
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason, Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import ChosenStage, Made, Row, Shard, Workspace, clip_item, hours
from turnmill.sources.adapters.items import span_facts, span_uid


@dataclass(frozen=True)
class Span:
    """[start, end) of a recording in seconds, of all its channels or of one."""

    start: float
    end: float
    channel: int | None = None


@dataclass(frozen=True)
class Cuts:
    """The clips of a recording, and a row for each other table that the stage writes."""

    spans: Sequence[Span]
    rows: Mapping[str, Row] = field(default_factory=dict)


class CutParams(Params):
    """What every stage that cuts may be told."""

    keep_recordings: bool = Field(
        default=True,
        description="false: their audio goes once they are cut; to cut anew, they are read anew",
    )


class Cut(ChosenStage):
    """A stage that says which spans of a recording are clips: FLAC of 16 bit in a tar of their own."""

    needs = ("recordings",)
    tables: tuple[str, ...] = ("clips",)
    items = "recordings"
    host_params = frozenset({"keep_recordings"})  # it changes nothing of the clips
    params: CutParams

    def __init__(self, params: CutParams, language: str | None = None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self.drops_recordings = not params.keep_recordings

    @abstractmethod
    def cuts(self, recording: Row, sound: Audio | LongSound) -> Cuts:
        """The clips of a recording, a row of `recordings`. Raises ItemError where it cannot be cut."""

    def stays_whole(self, recording: Row) -> bool:  # noqa: ARG002
        """Whether a recording is a clip as it is: its bytes are copied, and nothing is decoded."""
        return False

    def prepared(self, recording: Row, sound: Audio | LongSound) -> AbstractContextManager[Audio | LongSound]:  # noqa: ARG002
        """The sound that is cut in place of a recording's own. Raises ItemError."""
        return nullcontext(sound)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        recordings = workspace.rows("recordings", shard.key)
        guard.expect(len(recordings))
        with workspace.open_tar("recordings", shard.key) as lake, workspace.write_tar("clips", shard.key) as tar:
            found = [guard.one(clip_item(row), partial(self._cut, row, lake, tar, shard.key)) for row in recordings]
        rejects = [each for each in found if isinstance(each, Reject)]
        made = [each for each in found if not isinstance(each, Reject)]
        others: dict[str, list[Row]] = {
            table: [rows[table] for _, rows in made if table in rows] for table in self.tables[:-1]
        }
        clips = [clip for each, _ in made for clip in each]
        return Made({**others, "clips": clips}, rejects, len(recordings), hours(clips))

    def _cut(self, row: Row, lake: BinaryIO, tar: TarWriter, key: str) -> tuple[list[Row], Mapping[str, Row]]:
        if self.stays_whole(row):
            data = span_of(lake, row["offset"], row["size"])
            offset, size = tar.add(f"{stable_hash(row['uid'])}.{row['codec']}", data)
            return [{**_whole(row), "offset": offset, "size": size}], {}
        file = span_of(lake, row["offset"], row["size"])
        with TemporaryFile() as spool, self.prepared(row, read(file, row["uid"], spool).sound) as sound:
            found = self.cuts(row, sound)
            if not found.spans:
                raise ItemError(Reason.NOTHING_CUT, f"{row['source_uri']}: no span of it is a clip")
            if len(set(found.spans)) < len(found.spans):
                raise ValueError(f"{self.name} gives a span of {row['source_uri']} twice")
            return [self._clip(row, sound, span, tar, key) for span in found.spans], found.rows

    def _clip(self, row: Row, recording: Audio | LongSound, span: Span, tar: TarWriter, key: str) -> Row:
        rate = recording.sample_rate
        first, last = round(span.start * rate), min(round(span.end * rate), recording.frames)
        if not 0 <= first < last:
            raise ValueError(f"{self.name}: {span} is no span of {row['source_uri']}, of {recording.duration} s")
        alone = span.channel is None or recording.channels == 1
        if alone and last - first == recording.frames:
            facts = _whole(row)
        else:
            facts = _part(row, first / rate, last / rate, span.channel)
        with as_flac(cut(recording, first, last, span.channel), facts["uid"]) as (flac, sound):
            offset, size = tar.add(f"{stable_hash(facts['uid'])}.flac", flac)
            return {
                **facts,
                "shard": key,
                "offset": offset,
                "size": size,
                "codec": "flac",
                "channels": sound.channels,
                "duration": sound.duration,
                "pcm_hash": pcm_hash(sound),
            }


def _whole(row: Row) -> Row:
    """A recording as a clip of its own, with all that is known of it."""
    return {**row, **span_facts(row["uid"], 0.0, row["duration"], None, row["roles"])}


def _part(row: Row, start: float, end: float, channel: int | None) -> Row:
    """What a stretch of a recording [s] has of it: not its text and captions, for what is in the one need not be in the
    other."""
    return {
        **row,
        **span_facts(row["uid"], start, end, channel, row["roles"]),
        "uid": span_uid(row["uid"], start, end, channel),
        "text": None,
        "captions": [],
        "parent": row["parent"] or row["uid"],
        "native": json.dumps({}),
    }
