"""Interruptions, all and by kind: how many were asked for, came into the scripts and found room in the speech; and what
became of the others."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import duckdb

from turnmill.dashboards.requested import INSIDE
from turnmill.manifests.records import Intent
from turnmill.synth.script import IntentMix
from turnmill.synth.script.room import TOO_SHORT, no_room, shortest

_TURNS = """
    WITH said AS (
        SELECT id AS dialogue, coalesce(language, 'und') AS language, md5(id) AS hash,
               unnest(CAST(json_extract(sample, '$.turns[*].index') AS INTEGER[])) AS "index",
               unnest(json_extract_string(sample, '$.source.written[*]')) AS written
        FROM dialogues SEMI JOIN dialogue_samples ON id = uid
    ),
    looked AS (SELECT DISTINCT dialogue, hash FROM said ORDER BY hash LIMIT 10000)
    SELECT language, text_planned, count(*), count(*) FILTER (NOT interrupted),
           bool_or(dialogue IN (SELECT dialogue FROM looked))
    FROM turns JOIN said USING (dialogue, "index") WHERE written IS NOT NULL AND speaker = 'assistant'
    GROUP BY ALL ORDER BY ALL"""
"""The assistant's turns of the sources: how many there are of each text, and how many are not interrupted."""
_ROWS = 100_000
_HAS_ROOM = "have room, but no kind that was due made sense"

_MISHEARD = "a question that can be asked again, and the answer to one that sounds like it or was asked before"
_MISSED = "the end of a clause that is 2 s long or more"
_NEEDS: Final[Mapping[str, str]] = {
    "follow_up": "a next turn of the source that asks, and points at nothing that would be unsaid",
    "topic": "an answer that has told something, and another dialogue to borrow from",
    "correct": _MISHEARD,
    "denial": _MISHEARD,
    "clarify": _MISSED,
    "repeat": _MISSED,
    "affirm": "an answer that has told what was asked for, of which nobody goes on to talk",
    "cancel": "an answer of 8 s or more",
}
"""What a turn has that a kind of interruption makes sense at (docs/turn-taking.md)."""

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


def interruption_rate(connection: duckdb.DuckDBPyConnection, asked: float) -> dict[str, Any]:
    """Of the assistant's turns that a source wrote, the share that was `asked` to be interrupted; how many are in the
    scripts, and in the audio (`placed`), with their shares of `turns`. Of the turns of up to 10,000 dialogues, `room`
    is the share that has room for it; `others`: of those that are not interrupted, how many have none, by why, or have
    some. `why` is one sentence where the share placed is more than 2 points below the one asked for, else None."""
    (scripted,) = connection.execute(f"{_WRITTEN} SELECT count(*) FROM asked").fetchone() or (0,)
    (placed,) = connection.execute(f"SELECT count(*) FROM events {INSIDE} WHERE kind = 'barge_in'").fetchone() or (0,)
    turns, interrupted, others, languages = 0, 0, Counter[str](), set[str]()
    rows = connection.execute(_TURNS)
    while many := rows.fetchmany(_ROWS):
        for language, text, n, whole, looked in many:
            turns += n
            if looked:
                interrupted += n - whole
                languages.add(language)
                others.update({no_room(text, language) or _HAS_ROOM: whole} if whole else {})
    with_room, seen = interrupted + others[_HAS_ROOM], interrupted + others.total()
    row = {
        "asked": asked,
        "turns": turns,
        "scripted": scripted,
        "scripted_share": scripted / turns if turns else None,
        "placed": placed,
        "placed_share": placed / turns if turns else None,
        "room": with_room / seen if seen else None,
        "others": dict(sorted((+others).items())),
    }
    return {**row, "why": _why_fewer(row, languages)}


def _why_fewer(row: dict[str, Any], languages: Iterable[str]) -> str | None:
    if row["placed_share"] is None or row["asked"] - row["placed_share"] <= POINTS:
        return None
    n = sum(row["others"].values())
    least = ", ".join(f"{shortest(language)} in {language}" for language in sorted(languages))
    shares = [
        f"{count / n:.0%} {why}{f' (fewer words, or characters, than {least})' if why == TOO_SHORT else ''}"
        for why, count in sorted(row["others"].items(), key=lambda item: -item[1])
    ]
    unplaced = row["scripted"] - row["placed"]
    speech = f"; {unplaced} found no room in the speech" if unplaced > 0 else ""
    return f"{row['room']:.0%} of the turns have room; of those that are not interrupted, {', '.join(shares)}{speech}"


def _share(counts: Counter[str], intent: str) -> float | None:
    return counts[intent] / counts.total() if counts else None


def _why(row: dict[str, Any]) -> str | None:
    """Whether the texts or the speech did not have what was asked for."""
    if row["placed_share"] is None or abs(row["placed_share"] - row["asked"]) <= POINTS:
        return None
    reasons = [f"{n} without room: {why}" for why, n in row["unplaced"].items()]
    if row["scripted_share"] is not None and abs(row["scripted_share"] - row["asked"]) > POINTS:
        fewer = row["scripted_share"] < row["asked"]
        needs = f": it needs {_NEEDS[row['intent']]}" if fewer else ""
        reasons.insert(0, f"the texts offered {'fewer' if fewer else 'more'} turns for it than for other kinds{needs}")
    return "; ".join(reasons) or "others of the interruptions found no room"
