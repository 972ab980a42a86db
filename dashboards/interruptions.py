"""Interruptions by kind: how many were asked for, came into the scripts and found room in the speech; and what became
of the others."""

from collections import Counter
from typing import Any, get_args

import duckdb

from turnmill.dashboards.requested import INSIDE
from turnmill.manifests.records import Intent
from turnmill.synth.script import IntentMix

POINTS = 0.02
"""Of a share: what is further from the one asked for is explained."""

_WRITTEN = """
    WITH asked AS (
        SELECT dialogues.id AS dialogue, unnest(from_json(
            scripts.script->'$.barge_ins', '[{"intent": "VARCHAR", "turn": "INTEGER"}]'
        ), recursive := true)
        FROM scripts JOIN dialogues ON dialogues.script = scripts.id SEMI JOIN dialogue_samples ON dialogues.id = uid
    )"""


def interruptions(connection: duckdb.DuckDBPyConnection, mix: IntentMix) -> list[dict[str, Any]]:
    """Of each kind: the share of the interruptions that was `asked`; how many the scripts have of it (`scripted`), and
    came into the audio (`placed`), with their shares; of the others why not, and how many (`unplaced`). `why` is one
    sentence where the share placed is more than 2 points off, else None. What is in no training shard does not
    count."""
    wanted = mix.model_dump()
    scripted = Counter(dict(connection.execute(f"{_WRITTEN} SELECT intent, count(*) FROM asked GROUP BY 1").fetchall()))
    placed = Counter(
        dict(
            connection.execute(
                f"SELECT intent, count(*) FROM events {INSIDE} WHERE kind = 'barge_in' GROUP BY 1"
            ).fetchall()
        )
    )
    refused = connection.execute(
        f"""{_WRITTEN} SELECT intent, why, count(*) AS n FROM asked JOIN unplaced USING (dialogue, turn)
            WHERE unplaced.kind = 'barge_in' GROUP BY ALL ORDER BY n DESC, why"""
    ).fetchall()
    found = []
    for intent in get_args(Intent):
        row = {
            "intent": intent,
            "asked": wanted.get(intent, 0.0) / sum(wanted.values()),
            "scripted": scripted[intent],
            "scripted_share": _share(scripted, intent),
            "placed": placed[intent],
            "placed_share": _share(placed, intent),
            "unplaced": {why: n for kind, why, n in refused if kind == intent},
        }
        found.append({**row, "why": _why(row)})
    return found


def _share(counts: Counter[str], intent: str) -> float | None:
    return counts[intent] / counts.total() if counts else None


def _why(row: dict[str, Any]) -> str | None:
    """Whether the texts or the speech did not have what was asked for."""
    if row["placed_share"] is None or abs(row["placed_share"] - row["asked"]) <= POINTS:
        return None
    reasons = [f"{n} without room: {why}" for why, n in row["unplaced"].items()]
    if row["scripted_share"] is not None and abs(row["scripted_share"] - row["asked"]) > POINTS:
        less = "fewer" if row["scripted_share"] < row["asked"] else "more"
        reasons.insert(0, f"the texts offered {less} turns for it than for other kinds")
    return "; ".join(reasons) or "others of the interruptions found no room"
