"""Verdicts on items that killed or hung their worker: `verdicts/<fingerprint>/<shard key>.json`, uid -> reason.

A verdict is a fact of the dataset: whoever makes the part, now or after a kill, rejects the item unseen. It is the one
thing in the result that another machine might have found otherwise; `turnmill run --retry-killed` forgets it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from turnmill.manifests.records import Reason
from turnmill.pipelines.stage import Stage, Workspace
from turnmill.pipelines.watch import Attempt

VERDICTS: Final = "verdicts"


def read_verdicts(workspace: Workspace, stages: Sequence[Stage]) -> dict[str, dict[str, dict[str, Reason]]]:
    """The verdicts of earlier runs, by shard key, stage and uid."""
    found: dict[str, dict[str, dict[str, Reason]]] = {}
    stage_of = {workspace.fingerprints[stage.tables[-1]]: stage.name for stage in stages}
    for name in workspace.store.names(VERDICTS):
        _, fingerprint, file = name.split("/")
        if fingerprint in stage_of:
            reasons = {uid: Reason(reason) for uid, reason in json.loads(workspace.store.read(name)).items()}
            found.setdefault(file.removesuffix(".json"), {})[stage_of[fingerprint]] = reasons
    return found


def write_verdicts(workspace: Workspace, stages: Sequence[Stage], key: str, attempt: Attempt) -> None:
    """Keep what is known of a shard, before it is tried again."""
    for stage in stages:
        verdicts: Mapping[str, Reason] = attempt.verdicts.get(stage.name, {})
        if verdicts:
            name = f"{VERDICTS}/{workspace.fingerprints[stage.tables[-1]]}/{key}.json"
            workspace.store.write(name, json.dumps(verdicts, sort_keys=True, ensure_ascii=False).encode())
