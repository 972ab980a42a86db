"""card: README.md, SCHEMA.md, plots, realism.json and what can be heard, from the manifests and the training shards, so
that they can be made again at any time."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import duckdb
import yaml
from pydantic import Field

from turnmill.dashboards.plots import plots
from turnmill.dashboards.realism import realism_json, realism_report
from turnmill.dashboards.realism_plots import realism_plots, realism_section
from turnmill.dashboards.requested import Requested
from turnmill.manifests.card import CARD, REALISM, SCHEMA, SHOWN, CardFacts, card
from turnmill.manifests.card_schema import schema
from turnmill.manifests.examples import examples, plain
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.params import Params
from turnmill.manifests.published import configs
from turnmill.manifests.store import Store
from turnmill.synth.acoustics import AcousticsParams
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script import Interaction
from turnmill.synth.tts.declared import EMBEDDED, ENGINES


class CardParams(Params):
    title: str | None = Field(default=None, min_length=1, description="title of the card; null: the recipe's name")


def write_card(
    store: Store, index: Index, connection: duckdb.DuckDBPyConnection, leaks: Sequence[str] = ()
) -> list[str]:
    """Write the card of a finished dataset and all that it shows. Returns the files' names.

    `connection` is one of `manifests.query.connect`; `leaks` are sentences of what is, or may be, in two splits.
    """
    recipe = yaml.safe_load(store.read(RECIPE))
    report = {}
    if "texts" in recipe or "calls" in recipe:
        report = realism_report(connection, requested(recipe, connection) if "texts" in recipe else None)
    if report:
        store.write(REALISM, realism_json(report).encode())
    pictures = plots(connection) + realism_plots(report)
    for picture, png in pictures:
        store.write(picture.name, png)
    sounds, found = examples(store, index, connection), configs(store, index, connection)
    shown = [*(picture.name for picture, _ in pictures), *(example.name for example in sounds)]
    store.remove_all(name for folder in SHOWN for name in store.names(folder) if name not in shown)
    if not report:
        store.remove(REALISM)
    for example in sounds:
        store.write(example.name, example.audio)
    facts = CardFacts(
        title=dataset_title(recipe),
        plots=[picture for picture, _ in pictures],
        limits=[*_limits(index), *(f"Splits: {plain(leak)}." for leak in leaks)],
        limits_of_engines={name: engine.limit for name, engine in ENGINES.items() if engine.limit},
        turn_taking=realism_section(report),
        examples=sounds,
    )
    store.write(SCHEMA, schema(store, index, connection, found).encode())
    store.write(CARD, card(index, connection, found, facts).encode())
    return [CARD, SCHEMA, *([REALISM] if report else []), *shown]


def dataset_title(recipe: Mapping[str, Any]) -> str:
    """What a resolved recipe calls its dataset."""
    return str(recipe.get("card", {}).get("title") or recipe["name"])


def requested(recipe: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> Requested:
    """What a resolved recipe asked of its dialogues."""
    simulate = recipe["simulate"]
    genders = {voice.name: voice.gender for voice in EMBEDDED.values()}
    genders |= dict(connection.execute("SELECT name, gender FROM voices ORDER BY name").fetchall())
    return Requested(
        preset=PurePath(simulate["preset"]).stem,
        timing=Timing.model_validate(simulate["timing"]),
        acoustics=AcousticsParams.model_validate(simulate["acoustics"]),
        interaction=Interaction.model_validate(recipe["script"]["interaction"]),
        genders={name: gender for name, gender in genders.items() if gender},
    )


def _limits(index: Index) -> list[str]:
    corpora = {stage.corpus for stage in index.stages}
    demo = ["The speech clips of `demo` are a corpus with planted faults, spoken by the embedded voices."]
    return demo if "demo" in corpora else []
