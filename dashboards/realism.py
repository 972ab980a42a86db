"""How real the talk of a dataset is: every measure of docs/turn-taking.md as one JSON document, from the tables alone.

It speaks of the dialogues that are in a training shard, and reads no audio: where a channel speaks is where its heard
words are or, of recorded talk, where it was measured (`calls.activity`). Same tables, same bytes. A classifier of real
against simulated timing needs recordings, and is not here.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from turnmill.dashboards.diversity import entropy_bits, text_diversity
from turnmill.dashboards.interruptions import interruption_rate, interruptions
from turnmill.dashboards.requested import (
    DIRECTIONS,
    INSIDE,
    Requested,
    acoustics,
    barge_ins,
    numbers,
    offsets,
    requested_and_realised,
)
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.talk.distances import (
    BIN_S,
    EDGES,
    Values,
    cdf,
    jsd,
    ks,
    quantile,
    reference_quantiles,
    w1,
    w1_by_chance,
)
from turnmill.synth.duplex.talk.published import GENERATED, PUBLISHED, Published
from turnmill.synth.duplex.talk.turn_taking import Activity, Intervals, quantiles, talk
from turnmill.synth.duplex.timing import FloorTransfer, Timing

NON_YIELD = ("user_backchannel", "failed_barge_in", "noise_burst", "cough", "third_party", "side_talk")
"""What an assistant shall not yield to, where it falls into its turn. An echo is no event of a moment, and not here."""

_TEXTS = 10_000  # dialogues whose text is looked at, by hash: diversity is a figure of an amount of text
_ROWS = 100_000
_NAMES = ("noise_category", "codec", "room")
_BINS = 20


def realism_report(connection: duckdb.DuckDBPyConnection, requested: Requested | None) -> dict[str, Any]:
    """The report over `manifests.query.connect`: plain JSON, every number finite, None for what there is none of.
    `requested`: None of recorded talk, of which nothing was asked.

    Times are seconds unless the key says otherwise. Dataset without dialogues: an empty document.
    """
    count, hours = _one(
        connection,
        "SELECT count(*), hours_of(dialogues.duration) FROM dialogues JOIN dialogue_samples ON id = uid",
    )
    if not count:
        return {}
    activity = Activity()
    for assistant, user in _speech(connection):
        activity.add(talk(assistant, user))
    heard = acoustics(connection)
    report = {
        "dialogues": count,
        "hours": hours,
        "preset": requested and requested.preset,
        "activity": activity.figures(),
        "floor_transfer": _floor_transfer(connection, requested.timing if requested else None),
        "rates": _rates(connection, activity),
        "events": _events(connection, activity),
        "interruption_rate": requested and interruption_rate(connection, requested.interaction.barge_in),
        "interruptions": interruptions(connection, requested.interaction.intents) if requested else [],
        "acoustics": _acoustics(heard),
        "voices": requested and _voices(connection, requested.genders),
        "texts": text_diversity(_texts(connection)),
        "unplaced": _unplaced(connection),
        "requested": requested_and_realised(connection, requested, count, heard) if requested else [],
        "rejects": _rejects(connection),
        "published": [_published(item) for item in (*PUBLISHED, *GENERATED)],
    }
    cleaned: dict[str, Any] = _clean(report)
    return cleaned


def realism_json(report: Mapping[str, Any]) -> str:
    """The report as it is written beside the card: the same text for the same report, always."""
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _clean(value: Any) -> Any:
    """Rounded to the microsecond, so that the last bit of a sum is in no file; not finite becomes None."""
    if isinstance(value, Mapping):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) + 0.0 if math.isfinite(value) else None
    return value


def _speech(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Intervals, Intervals]]:
    """Where each channel of each dialogue speaks: its heard words, and the whole turn or event where there are none."""
    reader = connection.execute(f"""
        WITH said AS (
            SELECT dialogue, channel, unnest(words, recursive := true) FROM words {INSIDE}
        ),
        heard AS (FROM said WHERE heard AND "start" IS NOT NULL),
        lasts AS (SELECT dialogue, turn AS "index", max("end") AS last FROM heard GROUP BY ALL),
        spans AS (
            SELECT dialogue, channel, "start", "end" FROM heard
            UNION ALL  -- the word that an interrupted speaker was in the middle of, or all of a turn without words
            SELECT dialogue, channel, coalesce(greatest(last, "end" - 0.2), "start") AS "start", "end"
            FROM (FROM turns {INSIDE}) LEFT JOIN lasts USING (dialogue, "index")
            WHERE last IS NULL OR (interrupted AND last < "end")
            UNION ALL
            SELECT dialogue, channel, "start", "end" FROM events {INSIDE}
            WHERE kind IN ('user_backchannel', 'assistant_backchannel', 'failed_barge_in')
        ),
        channels AS (SELECT dialogue, unnest([0, 1]) AS channel, unnest(activity) AS active FROM calls {INSIDE}),
        measured AS (SELECT dialogue, channel, unnest(active, recursive := true) FROM channels),
        speaking AS (FROM measured UNION ALL FROM spans ANTI JOIN measured USING (dialogue))
        SELECT CAST(dense_rank() OVER (ORDER BY dialogue) AS BIGINT), CAST(channel AS BIGINT),
               CAST(round("start" * {RATE}) AS BIGINT) AS first, CAST(round("end" * {RATE}) AS BIGINT)
        FROM speaking ORDER BY 1, 2, first, 4""")
    rest: NDArray[np.int64] = np.zeros((0, 4), np.int64)
    while rows := reader.fetchmany(_ROWS):
        table = np.concatenate((rest, np.array(rows, np.int64)))
        starts = np.flatnonzero(np.diff(table[:, 0])) + 1
        *whole, rest = np.split(table, starts)
        for part in whole:
            yield _channels(part)
    if len(rest):
        yield _channels(rest)


def _channels(rows: NDArray[np.int64]) -> tuple[Intervals, Intervals]:
    return rows[rows[:, 1] == ASSISTANT, 2:], rows[rows[:, 1] == USER, 2:]


def _floor_transfer(connection: duckdb.DuckDBPyConnection, timing: Timing | None) -> dict[str, Any]:
    found = {"all": _offset_figures(offsets(connection))}
    for direction, channel in DIRECTIONS.items():
        planned = offsets(connection, channel, planned=True)
        found[direction] = {
            **_offset_figures(offsets(connection, channel)),
            "planned": _offset_figures(planned),
            "reference": timing and _against(getattr(timing, direction), planned),
        }
    return found


def _offset_figures(values: Values) -> dict[str, Any]:
    n, histogram = values.n, values.histogram()
    inner = histogram[1:-1]
    gaps, overlaps = values.where(values.at >= 0), values.where(values.at < 0).mirrored()
    return {
        "count": n,
        "mean_s": float((values.at * values.counts).sum() / n) if n else None,
        "quantiles_s": quantiles(values.quantile),
        "mode_s": float(EDGES[inner.argmax()] + BIN_S / 2) if inner.any() else None,
        "p_overlap": overlaps.n / n if n else None,
        "p_before_200_ms": int(values.counts[values.at < 0.2].sum()) / n if n else None,
        "gap_quantiles_s": quantiles(gaps.quantile),
        "overlap_quantiles_s": quantiles(overlaps.quantile),
        "histogram": {
            "low_s": float(EDGES[0]),
            "bin_s": BIN_S,
            "counts": inner.tolist(),
            "below": int(histogram[0]),
            "above": int(histogram[-1]),
        },
    }


def _against(transfer: FloorTransfer, values: Values) -> dict[str, Any]:
    """How far offsets are from the preset's, and what the preset's are."""
    distance, n = w1(transfer, values), values.n
    points = reference_quantiles(transfer, 2000)
    masses = np.diff(cdf(transfer, EDGES, below=True))
    return {
        "w1_ms": None if distance is None else distance * 1000,
        "w1_by_chance_ms": 1000 * w1_by_chance(transfer, n) if n else None,
        "jsd_bits": jsd(transfer, values),
        "ks": ks(transfer, values, 1 / RATE),
        "p_overlap": transfer.p_overlap,
        "p_overlap_difference": int(values.counts[values.at < 0].sum()) / n - transfer.p_overlap if n else None,
        "mean_s": float(points.mean()),
        "quantiles_s": quantiles(lambda share: float(quantile(transfer, share))),
        "histogram": masses.tolist(),
    }


def _rates(connection: duckdb.DuckDBPyConnection, activity: Activity) -> dict[str, Any]:
    kinds = dict(connection.execute(f"SELECT kind, count(*) FROM events {INSIDE} GROUP BY kind").fetchall())
    (fillers,) = _one(connection, f"SELECT count(*) FROM events {INSIDE} WHERE kind = 'hesitation' AND text <> ''")
    partner = {"user": activity.minutes_of(ASSISTANT), "assistant": activity.minutes_of(USER)}
    speakers = {speaker: _speaker(connection, speaker) for speaker in ("assistant", "user")}
    spoken = math.fsum(found["speaking_s"] for found in speakers.values())
    for found in speakers.values():
        found["floor_share"] = found["speaking_s"] / spoken if spoken else None
    n_words = sum(found["words"] for found in speakers.values())
    return {
        **{
            f"{who}_backchannels_per_minute_of_partner_speech": (
                kinds.get(f"{who}_backchannel", 0) / minutes if minutes else None
            )
            for who, minutes in partner.items()
        },
        "interruptions_per_minute": kinds.get("barge_in", 0) / activity.minutes if activity.minutes else None,
        "fillers_per_100_words": 100 * fillers / n_words if n_words else None,
        "speakers": speakers,
    }


def _speaker(connection: duckdb.DuckDBPyConnection, speaker: str) -> dict[str, Any]:
    """Words are those heard in turns; a turn's length is from its first to its last sound."""
    n, micros = _one(
        connection,
        f"""SELECT count(*), coalesce(sum(CAST(round(("end" - "start") * 1e6) AS BIGINT)), 0)
            FROM turns {INSIDE} WHERE speaker = '{speaker}'""",
    )
    channel = ASSISTANT if speaker == "assistant" else USER
    (heard,) = _one(
        connection,
        f"""SELECT coalesce(sum(len(list_filter(words, lambda w: w.heard AND w.turn IS NOT NULL))), 0)
            FROM words {INSIDE} WHERE channel = {channel}""",
    )
    shares = ", ".join(f'quantile_disc("end" - "start", {share})' for share in (0.1, 0.25, 0.5, 0.75, 0.9))
    lengths = _one(connection, f"SELECT {shares} FROM turns {INSIDE} WHERE speaker = '{speaker}'")
    seconds = int(micros) / 1e6
    return {
        "turns": n,
        "speaking_s": seconds,
        "words": int(heard),
        "words_per_second": int(heard) / seconds if seconds else None,
        "turn_quantiles_s": dict(zip(("p10", "p25", "p50", "p75", "p90"), lengths, strict=True)),
    }


