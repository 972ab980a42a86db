"""Publication on the Hugging Face Hub, or in a folder for other hosts: what goes is laid out, checked against its
licences and for whether it loads, listed, and uploaded.

After an interruption the same command goes on: the Hub says what it has. No token is stored, logged or put into a
message.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils._http import get_session
from huggingface_hub.utils._validators import validate_repo_id

from turnmill.manifests.card import CARD, SHOWN
from turnmill.manifests.card_sections import one_row, selected
from turnmill.manifests.chosen import check_finished
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.licences import told_forbidden
from turnmill.manifests.query import connect, told_of_parts
from turnmill.manifests.schema import HALVES
from turnmill.manifests.staging import (
    PublishFile,
    Staged,
    Tell,
    check,
    name_repository,
    stage,
    stage_tables,
    staging_folder,
)
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural

_REACH_S = 15.0  # seconds that the Hub has to answer a first request
_MESSAGE = "Upload by Turnmill"
_OURS = tuple(f"{folder}/" for folder in ("data", "manifests", *SHOWN))  # what is there as the dataset is
_COMMIT_FILES = 50  # the Hub asks for fewer than 100 files a commit


@dataclass(frozen=True)
class PublishPlan:
    """What goes to `what`, a Hub dataset or a folder, or went; `where` is its page or folder, None after a dry run."""

    what: str
    files: tuple[PublishFile, ...]
    where: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def text(self) -> str:
        """A line per file, the total, and where it is."""
        lines = [f"{_bytes(file.size):>10}  {file.path}" for file in self.files]
        lines.append(f"{_bytes(self.size):>10}  in {plural(len(self.files), 'file')} for {self.what}")
        lines.append(f"published: {self.where}" if self.where else "dry run: it was checked, and nothing was sent")
        return "\n".join(lines) + "\n"


def publish(
    store: Store,
    repo: str | None,
    *,
    to: Path | None = None,
    tables_only: bool = False,
    dry_run: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    private: bool = True,
    tell: Tell = lambda *_: None,
) -> PublishPlan:
    """Upload a finished dataset to the Hub dataset `repo`, which is made (private by default) where it is missing; or
    lay it out in the folder `to`, whose card then names `repo` where it is given. `tables_only`: the tables alone, each
    a config that `datasets` loads, which cannot lie beside the shards.

    With `dry_run` all is checked and listed, and no network is touched. `token` and `endpoint` default to those of
    huggingface_hub (`hf auth login`, HF_TOKEN, HF_ENDPOINT). Raises UsageError for a folder or name that cannot be
    published, TurnmillError for a licence that forbids it, what would not load, a Hub that refuses, or no network.
    """
    if repo is None and to is None:
        raise UsageError("publish where? --repo OWNER/DATASET sends it to the Hub, --to FOLDER lays it out in a folder")
    if repo is not None:
        _check_name(repo)
    if to is not None and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(f"--to {to} is there and not empty: name a new folder")
    index = Index.load(store)
    api = HfApi(endpoint=endpoint, token=token)
    with (
        told_of_parts(store),
        connect(store, index) as connection,
        staging_folder(store, None if dry_run else to) as folder,
    ):
        _check(store, connection)
        if tables_only:
            staged = stage_tables(store, index, connection, folder, tell=tell)
        else:
            staged = stage(store, index, connection, folder, whole=to is not None and not dry_run, tell=tell)
        if repo is not None:
            name_repository(folder, repo, None if to else f"{_shown(api.endpoint)}/datasets/{repo}/resolve/main/")
        check(store, staged, tell)
        plan = PublishPlan(str(to or repo), staged.files())
        if not dry_run and to is not None:
            plan = replace(plan, where=str(to))
        elif not dry_run and repo is not None:
            plan = replace(plan, where=_upload(store, staged, repo, api, private))
    return plan


def _check_name(repo: str) -> None:
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UsageError(f"--repo {repo} is no name of a Hub dataset (like you/dataset): {error}") from error
    if "/" not in repo:
        raise UsageError(f"--repo {repo} does not say whose dataset it is: write OWNER/{repo}")


def _check(store: Store, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse what is unfinished, empty, or may not be passed on."""
    check_finished(store, connection, then="publish")
    if not any(one_row(connection, f"SELECT count(*) FROM {items.samples}")[0] for items in HALVES.values()):
        raise UsageError(f"{store.url} has no training samples to publish: `turnmill status {store.url}` says why")
    forbidden = {
        half: rows
        for half, items in HALVES.items()
        if (
            rows := selected(
                connection,
                half,
                f"licence, item.{items.key}",
                f"WHERE licence_redistribute IS NOT TRUE ORDER BY item.{items.key}",
            )
        )
    }
    if forbidden:
        found = [row for rows in forbidden.values() for row in rows]
        keys = " and to ".join(f"`{HALVES[half].select_key}`" for half in forbidden)
        remedy = (
            f'add {{name: may_publish, keep: "licence_redistribute"}} to {keys} of your recipe, run it, then publish'
        )
        raise TurnmillError(told_forbidden(found, remedy))


def _upload(store: Store, staged: Staged, repo: str, api: HfApi, private: bool) -> str:
    try:
        # The client of huggingface_hub waits for ever, so a network that swallows packets is found out first.
        get_session().head(api.endpoint, timeout=_REACH_S)
        made = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        _send(store, staged, made.repo_id, api)
        return str(made)
    except HfHubHTTPError as error:
        raise TurnmillError(_refusal(error, repo)) from error
    except RuntimeError as error:  # what huggingface_hub and hf_xet raise when a file did not get through
        raise TurnmillError(
            f"the upload to {repo} stopped ({error}): run the same command again, which goes on where it was"
        ) from error
    except (_HttpError, ConnectionError) as error:
        raise TurnmillError(
            f"the Hub at {_shown(api.endpoint)} cannot be reached ({type(error).__name__}): check the network, then "
            "run the same command again, which goes on where it was"
        ) from error


def _send(store: Store, staged: Staged, repo: str, api: HfApi) -> None:
    """Commit the files in groups, the card in the last, which also removes what an earlier publication has left: its
    shards would be loaded with these. Shards that are not on this machine pass through its memory one at a time."""
    there = set(api.list_repo_files(repo, repo_type="dataset"))
    if not staged.configs and any(path.endswith(".tar") for path in there):
        raise UsageError(f"{repo} has a dataset with its shards: tables alone want a repository of their own")
    elsewhere = {shard.path: shard for shard, _ in staged.elsewhere}
    paths = sorted((file.path for file in staged.files()), key=lambda path: (path == CARD, path))
    old = sorted(path for path in there - set(paths) if path.startswith(_OURS))
    for start in range(0, len(paths), _COMMIT_FILES):
        operations: list[CommitOperationAdd | CommitOperationDelete] = []
        for path in paths[start : start + _COMMIT_FILES]:
            if path in elsewhere:
                addition = CommitOperationAdd(path, store.read(elsewhere[path].name))
                api.preupload_lfs_files(repo, [addition], repo_type="dataset")  # and lets go of the bytes
            else:
                addition = CommitOperationAdd(path, staged.folder / path)
            operations.append(addition)
        if start + _COMMIT_FILES >= len(paths):
            operations += [CommitOperationDelete(path) for path in old]
        api.create_commit(repo, operations, commit_message=_MESSAGE, repo_type="dataset")


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


def _shown(endpoint: str) -> str:
    """An endpoint without a user and a password."""
    return re.sub(r"//[^/@]*@", "//", endpoint)


def _bytes(size: int) -> str:
    """A number of bytes for people."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
