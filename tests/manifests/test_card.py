import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from huggingface_hub import DatasetCard

from manifests.card import CardFacts, PlotFile, card
from manifests.card_sections import split_name
from manifests.index import Index
from manifests.query import connect
from manifests.schema import SCHEMAS
from manifests.store import Store

FACTS = CardFacts(
    "Tiny talk",
    "name: tiny\nseed: 7\n",
    [PlotFile("plots/durations.png", "Durations.")],
    ["Rooms are made up."],
    "me/tiny",
)


@pytest.fixture
def text(dataset: Store, connection: duckdb.DuckDBPyConnection) -> str:
    return card(dataset, Index.load(dataset), connection, FACTS)


def test_the_front_matter_is_what_the_hub_reads(text: str) -> None:
    data = DatasetCard(text).data
    assert data.license == "cc-by-4.0"
    assert data.language == ["en"]
    assert data.size_categories == ["n<1K"]
    assert data.pretty_name == "Tiny talk"
    configs = {config["config_name"]: config["data_files"] for config in data.to_dict()["configs"]}
    assert configs["speech"] == [
        {"split": "dev_clean", "path": "data/speech/dev_clean/*.tar"},
        {"split": "train", "path": "data/speech/train/*.tar"},
    ]
    assert configs["dialogue"] == [{"split": "train", "path": "data/dialogue/train/*.tar"}]
    assert configs["table_turns"] == "manifests/turns.parquet"


def test_the_hub_accepts_every_split_name() -> None:
    # The datasets library: a split is \w+(\.\w+)*
    for split in ("dev-clean", "train.clean.100", "a b", "-x-", "..", "ü"):
        assert re.fullmatch(r"\w+(\.\w+)*", split_name(split)), split


def test_the_card_is_the_same_wherever_and_whenever_it_is_made(make: Callable[..., Store], tmp_path: Path) -> None:
    cards = []
    for folder in ("one", "two"):
        store = make(str(tmp_path / folder))
        index = Index.load(store)
        cards.append(card(store, index, connect(store, index), FACTS))
    assert cards[0] == cards[1]
    assert str(tmp_path) not in cards[0]


def test_the_numbers_count_what_was_selected_only(text: str) -> None:
    assert "| train | en | 2 | 0.1 min | 2 | 1 |" in text  # clips
    assert "| dev-clean | en | 1 | 0.1 min | 1 | 1 |" in text
    assert "| train | en | 2 | 0.2 min | 2 | 1 |" in text  # dialogues: d3 was rejected


def test_the_funnel_has_reasons_and_predicates(text: str) -> None:
    for reason in ("corrupt_audio", "empty_file", "unique", "agrees", "label_violation"):
        assert re.search(rf"{reason} \|.*\| 1", text), reason


def test_a_real_sample_is_shown_as_valid_shortened_json(text: str) -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert [block.get("uid") or block.get("id") for block in blocks] == ["t/c5", "d1"]
    assert len(blocks[1]["turns"]) == 4  # three and the sign of more
    assert "(`c5.flac`, `c5.json`)" in text


def test_every_column_of_a_published_table_is_explained(text: str) -> None:
    for field in SCHEMAS["turns"]:
        assert f"| `{field.name}` |" in text


def test_the_recipe_is_embedded_and_parses_back(text: str) -> None:
    embedded = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert embedded is not None
    assert yaml.safe_load(embedded[1]) == {"name": "tiny", "seed": 7}


def test_turn_taking_licences_and_limits_are_told(text: str) -> None:
    assert "median 300 ms, quartiles 300 and 300 ms; 0% start" in text
    assert "Both channels are active for 10.0% of the time" in text
    assert "is **CC-BY-4.0**" in text
    for limit in ("Rooms are made up.", "embedded recogniser", "espeak-ng", "1 of 3 clips have no given transcript"):
        assert limit in text


def test_a_dataset_of_which_nothing_was_selected_still_has_a_valid_card(tmp_path: Path) -> None:
    store, index = Store(str(tmp_path)), Index("nothing", "h", 0, ())
    text = card(store, index, connect(store, index), CardFacts("Nothing", "name: nothing"))
    assert DatasetCard(text).data.license == "other"
    assert "Nothing was selected" in text


def test_a_text_with_bars_and_line_ends_does_not_break_a_table(make: Callable[..., Store], tmp_path: Path) -> None:
    store = make(str(tmp_path), licence="LicenseRef-a|b")
    index = Index.load(store)
    text = card(store, index, connect(store, index), FACTS)
    assert "LicenseRef-a\\|b" in text
    assert yaml.safe_load(text.split("---")[1])["license"] == "other"
