"""shard: one training shard (WebDataset tar) from byte ranges of lake shards; nothing is decoded."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, ClassVar

from manifests.records import stable_hash
from pipelines.guard import Guard
from pipelines.stage import Made, Row, Shard, Stage, Workspace, hours, read_span, written_tar
from pipelines.stages.plan import ShardParams

Member = tuple[str, bytes]  # (extension, bytes)


class WriteShard(Stage):
    """Writes what the plan says; the two halves differ in what a sample holds."""

    source: ClassVar[str]  # table that points at the audio
    plan: ClassVar[str]  # table that says what goes where

    def __init__(self, params: ShardParams) -> None:
        self.params: ShardParams = params

    @abstractmethod
    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        """Everything known of the items of a lake shard, by uid."""

    @abstractmethod
    def members(self, item: Row, audio: BinaryIO) -> Iterator[Member]:
        """The sample's files, the audio first."""

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        mine = workspace.rows(self.plan, "all", where=("training_shard", shard.name))
        guard.expect(len(mine))
        keys = sorted({row["shard"] for row in mine})
        labels = {uid: row for key in keys for uid, row in self.labels(key, workspace).items()}
        samples: list[Row] = []
        name = f"shards/{workspace.fingerprints[self.tables[-1]]}/{shard.name}.tar"
        with opened(self.source, keys, workspace) as tars, written_tar(workspace.store, name) as tar:
            for row in mine:
                item = labels[row["uid"]]
                key = stable_hash(row["uid"])
                spans = [tar.add(f"{key}.{ext}", data) for ext, data in self.members(item, tars[row["shard"]])]
                samples.append(
                    {
                        "uid": row["uid"],
                        "split": row["split"],
                        "shard": f"{shard.name}.tar",
                        "key": key,
                        "offset": spans[0][0],
                        "size": spans[0][1],
                        "duration": item["duration"],
                    }
                )
                guard.did(1)
        return Made({self.tables[-1]: samples}, [], len(mine), hours(samples))


class ShardClips(WriteShard):
    name = "shard"
    items = "clips"
    source = "clips"
    plan = "clip_plan"
    needs = ("clips", "quality", "transcripts", "clip_plan")
    tables = ("clip_samples",)

    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        items = {clip["uid"]: {**clip, "quality": None, "asr": None} for clip in workspace.rows("clips", key)}
        for table, field in (("quality", "quality"), ("transcripts", "asr")):
            for row in workspace.rows(table, key) if table in workspace.fingerprints else ():
                items[row.pop("uid")][field] = row
        return items

    def members(self, item: Row, audio: BinaryIO) -> Iterator[Member]:
        yield item["codec"], read_span(audio, item["offset"], item["size"])
        asr = item["asr"]
        sample = {
            **{name: item[name] for name in _CLIP_FIELDS},
            # The given text is what its owners released; without one, the sample's text is what was recognised.
            "text": item["text"] if item["text"] is not None else asr and asr["asr_text"],
            "text_given": item["text"],
            "quality": item["quality"],
            "asr": asr,
        }
        yield "json", to_json(sample)


_CLIP_FIELDS = (
    "uid",
    "corpus",
    "split",
    "language",
    "licence",
    "sample_rate",
    "channels",
    "duration",
    "speaker",
    "captions",
    "tags",
    "parent",
    "source_uri",
)


class ShardDialogues(WriteShard):
    name = "shard_dialogues"
    items = "dialogues"
    source = "dialogues"
    plan = "dialogue_plan"
    needs = ("dialogues", "dialogue_plan")
    tables = ("dialogue_samples",)

    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        return {row["id"]: row for row in workspace.rows("dialogues", key)}

    def members(self, item: Row, audio: BinaryIO) -> Iterator[Member]:
        yield "flac", read_span(audio, item["offset"], item["size"])
        if self.params.keep_clean_user:
            yield "user.flac", read_span(audio, item["clean_offset"], item["clean_size"])
        yield "json", item["sample"].encode()


def to_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


@contextmanager
def opened(table: str, keys: list[str], workspace: Workspace) -> Iterator[dict[str, BinaryIO]]:
    with ExitStack() as stack:
        yield {key: stack.enter_context(workspace.open_tar(table, key)) for key in keys}
