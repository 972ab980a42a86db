"""Sections of the dataset card as Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from turnmill.manifests.front_matter import languages
from turnmill.manifests.funnel import Funnel
from turnmill.manifests.index import Index
from turnmill.manifests.licences import KNOWN, all_of, licence_of, strictest
from turnmill.manifests.published import split_name, split_order
from turnmill.manifests.query import quoted, standing_rows
from turnmill.manifests.schema import HALVES, SIMULATED, TRUSTS, declared
from turnmill.manifests.wording import plural, visible

_TRUSTS = "SELECT trust, count(*) FROM dialogues SEMI JOIN dialogue_samples ON id = uid GROUP BY trust"


def numbers(connection: duckdb.DuckDBPyConnection, halves: Sequence[str]) -> str:
    lines = ["## Numbers", ""]
    for half in halves:
        people = "count(DISTINCT speaker)" if half == "speech" else "len(list_distinct(list_concat("
        if half == "dialogue":
            people += "list(assistant_voice), list(user_voice))))"
        spoken = selected(connection, half, "language, count(*)", "GROUP BY language")
        kept = ", ".join(quoted(language) for language in languages(spoken)) or "NULL"
        language = f"CASE WHEN language IS NULL THEN 'unknown' WHEN language IN ({kept}) THEN language ELSE 'other' END"
        rows = selected(
            connection,
            half,
            f"samples.split, {language} AS language_, count(*), hours_of(item.duration), {people}, "
            "count(DISTINCT samples.shard)",
            "GROUP BY samples.split, language_",
        )
        unit, who = ("clips", "speakers") if half == "speech" else ("dialogues", "voices")
        rows.sort(key=lambda row: (split_order(split_name(row[0])), row[1]))
        body = [
            (split_name(split), language, f"{n:,}", as_hours(h), who_n, shards)
            for split, language, n, h, who_n, shards in rows
        ]
        lines += [markdown(("split", "language", unit, "audio", who, "shards"), body), ""]
    return "\n".join(lines) if halves else ""


def funnel_table(found: Funnel) -> str:
    if not found.steps:
        return ""
    lines = [f"## Funnel: {found.half}", "", "Items in = items out + removed, at every stage.", ""]
    body: list[tuple[object, ...]] = []
    for step in found.steps:
        body.append((f"**{step.stage}**", step.unit, f"{step.items_in:,}", f"{step.items_out:,}", ""))
        for loss in step.losses:
            hours = f" ({as_hours(loss.hours)})" if loss.hours else ""
            body.append((f"{'&nbsp;' * 4}{loss.name}", "", "", "", f"{loss.items:,}{hours}"))
    return "\n".join([*lines, markdown(("stage / reason", "unit", "in", "out", "removed"), body), ""])


def corpora_table(found: Sequence[Funnel]) -> str:
    """A row for each corpus of several: what it has, what is left of it, and what took the rest."""
    body = []
    for funnel in found:
        lost = [loss for step in funnel.steps for loss in step.losses]
        told = (f"{loss.name} {loss.items:,}{f' ({as_hours(loss.hours)})' if loss.hours else ''}" for loss in lost)
        steps = funnel.steps
        body += (
            [(funnel.corpus, f"{steps[0].items_in:,}", f"{steps[-1].items_out:,}", ", ".join(told))] if steps else []
        )
    return "\n".join(["### By corpus", "", markdown(("corpus", "in", "out", "removed"), body), ""]) if body else ""


def turn_taking(connection: duckdb.DuckDBPyConnection) -> str:
    inside = "JOIN dialogue_samples ON dialogue_samples.uid = dialogue"
    count, low, median, high, overlaps = one_row(
        connection,
        "SELECT count(fto), quantile_cont(fto, 0.25), median(fto), quantile_cont(fto, 0.75), "
        f"count(*) FILTER (fto < 0) FROM turns {inside} "
        "ANTI JOIN (SELECT dialogue, turn AS index FROM events WHERE kind = 'barge_in') USING (dialogue, index)",
    )
    lines = ["## Turn-taking", ""]
    if count:
        lines.append(
            f"- Floor-transfer offset (start of a turn minus the end of the other party's previous one) over {count:,} "
            f"changes that are no barge-in: median {median * 1000:.0f} ms, quartiles {low * 1000:.0f} and "
            f"{high * 1000:.0f} ms; {overlaps / count:.0%} start before the other has ended."
        )
    overlap, duration = one_row(
        connection,
        "SELECT hours_of(overlap_s), hours_of(duration) FROM dialogues_all "
        "WHERE overlap_s IS NOT NULL AND id IN (SELECT uid FROM dialogue_samples)",
    )
    if duration:
        lines.append(f"- Both channels are active for {overlap / duration:.1%} of the time.")
    cut = one_row(connection, f"SELECT count(*) FILTER (interrupted), count(*) FROM turns {inside}")
    lines += [f"- {cut[0]:,} of {cut[1]:,} turns are cut short by the other party.", ""]
    events = connection.execute(
        f"SELECT kind, count(*), median(latency) FROM events {inside} GROUP BY kind ORDER BY 2 DESC, kind"
    ).fetchall()
    body = [(kind, f"{n:,}", "" if latency is None else f"{latency * 1000:.0f} ms") for kind, n, latency in events]
    return "\n".join([*lines, markdown(("event", "count", "median latency"), body), ""])


def carried(connection: duckdb.DuckDBPyConnection, halves: Sequence[str]) -> str | None:
    """The strictest licence of what was selected; None where nothing was."""
    found = [row for half in halves for row in selected(connection, half, "DISTINCT licence, licence_redistribute")]
    return strictest(licence_of(spdx, bool(free)) for spdx, free in found).spdx if found else None


def licences(connection: duckdb.DuckDBPyConnection, halves: Sequence[str]) -> str:
    found = [
        (half, *row)
        for half in halves
        for row in selected(
            connection,
            half,
            "licence, licence_redistribute, count(*), hours_of(item.duration)",
            "GROUP BY licence, licence_redistribute ORDER BY licence, licence_redistribute",
        )
    ]
    if not found:
        return ""
    body = [
        (
            half,
            " AND ".join(map(_linked, all_of(spdx))),
            "yes" if free else "**no**",
            f"{n:,}",
            as_hours(h),
        )
        for half, spdx, free, n, h in found
    ]
    table = markdown(("half", "licence", "may be redistributed", "samples", "audio"), body)
    text = (
        "Each sample carries the strictest licence of what it was made from; where none is the strictest, all that are "
        f"to be respected, with AND between them. What the whole must respect is **{carried(connection, halves)}**."
    )
    return f"## Licences\n\n{table}\n\n{text}\n"


def _linked(spdx: str) -> str:
    if spdx in KNOWN:
        return f"[{spdx}]({KNOWN[spdx].link})"
    return f"({spdx})" if " " in spdx else spdx


def limits(connection: duckdb.DuckDBPyConnection, stated: Sequence[str], of_engines: Mapping[str, str]) -> str:
    found = list(stated)
    heard = "count(*), count(*) FILTER (text IS NULL AND consensus_text <> '')"
    clips, unlabelled = selected(connection, "speech", heard)[0]
    if unlabelled:
        found.append(f"{unlabelled:,} of {clips:,} clips have no given transcript: their text is the recogniser's.")
    engines = [row[0] for row in connection.execute("SELECT DISTINCT engine FROM speech ORDER BY 1").fetchall()]
    found += [of_engines[engine] for engine in engines if engine in of_engines]
    trusts = dict(connection.execute(_TRUSTS).fetchall())
    if SIMULATED in trusts:
        found.append("The dialogues are synthetic: their interruptions are drawn from distributions, not from talk.")
    found += [
        f"{plural(trusts[trust], 'dialogue')} of recorded talk: {meaning}; words and what is told by them are a "
        "recogniser's."
        for trust, meaning in TRUSTS.items()
        if trust in trusts and trust != SIMULATED
    ]
    return "\n".join(["## Known limits", "", *(f"- {limit}" for limit in found), ""]) if found else ""


def citation(index: Index, title: str) -> str:
    return f"""## Citation

