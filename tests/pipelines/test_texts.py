"""Several files of dialogues in one recipe: each keeps its name, licence and scenario, and none takes another's ids."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import tree_hashes
from tests.synth.rewrite.conftest import Endpoint, Reply, Request, endpoint
from turnmill.manifests.errors import UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.records import Licence, Reject, TextDialogue
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import fingerprinted, halves, shards_of
from turnmill.pipelines.pricing import price
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.run import run
from turnmill.pipelines.stages.script import WriteScripts
from turnmill.pipelines.texts import Text, text_of
from turnmill.sources.catalogue import load as entry
from turnmill.sources.places import place

__all__ = ["endpoint"]  # a fixture

OWN = Licence("CC0-1.0", redistribute=True, commercial=True)
ENTRY = entry("dialogue_text")
ANSWERS = (
    "It leaves at seven from platform two.",
    "Soup, bread and a rather good cake.",
    "By the door, on the left, there is a small map.",
)

RECIPE = """
name: several
seed: 5
workers: 1
texts:
  - {name: trains, path: one/dialogues.jsonl, scenario: travel}
  - name: food
    path: two/dialogues.jsonl
    licence: {spdx: LicenseRef-lent, redistribute: false, commercial: false}
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
script: {dialogues_per_shard: 2}
"""


def write(path: Path, rows: Sequence[dict[str, Any] | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def talk(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"d{number}", "question": "Could you tell me more?", "answer": ANSWERS[number % 3], **more}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over two files of one name in two folders, whose dialogues have the same ids."""
    folder = tmp_path_factory.mktemp("two")
    write(folder / "one" / "dialogues.jsonl", [talk(0), talk(1), talk(2, scenario="departure")])
    write(folder / "two" / "dialogues.jsonl", [talk(0), talk(1), talk(1), "{broken"])
    (folder / "several.yaml").write_text(RECIPE, "utf-8")
    run(load(folder / "several.yaml"), str(folder / "out"))
    return folder


def ask(out: Path, sql: str) -> list[tuple[Any, ...]]:
    store = Store(str(out))
    return connect(store, Index.load(store)).execute(sql).fetchall()


def test_dialogues_of_two_files_keep_ids_source_scenario_and_licence_apart(two: Path) -> None:
    sql = "SELECT id, source, scenario, licence, licence_redistribute FROM dialogues ORDER BY id"
    assert ask(two / "out", sql) == [
        ("food/d0", "food", "food", "LicenseRef-lent", False),
        ("food/d1", "food", "food", "LicenseRef-lent", False),
        ("trains/d0", "trains", "travel", "CC0-1.0", True),
        ("trains/d1", "trains", "travel", "CC0-1.0", True),
        ("trains/d2", "trains", "departure", "CC0-1.0", True),
    ]


def test_books_of_two_files_balance_and_rejects_name_their_file(two: Path) -> None:
    store = Store(str(two / "out"))
    connection = connect(store, Index.load(store))
    assert check_ledger(connection) == []
    found = connection.execute("SELECT uid, source_uri, reason FROM rejects ORDER BY reason").fetchall()
    assert found == [
        (None, "food/dialogues.jsonl", "bad_row"),
        ("food/d1", "food/dialogues.jsonl", "duplicate_uid"),
    ]
    books = dict(connection.execute("SELECT stage, sum(items_in)::INTEGER FROM ledger GROUP BY stage").fetchall())
    assert (books["script"], books["simulate"]) == (7, 5)


def test_samples_of_the_shards_carry_the_name_of_their_file(two: Path) -> None:
    import webdataset

    urls = [str(path) for path in sorted((two / "out").glob("shards/*/dialogue-*.tar"))]
    samples = [json.loads(sample["json"]) for sample in webdataset.WebDataset(urls, shardshuffle=False)]
    assert Counter(sample["id"].split("/")[0] for sample in samples) == {"trains": 3, "food": 2}
    assert {sample["scenario"] for sample in samples} == {"travel", "departure", "food"}


def test_output_names_files_only_by_name(two: Path) -> None:
    for path in (two / "out").rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".json", ".md"):
            assert str(two) not in path.read_text("utf-8")
    published = (two / "out" / "recipe.yaml").read_text("utf-8")
    assert "path: dialogues.jsonl" in published


