"""What a recipe asked for beside what came of it, so that a fault of the planner shows without any reference corpus;
and the measured values that this takes from a dataset's tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from turnmill.synth.acoustics import AcousticsParams
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.distributions import LogNormal, Uniform
from turnmill.synth.duplex.talk.distances import Values, effect_size, ks
from turnmill.synth.duplex.talk.turn_taking import quantiles
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script import Interaction, IntrusionMix

DIRECTIONS = {"user_to_assistant": ASSISTANT, "assistant_to_user": USER}
"""How the floor goes, and the channel that takes it."""
INSIDE = "SEMI JOIN dialogue_samples ON dialogue = uid"
"""Only what is in a training shard."""

_AS_THEY_ARE = ("snr_db", "rt60", "echo_gain", "echo_delay", "clip_dbfs", "noise_category", "codec")
_ASKED = (
    ("reaction", "reaction", "latency - fade", "kind = 'barge_in'"),
    ("fade", "fade", "fade", "kind = 'barge_in'"),
    ("pause", "pause", '"end" - "start"', "kind = 'hesitation'"),
    ("silence_timeout", "silence_timeout", '"end" - "start"', "kind = 'silence_timeout'"),
    (
        "backchannel_level_db",
        "backchannel_level_db",
        "level_db",
        "kind IN ('user_backchannel', 'assistant_backchannel')",
    ),
    ("failed_barge_in_level_db", "failed_barge_in_level_db", "level_db", "kind = 'failed_barge_in'"),
    ("beside_level_db", "beside_level_db", "level_db", "kind IN ('third_party', 'side_talk')"),
    ("sound_level_db", "sound_level_db", "level_db", "kind IN ('noise_burst', 'cough')"),
)

_SOURCE_TURNS = """
    WITH said AS (
        SELECT id AS dialogue, unnest(CAST(json_extract(sample, '$.turns[*].index') AS INTEGER[])) AS "index",
               unnest(json_extract_string(sample, '$.source.written[*]')) AS written
        FROM dialogues SEMI JOIN dialogue_samples ON id = uid
    ),
    kept AS (
        SELECT channel, "end" - "start" AS seconds, interrupted,
               "index" = max("index") OVER (PARTITION BY dialogue) AS last
        FROM turns JOIN said USING (dialogue, "index") WHERE written IS NOT NULL
    )
    SELECT channel, count(*), sum(CAST(round(seconds * 1e6) AS BIGINT)) / 1e6,
           count(*) FILTER (NOT interrupted AND NOT last)
    FROM kept GROUP BY channel ORDER BY channel"""
"""By channel: turns that the source wrote, their seconds, and those that a silence may follow."""


@dataclass(frozen=True)
class Requested:
    """What a recipe asked for, against which the tables are held.

    `genders` is that of each voice where it is known.
    """

    preset: str
    timing: Timing
    acoustics: AcousticsParams
    interaction: Interaction
    genders: Mapping[str, str] = field(default_factory=dict)


def requested_and_realised(
    connection: duckdb.DuckDBPyConnection,
    requested: Requested,
    dialogues: int,
    heard: Mapping[str, Mapping[str, int]],
) -> list[dict[str, Any]]:
    """Each parameter that was asked for beside what came of it in so many dialogues, whose `acoustics` were `heard`.

    A distribution has its Kolmogorov-Smirnov distance, a share or a choice its effect size (Cohen's w), a rate how far
    it is from the one asked for, as a part of that; `chance` is the value that sampling alone exceeds in one of twenty
    datasets of independent draws. Events have as `left_out` how many more the scripts asked for, for which the speech
    had no room. What events there are, their intents and clause ends are also bound by what the texts offer: a turn
    without a word to pause after has no hesitation, and none is interrupted after the one that a dialogue ends with.
    """
    found = []
    for direction, channel in DIRECTIONS.items():
        transfer, planned = getattr(requested.timing, direction), offsets(connection, channel, planned=True)
        gaps, overlaps = planned.where(planned.at >= 0), planned.where(planned.at < 0).mirrored()
        found.append(_shape(f"{direction}.gap", transfer.gap, gaps, 1 / RATE))
        found.append(_shape(f"{direction}.overlap", transfer.overlap, overlaps, 1 / RATE))
        wanted = {"overlap": transfer.p_overlap, "gap": 1 - transfer.p_overlap}
        found.append(_choice(f"{direction}.p_overlap", wanted, {"overlap": overlaps.n, "gap": gaps.n}))
    for name, attribute, value, condition in _ASKED:
        rows = connection.execute(
            f"""SELECT round({value}, 6) AS v, count(*) FROM events {INSIDE} WHERE {condition} AND v IS NOT NULL
                GROUP BY 1 ORDER BY 1"""
        ).fetchall()
        table = np.array(rows, np.float64).reshape(-1, 2)
        values = Values(table[:, 0], table[:, 1].astype(np.int64))
        found.append(_shape(name, getattr(requested.timing, attribute), values, 0.01 if "level" in name else 1 / RATE))
    found += _acoustics(heard, dialogues, requested.acoustics)
    p_clause = requested.timing.p_clause
    found.append(_choice("p_clause", {"clause": p_clause, "word": 1 - p_clause}, barge_ins(connection, "onset")))
    intents = requested.interaction.intents.model_dump()
    found.append(_choice("intents", intents, barge_ins(connection, "intent")))
    found = [item for item in found if item["count"]]
    # That no event came of a rate is a finding; that there was nothing for it to come of is none.
    return found + [item for item in _events(connection, requested.interaction) if item["chance"] is not None]


def _events(connection: duckdb.DuckDBPyConnection, asked: Interaction) -> list[dict[str, Any]]:
    """How often each event is there, against the turns of the source: only to those does a script add any."""
    turns = {row[0]: row[1:] for row in connection.execute(_SOURCE_TURNS).fetchall()}
    (assistant, assistant_s, answerable), (user, user_s, _) = (turns.get(who, (0, 0.0, 0)) for who in (ASSISTANT, USER))
    placed = dict(connection.execute(f"SELECT kind, count(*) FROM events {INSIDE} GROUP BY kind").fetchall())
    unplaced = dict(connection.execute(f"SELECT kind, count(*) FROM unplaced {INSIDE} GROUP BY kind").fetchall())
    intrusions = [sum(counts.get(kind, 0) for kind in IntrusionMix.model_fields) for counts in (placed, unplaced)]
    n_barge_ins = placed.get("barge_in", 0)

    def share(name: str, wanted: float, of: int) -> dict[str, Any]:
        n = placed.get(name, 0)
        found = _choice(name, {"yes": wanted, "no": 1 - wanted}, {"yes": n, "no": max(of - n, 0)} if of else {})
        return {**found, "left_out": unplaced.get(name, 0)}

    def per_minute(kind: str, wanted: float, seconds: float) -> dict[str, Any]:
        found = _rate(f"{kind}s_per_minute", wanted, placed.get(kind, 0), seconds / 60)
        return {**found, "left_out": unplaced.get(kind, 0)}

    return [
        share("barge_in", asked.barge_in, assistant),
        share("silence_timeout", asked.silence_timeout, answerable),
        share("hesitation", asked.hesitation, user),
        per_minute("user_backchannel", asked.backchannels_per_minute, assistant_s),
        per_minute("assistant_backchannel", asked.assistant_backchannels_per_minute, user_s),
        # Barge-ins are themselves a count that chance moves.
        {**_rate("balance", asked.balance, intrusions[0], n_barge_ins, n_barge_ins), "left_out": intrusions[1]},
    ]


def _acoustics(found: Mapping[str, Mapping[str, int]], dialogues: int, asked: AcousticsParams) -> list[dict[str, Any]]:
    """How often each effect was applied, and the values of those that are delivered as they were drawn."""
    shapes = {
        "snr_db": (asked.noise.snr_db, 0.01),
        "echo_gain": (asked.echo.gain, 1e-4),
        "echo_delay": (asked.echo.delay_s, 1 / RATE),
    }
    items = [_shape(f"acoustics.{key}", shape, numbers(found[key]), step) for key, (shape, step) in shapes.items()]
    shares = {
        "snr_db": asked.noise.probability,
        "room": asked.room.probability,
        "echo_gain": asked.echo.probability,
        "codec": asked.codec.probability,
        "packet_loss": asked.packet_loss.probability,
    }
    for key, share in shares.items():
        applied = sum(found[key].values())
        counts = {"yes": applied, "no": dialogues - applied}
        items.append(_choice(f"acoustics.{key}.applied", {"yes": share, "no": 1 - share}, counts))
    return items


def _shape(name: str, shape: Uniform | LogNormal, values: Values, resolution: float) -> dict[str, Any]:
    n = values.n
    return {
        "parameter": name,
        "count": n,
        "requested": shape.model_dump(),
        "quantiles": quantiles(values.quantile),
        "measure": "ks",
        "value": ks(shape, values, resolution),
        "chance": 1.358 / math.sqrt(n) if n else None,
    }


def _choice(name: str, wanted: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, Any]:
    n, freedom = sum(counts.values()), max(len(wanted) - 1, 1)
    # Wilson & Hilferty's value of chi-square at 95 %.
    limit = freedom * (1 - 2 / (9 * freedom) + 1.645 * math.sqrt(2 / (9 * freedom))) ** 3
    return {
        "parameter": name,
        "count": n,
        "requested": dict(wanted),
        "realised": {key: value / n for key, value in counts.items() if n},
        "measure": "w",
        "value": effect_size(wanted, counts),
        "chance": math.sqrt(limit / n) if n else None,
    }


def _rate(name: str, wanted: float, n: int, exposure: float, drawn: float = math.inf) -> dict[str, Any]:
    """`n` events where `wanted` are asked for of each unit of `exposure`, itself of `drawn` units where chance made it.
    `chance` is the normal limit of a Poisson count, or of a ratio of two. What was not asked for and still came is
    counted as if asked for once in a thousand."""
    expected = max(wanted, 1e-3) * exposure if wanted or n else 0.0
    return {
        "parameter": name,
        "count": n,
        "requested": wanted,
        "realised": n / exposure if exposure else None,
        "measure": "relative_error",
        "value": abs(n / expected - 1) if expected else None,
        "chance": 1.96 * math.sqrt(1 / expected + 1 / drawn) if expected else None,
    }


def offsets(connection: duckdb.DuckDBPyConnection, channel: int | None = None, planned: bool = False) -> Values:
    """The floor-transfer offsets of a channel's turns, or of both. `planned`: without barge-ins and re-prompts, which a
    preset's floor transfer does not time."""
    which = "" if channel is None else f"AND channel = {channel}"
    if planned:
        which += """ AND (dialogue, "index") NOT IN (
            SELECT dialogue, turn FROM events WHERE kind IN ('barge_in', 'silence_timeout') AND turn IS NOT NULL)"""
    rows = connection.execute(f"""
        SELECT CAST(round(fto * {RATE}) AS BIGINT) AS fto, count(*) FROM turns {INSIDE}
        WHERE fto IS NOT NULL {which} GROUP BY 1 ORDER BY 1""").fetchall()
    table = np.array(rows, np.int64).reshape(-1, 2)
    return Values(table[:, 0] / RATE, table[:, 1])


def acoustics(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """By key of the samples' acoustics: how many dialogues have each value, as text; those without are not counted.

    A room is "simulated" or "measured", a list (gain_steps, noise_bursts) its length, and packet_loss its rate.
    """
    texts = {
        **{key: f"nullif(json_array_length(heard, '$.{key}'), 0)" for key in ("gain_steps", "noise_bursts")},
        "room": "CASE WHEN json_extract_string(heard, '$.rir') IS NOT NULL THEN 'measured' "
        "WHEN json_extract_string(heard, '$.room') IS NOT NULL THEN 'simulated' END",
        "gain_db": "nullif(json_extract_string(heard, '$.gain_db'), '0.0')",  # always there
        "packet_loss": "json_extract_string(heard, '$.packet_loss.rate')",
        **{key: f"json_extract_string(heard, '$.{key}')" for key in _AS_THEY_ARE},
    }
    rows = connection.execute(f"""
        WITH parsed AS MATERIALIZED (
            SELECT json_extract(sample, '$.acoustics') AS heard FROM dialogues SEMI JOIN dialogue_samples ON id = uid
        ),
        found AS (
            SELECT unnest([{", ".join(f"'{key}'" for key in texts)}]) AS name,
                   unnest([{", ".join(f"CAST({text} AS VARCHAR)" for text in texts.values())}]) AS value
            FROM parsed
        )
        SELECT name, value, count(*) FROM found WHERE value IS NOT NULL GROUP BY ALL ORDER BY ALL""").fetchall()
    found: dict[str, dict[str, int]] = {key: {} for key in texts}
    for key, value, n in rows:
        found[key][value] = n
    return found


def numbers(counts: Mapping[str, int]) -> Values:
    """Counts of numbers as text as values."""
    pairs = sorted((float(value), n) for value, n in counts.items())
    return Values(np.array([value for value, _ in pairs]), np.array([n for _, n in pairs], np.int64))


def barge_ins(connection: duckdb.DuckDBPyConnection, key: str) -> dict[str, int]:
    """How many barge-ins there are of each value of a column."""
    return dict(
        connection.execute(
            f"""SELECT {key}, count(*) FROM events {INSIDE}
                WHERE kind = 'barge_in' AND {key} IS NOT NULL GROUP BY 1 ORDER BY 1"""
        ).fetchall()
    )
