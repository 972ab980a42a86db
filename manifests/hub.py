"""Publication on the Hugging Face Hub: what goes is staged, checked against its licences, listed, and uploaded.

The upload is `huggingface_hub.upload_folder`, which commits in batches and skips what is already there: after an
interruption the same command goes on. No token is stored, logged or put into a message.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils._http import get_session
from huggingface_hub.utils._validators import validate_repo_id

from manifests.card import CardFacts
from manifests.card_sections import HALVES, PUBLISHED_TABLES, one_row, selected, shard_folder
from manifests.errors import TurnmillError, UsageError
from manifests.funnel import check_ledger
from manifests.index import SELECT_KEYS, Index
from manifests.query import connect
from manifests.schema import SCHEMAS
from manifests.store import Store
from manifests.wording import plural

STAGING = ".publish"
_BATCH_ROWS = 1 << 16
_EXAMPLES = 3
_REACH_S = 15.0  # seconds that the Hub has to answer a first request

# Rows of a published table: those of the selected items. What was removed or rejected is told by its uid alone.
_CLIP = "SELECT {table}.* FROM {table} SEMI JOIN clip_samples USING (uid) ORDER BY uid"
_DIALOGUE = "SELECT {table}.* FROM {table} SEMI JOIN dialogue_samples ON dialogue = uid ORDER BY dialogue"
_ROWS = {
    "clips": _CLIP,
    "quality": _CLIP,
    "transcripts": _CLIP,
    "clip_selection": "SELECT * FROM {table} ORDER BY uid",
    "clip_samples": 'SELECT * FROM {table} ORDER BY shard, "offset"',
    "dialogues": "SELECT {table}.* FROM {table} SEMI JOIN dialogue_samples ON id = uid ORDER BY id",
    "turns": f'{_DIALOGUE}, "index"',
    "events": f'{_DIALOGUE}, "index"',
    "words": f"{_DIALOGUE}, channel",
    "verification": _DIALOGUE,
    "dialogue_selection": "SELECT * FROM {table} ORDER BY uid",
    "dialogue_samples": 'SELECT * FROM {table} ORDER BY shard, "offset"',
    "rejects": "SELECT * FROM {table} ORDER BY ALL",
}


@dataclass(frozen=True)
class PublishFile:
    path: str  # in the dataset repository
    size: int  # bytes


@dataclass(frozen=True)
class PublishPlan:
    """What goes to the Hub, or went. `url` is the dataset's page, None after a dry run."""

    repo: str
    files: tuple[PublishFile, ...]
    url: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def text(self) -> str:
        """A line per file, the total, and where it is."""
        lines = [f"{_bytes(file.size):>10}  {file.path}" for file in self.files]
        lines.append(f"{_bytes(self.size):>10}  in {plural(len(self.files), 'file')} for {self.repo}")
        lines.append(f"published: {self.url}" if self.url else "dry run: nothing was sent")
        return "\n".join(lines) + "\n"


Tell = Callable[[int, int], None]
"""What is told how many of how many tables are laid out; the upload itself shows bars of huggingface_hub's."""


