"""The shipped recipes do what their papers and their comments say, on a few texts in the shapes that they name."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.pipelines.loading import load
from turnmill.pipelines.run import run

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"
BY_ESPEAK = ["speak.engine=espeak", "speak.cosyvoice=null", "speak.gpus=0", "speak.recognise=null", "voices=null"]
BY_ESPEAK += ["workers=1"]
ENGLISH = (
    ("How do I keep bread fresh for a few days?", "Keep it in a paper bag, and freeze what you will not eat soon."),
    ("And what about the cake?", "A cake with cream belongs in the fridge, well covered, and is best within two days."),
)
CHINESE = ("你好，今天的天气怎么样？", "今天多云，下午可能有小雨，出门最好带一把伞。")


def chat(
    pairs: Sequence[tuple[str, str]], roles: tuple[str, str] = ("user", "assistant"), text: str = "content"
) -> Any:
    return {"messages": [{"role": role, text: said} for pair in pairs for role, said in zip(roles, pair, strict=True)]}


def moss(text: str, name: str) -> str:
    return f"<|{name}|>: {text}{'<eoh>' if name == 'Human' else '<eom>'}\n"


def named(pairs: Sequence[tuple[str, str]], user: str, assistant: str) -> str:
    return "".join(f"{user}{asked}{assistant}{told}" for asked, told in pairs)


ASKED, TOLD = ENGLISH[0]
PAIR = {"question": ASKED, "answer": TOLD}
INSTRUCTION = {"instruction": ASKED, "input": "", "output": TOLD}
TEXTS: dict[str, list[Any]] = {
    "alpaca_gpt4": [INSTRUCTION],
    "identity": [{"question": "Who are you?", "answer": "I am an assistant that you can talk to."}],
    "qa": [PAIR, chat(ENGLISH)],
    "rlhf": [{"text": named(ENGLISH, "\n\nHuman: ", "\n\nAssistant: ")}],
    "trivia_singlechoice": [{"id": "tc_1", "question": "Which river flows through Paris?", "answer": "The Seine."}],
    "trivia_multichoice": [{"question": "Which is larger? Is it A, Mars, or B, Jupiter?", "answer": "B, Jupiter."}],
    "oasst": [{**chat(ENGLISH, ("prompter", "assistant"), "text"), "language": "en"}],
    "alpaca": [INSTRUCTION] * 3,
    "moss": [{"chat": {"turn_1": {"Human": moss(ASKED, "Human"), "MOSS": moss(TOLD, "MOSS")}}}],
    "belle": [{"text": named([CHINESE], "Human:", "\nAssistant:")}],
    "ultrachat": [{"id": str(n), "data": [said for pair in ENGLISH for said in pair]} for n in range(3)],
    "dialogues": [chat(ENGLISH)] * 4,
}


def made(tmp_path: Path, name: str) -> Any:
    """The recipe run on the texts by espeak; its tables as a connection."""
    (tmp_path / "texts").mkdir()
    for text, rows in TEXTS.items():
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / "texts" / f"{text}.jsonl").write_text(lines, "utf-8")
    shutil.copy(RECIPES / f"{name}.yaml", tmp_path)
    run(load(tmp_path / f"{name}.yaml", BY_ESPEAK), str(tmp_path / "out"))
    store = Store(str(tmp_path / "out"))
    connection = connect(store, Index.load(store))
    assert check_ledger(connection) == []
    assert connection.execute("SELECT stage, reason, detail FROM rejects").fetchall() == []
    return connection


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipe_is_valid_and_named_as_its_file(path: Path) -> None:
    assert load(path).name == path.stem


@pytest.mark.parametrize("name", ["voice_assistant", "omniflatten", "moshi"])
def test_recipe_of_an_engine_that_errs_hears_and_aligns_every_language_it_asks_for(name: str) -> None:
    recipe = load(RECIPES / f"{name}.yaml")
    assert recipe.speak.engine == "cosyvoice"  # espeak, in the other recipes, says what it is told and when
    heard_by = recipe.speak.recognise
    assert heard_by is not None
    aligned_by = {
        language: "pocketsphinx" if language == "en" else recipe.speak.align.model
        for language in recipe.script.limits.languages
    }
    assert {heard_by, *aligned_by.values()} <= {"pocketsphinx", "large-v3"}  # which knows 99 languages


@pytest.mark.parametrize("name", ["voice_assistant", "omniflatten", "moshi"])
def test_recipe_without_its_texts_names_the_first_missing_file(name: str, tmp_path: Path) -> None:
    shutil.copy(RECIPES / f"{name}.yaml", tmp_path)
    with pytest.raises(UsageError, match=rf"{tmp_path}/texts/\w+\.jsonl does not exist") as refused:
        run(load(tmp_path / f"{name}.yaml", BY_ESPEAK), str(tmp_path / "out"))
    assert "\n" not in str(refused.value)


def test_voice_assistant_has_its_parts_and_publishes_those_it_may(tmp_path: Path) -> None:
    tables = made(tmp_path, "voice_assistant")
    parts = dict(tables.execute("SELECT source, count(*) FROM dialogues GROUP BY source").fetchall())
    unknown = {"trivia_singlechoice": 1, "trivia_multichoice": 1, "qa": 2}
    assert parts == {"alpaca_gpt4": 1, "identity": 1, "rlhf": 1, "oasst": 1, **unknown}
    licences = dict(tables.execute("SELECT DISTINCT source, licence FROM dialogues").fetchall())
    assert (licences["alpaca_gpt4"], licences["rlhf"], licences["oasst"]) == ("CC-BY-NC-4.0", "MIT", "Apache-2.0")
    published = tables.execute("SELECT source FROM dialogues JOIN dialogue_samples ON id = uid").fetchall()
    assert {source for (source,) in published} == parts.keys() - unknown.keys()


def test_omniflatten_has_noise_on_the_user_barge_ins_and_nothing_else(tmp_path: Path) -> None:
    tables = made(tmp_path, "omniflatten")
    kinds = {kind for (kind,) in tables.execute("SELECT DISTINCT kind FROM events").fetchall()}
    assert kinds <= {"turn_shift", "barge_in"}
    languages = dict(tables.execute("SELECT source, any_value(language) FROM dialogues GROUP BY source").fetchall())
    assert languages == {"alpaca": "en", "moss": "en", "belle": "zh", "ultrachat": "en"}
    for acoustics in acoustics_of(tables):
        assert 15 <= acoustics["snr_db"] <= 25
        others = ("rir", "echo_gain", "codec", "gain_steps", "clip_dbfs", "packet_loss")
        assert [acoustics[name] for name in others] == [None] * len(others)


def test_moshi_has_one_assistant_and_its_augmentation_in_two_takes(tmp_path: Path) -> None:
    tables = made(tmp_path, "moshi")
    assert tables.execute("SELECT count(*), count(DISTINCT script) FROM dialogues").fetchall() == [(8, 4)]
    assert tables.execute("SELECT count(DISTINCT assistant_voice) FROM dialogues").fetchall() == [(1,)]
    found = acoustics_of(tables)
    assert any(acoustics["gain_db"] != 0 for acoustics in found)
    for acoustics in found:
        assert acoustics["codec"] is acoustics["clip_dbfs"] is acoustics["packet_loss"] is None
        for name, low, high in (("snr_db", -6, 30), ("echo_gain", 0.001, 0.2), ("echo_delay", 0.1, 0.5)):
            assert acoustics[name] is None or low <= acoustics[name] <= high, name


def acoustics_of(tables: Any) -> list[dict[str, Any]]:
    return [json.loads(sample)["acoustics"] for (sample,) in tables.execute("SELECT sample FROM dialogues").fetchall()]
