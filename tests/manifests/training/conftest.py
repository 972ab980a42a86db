"""An output of dialogues of many lengths in three shards, of two splits."""

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


def seconds_of(number: int) -> float:
    return 0.3 + 0.1 * (number * 7 % 11)


def make_talks(url: str) -> Store:
    """Seventeen dialogues `d00` to `d16` of 0.3 to 1.3 s; that of number N has the constant N / 100 on channel 0 and
    its opposite on channel 1."""
    store = Store(url)
    number, rows = 0, list[dict[str, Any]]()
    for shard, count in SHARDS.items():
        told, sounds, split = dict[str, Any](), dict[str, Audio](), shard.split("-")[1]
        for number in range(number, number + count):  # noqa: B020  # goes on from where it was
            seconds, name = seconds_of(number), f"d{number:02d}"
            told[name] = sample_of(
                DIALOGUE, id=name, sample_rate=RATE, duration=seconds, channels=["assistant", "user"],
                turns=[turn(0, "assistant", 0.1, 0.2, "well then")], backchannels=[], events=[],
            )  # fmt: skip
            level = np.full(round(seconds * RATE), number / 100, np.float32)
            sounds[name] = Audio(np.stack((level, -level)), RATE)
            row = {"uid": name, "split": split, "shard": f"{shard}.tar", "key": name, "codec": "flac"}
            rows.append(row | {"duration": seconds})
        number += 1
        write_shard(store, f"shards/{STAGE['shard_dialogues'].fingerprint}/{shard}.tar", told, DIALOGUE, sounds)
    for shard in SHARDS:
        mine = [row for row in rows if row["shard"] == f"{shard}.tar"]
        put(store, "shard_dialogues", shard, [row | _where(store, row) for row in mine], len(mine))
    put(store, "script", "s", [filled("scripts", id=row["uid"]) for row in rows], len(rows))
    simulated = [filled("dialogues", id=row["uid"], take=0, duration=row["duration"]) for row in rows]
    put(store, "simulate", "s", simulated, len(rows))
    selected = [filled("dialogue_selection", uid=row["uid"], duration=row["duration"]) for row in rows]
    put(store, "select_dialogues", "all", selected, len(rows))
    put(store, "plan_dialogues", "all", [filled("dialogue_plan", uid=row["uid"]) for row in rows], len(rows))
    Index("talks", "0", 7, tuple(STAGE[name] for name in STAGES)).save(store)
    return store


def _where(store: Store, row: dict[str, Any]) -> dict[str, int]:
    """Where a reader of tars finds the audio."""
    data = store.read(f"shards/{STAGE['shard_dialogues'].fingerprint}/{row['shard']}")
    header = data.index(f"{row['key']}.flac".encode())
    return {"offset": header + 512, "size": int(data[header + 124 : header + 135], 8)}


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Tests only read it."""
    return make_talks(str(tmp_path_factory.mktemp("training") / "out [1]*'s ü"))


@pytest.fixture
def fresh(tmp_path: Path) -> Store:
    """One to damage."""
    return make_talks(str(tmp_path / "out"))
