"""Tasks by templates, end to end: what a recipe asks for is in scripts, lines, speech, labels and samples, and nowhere
else."""

import json
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import halves
from turnmill.pipelines.run import run
from turnmill.synth.speech import RATES
from turnmill.synth.tokens import tokens

QUICKSTART = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart"
TASKS = "script.tasks={emotion: 0.3, style_request: 0.35, function_call: 0.35}"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    rows = (QUICKSTART / "dialogues.jsonl").read_text("utf-8").splitlines()[:14]
    rows += (QUICKSTART / "chinese.jsonl").read_text("utf-8").splitlines()[:6]
    (folder / "texts.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    path = folder / "tasks.yaml"
    path.write_text(
        "name: tasks\nseed: 6\nworkers: 1\ntexts: texts.jsonl\nspeak: {engine: espeak}\nverify: {}\n"
        "licence: {spdx: CC0-1.0, redistribute: true, commercial: true}\n"
        "script: {limits: {max_turn_chars: 400}, interaction: {barge_in: 0.4}}\n"
    )
    return path


@pytest.fixture(scope="module")
def tables(recipe: Path) -> Any:
    run(load(recipe, [TASKS]), str(recipe.parent / "out"))
    store = Store(str(recipe.parent / "out"))
    connection = connect(store, Index.load(store))
    assert check_ledger(connection) == []
    return connection


def test_every_dialogue_is_right_by_its_audio_and_says_its_task(tables: Any) -> None:
    assert tables.execute("SELECT stage, reason, detail FROM rejects").fetchall() == []
    assert tables.execute("SELECT count(*), sum(n_violations) FROM verification").fetchone() == (20, 0)
    scenarios = {str(name).split("/")[-1] for (name,) in tables.execute("SELECT scenario FROM dialogues").fetchall()}
    assert scenarios == {"emotion", "style_request", "function_call"}


def test_the_style_of_a_turn_is_that_of_its_lines_and_what_is_not_heard_is_no_label(tables: Any) -> None:
    turns = tables.execute("SELECT speaker, style, emotion FROM turns").fetchall()
    assert {style for _, style, _ in turns} == {None, *RATES}
    assert {speaker for speaker, style, _ in turns if style} == {"assistant"}
    assert {emotion for _, _, emotion in turns} == {None}  # espeak performs none
    apart = tables.execute(
        "SELECT count(*) FROM turns t JOIN lines l ON l.dialogue = t.dialogue AND l.turn = t.index AND l.role = 'turn' "
        "WHERE l.style IS DISTINCT FROM t.style"
    ).fetchone()
    assert apart == (0,)


def test_slow_lines_are_slower_than_fast_ones(tables: Any) -> None:
    pace = dict(
        tables.execute(
            "SELECT coalesce(l.style, 'plain'), sum(s.duration) / sum(length(l.text)) FROM lines l JOIN speech s "
            "ON s.line = l.line WHERE l.role = 'turn' AND l.speaker = 'assistant' AND l.language = 'en' GROUP BY 1"
        ).fetchall()
    )
    assert pace["fast"] < 0.87 * pace["plain"]
    assert pace["slow"] > 1.13 * pace["plain"]


def test_a_sample_says_which_words_come_before_a_call_and_none_for_a_call_that_was_not_reached(tables: Any) -> None:
    calls = 0
    for (sample,) in tables.execute("SELECT sample FROM dialogues").fetchall():
        for turn in json.loads(sample)["turns"]:
            tool = turn["tool"]
            if tool is None:
                continue
            calls += 1
            assert {"name", "arguments"} == set(json.loads(tool["call"]))
            heard = tokens(turn["text_heard"])
            assert 0 < tool["after"] < len(tokens(turn["text"]))
            assert tool["after"] < len(heard) or not turn["interrupted"]
            assert heard[tool["after"] - 1][-1] in ".!?。！？"
    assert calls >= 3


def test_turns_that_were_added_are_no_text_of_the_source(tables: Any) -> None:
    for (sample,) in tables.execute("SELECT sample FROM dialogues WHERE scenario LIKE '%function_call'").fetchall():
        labels = json.loads(sample)
        for turn, written in zip(labels["turns"], labels["source"]["written"], strict=True):
            assert turn["tool"] is None or written is None


def test_a_request_for_a_style_that_the_engine_does_not_perform_is_refused_before_work(recipe: Path) -> None:
    licence = "{spdx: MIT, redistribute: true, commercial: true}"
    names = f"{{assistants: [a], train: [b], valid: [c], test: [d], licence: {licence}}}"
    served = ["speak.engine=http", "speak.http={base_url: 'http://localhost:1/v1', model: m}", f"voice_names={names}"]
    [half] = halves(load(recipe, [*served, TASKS]), Store(str(recipe.parent / "none")))
    with pytest.raises(UsageError, match=r"^script\.tasks\.style_request: no style of http is known to be heard"):
        half.chains[0].source.check()
    performs = "speak.http.performs=[slow]"
    [half] = halves(load(recipe, [*served, performs, TASKS]), Store(str(recipe.parent / "none")))
    half.chains[0].source.check()


def test_words_that_a_model_would_write_of_no_share_are_refused(recipe: Path) -> None:
    rewrite = "script.rewrite={tasks: [style_request], base_url: 'http://localhost:1/v1', model: m}"
    with pytest.raises(UsageError, match=r"script: .*tasks\.style_request, and that is 0"):
        load(recipe, [rewrite])