def test_texts_elsewhere_give_the_same_bytes_and_a_changed_file_redoes_its_own_units(two: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(two, moved, ignore=shutil.ignore_patterns("out"))
    recipe, out = load(moved / "several.yaml"), moved / "out"
    run(recipe, str(out))
    assert tree_hashes(out) == tree_hashes(two / "out")
    before = {path: path.stat().st_mtime_ns for path in out.glob("audio/speech/*/*.tar")}
    assert len(before) == 4
    write(moved / "two" / "dialogues.jsonl", [talk(0), talk(7), talk(2)])
    run(recipe, str(out))
    redone = [path for path, time_ns in before.items() if not path.exists() or path.stat().st_mtime_ns != time_ns]
    assert len(redone) == 2
    run(recipe, str(moved / "fresh"))
    assert tree_hashes(out) == tree_hashes(moved / "fresh")


def names(text: Text, per_unit: int, seed: int = 0) -> list[str]:
    found: list[TextDialogue | Reject] = []
    for unit in text.units(per_unit, seed):
        read = list(text.read(unit))
        assert len(read) == unit.items
        assert text_of([text], unit) is text
        found += read
    return [item.id if isinstance(item, TextDialogue) else f"{item.reason} {item.uid}" for item in found]


def test_limit_takes_so_many_rows_the_same_ones_whatever_the_units(tmp_path: Path) -> None:
    path = write(tmp_path / "many.jsonl", [talk(n) for n in range(100)])
    text = Text("many", ENTRY.corpus(path, OWN), limit=30)
    chosen = names(text, per_unit=7)
    assert len(set(chosen)) == 30
    assert set(chosen) == set(names(text, per_unit=100)) == set(names(text, per_unit=1))
    assert chosen == sorted(chosen, key=lambda name: int(name.removeprefix("many/d")))
    assert set(names(text, 7, seed=1)) != set(chosen)
    assert all(7 <= unit.items < 14 for unit in text.units(7, 0)[:-1])  # a file's few rows fill whole shards
    more = write(tmp_path / "many.jsonl", [talk(n) for n in range(110)])  # a longer file takes most of them again
    assert len(set(names(Text("many", ENTRY.corpus(more, OWN), limit=30), 7)) & set(chosen)) >= 24


def test_limit_above_the_file_takes_all_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "few.jsonl", [talk(0), talk(0), "[", talk(1)])
    everything = names(Text(None, ENTRY.corpus(path, OWN)), 2)
    assert everything == ["d0", "duplicate_uid d0", "bad_row None", "d1"]
    assert names(Text(None, ENTRY.corpus(path, OWN), limit=4), 2) == everything
    assert names(Text(None, ENTRY.corpus(path, OWN), limit=9), 2) == everything


@pytest.mark.parametrize("per_unit", [1, 7, 100])
def test_limit_never_takes_a_repeated_id_without_the_dialogue_it_repeats(tmp_path: Path, per_unit: int) -> None:
    rows = [line for n in range(60) for line in (talk(n % 40), "")]  # blank lines are no rows
    path = write(tmp_path / "again.jsonl", rows)
    for seed in range(5):
        found = names(Text("again", ENTRY.corpus(path, OWN), limit=30), per_unit, seed)
        assert len(set(found)) == 30
        assert all(name.startswith("again/d") for name in found)
    more = Counter(names(Text("again", ENTRY.corpus(path, OWN), limit=50), per_unit))
    assert {f"again/d{n}" for n in range(40)} < set(more)
    assert sum(count for name, count in more.items() if name.startswith("duplicate_uid again/d")) == 10
    everything = names(Text("again", ENTRY.corpus(path, OWN)), per_unit)
    assert everything[40:] == [f"duplicate_uid again/d{n}" for n in range(20)]


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 60), limit=st.integers(1, 60), per_unit=st.integers(1, 9), seed=st.integers(0, 5))
def test_every_limit_is_met_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: int, limit: int, per_unit: int, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.jsonl"
    write(path, [talk(n) for n in range(rows)])
    found = names(Text("drawn", ENTRY.corpus(path, OWN), limit=limit), per_unit, seed)
    assert len(found) == len(set(found)) == min(rows, limit)


