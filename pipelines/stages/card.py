"""card: README.md and its plots, from the manifests alone, so that it can be written again at any time."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import Field

from dashboards.plots import plots
from manifests.card import CardFacts, card
from manifests.index import Index
from manifests.params import Params
from manifests.query import connect
from manifests.store import Store

RECIPE = "recipe.yaml"  # the resolved recipe, beside the card


class CardParams(Params):
    title: str | None = Field(default=None, min_length=1, description="title of the card; null: the recipe's name")


def write_card(store: Store, index: Index) -> None:
    """Write the card of a finished dataset and its plots."""
    text = store.read(RECIPE).decode()
    recipe = yaml.safe_load(text)
    connection = connect(store, index)
    pictures = plots(connection)
    for picture, png in pictures:
        store.write(picture.name, png)
    title = recipe.get("card", {}).get("title") or recipe["name"]
    facts = CardFacts(title=title, recipe=text, plots=[picture for picture, _ in pictures], limits=limits(recipe))
    store.write("README.md", card(store, index, connection, facts).encode())


def limits(recipe: Mapping[str, Any]) -> list[str]:
    """What the engines of a recipe cannot do, said of themselves."""
    found = []
    if (recipe.get("transcribe") or {}).get("model") == "embedded":
        found.append(
            "Transcripts come from Turnmill's embedded recogniser, which knows the embedded synthetic voices only: on "
            "human speech its word error rates are bad and mean nothing."
        )
    if "texts" in recipe and recipe["speak"]["engine"] == "espeak":
        found.append(
            "The dialogues are spoken by espeak-ng, a formant synthesiser: right for tests and for timing, not for the "
            "sound of a person."
        )
    if recipe.get("corpus") == "demo":
        found.append("The speech clips are a demo corpus with planted faults, spoken by the same synthesiser.")
    return found
