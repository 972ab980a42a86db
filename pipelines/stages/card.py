"""card: README.md and its plots, from the manifests alone, so that it can be written again at any time."""

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
    demo = ["The speech clips are a demo corpus with planted faults, spoken by the embedded synthesiser."]
    limits = demo if recipe.get("corpus") == "demo" else []
    facts = CardFacts(title=title, recipe=text, plots=[picture for picture, _ in pictures], limits=limits)
    store.write("README.md", card(store, index, connection, facts).encode())
