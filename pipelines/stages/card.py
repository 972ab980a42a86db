"""card: README.md, its plots and realism.json, from the manifests alone, so that they can be made again at any time."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import duckdb
import yaml
from pydantic import Field

from dashboards.plots import plots
from dashboards.realism import realism_json, realism_report
from dashboards.realism_plots import realism_plots, realism_section
from dashboards.requested import Requested
from manifests.card import CardFacts, card
from manifests.index import RECIPE, Index
from manifests.params import Params
from manifests.store import Store
from synth.acoustics import AcousticsParams
from synth.duplex.timing import Timing
from synth.script import Interaction
from synth.voices import EMBEDDED

REALISM = "realism.json"


class CardParams(Params):
    title: str | None = Field(default=None, min_length=1, description="title of the card; null: the recipe's name")


def write_card(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Write the card of a finished dataset, its plots, and the figures of its turn-taking. Returns the files' names.

    `connection` is one of `manifests.query.connect`.
    """
    text = store.read(RECIPE).decode()
    recipe = yaml.safe_load(text)
    report = realism_report(connection, requested(recipe, connection)) if "texts" in recipe else {}
    if report:
        store.write(REALISM, realism_json(report).encode())
    pictures = plots(connection) + realism_plots(report)
    for picture, png in pictures:
        store.write(picture.name, png)
    facts = CardFacts(
        title=recipe.get("card", {}).get("title") or recipe["name"],
        recipe=text,
        plots=[picture for picture, _ in pictures],
        limits=_limits(recipe),
        turn_taking=realism_section(report),
    )
    store.write("README.md", card(store, index, connection, facts).encode())
    return ["README.md", *([REALISM] if report else []), *(picture.name for picture, _ in pictures)]


def requested(recipe: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> Requested:
    """What a resolved recipe asked of its dialogues."""
    simulate = recipe["simulate"]
    genders = {voice.name: voice.gender for voice in EMBEDDED.voices.values()}
    genders |= dict(connection.execute("SELECT name, gender FROM voices ORDER BY name").fetchall())
    return Requested(
        preset=PurePath(simulate["preset"]).stem,
        timing=Timing.model_validate(simulate["timing"]),
        acoustics=AcousticsParams.model_validate(simulate["acoustics"]),
        interaction=Interaction.model_validate(recipe["script"]["interaction"]),
        genders={name: gender for name, gender in genders.items() if gender},
    )


def _limits(recipe: Mapping[str, Any]) -> list[str]:
    demo = ["The speech clips are a demo corpus with planted faults, spoken by the embedded synthesiser."]
    return demo if recipe.get("corpus") == "demo" else []
