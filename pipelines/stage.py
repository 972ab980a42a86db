"""What a stage is: a small class from one shard to one part. Nothing here or in `stages/` imports Ray."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, ClassVar

from turnmill.manifests.audio import Audio, LongSound, Sound
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reject, stable_hash
from turnmill.manifests.records import Row as Row  # a stage's own word for what it reads and writes
from turnmill.manifests.schema import declared, to_table
from turnmill.manifests.store import Store, part_name, rows, tar_name
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard, Item

MIB = 1 << 20


@dataclass(frozen=True)
class Resources:
    """What one worker needs. `cpus` is a wish that shrinks to fit the machine; `memory` in bytes is kept: by default a
    dialogue of ten minutes is simulated and verified in it.

    `runtime_env` is the Python it runs in where that is not the driver's, as the JSON of Ray's runtime_env.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 1024 * MIB
    runtime_env: str | None = None


@dataclass(frozen=True)
class Shard:
    """The unit of work and of recovery. `spec` is what the first stage of its half needs to know to make it."""

    key: str
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What a stage made of a shard. The last of the stage's tables is the commit; its rows are the items out. `notes`:
    what whoever runs it is to know, a sentence each, and no part of the result."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    rejects: Sequence[Reject]
    items_in: int
    hours: float
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Workspace:
    """The dataset as a stage sees it: tables by name, whatever the fingerprint they lie under.

    fingerprints: table -> fingerprint of the stage that writes it. corpora: of tables that are made corpus by corpus,
    by corpus. reader: the stage that sees only these; none where all can be seen.
    """

    store: Store
    fingerprints: Mapping[str, str]
    corpora: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reader: str = ""

    def seen_by(self, stage: "Stage") -> "Workspace":
        """The same with no other tables than those that a stage needs, may read and writes."""
        mine = {*stage.needs, *stage.optional, *stage.tables}

        def seen(prints: Mapping[str, str]) -> Mapping[str, str]:
            return {table: print_ for table, print_ in prints.items() if table in mine}

        corpora = {corpus: seen(prints) for corpus, prints in self.corpora.items()}
        return Workspace(self.store, seen(self.fingerprints), corpora, stage.name)

    def of_corpus(self, corpus: str) -> "Workspace":
        """The same with the tables that are made of one corpus alone."""
        prints = {**self.fingerprints, **self.corpora.get(corpus, {})}
        return Workspace(self.store, prints, self.corpora, self.reader)

    def has(self, table: str) -> bool:
        """Whether the recipe makes a table that the stage may read."""
        return table in self.fingerprints

    def fingerprint(self, table: str) -> str:
        """Raises LookupError for a table that the stage did not say it reads, or that the recipe does not make."""
        if table not in self.fingerprints:
            raise LookupError(
                f"the stage {self.reader or 'at hand'} reads the table {table}: name it in its `needs`, or in its "
                "`optional` and ask `has` first"
            )
        return self.fingerprints[table]

    def part(self, table: str, key: str) -> str:
        return part_name(table, self.fingerprint(table), key)

    def rows(self, table: str, key: str, where: tuple[str, str] | None = None) -> list[Row]:
        """Rows of a part, in order; with `where`, those whose column has that value (others are not read)."""
        return rows(self.store.read_part(self.part(table, key), where))

    def open_tar(self, table: str, key: str) -> BinaryIO:
        return self.store.open(tar_name(table, self.fingerprint(table), key))

    def write_tar(self, table: str, key: str) -> AbstractContextManager[TarWriter]:
        """The audio shard that `table` points into; it appears whole when the block ends."""
        return written_tar(self.store, tar_name(table, self.fingerprint(table), key))


@contextmanager
def written_tar(store: Store, name: str) -> Iterator[TarWriter]:
    with store.writer(name) as file:
        tar = TarWriter(file)
        yield tar
        tar.close()