def _events(connection: duckdb.DuckDBPyConnection, activity: Activity) -> dict[str, Any]:
    rows = connection.execute(f"SELECT kind, count(*) FROM events {INSIDE} GROUP BY kind ORDER BY kind").fetchall()
    inside = ", ".join(f"'{kind}'" for kind in NON_YIELD)
    stay = connection.execute(
        f"""SELECT kind, count(*) FROM events {INSIDE} WHERE kind IN ({inside}) AND target_turn IS NOT NULL
            GROUP BY kind ORDER BY kind"""
    ).fetchall()
    count, held = dict(rows), sum(n for _, n in stay)
    yielded = count.get("barge_in", 0)
    return {
        "counts": count,
        "per_minute": {kind: n / activity.minutes for kind, n in rows} if activity.minutes else {},
        "barge_in_intents": barge_ins(connection, "intent"),
        "yield": yielded,
        "non_yield": held,
        "non_yield_kinds": dict(stay),
        "non_yield_per_yield": held / yielded if yielded else None,
    }


def _acoustics(found: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Of each number: in how many dialogues it was applied, quantiles and a histogram; of each name, counts."""
    figures: dict[str, Any] = {}
    for key, counts in found.items():
        if counts and key in _NAMES:
            figures[key] = dict(counts)
        elif counts:
            values = numbers(counts)
            figures[key] = {"count": values.n, "quantiles": quantiles(values.quantile), "histogram": _bins(values)}
    return figures


def _bins(values: Values) -> dict[str, Any]:
    """About as many bins as the root of the count, of equal width."""
    bins = min(math.ceil(math.sqrt(values.n)), _BINS) if len(values.at) > 1 else 1
    counts, edges = np.histogram(values.at, bins, weights=values.counts)
    return {"edges": edges.tolist(), "counts": counts.astype(int).tolist()}


def _voices(connection: duckdb.DuckDBPyConnection, genders: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for speaker in ("assistant", "user"):
        rows = connection.execute(
            f"""SELECT {speaker}_voice, count(*) FROM dialogues SEMI JOIN dialogue_samples ON id = uid
                GROUP BY 1 ORDER BY 1"""
        ).fetchall()
        by_gender: dict[str, int] = {}
        for voice, n in rows:
            gender = genders.get(voice, "unknown")
            by_gender[gender] = by_gender.get(gender, 0) + n
        found[speaker] = {
            "voices": len(rows),
            "entropy_bits": entropy_bits([n for _, n in rows]),
            "dialogues_by_gender": dict(sorted(by_gender.items())),
        }
    return found


def _texts(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The turns of up to 10,000 dialogues, as written or as heard, each once though it has several takes or orders."""
    rows = connection.execute(f"""
        WITH written AS (
            SELECT min(id) AS dialogue, md5(coalesce(script, clip, id)) AS hash
            FROM (FROM dialogues SEMI JOIN dialogue_samples ON id = uid) LEFT JOIN calls ON dialogue = id
            GROUP BY hash ORDER BY hash LIMIT {_TEXTS}
        )
        SELECT dialogue, list(coalesce(text_planned, text_heard, '') ORDER BY "index")
        FROM turns SEMI JOIN written USING (dialogue) GROUP BY dialogue
        HAVING count(coalesce(text_planned, text_heard)) > 0 ORDER BY dialogue""").fetchall()
    return dict(rows)


def _unplaced(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Events that the scripts asked for and the speech had no room for, by kind."""
    rows = connection.execute(f"SELECT kind, count(*) FROM unplaced {INSIDE} GROUP BY kind ORDER BY kind").fetchall()
    return dict(rows)


def _rejects(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Of the dialogue half, by stage and reason."""
    rows = connection.execute(
        """SELECT rejects.stage, reason, count(*) FROM rejects SEMI JOIN (FROM stages WHERE half = 'dialogue')
           AS made ON made.stage = rejects.stage GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for stage, reason, n in rows:
        found.setdefault(stage, {})[reason] = n
    return found


def _published(item: Published) -> dict[str, Any]:
    return {"name": item.name, "source": item.source, "figures": dict(item.figures)}


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # every such query is one aggregate
    return row
