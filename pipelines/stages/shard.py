"""shard: one training shard (WebDataset tar) from byte ranges of lake shards, where the audio keeps its codec."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from tempfile import TemporaryFile
from typing import Any, BinaryIO, ClassVar

from turnmill.manifests.audio import Audio, read, span, write_flac
from turnmill.manifests.records import Reject, stable_hash
from turnmill.manifests.samples import CLIP, CLIP_LABELS, TARGET, to_json
from turnmill.manifests.schema import DIALOGUE, SHARDS, SPEECH, Items
from turnmill.manifests.schema.translation import TARGET_SPEECH
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.stage import Made, Row, Shard, Workspace, Writer, hours, written_tar
from turnmill.pipelines.steps.plan import ShardParams
from turnmill.sources.adapters.items import corpus_of

Member = tuple[str, bytes | BinaryIO]  # (extension, what it holds)


class WriteShard(Writer):
    """Writes what the plan says; the two halves differ in what a sample holds."""

    version = 2
    folder = SHARDS
    half: ClassVar[Items]

    def __init__(self, params: ShardParams) -> None:
        self.params: ShardParams = params

    @abstractmethod
    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        """Everything known of the items of a lake shard, by uid."""

    @abstractmethod
    def members(self, item: Row, audio: BinaryIO, opened: ExitStack) -> Sequence[Member]:
        """The sample's files, the audio first; temporary ones are there while `opened` is."""

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        mine = workspace.rows(self.half.plan, "all", where=("training_shard", shard.name))
        guard.expect(len(mine))
        corpora = {row["shard"]: corpus_of(row["uid"]) for row in mine}
        lake = {key: workspace.of_corpus(corpus) for key, corpus in corpora.items()}
        labels = {uid: row for key in sorted(lake) for uid, row in self.labels(key, lake[key]).items()}
        samples: list[Row] = []
        rejects: list[Reject] = []
        name = self.file(workspace, shard, "tar")
        with opened(self.half.table, lake) as tars, written_tar(workspace.store, name) as tar:
            for row in mine:
                item = labels[row["uid"]] | {"split": row["split"]}
                with ExitStack() as files:
                    work = partial(self.members, item, tars[row["shard"]], files)
                    members = guard.one(Item(row["uid"], item["duration"], item.get("source_uri")), work)
                    if isinstance(members, Reject):
                        rejects.append(members)
                        continue
                    key = stable_hash(row["uid"])
                    spans = [tar.add(f"{key}.{extension}", data) for extension, data in members]
                samples.append(
                    {
                        "uid": row["uid"],
                        "split": row["split"],
                        "shard": f"{shard.name}.tar",
                        "key": key,
                        "codec": members[0][0],
                        "offset": spans[0][0],
                        "size": spans[0][1],
                        "duration": item["duration"],
                    }
                )
        return Made({self.tables[-1]: samples}, rejects, len(mine), hours(samples))


class ShardClips(WriteShard):
    name = "shard"
    half = SPEECH
    items = SPEECH.table
    needs = (SPEECH.table, SPEECH.plan)
    optional = tuple(table.name for table in CLIP_LABELS.values())
    tables = (SPEECH.samples,)

    def identity(self) -> Mapping[str, Any]:
        return {"sample": stable_hash(str(CLIP))}  # which labels there are, and so what is in every sample

    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        clips = workspace.rows("clips", key)
        items: dict[str, Row] = {clip["uid"]: clip | dict.fromkeys(CLIP_LABELS) for clip in clips}
        for name, table in CLIP_LABELS.items():
            found = table.standing(workspace.rows(table.name, key)) if workspace.has(table.name) else {}
            for uid, row in found.items():
                items[uid][name] = {each.name: row[each.name] for each in table.told}
        for uid, row in _targets(key, workspace).items():
            items[uid][_TARGET_OF] = partial(_target, workspace, key, row)
        return items

    def members(self, item: Row, audio: BinaryIO, opened: ExitStack) -> Sequence[Member]:
        codec, file = item["codec"], opened.enter_context(span(audio, item["offset"], item["size"]))
        if self.params.clip_codec == "flac" and codec != "flac":
            codec, file = "flac", _as_flac(file, item["uid"], opened)
        heard = item["consensus"]
        sample = {
            **{name: item[name] for name in _CLIP_FIELDS},
            # The given text is what its owners released; without one, the sample's text is what recognisers agree on.
            "text": item["text"] if item["text"] is not None else heard and heard["consensus_text"],
            "text_given": item["text"],
            **{name: item[name] for name in CLIP_LABELS},
        }
        target = [] if _TARGET_OF not in item else [(TARGET, opened.enter_context(item[_TARGET_OF]()))]
        return [(codec, file), *target, ("json", to_json(sample, CLIP))]


_TARGET_OF = "target_of"  # of an item with speech of its translation: what opens it


def _targets(key: str, workspace: Workspace) -> Mapping[str, Row]:
    """The speech of translations of the clips of a lake shard, by uid."""
    table = TARGET_SPEECH.name
    return {row["uid"]: row for row in workspace.rows(table, key)} if workspace.has(table) else {}


@contextmanager
def _target(workspace: Workspace, key: str, row: Row) -> Iterator[BinaryIO]:
    with (
        workspace.open_tar(TARGET_SPEECH.name, key) as tar,
        span(tar, row["target_offset"], row["target_size"]) as file,
    ):
        yield file


def _as_flac(file: BinaryIO, uid: str, opened: ExitStack) -> BinaryIO:
    """The sound of a file of the lake as 16-bit FLAC. Raises AudioError."""
    flac: BinaryIO = opened.enter_context(TemporaryFile())  # noqa: SIM115  # the caller's
    sound = read(file, uid).sound
    if not isinstance(sound, Audio):
        opened.callback(sound.close)
    write_flac(sound, flac, uid)
    return flac


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
    "emotion",
    "parent",
    "source_uri",
)


class ShardDialogues(WriteShard):
    name = "shard_dialogues"
    half = DIALOGUE
    items = DIALOGUE.table
    needs = (DIALOGUE.table, DIALOGUE.plan)
    tables = (DIALOGUE.samples,)

    def labels(self, key: str, workspace: Workspace) -> Mapping[str, Row]:
        return {row["id"]: row for row in workspace.rows("dialogues", key)}

    def members(self, item: Row, audio: BinaryIO, opened: ExitStack) -> Sequence[Member]:
        kept = self.params.keep_clean_user and item["clean_size"] is not None
        clean = [("user.flac", item["clean_offset"], item["clean_size"])] if kept else []
        where = [("flac", item["offset"], item["size"]), *clean]
        files = [(name, opened.enter_context(span(audio, offset, size))) for name, offset, size in where]
        return [*files, ("json", item["sample"].encode())]


@contextmanager
def opened(table: str, lake: Mapping[str, Workspace]) -> Iterator[dict[str, BinaryIO]]:
    """The lake shards of a table by key, of the workspaces that have them."""
    with ExitStack() as stack:
        yield {key: stack.enter_context(workspace.open_tar(table, key)) for key, workspace in sorted(lake.items())}
