import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from huggingface_hub import DatasetCard

from tests.manifests.conftest import also, filled
from turnmill.manifests.card import CardFacts, PlotFile, card
from turnmill.manifests.card_schema import schema
from turnmill.manifests.card_sections import corpora_table
from turnmill.manifests.examples import Example, examples, heard, plain
from turnmill.manifests.funnel import Funnel, Loss, Step
from turnmill.manifests.index import Index
from turnmill.manifests.published import configs
from turnmill.manifests.query import connect
from turnmill.manifests.samples import DIALOGUE
from turnmill.manifests.schema import SCHEMAS
from turnmill.manifests.store import Store

FACTS = CardFacts(
    "Tiny talk",
    [PlotFile("plots/durations.png", "Durations.")],
    ["Rooms are made up."],
    {"espeak": "Lines are spoken by espeak-ng.", "nobody": "Nobody spoke."},
)


def card_of(store: Store, facts: CardFacts = FACTS) -> str:
    index = Index.load(store)
    with connect(store, index) as connection:
        return card(index, connection, configs(store, index, connection), facts)


def schema_of(store: Store) -> str:
    index = Index.load(store)
    with connect(store, index) as connection:
        return schema(store, index, connection, configs(store, index, connection))


@pytest.fixture
def text(dataset: Store) -> str:
    return card_of(dataset)


def test_the_front_matter_is_what_the_hub_reads(text: str) -> None:
    data = DatasetCard(text).data
    assert data.license == "cc-by-4.0"
    assert data.language == ["en"]
    assert data.size_categories == ["n<1K"]
    assert data.pretty_name == "Tiny talk"
    assert data.to_dict()["configs"] == [
        {
            "config_name": "dialogue",
            "default": True,
            "data_files": [{"split": "train", "path": "data/dialogue/train/*.tar"}],
        },
        {
            "config_name": "speech",
            "data_files": [
                {"split": "train", "path": "data/speech/train/*.tar"},
                {"split": "dev_clean", "path": "data/speech/dev_clean/*.tar"},
            ],
        },
    ]
    counts = {info["config_name"]: info["splits"] for info in data.to_dict()["dataset_info"]}
    assert [(split["name"], split["num_examples"]) for split in counts["speech"]] == [("train", 2), ("dev_clean", 1)]


def test_the_first_screen_says_what_how_much_how_made_how_to_load_and_lets_hear(dataset: Store) -> None:
    index = Index.load(dataset)
    with connect(dataset, index) as connection:
        text = card_of(dataset, CardFacts("Tiny", examples=examples(dataset, index, connection)))
    body = text.split("---\n", 2)[2]
    order = [
        "# Tiny",
        "2 synthetic spoken dialogues",
        "3 clips of speech",
        "recipe.yaml",
        "## Listen",
        "<audio",
        "## Load",
    ]
    places = [body.index(part) for part in order]
    assert places == sorted(places)
    assert body[: places[-1]].count("\n") < 40
    assert places[-1] < body.index("## Numbers")


def test_no_link_leads_nowhere_and_no_number_is_longer_than_it_means(dataset: Store) -> None:
    text = card_of(dataset) + schema_of(dataset)
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines()}
    for link in re.findall(r"\]\(([^)]*)\)", text):
        assert (
            link.startswith("https://")
            or link in ("recipe.yaml", "SCHEMA.md", "plots/durations.png")
            or (link.startswith("#") and link[1:] in headings)
        ), link
    assert not re.findall(r"\d\.\d{5,}", text)


def test_the_card_is_the_same_wherever_and_whenever_it_is_made(make: Callable[..., Store], tmp_path: Path) -> None:
    stores = [make(str(tmp_path / folder)) for folder in ("one", "two")]
    first, second = ((card_of(store), schema_of(store)) for store in stores)
    assert first == second
    assert str(tmp_path) not in "".join(first)


def test_the_numbers_count_what_was_selected_only(text: str) -> None:
    assert "| train | en | 2 | 5.5 s | 2 | 1 |" in text  # clips
    assert "| dev_clean | en | 1 | 5.0 s | 1 | 1 |" in text
    assert "| train | en | 2 | 12.0 s | 2 | 1 |" in text  # dialogues: d3 was rejected