def loaded(tmp_path: Path, texts: str, settings: Sequence[str] = ()) -> Recipe:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ntexts: {texts}\n", "utf-8")
    return load(path, settings)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ("[]", "names neither `corpus` nor `texts`"),
        ("[{name: a, path: a.jsonl}, {name: a, path: b.jsonl}]", "two files of `texts` have the same name; rename one"),
        ("[{name: A b, path: a.jsonl}]", "mine.yaml: texts.0.name: must match the pattern"),
        (
            "[{name: a, path: a.jsonl, limit: 0}]",
            "texts.0.limit: must be at least 1 (given: 0)",
        ),
        ("[{name: a, path: a.jsonl, licens: x}]", "texts.0.licens: unknown key; did you mean 'licence'?"),
        ("[{name: a}]", "texts.0.path: is missing"),
        ("{name: a}", "mine.yaml: texts.0.path: is missing"),
        ("{path: a.jsonl}", "has no `name`: say what a file of your own is called"),
        ("{corpus: mos_003, path: a.jsonl}", "no source is called 'mos_003': did you mean moss_003"),
        ("{corpus: librispeech, path: a}", "librispeech is a source of audio: name it under `corpus`"),
        ("[{corpus: moss_003, path: a}, {corpus: moss_003, path: b}]", "two files of `texts` have the same name"),
    ],
)
def test_bad_texts_are_refused_with_file_and_key(tmp_path: Path, texts: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        loaded(tmp_path, texts)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_corpora_of_the_catalogue_are_texts_with_their_names_licences_and_splits(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / "hh" / "helpful-base" / f"{name}.jsonl", [])
        rows = [{"chosen": f"\n\nHuman: Is it {name}?\n\nAssistant: It is.", "rejected": ""}, "{broken"]
        packed = gzip.compress("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode())
        (tmp_path / "hh" / "helpful-base" / f"{name}.jsonl.gz").write_bytes(packed)
    (tmp_path / "eval.json").write_text(json.dumps([{"instruction": "Say hello.", "output": "Hello."}]))
    recipe = loaded(
        tmp_path, "[{corpus: hh_rlhf, path: hh, limit: 3}, {corpus: alpaca_eval, name: judged, path: eval.json}]"
    )
    assert "hh_rlhf, judged" in recipe.identity
    assert yaml.safe_load(recipe.yaml())["texts"] == [
        {"corpus": "hh_rlhf", "path": "hh", "limit": 3},
        {"corpus": "alpaca_eval", "name": "judged", "path": "eval.json"},
    ]
    script = halves(recipe, str(tmp_path / "out"))[0].scripts
    assert script is not None
    script.check()
    units = script.units()
    stamps = script.stamps([file for unit in units for file in unit.files])
    assert set(stamps) == {
        "hh_rlhf/helpful-base/test.jsonl.gz",
        "hh_rlhf/helpful-base/train.jsonl.gz",
        "judged/eval.json",
    }
    found = [item for unit in units for item in text_of(script.texts, unit).read(unit)]
    rejects = [item.source_uri for item in found if isinstance(item, Reject)]
    out = [(item.id, item.split, item.licence.spdx) for item in found if isinstance(item, TextDialogue)]
    assert len(found) == 4
    assert all(str(uri).startswith("hh_rlhf/helpful-base/") for uri in rejects)
    assert set(out) <= {
        ("hh_rlhf/helpful-base/train.jsonl.gz:1", "train", "MIT"),
        ("hh_rlhf/helpful-base/test.jsonl.gz:1", "test", "MIT"),
        ("judged/eval.json:1", "test", "CC-BY-NC-4.0"),
    }
    assert ("judged/eval.json:1", "test", "CC-BY-NC-4.0") in out


def test_one_file_on_the_command_line_takes_the_place_of_several(tmp_path: Path) -> None:
    several = "[{name: a, path: a.jsonl}, {name: b, path: b.jsonl}]"
    assert loaded(tmp_path, several, ["texts=own.jsonl"]).texts == place(Path.cwd() / "own.jsonl")
    texts = loaded(tmp_path, several).texts
    assert isinstance(texts, tuple)
    paths = [text.path for text in texts]
    assert paths == [place(tmp_path / "a.jsonl"), place(tmp_path / "b.jsonl")]


def test_recipe_hash_ignores_where_texts_lie_and_minds_their_names(tmp_path: Path) -> None:
    texts = "[{name: a, path: %s/a.jsonl}, {name: %s, path: b.jsonl}]"
    assert loaded(tmp_path, texts % ("x", "b")).hash == loaded(tmp_path, texts % ("y", "b")).hash
    assert loaded(tmp_path, texts % ("x", "b")).hash != loaded(tmp_path, texts % ("x", "c")).hash


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, "[{name: a, path: a.jsonl}, {name: b, path: .}, {name: c, path: c.jsonl}]")
    write(tmp_path / "c.jsonl", [talk(0)])
    with pytest.raises(UsageError) as refused:
        run(recipe, str(tmp_path / "out"))
    said = str(refused.value)
    assert f"{tmp_path / 'a.jsonl'} does not exist; {tmp_path} is not a file: give a" in said
    assert "c.jsonl" not in said


LONG = "Bread keeps for a few days in a paper bag. " * 12
UNSPOKEN = {
    "fine": "It leaves at seven from platform two.",
    "long": LONG,
    "list": f"## Bread\n| day | place |\n|---|---|\n1. **a bag**\n{LONG}",
    "code": "```python\nprint('bread')\n```",
    "stubborn": "## Bread\n<b>Keep it in a bag.</b>",
    "endless": LONG * 10,
    "private": f"{LONG} Write to ann.smith@example.com for more.",
    "tool": f'{LONG} <tool_call>{{"name": "bread"}}</tool_call>',
    "mixed": "Хлеб хранят в бумажном пакете или в хлебнице.",
}


def as_spoken(_: int, request: Request) -> Reply:
    """A model that makes every turn short, but for those it leaves as they are."""
    rows = [json.loads(line) for line in request["messages"][1]["content"].splitlines() if line.startswith('{"turn"')]
    kept = [row["text"] if "<b>" in row["text"] else "In a bag, for a few days." for row in rows]
    kept[0] = "Could you tell me more?"
    return Reply(json.dumps({"turns": [{"role": r["role"], "text": t} for r, t in zip(rows, kept, strict=True)]}))


def rewriting(tmp_path: Path, endpoint: Endpoint, tasks: str) -> tuple[Recipe, WriteScripts]:
    rows = [{"id": name, "question": "Could you tell me more?", "answer": text} for name, text in UNSPOKEN.items()]
    path = write(tmp_path / "unspoken.jsonl", rows)
    endpoint.answer = as_spoken
    recipe = loaded(
        tmp_path, path.name, [f"script.rewrite={{tasks: {tasks}, base_url: '{endpoint.url}', model: small}}"]
    )
    source = halves(recipe, Store(str(tmp_path / "out")))[0].scripts
    assert isinstance(source, WriteScripts)
    return recipe, source


@pytest.mark.parametrize(
    ("tasks", "sent", "scripts"),
    [("[spoken]", 5, {"fine", "long", "list", "code"}), ("[backchannels]", 1, {"fine"})],
)
def test_a_rewrite_to_spoken_language_gets_what_it_can_mend_and_has_to_mend_it(
    tmp_path: Path, endpoint: Endpoint, tasks: str, sent: int, scripts: set[str]
) -> None:
    recipe, stage = rewriting(tmp_path, endpoint, tasks)
    (half,) = halves(recipe, Store(str(tmp_path / "out")))
    (shard,), _ = shards_of(half.chains[0])
    made = stage.process(
        shard, fingerprinted(half, [shard], 0).workspace(Store(str(tmp_path / "out")), 0), Guard(stage.name)
    )
    asked = {name for name, text in UNSPOKEN.items() for r in endpoint.requests if json.dumps(text) in str(r)}
    assert {row["id"] for row in made.tables["scripts"]} == scripts
    reasons = {str(reject.uid): str(reject.reason) for reject in made.rejects}
    beyond = {"endless": "turn_too_long", "private": "personal_data", "tool": "tool_plumbing"}
    beyond |= {"mixed": "unsupported_language"}  # it says no language, and is found to be Russian
    if sent > 1:
        assert reasons == {**beyond, "stubborn": "markup"}
    else:
        assert reasons.keys() == UNSPOKEN.keys() - scripts
    assert len(endpoint.requests) <= sent
    assert asked <= scripts | {"stubborn"}


def test_what_a_rewrite_shortens_is_priced_whole_to_send_and_short_to_speak(tmp_path: Path, endpoint: Endpoint) -> None:
    recipe, stage = rewriting(tmp_path, endpoint, "[spoken]")
    found = price(recipe, stage, stage.units())
    assert found.total.kept == 5
    assert found.total.characters < 5 * (200 + 150)  # turns of at most 200 characters, a question and some events
    assert found.total.prompt_tokens > 5 * 750 + 2 * len(LONG) / 5
    assert endpoint.requests == []