```bibtex
@misc{{turnmill_{re.sub(r"[^a-z0-9]+", "_", index.recipe_name.lower()).strip("_")},
  title = {{{_bare(title)}}},
  note = {{Made with Turnmill, recipe {_bare(index.recipe_name)}, hash {index.recipe_hash}}}
}}
```

Please cite the corpora it was made from as well.
"""


def selected(connection: duckdb.DuckDBPyConnection, half: str, columns: str, rest: str = "") -> list[tuple[Any, ...]]:
    """Columns of the items of a half that are in a training shard (`item`) and of their rows there (`samples`). The
    language of a clip is the one that was recognised, where its corpus states none."""
    items = HALVES[half]
    table = items.table
    if half == "speech":
        table = f"""(SELECT {table}.* REPLACE (coalesce(language, asr_language) AS language), consensus_text
            FROM {table}
            LEFT JOIN (SELECT uid, asr_language FROM {standing_rows(declared("transcripts"))}) USING (uid)
            LEFT JOIN (SELECT uid, consensus_text FROM consensus) USING (uid))"""
    return connection.execute(
        f"SELECT {columns} FROM {items.samples} AS samples "
        f"JOIN (SELECT * EXCLUDE (shard, split) FROM {table}) AS item ON item.{items.key} = samples.uid {rest}"
    ).fetchall()


def one_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # every such query is one aggregate
    return row


def _bare(text: str) -> str:
    """Without what has a meaning in BibTeX or ends a block of code."""
    return " ".join(re.sub(r"[{}\\\\`]", "", visible(text)).split())


def as_hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} h" if hours >= 10 else f"{hours:.2f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"


def markdown(header: Iterable[str], body: Iterable[Iterable[object]]) -> str:
    """A Markdown table; what would break a row is escaped."""
    rows = [
        ["" if cell is None else re.sub(r"\s+", " ", str(cell)).replace("|", "\\|") for cell in row] for row in body
    ]
    header = list(header)
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])
