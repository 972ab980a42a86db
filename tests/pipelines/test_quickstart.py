"""The main job, whole: every planted fault is found for its own reason, and hardly a good clip is lost."""

import json
import re
from pathlib import Path

import pytest

from tests.loads import check_every_row, check_two_channels, front_matter
from tests.whisper import require
from turnmill.manifests.hub import publish
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.pipelines.loading import load
from turnmill.pipelines.run import run
from turnmill.pipelines.verification import verify_output

RECIPE = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart.yaml"
pytestmark = pytest.mark.timeout(900)  # a minute of two cores, and of a busy machine more


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("tiny.en")
    folder = tmp_path_factory.mktemp("quickstart") / "out"
    run(load(RECIPE), str(folder))
    return folder


def test_every_planted_fault_is_found_for_its_reason(out: Path) -> None:
    store = Store(str(out))
    connection = connect(store, Index.load(store))
    removed = dict(connection.execute("SELECT uid, removed_by FROM clip_selection").fetchall())
    rejected = dict(connection.execute("SELECT uid, reason FROM rejects WHERE stage = 'ingest'").fetchall())
    verdicts = {Path(uid).stem: why for uid, why in (removed | rejected).items()}
    faults = json.loads((out / "demo-corpus" / "faults.json").read_text())
    found = {kind: {verdicts[name] for name in names} for kind, names in faults.items()}
    assert found == {
        "wrong_text": {"agrees"},
        "duplicate": {"unique"},
        "clipped": {"clean"},
        "silent": {"speech"},
        "truncated": {"truncated_audio"},
        "zero_bytes": {"empty_file"},
        "over_long": {"duration"},
    }
    planted = {name for names in faults.values() for name in names}
    right = {name: why for name, why in verdicts.items() if name not in planted}
    lost = [name for name, why in right.items() if why is not None]
    assert len(lost) <= 0.03 * len(right), lost


def test_both_halves_are_made_and_true_to_their_labels(out: Path) -> None:
    found = verify_output(Store(str(out)))
    assert found.violations == ()
    assert found.dialogues == 80
    assert list(out.glob("shards/*/clip-flac-train-*.tar"))
    assert (out / "README.md").read_text("utf-8").startswith("---\n")


@pytest.fixture(scope="module")
def published(out: Path) -> Path:
    folder = out.parent / "published"
    publish(Store(str(out)), "me/quickstart", to=folder)
    return folder


def test_what_is_published_loads_row_for_row_as_it_was_written(published: Path, tmp_path: Path) -> None:
    assert check_every_row(published, tmp_path) == 80 + 88
    check_two_channels(published)
    assert [entry["config_name"] for entry in front_matter(published)["configs"]] == ["dialogue", "speech"]


def test_the_card_of_the_quickstart_has_what_it_shows(published: Path) -> None:
    text = (published / "README.md").read_text("utf-8")
    for name in re.findall(r'(?:src="|\]\()([^)":]+\.[a-z]+)[")]', text):
        assert (published / name).is_file(), name
    assert text.count("<audio") == 2
    assert len(text.split("---\n", 2)[2].splitlines()) < 300
