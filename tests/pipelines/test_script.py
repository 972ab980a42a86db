"""The script stage: what the dialogues of a unit borrow from each other, under which licence, and how it is told."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.records import Licence, TextDialogue, stable_hash
from turnmill.manifests.store import Store
from turnmill.pipelines.bank import bank
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Shard, Workspace
from turnmill.pipelines.stages.script import ScriptParams, WriteScripts
from turnmill.pipelines.steps.plan import SplitShares
from turnmill.pipelines.texts import Text
from turnmill.sources.catalogue import load
from turnmill.synth.intents import AT_MOST_AGAIN, SAYS_AGAIN
from turnmill.synth.script import Script
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.choice import Performed

OPEN, CLOSED = Licence("CC0-1.0", True, True), Licence("LicenseRef-own", False, False)
ESPEAK = Performed({"espeak": frozenset()})
SPLITS = SplitShares(train=0.5, valid=0.25, test=0.25)
TEXTS = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TEXTS.read_text("utf-8").splitlines()]


def stage(path: Path) -> WriteScripts:
    path.write_bytes(TEXTS.read_bytes())
    entry = load("dialogue_text")
    texts = [Text(None, entry.corpus(path, OPEN))]
    params = ScriptParams.model_validate({"limits": {"max_turn_chars": 400}, "interaction": {"barge_in": 0.5}})
    return WriteScripts(params, entry, texts, SPLITS, bank("espeak", (), cloned=False, names=None), ESPEAK, seed=3)


def made(writer: WriteScripts, path: Path) -> list[Made]:
    found = []
    for unit in writer.units():
        shard = Shard(unit.name, unit.name, {"files": list(unit.files), "spec": unit.spec})
        found.append(writer.process(shard, Workspace(Store(str(path)), {}), Guard("script")))
    return found


def borrowing(row: Mapping[str, Any]) -> set[str]:
    return {turn.borrowed for turn in Script.from_json(row["script"]).turns if turn.borrowed}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("script")
    [unit] = made(stage(folder / "d.jsonl"), folder)
    assert not unit.rejects
    return list(unit.tables["scripts"])


def test_what_is_borrowed_is_of_the_same_split_and_named(scripts: list[Mapping[str, Any]]) -> None:
    splits = {row["id"]: row["split"] for row in scripts}
    assert set(splits.values()) == {"train", "valid", "test"}
    assert sum(bool(row["borrowed"]) for row in scripts) > 10
    for row in scripts:
        assert set(row["borrowed"]) == borrowing(row)
        assert {splits[other] for other in row["borrowed"]} <= {row["split"]}
        assert row["id"] not in row["borrowed"]


def test_no_text_of_a_split_is_said_in_another(scripts: list[Mapping[str, Any]]) -> None:
    first = {row["id"]: row["messages"][1]["content"] for row in rows()}
    said: dict[str, set[str]] = {}
    for row in scripts:
        turns = Script.from_json(row["script"]).turns
        said.setdefault(row["split"], set()).update(turn.text_written for turn in turns if turn.text_written)
    for row in scripts:
        assert [split for split, texts in said.items() if first[row["id"]] in texts] in ([row["split"]], [])


def test_shares_are_those_of_the_recipe_over_the_unit(scripts: list[Mapping[str, Any]]) -> None:
    """To hear something again makes sense at most turns, and takes the place of kinds that none has room for: up to
    the stated bound, and only then."""
    items = [item for row in scripts for item in Script.from_json(row["script"]).barge_ins]
    counts = Counter(item.intent for item in items)
    for intent, share in ScriptParams().interaction.intents.shares().items():
        assert counts[intent], intent
        if intent in SAYS_AGAIN:
            assert counts[intent] <= AT_MOST_AGAIN * share * len(items) + 1, intent
        else:
            assert counts[intent] / len(items) == pytest.approx(share, abs=0.08), intent


def test_a_unit_of_one_dialogue_borrows_nothing(tmp_path: Path) -> None:
    writer = stage(tmp_path / "d.jsonl")
    alone = writer.params.model_copy(update={"dialogues_per_shard": 1})
    writer = WriteScripts(alone, writer.entry, writer.texts, SPLITS, writer.bank, ESPEAK, 3)
    assert [row["borrowed"] for unit in made(writer, tmp_path) for row in unit.tables["scripts"]] == [[]] * len(rows())


def test_the_licence_of_what_is_borrowed_counts(tmp_path: Path) -> None:
    writer = stage(tmp_path / "d.jsonl")
    voices = bank("espeak", (), cloned=False, names=None).fixed
    assert voices is not None
    [unit] = writer.units()
    read = [found for found in writer.read(unit, voices, Guard("script")) if isinstance(found, TextDialogue)]
    licensed = [
        TextDialogue(one.id, one.turns, one.language, one.source, CLOSED if n % 2 else OPEN)
        for n, one in enumerate(read)
    ]
    closed = {one.id for one in licensed if one.licence is CLOSED}
    company, mixed = writer.company(licensed, voices), 0
    for one in licensed:
        script, _ = writer.script(one, company, voices)
        lent = {turn.borrowed for turn in script.turns} & closed
        assert script.licence.redistribute == (one.id not in closed and not lent)
        mixed += one.id not in closed and bool(lent)
    assert mixed


def test_a_unit_is_written_alike_wherever_it_is(tmp_path: Path, scripts: list[Mapping[str, Any]]) -> None:
    [again] = made(stage(tmp_path / "d.jsonl"), tmp_path)
    assert stable_hash(*(row["script"] for row in again.tables["scripts"])) == stable_hash(
        *(row["script"] for row in scripts)
    )
    assert all(len(tokens(turn.text)) for row in scripts for turn in Script.from_json(row["script"]).turns)
