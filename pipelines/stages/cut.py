"""What stages have in common that cut recordings into clips: decode a recording once, and write each span once."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import Field

from turnmill.manifests.audio import Audio, LongSound, Sound, as_flac, cut, pcm_hash
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason, Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import ChosenStage, Made, Row, Shard, Workspace, clip_item, clip_sound, hours
from turnmill.sources.adapters.items import span_facts, span_uid


@dataclass(frozen=True)
class Span:
    """[start, end) of a recording in seconds, of all its channels or of one."""

    start: float
    end: float
    channel: int | None = None


class CutParams(Params):
    """What every stage that cuts may be told."""

    keep_recordings: bool = Field(
        default=True,
        description="false: their audio goes once they are cut; to cut anew, they are read anew",
    )


class Cut(ChosenStage):
    """A stage that says which spans of a recording are clips: FLAC of 16 bit in a tar of their own."""

    needs = ("recordings",)
    tables = ("clips",)
    items = "recordings"
    host_params = frozenset({"keep_recordings"})  # it changes nothing of the clips
    params: CutParams

    def __init__(self, params: CutParams, language: str | None = None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self.drops_recordings = not params.keep_recordings

    @abstractmethod
    def spans(self, recording: Mapping[str, Any], sound: Sound) -> Sequence[Span]:
        """The clips of a recording, a row of `recordings`. Raises ItemError where it cannot be cut."""

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        recordings = workspace.rows("recordings", shard.key)
        guard.expect(len(recordings))
        with workspace.open_tar("recordings", shard.key) as lake, workspace.write_tar("clips", shard.key) as tar:
            found = [
                guard.one(clip_item(row), partial(self._clips, row, partial(clip_sound, lake, row), tar, shard.key))
                for row in recordings
            ]
        rejects = [each for each in found if isinstance(each, Reject)]
        clips = [clip for each in found if not isinstance(each, Reject) for clip in each]
        return Made({"clips": clips}, rejects, len(recordings), hours(clips))

    def _clips(self, row: Row, opened: Callable[[], Audio | LongSound], tar: TarWriter, key: str) -> list[Row]:
        sound = opened()
        spans = self.spans(row, sound)
        if not spans:
            raise ItemError(Reason.NOTHING_CUT, f"{row['source_uri']}: no span of it is a clip")
        if len(set(spans)) < len(spans):
            raise ValueError(f"{self.name} gives a span of {row['source_uri']} twice")
        return [self._clip(row, sound, span, tar, key) for span in spans]

    def _clip(self, row: Row, recording: Audio | LongSound, span: Span, tar: TarWriter, key: str) -> Row:
        rate = recording.sample_rate
        first, last = round(span.start * rate), min(round(span.end * rate), recording.frames)
        if not 0 <= first < last:
            raise ValueError(f"{self.name}: {span} is no span of {row['source_uri']}, of {recording.duration} s")
        uid = span_uid(row["uid"], first / rate, last / rate, span.channel)
        with as_flac(cut(recording, first, last, span.channel), uid) as (flac, sound):
            offset, size = tar.add(f"{stable_hash(uid)}.flac", flac)
            return {
                **row,
                **span_facts(row["uid"], first / rate, last / rate, span.channel, row["roles"]),
                "uid": uid,
                "shard": key,
                "offset": offset,
                "size": size,
                "codec": "flac",
                "channels": sound.channels,
                "duration": sound.duration,
                "pcm_hash": pcm_hash(sound),
                "text": None,  # what is said of the recording is not what is said in the clip
                "parent": row["parent"] or row["uid"],
                "native": json.dumps({}),
            }
