"""An output of dialogues of many lengths in three shards, of two splits."""

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.manifests.conftest import STAGE, filled, put, sample_of
from tests.manifests.export.conftest import turn, write_shard
from turnmill.manifests.audio import Audio
from turnmill.manifests.index import Index
from turnmill.manifests.samples import DIALOGUE
from turnmill.manifests.store import Store

RATE = 24_000
SHARDS = {"dialogue-train-000000": 9, "dialogue-train-000001": 6, "dialogue-valid-000000": 2}
STAGES = ("script", "simulate", "select_dialogues", "plan_dialogues", "shard_dialogues")

Sounds = Mapping[str, tuple[dict[str, Any], Audio]]
"""By key what the JSON of a sample says, and its audio."""


def seconds_of(number: int) -> float:
    return 0.3 + 0.1 * (number * 7 % 11)


def talk(number: int) -> tuple[dict[str, Any], Audio]:
    seconds = seconds_of(number)
    told = sample_of(
        DIALOGUE, id=f"d{number:02d}", sample_rate=RATE, duration=seconds, channels=["assistant", "user"],
        turns=[turn(0, "assistant", 0.1, 0.2, "well then")], backchannels=[], events=[],
    )  # fmt: skip
    level = np.full(round(seconds * RATE), number / 100, np.float32)
    return told, Audio(np.stack((level, -level)), RATE)


def make_talks(url: str) -> Store:
    """Seventeen dialogues `d00` to `d16` of 0.3 to 1.3 s; that of number N has the constant N / 100 on channel 0 and
    its opposite on channel 1."""
    numbers = iter(range(sum(SHARDS.values())))
    return make_set(
        url, {name: {f"d{n:02d}": talk(n) for n in islice(numbers, count)} for name, count in SHARDS.items()}
    )


def make_set(url: str, shards: Mapping[str, Sounds]) -> Store:
    """A finished output with these dialogues in training shards, by name."""
    store, rows = Store(url), list[dict[str, Any]]()
    for shard, samples in shards.items():
        name = f"shards/{STAGE['shard_dialogues'].fingerprint}/{shard}.tar"
        told, sounds = ({key: both[place] for key, both in samples.items()} for place in range(2))
        write_shard(store, name, told, DIALOGUE, sounds)
        mine = [
            {"uid": key, "key": key, "split": shard.split("-")[1], "shard": f"{shard}.tar", "codec": "flac"}
            | {"duration": one["duration"]}
            | _where(store.read(name), key)
            for key, one in told.items()
        ]
        put(store, "shard_dialogues", shard, mine, len(mine))
        rows += mine
    put(store, "script", "s", [filled("scripts", id=row["uid"]) for row in rows], len(rows))
    simulated = [filled("dialogues", id=row["uid"], take=0, duration=row["duration"]) for row in rows]
    put(store, "simulate", "s", simulated, len(rows))
    selected = [filled("dialogue_selection", uid=row["uid"], duration=row["duration"]) for row in rows]
    put(store, "select_dialogues", "all", selected, len(rows))
    put(store, "plan_dialogues", "all", [filled("dialogue_plan", uid=row["uid"]) for row in rows], len(rows))
    Index("talks", "0", 7, tuple(STAGE[name] for name in STAGES)).save(store)
    return store


def _where(tar: bytes, key: str) -> dict[str, int]:
    """Where a reader of tars finds the audio."""
    header = tar.index(f"{key}.flac".encode())
    return {"offset": header + 512, "size": int(tar[header + 124 : header + 135], 8)}


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Tests only read it."""
    return make_talks(str(tmp_path_factory.mktemp("training") / "out [1]*'s ü"))


@pytest.fixture
def fresh(tmp_path: Path) -> Store:
    """One to damage."""
    return make_talks(str(tmp_path / "out"))


PAGE = Path(__file__).parents[3] / "docs" / "training.md"


def example(number: int) -> str:
    """An example of the page, as it stands there."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[number]
