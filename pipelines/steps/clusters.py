"""clusters: whose speech each clip is, over all corpora of a run, by the voices of `speakers`. Whole-table step.

A cluster stands for a speaker whom no corpus names. Clips of several speakers, and those of which too little is heard,
are in none.
"""

import math
from typing import Any, Final

import numpy as np
from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.manifests.schema import to_table
from turnmill.pipelines.diarization.clustering import clusters
from turnmill.pipelines.diarization.encoder import DIMENSION
from turnmill.pipelines.stage import Workspace, part_notes

TABLE: Final = "speaker_clusters"
VERSION: Final = 2
READS: Final = ("clips", "speakers", "diarization")

Connection = Any  # duckdb ships no types

_CLIPS: Final = """(SELECT clips.uid, duration, embedding,
    embedding IS NOT NULL AND coalesce(one_speaker, true) AND coalesce(n_speakers <= 1, true) AS heard
    FROM clips LEFT JOIN speakers ON speakers.uid = clips.uid LEFT JOIN diarization ON diarization.uid = clips.uid)"""
_AT_ONCE: Final = 10_000  # voices that are read: 10 MB


class ClustersParams(Params):
    """Whose speech each clip is, where no corpus says; `speakers` is needed."""

    alike: float = Field(
        default=0.75, gt=0, le=1, description="mean cosine from which the clips of two groups are one speaker's"
    )


def write(connection: Connection, params: ClustersParams, workspace: Workspace) -> None:
    """Write the table of all clips as the part "all", over `manifests.query.connect`.

    Memory: 5 kB a clip, and what `pipelines.diarization.clustering` takes for a block.
    """
    speakers = _speakers(connection, params)
    found = connection.sql(f"SELECT uid, duration FROM {_CLIPS} ORDER BY uid").to_arrow_table()
    rows = [{"uid": uid, "speaker_cluster": speakers.get(uid)} for uid in found.column("uid").to_pylist()]
    seconds = math.fsum(found.column("duration").to_pylist())
    notes = part_notes(len(rows), len(rows), 0, seconds / 3600)
    workspace.store.write_part(workspace.part(TABLE, "all"), to_table(TABLE, rows), notes)


def _speakers(connection: Connection, params: ClustersParams) -> dict[str, str]:
    """The speaker of each clip that has one, by its uid."""
    ((count,),) = connection.sql(f"SELECT count(*) FROM {_CLIPS} WHERE heard").fetchall()
    voices, uids = np.empty((count, DIMENSION), np.float32), list[str]()
    for batch in connection.sql(f"SELECT uid, embedding FROM {_CLIPS} WHERE heard ORDER BY uid").to_arrow_reader(
        _AT_ONCE
    ):
        voices[len(uids) : len(uids) + len(batch)] = (
            batch.column("embedding").flatten().to_numpy().reshape(-1, DIMENSION)
        )
        uids += batch.column("uid").to_pylist()
    return {uid: f"speaker-{label:06d}" for uid, label in zip(uids, clusters(voices, params.alike), strict=True)}
