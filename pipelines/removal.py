"""What a run removes of earlier ones: what was made of sources that changed, of settings that did, and of what is to be
tried again."""

from collections.abc import Sequence, Set

from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.records import MODEL_FAILURES, Reason
from turnmill.manifests.schema import TABLES
from turnmill.manifests.store import Store, part_name
from turnmill.pipelines.engine import pending
from turnmill.pipelines.pieces import PIECES
from turnmill.pipelines.pipeline import Chain, Half, Plan
from turnmill.pipelines.seen import Seen
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.verdicts import VERDICTS


def forget_changed(half: Half, seen: Seen, store: Store) -> None:
    """Remove all that was made of a unit that changed or went away, then remember how the sources look now; a killed
    run starts over here."""
    if seen.changed:
        forget(half, seen.changed, store)
        seen.remember(store)


def forget(half: Half, keys: Set[str], store: Store) -> None:
    """Remove these shards' parts under every fingerprint: what is made of all shards first, the source's last."""
    written = [table for writer in reversed(half.writers) for table in writer.tables]
    for folder in (*written, *reversed(half.wholes)):
        store.remove_all(store.names(folder))
    for folder in (*(writer.folder for writer in half.writers), "rejects"):
        store.remove_all(name for name in store.names(folder) if _of_family(name, half))
    # Of stages too that the recipe no longer has, or not yet again: their parts would count as done.
    now = dict.fromkeys(table for stage in reversed(half.stages) for table in reversed(stage.tables))
    others = (table for table in TABLES if table not in now)
    for folder in (*others, *now, *_NAMED_BY_SHARD):
        store.remove_all(name for name in store.names(folder) if _shards_of(name) & keys)


def with_killed(store: Store, index: Index, half: Half) -> set[str]:
    """Keys of the shards with an item that killed or hung its worker, made a model fail or met a bug, whether or not
    they have a part."""
    reasons = {Reason.KILLED_WORKER, Reason.TIMED_OUT, Reason.INTERNAL_ERROR, *MODEL_FAILURES}
    with connect(store, index) as connection:
        rejecting = connection.execute(
            "SELECT fingerprint, shard FROM ledger JOIN stages USING (position) WHERE rejected > 0 AND ledger.half = ?",
            [half.name],
        ).fetchall()
    parts = [(part_name("rejects", fingerprint, key), key) for fingerprint, key in rejecting]
    found = ((key, store.read_part(name).column("reason").to_pylist()) for name, key in parts if store.exists(name))
    mine = {stage.fingerprint for stage in index.stages if stage.half == half.name}
    verdicts = (name.split("/") for name in store.names(VERDICTS))
    without_part = {file.removesuffix(".json") for _, fingerprint, file in verdicts if fingerprint in mine}
    return {key for key, given in found if reasons.intersection(given)} | without_part


_NAMED_BY_SHARD = ("rejects", "audio", VERDICTS, PIECES)
"""Folders, besides those of the tables, that hold files or folders named by a shard's key."""


def _shards_of(name: str) -> Set[str]:
    """What may be a shard's key in a name: `audio/clips/<fingerprint>/<key>.tar`."""
    return {segment.split(".")[0] for segment in name.split("/")}


def bring_back_recordings(chain: Chain, shards: Sequence[Shard], workspace: Workspace) -> None:
    """Forget recordings whose audio is gone and is asked for again, as by a cut with other parameters: they are read
    anew."""
    if "recordings" in chain.source.tables:
        folder = f"recordings/{workspace.fingerprint('recordings')}"
        parts, tars = _by_key(workspace.store, folder), _by_key(workspace.store, f"audio/{folder}")
        gone = _uncut(chain, shards, workspace) - tars.keys()
        workspace.store.remove_all(parts[key] for key in gone & parts.keys())


def remove_recordings(chain: Chain, shards: Sequence[Shard], workspace: Workspace) -> None:
    """Remove the audio of recordings that no stage asks for again, where the recipe does not keep it."""
    if any(stage.drops_recordings for stage in chain.stages):
        tars = _by_key(workspace.store, f"audio/recordings/{workspace.fingerprint('recordings')}")
        done = {shard.key for shard in shards} - _uncut(chain, shards, workspace)
        workspace.store.remove_all(tars[key] for key in done & tars.keys())


def _by_key(store: Store, folder: str) -> dict[str, str]:
    """The files of a folder by the shard that names them."""
    return {name.rsplit("/", 1)[1].partition(".")[0]: name for name in store.names(folder)}


def _uncut(chain: Chain, shards: Sequence[Shard], workspace: Workspace) -> set[str]:
    """Keys of the shards whose recordings a stage has still to read."""
    readers = [stage for stage in chain.stages if "recordings" in stage.needs]
    return set().union(*pending(readers, shards, workspace).values())


def remove_superseded(half_plan: Plan, store: Store) -> None:
    """Remove the training shards of earlier settings: what a reader finds under `shards/` is this dataset, once. Their
    parts go first, so that they are written again when those settings return; what they were cut from stays."""
    for writer in half_plan.half.writers:
        current = half_plan.fingerprints[writer.tables[-1]]
        for folder in (*writer.tables, writer.folder):
            old = (name for name in store.names(folder) if f"/{current}/" not in name)
            store.remove_all(name for name in old if _of_family(name, half_plan.half))


def _of_family(name: str, half: Half) -> bool:
    """Whether a file is named by a training shard of a half."""
    return name.rsplit("/", 1)[1].startswith(f"{half.items.family}-")