def test_the_language_is_the_recognised_one_where_the_corpus_states_none(
    make: Callable[..., Store], tmp_path: Path
) -> None:
    store = make(str(tmp_path))
    for key in ("a", "b"):
        clips = store.read_part(f"clips/f0/{key}.parquet").to_pylist()
        also(store, "ingest", "clips", key, [row | {"language": None} for row in clips])
        heard = store.read_part(f"transcripts/f2/{key}.parquet").to_pylist()
        also(store, "transcribe", "transcripts", key, [row | {"asr_language": "de"} for row in heard])
    text = card_of(store)
    assert DatasetCard(text).data.language == ["de", "en"]
    assert "| train | de | 2 |" in text


def test_the_funnel_has_reasons_and_predicates(text: str) -> None:
    for reason in ("corrupt_audio", "empty_file", "unique", "agrees", "label_violation"):
        assert re.search(rf"{reason} \|.*\| 1", text), reason


def test_a_real_sample_is_shown_as_valid_shortened_json(dataset: Store) -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", schema_of(dataset), re.DOTALL)]
    assert [block.get("uid") or block.get("id") for block in blocks] == ["d1", "t/c5"]
    assert len(blocks[0]["turns"]) == 3  # two and the sign of more
    assert blocks[0]["duration"] == 0.333


def test_every_field_of_a_sample_and_column_of_a_table_is_explained(dataset: Store) -> None:
    text = schema_of(dataset)
    rows = dict(re.findall(r"^\| `([^`]*)` \| (.*) \|$", text, re.MULTILINE))
    for field in (*SCHEMAS["turns"], *DIALOGUE):
        assert field.metadata[b"doc"].decode() in text
        assert field.name in rows
    assert "turns[].words[].start" in rows
    assert "acoustics.packet_loss.lost[].end" in rows


def test_turn_taking_licences_and_limits_are_told(text: str) -> None:
    assert "median 300 ms, quartiles 300 and 300 ms; 0% start" in text
    assert "Both channels are active for 10.0% of the time" in text
    assert "is **CC-BY-4.0**" in text
    for limit in ("Rooms are made up.", "espeak-ng", "1 of 3 clips have no given transcript"):
        assert limit in text
    assert "Nobody spoke." not in text  # of an engine that spoke nothing here


