"""A dataset as it is published, laid out in a folder: card, pictures, tables, and the training shards, as links where
they lie on this machine."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from turnmill.manifests import loadable
from turnmill.manifests.card import CARD, REALISM, REPO, SCHEMA, SHOWN
from turnmill.manifests.card_schema import schema
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.examples import FOLDER as EXAMPLES
from turnmill.manifests.front_matter import config_entries, info_entries
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.published import (
    MAKE_AGAIN,
    Config,
    Shard,
    configs,
    filled_tables,
    table_path,
    write_table,
)
from turnmill.manifests.records import stable_hash
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import Store, part_name, rows
from turnmill.manifests.tables_card import tables_card

STAGING = ".publish"

Tell = Callable[[str, int, int], None]
"""What is told how many of how many tables or shards are laid out or checked."""


@dataclass(frozen=True)
class PublishFile:
    path: str  # in the dataset repository
    size: int  # bytes


@dataclass(frozen=True)
class Staged:
    """A dataset in `folder`; `elsewhere` are shards that stay where they are, on another machine, with their bytes."""

    folder: Path
    configs: tuple[Config, ...]
    elsewhere: tuple[tuple[Shard, int], ...]

    def files(self) -> tuple[PublishFile, ...]:
        """All that is published, by path."""
        here = (path for path in self.folder.rglob("*") if path.is_file())
        found = [PublishFile(path.relative_to(self.folder).as_posix(), path.stat().st_size) for path in here]
        found += [PublishFile(shard.path, size) for shard, size in self.elsewhere]
        return tuple(sorted(found, key=lambda file: file.path))


@contextmanager
def staging_folder(store: Store, to: Path | None) -> Iterator[Path]:
    """An empty folder to lay a dataset out in: `to`, which appears when the block ends well, or one that is in nobody's
    way."""
    if to is not None:
        to = Path(os.path.realpath(to))
        if store.is_local and to.is_relative_to(os.path.realpath(store.root)):
            raise UsageError(f"--to {to} lies in the output that is published: name a folder elsewhere")
        making = to.with_name(f".{to.name}.publish")
        try:
            making.mkdir(parents=True)
        except FileExistsError as error:
            raise UsageError(
                f"{making} is there: another `publish --to` is making it, or one that was killed has left it; remove "
                "it, or name another folder"
            ) from error
        try:
            yield making
            if to.exists():
                to.rmdir()  # it is empty
            os.replace(making, to)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    elif store.is_local:
        folder = Path(store.root, STAGING)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="turnmill-publish-") as temporary:
            yield Path(temporary)


def stage(
    store: Store, index: Index, connection: duckdb.DuckDBPyConnection, folder: Path, *, whole: bool, tell: Tell
) -> Staged:
    """Lay out the dataset. `whole`: as files that last, and every shard; else local ones are links, and of a split of
    remote ones the first is fetched, by which can be told whether it loads. Raises UsageError without a card of it."""
    found = configs(store, index, connection)
    _check_card(store, index, found)
    own = [name for name in (CARD, SCHEMA, RECIPE, REALISM) if store.exists(name)]
    text = store.read(CARD).decode()
    for name in [*own, *(name for beside in SHOWN for name in store.names(beside) if name in text)]:
        _fetch(store, name, folder / name)
    _write_tables(connection, folder, tell)
    sizes = _sizes(store, found)
    elsewhere = []
    shards = [
        (shard, shard is split.shards[0]) for config in found for split in config.splits for shard in split.shards
    ]
    for number, (shard, first) in enumerate(shards):
        tell("lay out shards", number, len(shards))
        if store.is_local and not whole:
            at = folder / shard.path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(store.path(shard.name))
        elif whole or first:
            _fetch(store, shard.name, folder / shard.path)
        else:
            elsewhere.append((shard, sizes.get(shard.name, 0)))  # one that is not there is found by `check`
    return Staged(folder, tuple(found), tuple(elsewhere))


def stage_tables(
    store: Store, index: Index, connection: duckdb.DuckDBPyConnection, folder: Path, *, tell: Tell
) -> Staged:
    """Lay out the tables alone, each a config. Raises UsageError without a card of the dataset."""
    _check_card(store, index, configs(store, index, connection))
    _fetch(store, RECIPE, folder / RECIPE)
    (folder / SCHEMA).write_text(schema(store, index, connection, ()), "utf-8")
    text = tables_card(_metadata(store), _write_tables(connection, folder, tell))
    (folder / CARD).write_text(text, "utf-8")
    return Staged(folder, (), ())


def name_repository(folder: Path, repo: str, files: str | None) -> None:
    """Put the repository's name where the card has a placeholder; `files` is the URL of its files, from where a page of
    the Hub plays the audio."""
    card = folder / CARD
    text = card.read_text("utf-8").replace(REPO, repo)
    card.write_text(text if files is None else text.replace(f'src="{EXAMPLES}/', f'src="{files}{EXAMPLES}/'), "utf-8")


def check(store: Store, staged: Staged, tell: Tell) -> None:
    """Raise TurnmillError for what would not load, or what the Hub would not take: every shard is looked through."""
    loadable.check_files(((file.path, file.size) for file in staged.files()), staged.configs)
    for table in sorted(staged.folder.glob(table_path("*"))):
        loadable.check_table(table)
    shards = [(config, shard) for config in staged.configs for shard in config.shards]
    elsewhere = {shard for shard, _ in staged.elsewhere}
    for number, (config, shard) in enumerate(shards):
        tell("check shards", number, len(shards))
        with (
            _wanted(store, shard.name),
            store.open(shard.name) if shard in elsewhere else (staged.folder / shard.path).open("rb") as file,
        ):
            loadable.check_shard(file, shard, config, _places(store, shard, config))
    loadable.check_loads(staged.folder)


def _places(store: Store, shard: Shard, config: Config) -> list[loadable.Place]:
    """What the part of the samples that was written with a shard says of them, in the order of the shard."""
    _, fingerprint, name = shard.name.split("/")
    part = store.read_part(part_name(HALVES[config.half].samples, fingerprint, name.removesuffix(".tar")))
    return [(row["key"], row["offset"], row["size"]) for row in rows(part.select(["key", "offset", "size"]))]


def _fetch(store: Store, name: str, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    with _wanted(store, name):
        store.fs.get_file(store.path(name), str(at))


@contextmanager
def _wanted(store: Store, name: str) -> Iterator[None]:
    """A file of the store is read. Raises TurnmillError where it is not there."""
    try:
        yield
    except FileNotFoundError as error:
        raise TurnmillError(f"{store.path(name)} is not there: {MAKE_AGAIN}") from error


def _write_tables(connection: duckdb.DuckDBPyConnection, folder: Path, tell: Tell) -> dict[str, int]:
    """Write the published tables that have rows; how many of each."""
    tables, counts = filled_tables(connection), {}
    for number, table in enumerate(tables):
        tell("lay out tables", number, len(tables))
        counts[table] = write_table(connection, table, folder)
    return counts


def _sizes(store: Store, found: Sequence[Config]) -> dict[str, int]:
    """Bytes of the shards of a remote store, by name."""
    if store.is_local:
        return {}
    folders = {shard.name.rpartition("/")[0] for config in found for shard in config.shards}
    return {
        f"{folder}/{path.rpartition('/')[2]}": int(info["size"])
        for folder in folders
        for path, info in store.fs.find(store.path(folder), detail=True).items()
    }


def _check_card(store: Store, index: Index, found: Sequence[Config]) -> None:
    """Whether the card is of this recipe and says what there is."""
    beside = all(store.exists(name) for name in (CARD, SCHEMA, RECIPE))
    same = beside and stable_hash(store.read(RECIPE).decode(errors="replace")) == index.recipe_hash
    metadata = _metadata(store) if same else {}
    said = (metadata.get("configs"), metadata.get("dataset_info"))
    if said != (config_entries(found), info_entries(found)):
        raise UsageError(f"{store.url} has no dataset card of this recipe: `turnmill card {store.url}` writes it")


def _metadata(store: Store) -> dict[str, Any]:
    """The front matter of the card; empty where somebody changed it to what is none."""
    try:
        found = re.match(r"---\n(.*?)^---$", store.read(CARD).decode(), re.DOTALL | re.MULTILINE)
        metadata = yaml.safe_load(found[1]) if found else None
    except (UnicodeDecodeError, yaml.YAMLError):
        metadata = None
    return metadata if isinstance(metadata, dict) else {}