def publish(
    store: Store,
    repo: str,
    *,
    dry_run: bool,
    token: str | None = None,
    endpoint: str | None = None,
    private: bool = True,
    tell: Tell = lambda _, __: None,
) -> PublishPlan:
    """Upload a finished dataset to the Hub dataset `repo`, which is made (private by default) where it is missing.

    With `dry_run` only the staging folder is made, and no network is touched. `token` and `endpoint` default to those
    of huggingface_hub (`hf auth login`, HF_TOKEN, HF_ENDPOINT). Raises UsageError for a folder or name that cannot be
    published, TurnmillError for a licence that forbids it, a Hub that refuses, or no network.
    """
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UsageError(f"--repo {repo} is no name of a Hub dataset (like you/dataset): {error}") from error
    if "/" not in repo:
        raise UsageError(f"--repo {repo} does not say whose dataset it is: write OWNER/{repo}")
    if not store.is_local:
        raise UsageError(f"publish needs a local output folder: copy {store.url} to a disk and publish that")
    index = Index.load(store)
    connection = connect(store, index)
    _check(store, index, connection)
    folder = _stage(store, index, connection, tell)
    card = store.read("README.md").decode().replace(CardFacts.repo, repo)
    (folder / "README.md").write_text(card, "utf-8")
    files = tuple(
        PublishFile(path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    if dry_run:
        return PublishPlan(repo, files)
    return PublishPlan(repo, files, _upload(folder, repo, HfApi(endpoint=endpoint, token=token), private))


def _check(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse what is unfinished, empty, or may not be passed on."""
    problems = check_ledger(connection)
    if problems:
        raise TurnmillError(
            f"{store.url} is not finished ({problems[0]}): run the recipe again with the same --out, then publish"
        )
    if not any(one_row(connection, f"SELECT count(*) FROM {samples}")[0] for samples, _, _ in HALVES.values()):
        raise UsageError(f"{store.url} has no training samples to publish: `turnmill status {store.url}` says why")
    if not store.exists("README.md") or index.recipe_hash.encode() not in store.read("README.md"):
        raise UsageError(f"{store.url} has no dataset card of this recipe: `turnmill card {store.url}` writes it")
    forbidden = {
        half: rows
        for half, (_, _, key) in HALVES.items()
        if (
            rows := selected(
                connection, half, f"licence, item.{key}", f"WHERE licence_redistribute IS NOT TRUE ORDER BY item.{key}"
            )
        )
    }
    if forbidden:
        found = [row for rows in forbidden.values() for row in rows]
        licences = ", ".join(sorted({str(licence) for licence, _ in found}))
        examples = ", ".join(str(uid) for _, uid in found[:_EXAMPLES])
        unknown = any(licence == "LicenseRef-unknown" for licence, _ in found)
        state = "state the licence of your own recordings and texts (`licence:` of the recipe), or " if unknown else ""
        keys = " and to ".join(f"`{SELECT_KEYS[half]}`" for half in forbidden)
        raise TurnmillError(
            f"{plural(len(found), 'selected sample')} may not be redistributed ({licences}), for example {examples}: "
            f'{state}add {{name: may_publish, keep: "licence_redistribute"}} to {keys} of your recipe, run it, then '
            "publish"
        )


def _stage(store: Store, index: Index, connection: duckdb.DuckDBPyConnection, tell: Tell) -> Path:
    """Lay out the dataset as published under STAGING; audio and pictures are links, not copies."""
    folder = Path(store.root, STAGING)
    if folder.exists():
        shutil.rmtree(folder)
    for name in [*store.names("plots"), *(name for name in ("realism.json",) if store.exists(name))]:
        _link(store, name, folder / name)
    for half, (samples, _, _) in HALVES.items():
        maker = index.maker(samples)
        for split, shard in connection.execute(f"SELECT DISTINCT split, shard FROM {samples}").fetchall():
            assert maker is not None  # its table has rows
            _link(store, f"shards/{maker.fingerprint}/{shard}", folder / shard_folder(half, split) / shard)
    for number, table in enumerate(PUBLISHED_TABLES):
        tell(number, len(PUBLISHED_TABLES))
        if one_row(connection, f"SELECT count(*) FROM {table}")[0]:
            _write_table(connection, table, folder / "manifests" / f"{table}.parquet")
    return folder


def _link(store: Store, name: str, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(store.path(name), at)


def _write_table(connection: duckdb.DuckDBPyConnection, table: str, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    schema, query = SCHEMAS[table], _ROWS[table].format(table=table)
    with pq.ParquetWriter(at, schema, compression="zstd") as writer:
        batches: pa.RecordBatchReader = connection.cursor().sql(query).to_arrow_reader(_BATCH_ROWS)
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def _upload(folder: Path, repo: str, api: HfApi, private: bool) -> str:
    try:
        # The client of huggingface_hub waits for ever, so a network that swallows packets is found out first.
        get_session().head(api.endpoint, timeout=_REACH_S)
        made = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=made.repo_id, repo_type="dataset", folder_path=folder, commit_message="Upload by Turnmill"
        )
        return str(made)
    except HfHubHTTPError as error:
        raise TurnmillError(_refusal(error, repo)) from error
    except RuntimeError as error:  # what huggingface_hub and hf_xet raise when a file did not get through
        raise TurnmillError(
            f"the upload to {repo} stopped ({error}): run the same command again, which goes on where it was"
        ) from error
    except (_HttpError, ConnectionError) as error:
        raise TurnmillError(
            f"the Hub at {api.endpoint} cannot be reached ({type(error).__name__}): check the network, then run the "
            "same command again, which goes on where it was"
        ) from error


# Every error of the HTTP client that huggingface_hub uses (its name changes with the version), no connection included.
_HttpError: type[Exception] = HfHubHTTPError.__mro__[1]


def _refusal(error: HfHubHTTPError, repo: str) -> str:
    status = error.response.status_code
    if status in (401, 403):
        return (
            f"the Hub does not let you write to {repo} (HTTP {status}): log in with `hf auth login`, or set HF_TOKEN "
            "to a token with write access"
        )
    reason = error.server_message or "no reason given"
    return f"the Hub refused the upload to {repo} (HTTP {status}: {reason}); run the same command again to go on"


def _bytes(size: int) -> str:
    """A number of bytes for people."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
