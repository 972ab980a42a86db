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

from manifests import loadable
from manifests.card import CARD, REPO, SCHEMA
from manifests.errors import TurnmillError, UsageError
from manifests.examples import FOLDER as EXAMPLES
from manifests.front_matter import info_entries
from manifests.index import RECIPE, Index
from manifests.published import MAKE_AGAIN, Config, Shard, configs, filled_tables, write_table
from manifests.records import stable_hash
from manifests.store import Store
from manifests.tables_card import tables_card

STAGING = ".publish"
_BESIDE = ("plots", EXAMPLES)  # folders that the card shows

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
        to = Path(os.path.abspath(to))
        making = to.with_name(f".{to.name}.publish")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
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
    own = [name for name in (CARD, SCHEMA, RECIPE, "realism.json") if store.exists(name)]
    for name in [*own, *(name for beside in _BESIDE for name in store.names(beside))]:
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
    for name in (SCHEMA, RECIPE):
        _fetch(store, name, folder / name)
    _write_tables(connection, folder, tell)
    text = tables_card(_metadata(store), filled_tables(connection))
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
    for table in sorted(staged.folder.glob("manifests/*.parquet")):
        loadable.check_table(table)
    shards = [(config, shard) for config in staged.configs for shard in config.shards]
    elsewhere = {shard for shard, _ in staged.elsewhere}
    for number, (config, shard) in enumerate(shards):
        tell("check shards", number, len(shards))
        try:
            with store.open(shard.name) if shard in elsewhere else (staged.folder / shard.path).open("rb") as file:
                loadable.check_shard(file, shard, config)
        except FileNotFoundError as error:
            raise TurnmillError(f"{store.path(shard.name)} is not there: {MAKE_AGAIN}") from error
    loadable.check_loads(staged.folder)


def _fetch(store: Store, name: str, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    store.fs.get_file(store.path(name), str(at))


def _write_tables(connection: duckdb.DuckDBPyConnection, folder: Path, tell: Tell) -> None:
    tables = filled_tables(connection)
    for number, table in enumerate(tables):
        tell("lay out tables", number, len(tables))
        write_table(connection, table, folder / "manifests" / f"{table}.parquet")


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
    same = beside and stable_hash(store.read(RECIPE).decode()) == index.recipe_hash
    if not same or _metadata(store).get("dataset_info") != info_entries(found):
        raise UsageError(f"{store.url} has no dataset card of this recipe: `turnmill card {store.url}` writes it")


def _metadata(store: Store) -> dict[str, Any]:
    """The front matter of the card; empty where somebody changed it to what is none."""
    found = re.match(r"---\n(.*?)^---$", store.read(CARD).decode(errors="replace"), re.DOTALL | re.MULTILINE)
    try:
        metadata = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        metadata = None
    return metadata if isinstance(metadata, dict) else {}
