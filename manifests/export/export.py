"""One pass over the training shards for all formats that are asked for.

Of each format a training shard makes a part: its files, and at last `items/FORMAT/SHARD.parquet`, a row for each item,
which says what became of it. A part that is there is not made again; the index files are made of those rows when all
are there. So the same command goes on after a kill, and what it ends with is the same.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import duckdb
import pyarrow as pa

from turnmill.manifests.audio import AudioError
from turnmill.manifests.chosen import ask, check_finished, check_split
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.export.papers import write_papers
from turnmill.manifests.export.profile import Add, Drop, Index, Place, Profile, Row, Written
from turnmill.manifests.export.sample import Sample, read
from turnmill.manifests.index import Index as SetIndex
from turnmill.manifests.licences import told_forbidden
from turnmill.manifests.published import MAKE_AGAIN
from turnmill.manifests.query import connect, in_memory, told_of_parts
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import LOCK, Store, locked, opened
from turnmill.manifests.wording import plural

MADE_FROM: Final = "export.json"
"""What an export is of, in its folder."""

VERSION: Final = 1
"""Of what is written: raised when a format is written otherwise, for one export has all parts by one rule."""

_ITEMS = pa.schema(
    [
        ("item", pa.string()),
        ("split", pa.string()),
        ("seconds", pa.float64()),
        ("drop", pa.string()),  # why it was not written; null where it was
        ("detail", pa.string()),
        ("sorted_by", pa.string()),
        ("entry", pa.string()),  # what the index says of it, as JSON
    ]
)

Tell = Callable[[int, int], None]
"""What is told how many of how many training shards are exported."""

Do = Callable[["TrainingShard"], None]

Each = Callable[[Do, Sequence["TrainingShard"]], Iterator[None]]
"""Does something with every one of some shards, and yields as one is done, in whatever order."""


def in_order(do: Do, shards: Sequence["TrainingShard"]) -> Iterator[None]:
    """One after the other, in this process."""
    for shard in shards:
        do(shard)
        yield


@dataclass(frozen=True)
class TrainingShard:
    """A training shard with samples that are exported; `number` of `count` in its split."""

    name: str  # in the output
    half: str
    split: str
    number: int
    count: int
    keys: frozenset[str]

    @property
    def stem(self) -> str:
        return self.name.rpartition("/")[2].removesuffix(".tar")


@dataclass(frozen=True)
class Made:
    """What was made of one format: items and hours by what became of them (None: written); the splits of what was
    written, the one to train on first."""

    profile: Profile
    items: Mapping[str | None, int]
    hours: Mapping[str | None, float]
    lengths: tuple[float, float, float]
    splits: Sequence[str]

    def text(self, folder: str) -> str:
        """What was written, what was dropped and why, the trainer's knob, and its command, as the format lies in
        `folder`."""
        kept, word = self.items.get(None, 0), self.profile.items.removesuffix("s")
        lines = [f"{self.profile.name}: {plural(kept, word)}, {self.hours.get(None, 0.0):.2f} h, in {folder}"]
        reasons = sorted(Drop(drop) for drop in self.items if drop is not None)
        lines += [
            f"  dropped  {plural(self.items[drop], word)} ({drop})" for drop in reasons if not drop.of_no_item
        ] or ["  dropped  nothing"]
        lines += [f"  no {word:<5} {self.items[drop]} ({drop})" for drop in reasons if drop.of_no_item]
        if not self.splits:
            return "\n".join(lines) + "\n"
        lines += [f"  splits   {', '.join(self.splits)}"] * (len(self.splits) > 1)
        lines.append(f"  set      {self.profile.knob(Written(self.lengths))}")
        lines.append(f"  train    {self.profile.command.format(folder=folder, split=self.splits[0])}")
        if self.profile.absolute:
            lines.append("  it has absolute paths: after moving it, run the same command with the new --to")
        return "\n".join(lines) + "\n"


def export(
    store: Store,
    profiles: Sequence[Profile],
    to: str,
    *,
    split: str | None = None,
    where: str | None = None,
    dry_run: bool = False,
    each: Each = in_order,
    tell: Tell = lambda _, __: None,
) -> str:
    """Write a finished output in formats, each in its folder below `to`; the summary. `split`: that one alone; `where`:
    a condition over `clips_all` or `dialogues_all`, whichever a format is made of; `each`: where the shards are worked.

    Raises UsageError, before anything is written, for a folder of something else, a format that holds nothing of this
    output, or a condition that is none; TurnmillError for an unfinished output, a licence that forbids it, or a
    damaged shard.
    """
    index, target = SetIndex.load(store), opened(to)
    with told_of_parts(store), connect(store, index) as connection:
        check_finished(store, connection, then="export")
        made_from = _made_from(index, split, where)
        _check_target(target, store, made_from)
        _check_paths(target, profiles)
        shards = [
            shard
            for half in dict.fromkeys(profile.half for profile in profiles)
            for shard in _shards(store, index, connection, half, split, where)
        ]
        _check_holds(store, profiles, shards, split, where)
        licences = {
            half: _check_licences(connection, half, shards) for half in dict.fromkeys(shard.half for shard in shards)
        }
    if dry_run:
        return _planned(profiles, shards, to)
    with locked(target, "--to"):
        target.write(MADE_FROM, made_from)
        there = set(target.names("items"))  # one listing, where asking for each would be a request a part
        todo = [shard for shard in shards if _missing(there.__contains__, profiles, shard)]
        for done, _ in enumerate(each(partial(_export_shard, store, target, profiles), todo), len(shards) - len(todo)):
            tell(done + 1, len(shards))
        target.remove_temporaries()  # of this pass too, where a worker was killed
        with told_of_parts(target, "export"):
            return _finished(target, profiles, shards, index, licences)


def _missing(is_there: Callable[[str], bool], profiles: Sequence[Profile], shard: TrainingShard) -> list[Profile]:
    """The formats that a shard's part is not there of."""
    mine = [profile for profile in profiles if profile.half == shard.half]
    return [profile for profile in mine if not is_there(_part(profile, shard))]


