"""The dialogue half whole: an engine that clones the voices of another run in an environment of its own, recordings of
noise and rooms, a preset file, and several takes of speech that is made once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pytest
import soundfile
import yaml

from tests.conftest import tree_hashes
from tests.pipelines.test_voices import people, source_of
from tests.synth.tts.cosyvoice_fake import write_checkout, write_model, write_stubs
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.pipelines.loading import load
from turnmill.pipelines.run import Result, run
from turnmill.pipelines.verification import verify_output

TALK = (
    "How do I keep my bread fresh for longer?",
    "Keep it in a paper bag or in a bread box, and not in the fridge, because there it gets dry much faster.",
    "And what can I do when it is hard already?",
    "Sprinkle it with a little water, and put it into a hot oven for about five minutes, and it is soft again.",
)
LICENCE = {"spdx": "CC-BY-SA-4.0", "redistribute": True, "commercial": True}


@dataclass(frozen=True)
class Place:
    recipe: Path
    out: Path

    def run(self, *settings: str, out: Path | None = None) -> Result:
        return run(load(self.recipe, settings), str(out or self.out))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("dialogues")
    rows = [
        {
            "id": f"d{n}",
            "messages": [{"role": ("user", "assistant")[k % 2], "content": text} for k, text in enumerate(TALK)],
        }
        for n in range(6)
    ]
    for n, row in enumerate(rows):  # no two are the same text
        row["messages"][0]["content"] = f"Tell me please, my friend number {n}. " + TALK[0]  # type: ignore[index]
    (folder / "texts.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    rng = np.random.default_rng(1)
    for category in ("street", "cough"):
        (folder / "noise" / category).mkdir(parents=True)
        for n in range(4):
            soundfile.write(
                folder / "noise" / category / f"{category}{n}.wav", 0.1 * rng.standard_normal(24_000), 24_000
            )
    decay = np.exp(-np.arange(8000) / 900)[:, None] * rng.standard_normal((8000, 8))
    decay[0] = 4.0
    soundfile.write(folder / "room.wav", 0.1 * decay, 16_000)  # an array of eight microphones
    (folder / "calls.yaml").write_text(Path("synth/duplex/presets/telephone.yaml").read_text())
    source = source_of(folder / "clips", people(4, 4))
    recipe = {
        "name": "whole",
        "seed": 3,
        "workers": 1,
        "texts": "texts.jsonl",
        "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True},
        "voices": {"from": str(source), "users": 7},
        "script": {"dialogues_per_shard": 3, "interaction": {"barge_in": 0.5, "balance": 2}},
        "speak": {
            "engine": "cosyvoice",
            "cosyvoice": {"model": str(write_model(folder / "tiny", 2)), "repo": str(write_checkout(folder / "repo"))},
            "align": {"method": "proportional"},  # the fake's speech is noise
            "runtime_env": {"env_vars": {"PYTHONPATH": str(write_stubs(folder / "stubs"))}},
        },
        "simulate": {
            "preset": "calls.yaml",
            "takes": 2,
            "noises": ["noise"],
            "rooms": ["room.wav"],
            "recordings_licence": LICENCE,
            "acoustics": {"noise": {"probability": 1}, "room": {"probability": 1, "measured": 1}},
        },
        "verify": {},
        "shard": {"splits": {"train": 0.5, "valid": 0.25, "test": 0.25}, "keep_clean_user": True},
    }
    (folder / "whole.yaml").write_text(yaml.safe_dump(recipe))
    made = Place(folder / "whole.yaml", folder / "out")
    made.run()
    return made


@pytest.fixture
def tables(place: Place) -> duckdb.DuckDBPyConnection:
    store = Store(str(place.out))
    return connect(store, Index.load(store))


def ask(tables: duckdb.DuckDBPyConnection, sql: str) -> Sequence[tuple[object, ...]]:
    found: Sequence[tuple[object, ...]] = tables.execute(sql).fetchall()
    return found


def test_every_dialogue_is_there_twice_and_the_books_balance(place: Place, tables: duckdb.DuckDBPyConnection) -> None:
    assert ask(tables, "SELECT count(*), count(DISTINCT script), max(take) FROM dialogues") == [(12, 6, 1)]
    assert ask(tables, "SELECT count(*) FROM rejects") == [(0,)]
    assert ask(
        tables, "SELECT count(*) FROM (SELECT script FROM dialogues GROUP BY script HAVING count(DISTINCT split) > 1)"
    ) == [(0,)]
    found = verify_output(Store(str(place.out)))
    assert found.violations == ()
    assert found.dialogues == 12
    assert len(found.onset_error_ms) > 40


def test_takes_differ_in_time_and_room_and_not_in_words(tables: duckdb.DuckDBPyConnection) -> None:
    durations = ask(tables, "SELECT script, count(DISTINCT duration) FROM dialogues GROUP BY script")
    assert all(different == 2 for _, different in durations)
    planned = ask(
        tables,
        """SELECT script, count(DISTINCT text) FROM (
        SELECT script, take, string_agg(text_planned, '/' ORDER BY index) FILTER (index < 2) AS text
        FROM turns JOIN dialogues ON dialogue = id GROUP BY ALL) GROUP BY script""",
    )
    assert all(texts == 1 for _, texts in planned)


def test_voices_noises_and_licences_are_those_of_the_recordings(tables: duckdb.DuckDBPyConnection) -> None:
    assert ask(
        tables, "SELECT count(*) FROM (SELECT user_voice FROM dialogues GROUP BY 1 HAVING count(DISTINCT split) > 1)"
    ) == [(0,)]
    assert ask(
        tables, "SELECT DISTINCT assistant_voice IN (SELECT name FROM voices WHERE role = 'assistant') FROM dialogues"
    ) == [(True,)]
    assert ask(tables, "SELECT DISTINCT licence FROM scripts") == [("CC-BY-4.0",)]  # of the voices
    assert ask(tables, "SELECT DISTINCT licence FROM dialogues") == [("CC-BY-SA-4.0",)]  # and of the noise
    assert ask(
        tables,
        """SELECT count(*) FROM
        (SELECT noise FROM dialogues WHERE noise <> 'white' GROUP BY 1 HAVING count(DISTINCT split) > 1)""",
    ) == [(0,)]
    rooms = ask(tables, "SELECT DISTINCT json_extract_string(sample, '$.acoustics.rir') FROM dialogues")
    assert {str(name)[:9] for (name,) in rooms if "#" in str(name)} == {"room.wav#"}


def test_more_takes_and_another_preset_speak_nothing_again(place: Place) -> None:
    before = tree_hashes(place.out / "speech")
    place.run("simulate.takes=3", "simulate.preset=assistant")
    assert tree_hashes(place.out / "speech") == before
    place.run()  # and back: nothing at all is made
    assert tree_hashes(place.out / "speech") == before


def test_nothing_of_the_host_is_published(place: Place) -> None:
    for name in ("recipe.yaml", "README.md", "index.json"):
        text = (place.out / name).read_text()
        assert str(place.out.parent) not in text
