"""The dataset card: README.md with front matter for the Hugging Face Hub.

Same dataset, same bytes: it knows no date and no host.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import yaml

from manifests import card_sections as section
from manifests.card_sections import HALVES, PUBLISHED_TABLES, as_hours, one_row, selected, shard_folder, split_name
from manifests.funnel import funnel
from manifests.index import Index
from manifests.languages import primary
from manifests.licences import hub_metadata
from manifests.store import Store
from manifests.wording import plural


@dataclass(frozen=True)
class PlotFile:
    """A picture of the card: `name` is its path in the dataset (plots/durations.png), `caption` one sentence."""

    name: str
    caption: str


@dataclass(frozen=True)
class CardFacts:
    """What the tables do not know. `recipe` is YAML text, `limits` are sentences that the engines state of themselves.

    `turn_taking` is Markdown of figures that are not computed here, which goes under that heading. `repo` stands
    in the snippets that load the dataset.
    """

    title: str
    recipe: str
    plots: Sequence[PlotFile] = ()
    limits: Sequence[str] = ()
    turn_taking: str = ""
    repo: str = "ORGANISATION/DATASET"


def card(store: Store, index: Index, connection: duckdb.DuckDBPyConnection, facts: CardFacts) -> str:
    """The card of a finished dataset as Markdown, over `manifests.query.connect(store, index)`."""
    halves = [half for half in HALVES if one_row(connection, f"SELECT count(*) FROM {HALVES[half][0]}")[0]]
    parts = [
        _front_matter(connection, facts, halves),
        _introduction(connection, index, facts, halves),
        section.numbers(connection, halves),
        *(section.funnel_table(funnel(connection, half)) for half in ("speech", "dialogue")),
        _plots(facts.plots),
        section.turn_taking(connection) if "dialogue" in halves else "",
        facts.turn_taking,
        section.samples(store, index, connection, halves),
        section.loading(connection, facts.repo, halves),
        section.making(index, facts.recipe),
        section.tables(connection),
        section.licences(connection, halves),
        section.limits(connection, facts.limits),
        section.citation(index, facts.title),
    ]
    return "\n".join(part for part in parts if part)


def _front_matter(connection: duckdb.DuckDBPyConnection, facts: CardFacts, halves: list[str]) -> str:
    total = sum(one_row(connection, f"SELECT count(*) FROM {HALVES[half][0]}")[0] for half in halves)
    spdx = {row[0] for half in halves for row in selected(connection, half, "DISTINCT licence")}
    languages = {row[0] for half in halves for row in selected(connection, half, "DISTINCT language")} - {None}
    tasks = ["automatic-speech-recognition", "text-to-speech"] if "speech" in halves else []
    tasks += ["audio-to-audio"] if "dialogue" in halves else []
    configs = [
        {
            "config_name": half,
            "data_files": [
                {"split": split_name(split), "path": f"{shard_folder(half, split)}/*.tar"}
                for (split,) in selected(connection, half, "DISTINCT samples.split", "ORDER BY 1")
            ],
        }
        for half in halves
    ] + [
        {"config_name": f"table_{table}", "data_files": f"manifests/{table}.parquet"}
        for table in PUBLISHED_TABLES
        if one_row(connection, f"SELECT count(*) FROM {table}")[0]
    ]
    metadata: dict[str, Any] = {
        "pretty_name": facts.title,
        **hub_metadata(spdx),
        "language": sorted({primary(language) for language in languages}),
        "task_categories": tasks,
        "size_categories": [_size_category(total)],
        "tags": [
            "audio",
            "webdataset",
            "turnmill",
            *(["full-duplex", "spoken-dialogue"] if "dialogue" in halves else []),
        ],
        "configs": configs,
    }
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n"


def _size_category(samples: int) -> str:
    """The Hub's size class of so many samples."""
    bounds = [(1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M")]
    return next((name for bound, name in bounds if samples < bound), "10M<n<100M")


def _introduction(connection: duckdb.DuckDBPyConnection, index: Index, facts: CardFacts, halves: list[str]) -> str:
    lines = [f"# {facts.title}", ""]
    if "dialogue" in halves:
        count, hours, least, most = selected(
            connection, "dialogue", "count(*), hours_of(item.duration), min(n_turns), max(n_turns)"
        )[0]
        turns = f"{least} to {most}" if least != most else f"{least}"
        lines.append(
            f"- **{plural(count, 'synthetic spoken dialogue')}** ({as_hours(hours)}) of {turns} turns between a user "
            "and a voice assistant that listens while it speaks: two channels (0 assistant, 1 user), with "
            "interruptions, backchannels and hesitations, and the time of every word and event."
        )
    if "speech" in halves:
        count, hours, corpora = selected(
            connection, "speech", "count(*), hours_of(item.duration), list(DISTINCT corpus ORDER BY corpus)"
        )[0]
        lines.append(
            f"- **{plural(count, 'clip')} of speech** ({as_hours(hours)}) from {', '.join(corpora)}, "
            "measured, transcribed and filtered."
        )
    if not halves:
        lines.append("Nothing was selected: the funnel below says why.")
    lines += ["", f"Made by [Turnmill](#how-it-was-made) with the recipe `{index.recipe_name}` and seed {index.seed}."]
    return "\n".join([*lines, ""])


def _plots(plots: Sequence[PlotFile]) -> str:
    lines = [f"![{plot.caption}]({plot.name})\n\n*{plot.caption}*\n" for plot in plots]
    return "\n".join(["## Pictures", "", *lines]) if lines else ""
