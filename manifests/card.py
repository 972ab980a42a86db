"""The dataset card: README.md with front matter for the Hugging Face Hub.

First a screen of what it is, how to load it and how it sounds, then pictures, then tables. Same dataset, same bytes: it
knows no date and no host.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from turnmill.manifests import card_sections as section
from turnmill.manifests import loading
from turnmill.manifests.card_sections import as_hours, selected
from turnmill.manifests.examples import FOLDER, Example, heard, plain
from turnmill.manifests.front_matter import config_entries, front_matter, info_entries, languages, size_category
from turnmill.manifests.funnel import funnels
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.languages import primary
from turnmill.manifests.licences import hub_metadata
from turnmill.manifests.published import Config, filled_tables, leading_table
from turnmill.manifests.wording import plural

CARD, SCHEMA, REALISM = "README.md", "SCHEMA.md", "realism.json"
SHOWN = ("plots", FOLDER)
"""Folders of what the card shows: pictures, and what can be heard."""
REPO = "ORGANISATION/DATASET"
"""Stands in the card for the repository, which `publish` knows."""


@dataclass(frozen=True)
class PlotFile:
    """A picture of the card: `name` is its path in the dataset (plots/durations.png), `caption` one sentence."""

    name: str
    caption: str


@dataclass(frozen=True)
class CardFacts:
    """What the tables do not know. `limits` are sentences on the whole dataset, `limits_of_engines` those on what a
    speech engine speaks, by its name; `turn_taking` is Markdown of figures that are not computed here, which goes under
    that heading."""

    title: str
    plots: Sequence[PlotFile] = ()
    limits: Sequence[str] = ()
    limits_of_engines: Mapping[str, str] = field(default_factory=dict)
    turn_taking: str = ""
    examples: Sequence[Example] = ()


def card(index: Index, connection: duckdb.DuckDBPyConnection, configs: Sequence[Config], facts: CardFacts) -> str:
    """The card of a finished dataset as Markdown, over `manifests.query.connect` and `manifests.published.configs`."""
    halves = list(dict.fromkeys(config.half for config in configs))
    parts = [
        _front_matter(connection, facts, configs, halves),
        _introduction(connection, index, facts, halves),
        heard(facts.examples, halves[0]) if halves else "",
        loading.section(REPO, configs, leading_table(filled_tables(connection))),
        _plots(facts.plots),
        section.numbers(connection, halves),
        *_funnels(connection),
        section.turn_taking(connection) if "dialogue" in halves else "",
        facts.turn_taking,
        section.licences(connection, halves),
        section.limits(connection, facts.limits, facts.limits_of_engines),
        section.citation(index, facts.title),
    ]
    return "\n".join(part for part in parts if part)


def _funnels(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Of each half, followed by its corpora where there are several."""
    found = funnels(connection)
    for whole in (each for each in found if each.corpus is None):
        yield section.funnel_table(whole)
        yield section.corpora_table([each for each in found if each.corpus is not None and each.half == whole.half])


def _front_matter(
    connection: duckdb.DuckDBPyConnection, facts: CardFacts, configs: Sequence[Config], halves: Sequence[str]
) -> str:
    spdx = {row[0] for half in halves for row in selected(connection, half, "DISTINCT licence")}
    spoken = [row for half in halves for row in selected(connection, half, "language, count(*)", "GROUP BY language")]
    total = sum(split.samples for config in configs for split in config.splits)
    return front_matter(
        {
            "pretty_name": facts.title,
            **hub_metadata(spdx),
            "language": languages((tag and primary(tag), n) for tag, n in spoken),
            "task_categories": [
                *(["audio-to-audio"] if "dialogue" in halves else []),
                *(["automatic-speech-recognition", "text-to-speech"] if "speech" in halves else []),
            ],
            "size_categories": [size_category(total)],
            "tags": [
                "audio",
                "webdataset",
                "turnmill",
                *(["full-duplex", "spoken-dialogue"] if "dialogue" in halves else []),
            ],
            "configs": config_entries(configs),
            "dataset_info": info_entries(configs),
        }
    )


def _introduction(connection: duckdb.DuckDBPyConnection, index: Index, facts: CardFacts, halves: Sequence[str]) -> str:
    lines = [f"# {plain(facts.title)}", ""]
    if "dialogue" in halves:
        count, hours, least, most = selected(
            connection, "dialogue", "count(*), hours_of(item.duration), min(n_turns), max(n_turns)"
        )[0]
        turns = f"{least} to {most}" if least != most else f"{least}"
        lines.append(
            f"- **{plural(count, 'synthetic spoken dialogue')}** ({as_hours(hours)}) of {turns} turns between a user "
            "and a voice assistant that listens while it speaks: two channels (0 assistant, 1 user) at 24 kHz, with "
            "interruptions, backchannels and hesitations, and the time of every word and event"
            f"{_spoken_by(connection)}."
        )
    if "speech" in halves:
        count, hours, corpora = selected(
            connection, "speech", "count(*), hours_of(item.duration), list(DISTINCT corpus ORDER BY corpus)"
        )[0]
        lines.append(
            f"- **{plural(count, 'clip')} of speech** ({as_hours(hours)}) from {', '.join(corpora)}, "
            "measured, transcribed and filtered."
        )
    carried = section.carried(connection, halves)
    if carried:
        lines.append(f"- Licence: **{carried}**, the strictest of [what it was made from](#licences).")
    if not halves:
        lines.append("Nothing was selected: the funnel below says why.")
    lines += [
        f"- Made by Turnmill from one recipe, [`{index.recipe_name}`]({RECIPE}) (hash `{index.recipe_hash}`, seed "
        f"{index.seed}): the same recipe gives the same bytes. [What every field and column means]({SCHEMA})."
    ]
    return "\n".join([*lines, ""])


def _spoken_by(connection: duckdb.DuckDBPyConnection) -> str:
    engines = [row[0] for row in connection.execute("SELECT DISTINCT engine FROM speech ORDER BY 1").fetchall()]
    return f"; spoken by {', '.join(engines)}" if engines else ""


def _plots(plots: Sequence[PlotFile]) -> str:
    lines = [f"![{plot.caption}]({plot.name})\n\n*{plot.caption}*\n" for plot in plots]
    return "\n".join(["## Pictures", "", *lines]) if lines else ""
