from collections.abc import Callable
from pathlib import Path

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import INDEX, Index, StageEntry
from turnmill.manifests.store import Store

STAGE = StageEntry("ingest", "f0", "speech", ("clips",), "clips")


def test_an_index_survives_the_round_trip_and_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    index = Index(
        "quickstart", "abc", 3, (STAGE, StageEntry("script", "f1", "dialogue", ("lines", "scripts"), "lines"))
    )
    bytes_of = []
    for folder in ("one", "two"):
        store = Store(str(tmp_path / folder))
        index.save(store)
        assert Index.load(store) == index
        bytes_of.append(store.read(INDEX))
    assert bytes_of[0] == bytes_of[1]


def test_the_last_table_of_a_stage_is_its_commit_and_a_table_knows_its_maker() -> None:
    stage = StageEntry("script", "f1", "dialogue", ("lines", "scripts"), "dialogues")
    index = Index("r", "h", 0, (STAGE, stage))
    assert stage.commit == "scripts"
    assert index.maker("lines") is stage
    assert index.maker("dialogues") is None


def test_a_folder_without_index_is_a_usage_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not an output folder of Turnmill.*turnmill run RECIPE --out"):
        Index.load(Store(str(tmp_path)))


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"stages": [{"name": "x"}]}', b"\xff"])
def test_a_damaged_index_is_one_sentence(make: Callable[..., Store], tmp_path: Path, damage: bytes) -> None:
    store = make(str(tmp_path))
    store.write(INDEX, damage)
    with pytest.raises(UsageError, match=r"index.json is damaged"):
        Index.load(store)