def test_a_dataset_of_which_nothing_was_selected_still_has_a_valid_card(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    Index("nothing", "h", 0, ()).save(store)
    text = card_of(store, CardFacts("Nothing"))
    assert DatasetCard(text).data.license == "other"
    assert "Nothing was selected" in text
    assert schema_of(store).startswith("# What every field means")


def test_a_text_with_bars_and_line_ends_does_not_break_a_table(make: Callable[..., Store], tmp_path: Path) -> None:
    text = card_of(make(str(tmp_path), licence="LicenseRef-a|b"))
    assert "LicenseRef-a\\|b" in text
    assert yaml.safe_load(text.split("---")[1])["license"] == "other"


def test_the_audible_examples_are_two_short_dialogues_as_they_lie_in_their_shard(
    dataset: Store, connection: duckdb.DuckDBPyConnection
) -> None:
    found = examples(dataset, Index.load(dataset), connection)
    assert [example.name for example in found] == ["listen/d1.flac", "listen/d2.flac"]
    assert all(example.audio[:4] == b"fLaC" for example in found)
    assert found[0].title == "6 s, with barge-in"
    assert found[0].lines == (("user", "yes of", " course"), ("assistant", "yes of", " course"))
    assert "> **user** yes of <del>course</del><br>" in heard(found, "dialogue")


def test_a_title_is_a_title_whatever_is_in_it(dataset: Store) -> None:
    title = "T\n---\n\n<img src=x onerror=alert(1)> }, evil={ ``` : 'q' \"d\"\n\n```sh\nrm -rf /\n"
    text = card_of(dataset, CardFacts(title))
    assert DatasetCard(text).data.pretty_name == title
    body = text.split("\n---\n", 1)[1]
    assert "<img" not in body.split("```bibtex")[0]
    assert len(re.findall("^```", body, re.MULTILINE)) % 2 == 0
    assert body.lstrip().startswith("# T \\-\\-\\- ")
    bibtex = body.split("```bibtex")[1].split("```")[0]
    assert bibtex.count("{") == bibtex.count("}") == 3


def test_without_dialogues_clips_with_a_text_are_heard(tmp_path: Path, make: Callable[..., Store]) -> None:
    store = make(str(tmp_path))
    index = Index.load(store)
    speech = Index(index.recipe_name, "h", 0, tuple(stage for stage in index.stages if stage.half == "speech"))
    with connect(store, speech) as connection:
        found = examples(store, speech, connection)
    assert [example.name for example in found] == ["listen/c5.flac", "listen/c3.flac"]  # nearest to five seconds
    assert found[0].lines == (("text", "heard", ""),)


def test_a_corpus_without_words_takes_no_example_from_another(tmp_path: Path, make: Callable[..., Store]) -> None:
    store = make(str(tmp_path))
    index = Index.load(store)
    speech = Index(index.recipe_name, "h", 0, tuple(stage for stage in index.stages if stage.half == "speech"))
    with connect(store, speech) as connection:
        for table, changed in {
            "clips": "if(uid = 't/c3', 'other', corpus) AS corpus, nullif(text, 'words of t/c3') AS text",
            "consensus": "if(uid = 't/c3', '', consensus_text) AS consensus_text",
        }.items():
            connection.execute(f"CREATE TEMP TABLE told_{table} AS SELECT * REPLACE ({changed}) FROM {table}")
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS FROM told_{table}")
        found = examples(store, speech, connection)
    assert [example.name for example in found] == ["listen/c5.flac", "listen/c1.flac"]


@pytest.mark.parametrize(
    "said", ["<script>x</script>", "*a* _b_ `c` [d](e) # f\n- g", "</del>|&lt;", "$x$ :smile: ~y~", "a\x07\u202eb"]
)
def test_what_is_said_is_never_markup(said: str) -> None:
    shown = heard([Example("listen/k.flac", b"", "t", (("user", said, said),))], "dialogue")
    assert plain(said) in shown
    assert "<script" not in shown
    assert shown.isprintable() or not set("\x07\u202e") & set(shown)
    assert shown.count("</del>") == 1
    assert not re.search(r"(?<!\\)[*_`\[\]#|$:~]", plain(said))


def test_a_dataset_whose_languages_are_many_names_those_that_count(make: Callable[..., Store], tmp_path: Path) -> None:
    store = make(str(tmp_path))
    rows = [
        filled(
            "dialogues", id=f"d{n}", language="x'y" if n == 3 else "en", n_turns=2, duration=1.0, take=0, licence="MIT"
        )
        for n in range(300)
    ]
    also(store, "simulate", "dialogues", "s", rows)
    samples = [filled("dialogue_samples", uid=row["id"], split="train", shard="dialogues-train-000000.tar", key="d1",
                      codec="flac", offset=512, size=9, duration=1.0) for row in rows]  # fmt: skip
    also(store, "shard_dialogues", "dialogue_samples", "dialogues-train-000000", samples)
    text = card_of(store)
    assert DatasetCard(text).data.language == ["en"]
    assert "| train | other | 1 |" in text


def test_of_several_corpora_there_is_a_row_each() -> None:
    steps = (
        Step("ingest", "clips", 9, 7, 0.0, (Loss("empty_file", 2),)),
        Step("select", "clips", 7, 4, 0.0, (Loss("agrees", 3, 4.0 / 3600),)),
    )
    text = corpora_table([Funnel("speech", steps, "one"), Funnel("speech", (), "two")])
    assert text.splitlines()[-1] == "| one | 9 | 4 | empty_file 2, agrees 3 (4.0 s) |"
    assert corpora_table([]) == ""