def read_span(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


class Stage(ABC):
    """A function from one shard to one part.

    `needs` are the tables it reads, `optional` those that it reads where the recipe makes them, `tables` those it
    writes (the last is the commit), `items` what it counts. It sees no other table.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    tables: tuple[str, ...]
    items: str
    in_steps: ClassVar[bool] = False
    """Whether its shards cost a model minutes: it works in steps of `Guard.step`, which a kill does not undo."""
    drops_recordings: bool = False
    """Whether the audio of recordings goes when every stage that reads it is done."""
    shares_decode: bool = False
    """Whether label stages after it ride along (`process_with`): they are given each clip as it is decoded here."""
    resources: Resources = Resources()
    loaded: Any = None
    """What `setup` loads by the parameters alone: a worker hands it on to the stage of the next corpus."""

    params: Params
    host_params: ClassVar[frozenset[str]] = frozenset()
    """Parameters that name files of this host: `identity` says what is in them, and the fingerprint leaves them out."""

    def identity(self) -> Mapping[str, Any]:
        """What else its output depends on: a seed, a catalogue entry, a model's digest."""
        return {}

    def fingerprint(self, inputs: Sequence[str]) -> str:
        parameters = json.dumps(
            [self.params.model_dump(mode="json", exclude=set(self.host_params)), self.identity()], sort_keys=True
        )
        return stable_hash(self.name, self.version, parameters, *inputs)

    def check(self) -> None:  # noqa: B027  # most stages need nothing
        """Raise UsageError, quickly and before any work, when something this stage needs is not there.

        What `unfetched` names is not missed, and nothing is fetched.
        """

    def check_here(self) -> None:  # noqa: B027  # most stages need nothing
        """The same, of what its workers need to find on their machine, when that is this one."""

    def remark(self) -> str | None:
        """What `--dry-run` says of it besides: a sentence on what the recipe's reader may not expect."""
        return None

    def unfetched(self) -> str | None:
        """The model that `fetch` would bring to this machine, on whose content the fingerprint depends."""
        return None

    def fetch(self) -> None:  # noqa: B027  # most stages need nothing
        """Bring a published model to this machine, once and before any work. Raises UsageError where it cannot."""

    def setup(self) -> None:  # noqa: B027  # most stages need nothing
        """Load what a worker needs once: models, voices."""

    @abstractmethod
    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        """The part of a shard. The work on each item stands under the `guard`."""

    def process_with(
        self, shard: Shard, workspace: Workspace, guard: Guard, riders: Sequence["Rider"]
    ) -> tuple[Made, list[list[Row | Reject]]]:
        """The part of a shard and, of a stage that `shares_decode`, each rider's labels of its items."""
        assert not riders
        return self.process(shard, workspace, guard), []


class ChosenStage(Stage):
    """A stage of the speech half that runs where the recipe has its `name` for a key (`pipelines.recipe`)."""

    def __init__(self, params: Params, language: str | None = None, *, speech: bool = True) -> None:
        """`language`: the corpus's own (BCP-47), of clips that state none; null where it varies. `speech`: whether its
        clips are of people who speak."""
        self.params = params
        self.language = language
        self.speech = speech


class LabelStage(ChosenStage):
    """A stage that says something of each clip. What it rejects is in no selection."""

    needs: tuple[str, ...] = ("clips",)
    items = "clips"


class ClipLabel(LabelStage):
    """A label stage that looks at one decoded clip at a time, so that it can share the decode of `ingest`."""

    @abstractmethod
    def label(self, uid: str, sound: Sound) -> Row | Reject: ...

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        guard.expect(len(clips))
        with workspace.open_tar("clips", shard.key) as tar:
            labels = [self.labelled(clip, guard, partial(clip_sound, tar, clip)) for clip in clips]
        return self.made(labels, clips)

    def labelled(self, clip: Mapping[str, Any], guard: Guard, sound: Callable[[], Sound]) -> Row | Reject:
        """The label of a row of `clips`, or why it has none."""
        return guard.one(clip_item(clip), lambda: self.label(clip["uid"], sound()))

    def made(self, labels: Sequence[Row | Reject], clips: Sequence[Mapping[str, Any]]) -> Made:
        """A part from the labels of all clips of a shard, in order."""
        return Made(
            tables={self.tables[-1]: [label for label in labels if not isinstance(label, Reject)]},
            rejects=[label for label in labels if isinstance(label, Reject)],
            items_in=len(clips),
            hours=hours(clips),
        )


class Writer(Stage):
    """A stage that writes of each training shard of the plan, by its name, a file into a folder of its own."""

    folder: ClassVar[str]

    def written(self, workspace: Workspace) -> str:
        """Where its files lie; those of earlier parameters, in other folders beside it, are removed."""
        return f"{self.folder}/{workspace.fingerprint(self.tables[-1])}"

    def file(self, workspace: Workspace, shard: Shard, ending: str) -> str:
        """The file of a training shard, by whose name it is known to be this half's."""
        return f"{self.written(workspace)}/{shard.name}.{ending}"

    def check_files(self, workspace: Workspace, shards: Sequence[Shard]) -> None:
        """Raise LookupError where a shard has no `file`: one under another name would outlive what it was made of."""
        files = (name.rpartition("/")[2] for name in workspace.store.names(self.written(workspace)))
        there = {file[: dot.start()] for file in files for dot in re.finditer(r"\.", file)}  # a split may have dots too
        for shard in shards:
            if shard.name not in there:
                raise LookupError(
                    f"the writer {self.name} wrote nothing of {shard.name} where `file` says: give each file that name"
                )


Rider = tuple[ClipLabel, Guard]
"""A label that is given each clip from the decode of another stage, and the guard of its own."""


def clip_item(clip: Mapping[str, Any]) -> Item:
    return Item(clip["uid"], clip["duration"], clip["source_uri"])


def clip_sound(tar: BinaryIO, clip: Mapping[str, Any]) -> Audio | LongSound:
    """The sound of a row of `clips`, from its lake shard: a long one is decoded as it is used, while the shard is open.
    Raises AudioError."""
    from turnmill.manifests.audio import read, span

    return read(span(tar, clip["offset"], clip["size"]), clip["uid"]).sound


def hours(items: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(item["duration"] for item in items)) / 3600


def committed(stage: Stage, workspace: Workspace, key: str) -> bool:
    return workspace.store.exists(workspace.part(stage.tables[-1], key))


def commit(stage: Stage, workspace: Workspace, key: str, made: Made) -> Row:
    """Write a part: rejects first, the stage's last table last. Returns the ledger row.

    Raises RuntimeError when items in are not items out plus rejects: a stage that loses an item is a bug.
    """
    *others, commit_table = stage.tables
    committed_rows = to_table(commit_table, made.tables[commit_table])
    items_out = declared(commit_table).counted(made.tables[commit_table], stage.items)
    if made.items_in != items_out + len(made.rejects):
        raise RuntimeError(
            f"{stage.name} lost items of shard {key}: {made.items_in} in, {items_out} out, {len(made.rejects)} rejected"
        )
    notes = part_notes(made.items_in, items_out, len(made.rejects), made.hours)
    fingerprint = workspace.fingerprint(commit_table)
    store = workspace.store
    rejects = to_table("rejects", (reject_row(stage.name, reject) for reject in made.rejects))
    store.write_part(part_name("rejects", fingerprint, key), rejects, notes)
    for table in others:
        store.write_part(workspace.part(table, key), to_table(table, made.tables[table]), notes)
    store.write_part(workspace.part(commit_table, key), committed_rows, notes)
    return {"stage": stage.name, "items": made.items_in, "rejects": len(made.rejects), "hours": made.hours}


def part_notes(items_in: int, items_out: int, rejected: int, hours: float) -> dict[str, str]:
    """The ledger entry of a part, as its footer keeps it."""
    return {"items_in": str(items_in), "items_out": str(items_out), "rejected": str(rejected), "hours": repr(hours)}


def reject_row(stage: str, reject: Reject) -> Row:
    return {
        "stage": stage,
        "uid": reject.uid,
        "source_uri": reject.source_uri,
        "reason": str(reject.reason),
        "detail": reject.detail,
    }