def _finished(
    target: Store,
    profiles: Sequence[Profile],
    shards: Sequence[TrainingShard],
    index: SetIndex,
    licences: Mapping[str, Mapping[str, int]],
) -> str:
    """Write the indexes and what travels with them; the summary."""
    made = [_finish(target, profile, [shard for shard in shards if shard.half == profile.half]) for profile in profiles]
    for one in made:
        write_papers(_folder(target, one.profile), index, licences[one.profile.half], one.text("."))
    return "".join(one.text(_folder(target, one.profile).url) for one in made)


def _made_from(index: SetIndex, split: str | None, where: str | None) -> bytes:
    fingerprints = {half: maker.fingerprint for half, items in HALVES.items() if (maker := index.maker(items.samples))}
    said = {"recipe": index.recipe_name, "samples": fingerprints, "split": split, "where": where, "version": VERSION}
    return (json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _check_target(target: Store, store: Store, made_from: bytes) -> None:
    """Refuse a folder that has something else, or is in the output, of which it would become a part."""
    if target.root.startswith(f"{store.root}/"):
        raise UsageError(f"--to {target.url} is inside the output {store.url}: name a folder beside it")
    if target.exists(MADE_FROM):
        if target.read(MADE_FROM) != made_from:
            raise UsageError(
                f"--to {target.url} holds another export (of other samples, --split or --where, or by another version "
                f"of Turnmill, see {MADE_FROM}): name a new folder"
            )
    elif target.fs.isfile(target.root):
        raise UsageError(f"--to {target.url} is a file: name a new folder")
    elif set(target.names("")) - {LOCK}:
        raise UsageError(f"--to {target.url} is not empty and no export of Turnmill's: name a new folder")


def _check_paths(target: Store, profiles: Sequence[Profile]) -> None:
    """Refuse a folder at which a format's reader would not find its audio."""
    for profile in profiles:
        if profile.absolute and not target.is_local:
            raise UsageError(
                f"--to {target.url} is no folder of this machine, where {profile.serves} opens the paths that --format "
                f"{profile.name} writes: name a folder"
            )
        if profile.unspaced and target.root.split() != [target.root]:
            raise UsageError(
                f"--to {target.url} has a space in its path, at which {profile.serves} splits what --format "
                f"{profile.name} writes: name a folder without one"
            )


def _shards(
    store: Store,
    index: SetIndex,
    connection: duckdb.DuckDBPyConnection,
    half: str,
    split: str | None,
    where: str | None,
) -> Iterator[TrainingShard]:
    """The training shards of a half that have samples to export, in order."""
    items, maker = HALVES[half], index.maker(HALVES[half].samples)
    if maker is None:
        return
    if split is not None:
        check_split(store, connection, items, split, f"--split {split}")
    query = "SELECT split, shard, list(key ORDER BY key) AS keys FROM chosen GROUP BY ALL ORDER BY split, shard"
    found = ask(connection, items, query, split=split, where=where).to_pylist()
    counts = Counter(row["split"] for row in found)
    numbers = dict.fromkeys(counts, 0)
    for row in found:
        of = row["split"]
        yield TrainingShard(f"{maker.shards}/{row['shard']}", half, of, numbers[of], counts[of], frozenset(row["keys"]))
        numbers[of] += 1


def _check_holds(
    store: Store, profiles: Sequence[Profile], shards: Sequence[TrainingShard], split: str | None, where: str | None
) -> None:
    """Refuse a format for which there is nothing."""
    for profile in profiles:
        if not any(shard.half == profile.half for shard in shards):
            asked = [f"--split {split}"] * (split is not None) + [f"--where {where}"] * (where is not None)
            raise UsageError(
                f"--format {profile.name} holds {HALVES[profile.half].table}, of which {store.url} has none"
                f"{' with ' if asked else ''}{' and '.join(asked)}: name another format, or an output that has them"
            )


def _check_licences(
    connection: duckdb.DuckDBPyConnection, half: str, shards: Sequence[TrainingShard]
) -> Mapping[str, int]:
    """How many samples of a half are exported under each licence. Raises TurnmillError for one that forbids it."""
    items, counts = HALVES[half], dict[str, int]()
    forbidden: list[tuple[str | None, str]] = []
    rows = connection.execute(
        f"SELECT licence, licence_redistribute, uid FROM {items.samples} JOIN "
        f"(SELECT {items.key} AS item, licence, licence_redistribute FROM {items.table}) ON item = uid "
        "WHERE key IN (SELECT unnest($keys)) ORDER BY uid",
        {"keys": [key for shard in shards if shard.half == half for key in sorted(shard.keys)]},
    )
    for licence, redistribute, uid in rows.fetchall():
        counts[str(licence)] = counts.get(str(licence), 0) + 1
        if redistribute is not True:
            forbidden.append((licence, uid))
    if forbidden:
        raise TurnmillError(told_forbidden(forbidden, 'export the others: --where "licence_redistribute"'))
    return counts


def _planned(profiles: Sequence[Profile], shards: Sequence[TrainingShard], to: str) -> str:
    lines = []
    for profile in profiles:
        mine = [shard for shard in shards if shard.half == profile.half]
        samples = sum(len(shard.keys) for shard in mine)
        lines.append(f"{profile.name}: {plural(samples, 'sample')} of {plural(len(mine), 'shard')} to {to}")
    return "\n".join([*lines, "dry run: it was checked, and nothing was written"]) + "\n"


def _part(profile: Profile, shard: TrainingShard) -> str:
    return f"items/{profile.name}/{shard.stem}.parquet"


def _folder(target: Store, profile: Profile) -> Store:
    return Store(f"{target.url.rstrip('/')}/{profile.name}")


def _export_shard(store: Store, target: Store, profiles: Sequence[Profile], shard: TrainingShard) -> None:
    """Write the parts of a training shard that are not there, of all formats from one reading of it."""
    missing = _missing(target.exists, profiles, shard)
    rows: dict[str, list[Row]] = {profile.name: [] for profile in missing}
    with ExitStack() as stack:
        places = [Place(_folder(target, profile), shard.split, shard.number, shard.count) for profile in missing]
        adds = [stack.enter_context(profile.part(place)) for profile, place in zip(missing, places, strict=True)]
        for sample in _samples(store, shard):
            for profile, add in zip(missing, adds, strict=True):
                rows[profile.name] += _added(add, sample)
    for profile in missing:
        table = pa.Table.from_pylist([_item(row, shard) for row in rows[profile.name]], schema=_ITEMS)
        target.write_part(_part(profile, shard), table, {})


def _samples(store: Store, shard: TrainingShard) -> Iterator[Sample]:
    """Those of a shard that are exported, all of them. Raises TurnmillError for a shard that is damaged or gone."""
    left = set(shard.keys)
    try:
        with store.open(shard.name) as file:
            for sample in read(file, shard.split, shard.keys):
                left.discard(sample.key)
                yield sample
    except (FileNotFoundError, IsADirectoryError, tarfile.TarError, LookupError, ValueError) as error:
        raise TurnmillError(f"{store.path(shard.name)} is damaged or gone ({error}): {MAKE_AGAIN}") from error
    if left:
        raise TurnmillError(f"{store.path(shard.name)} lacks the sample {min(left)}: {MAKE_AGAIN}")


def _added(add: Add, sample: Sample) -> list[Row]:
    try:
        return list(add(sample))
    except AudioError as error:
        item = sample.told.get("uid") or sample.told["id"]
        return [Row(item, sample.duration, drop=Drop.UNREADABLE, detail=error.detail)]


def _item(row: Row, shard: TrainingShard) -> dict[str, Any]:
    return {
        "item": row.item,
        "split": shard.split,
        "seconds": row.seconds,
        "drop": row.drop,
        "detail": row.detail,
        "sorted_by": row.order,
        "entry": None if row.drop is not None else json.dumps(row.entry, ensure_ascii=False),
    }


def _finish(target: Store, profile: Profile, shards: Sequence[TrainingShard]) -> Made:
    """Write the index of a format, and tell what it holds."""
    folder = _folder(target, profile)
    parts = [_part(profile, shard) for shard in shards]
    splits = dict.fromkeys(shard.split for shard in shards)
    profile.index(Index(folder, {split: _entries(target, parts, split) for split in splits}))
    with _items(target, parts) as connection:
        rows = connection.execute(
            'SELECT "drop", count(*), sum(seconds) / 3600, quantile_disc(seconds, [0.5, 0.95, 1.0]), '
            "list(DISTINCT split) FROM items GROUP BY ALL"
        ).fetchall()
    items, hours = {drop: count for drop, count, *_ in rows}, {drop: hours for drop, _, hours, *_ in rows}
    lengths, written = next((told for drop, _, _, *told in rows if drop is None), ((0.0, 0.0, 0.0), ()))
    return Made(profile, items, hours, (lengths[0], lengths[1], lengths[2]), sorted(written, key=_to_train_on))


def _to_train_on(split: str) -> tuple[bool, bool, str]:
    """By which splits are sorted: `train`, those that official ones call like it, the others."""
    return split != "train", not split.startswith("train"), split


def _entries(target: Store, parts: Sequence[str], split: str) -> Callable[[], Iterator[Any]]:
    def entries() -> Iterator[Any]:
        with _items(target, parts) as connection:
            connection.execute(
                'SELECT entry FROM (SELECT *, row_number() OVER () AS n FROM items) WHERE "drop" IS NULL AND '
                "split = ? ORDER BY sorted_by, n",
                [split],
            )
            while rows := connection.fetchmany(1 << 10):
                yield from (json.loads(entry) for (entry,) in rows)

    return entries


def _items(target: Store, parts: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """A database with the rows of parts, in order, as `items`, for one query; they are read as it goes."""
    batches = (batch for name in parts for batch in target.read_part(name).cast(_ITEMS).to_batches())
    connection = in_memory()
    connection.register("items", pa.RecordBatchReader.from_batches(_ITEMS, batches))
    return connection
