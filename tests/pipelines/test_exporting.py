"""Exports on Ray: the bytes of one process, whatever the workers and wherever it is killed; what fails in a worker is
told as here."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import fsspec
import pytest

from tests.conftest import tree_hashes
from tests.pipelines.conftest import Small
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.export.export import Do, TrainingShard, export, in_order
from turnmill.manifests.export.profiles import PROFILES, named
from turnmill.manifests.store import Store
from turnmill.pipelines.exporting import each_shard
from turnmill.pipelines.run import run

FORMATS = ",".join(name for name, profile in PROFILES.items() if not profile.absolute)
WHERE = "licence_redistribute"


@pytest.fixture(scope="module")
def alone(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All formats, made in this process."""
    to = tmp_path_factory.mktemp("alone") / "to"
    export(Store(str(small.out)), named(FORMATS), str(to), where=WHERE, each=each_shard(None, 1))
    return to


def test_workers_on_ray_write_the_bytes_of_one_process(small: Small, alone: Path, tmp_path: Path) -> None:
    export(Store(str(small.out)), named(FORMATS), str(tmp_path / "to"), where=WHERE, each=each_shard(None, 2))
    assert tree_hashes(tmp_path / "to") == tree_hashes(alone)


def test_killed_in_the_middle_the_same_command_ends_with_the_same_bytes(
    small: Small, alone: Path, tmp_path: Path
) -> None:
    to = tmp_path / "to"
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "export", str(small.out), "--format", FORMATS]
    command += ["--to", str(to), "--where", WHERE, "--workers", "1"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(to.glob("moshi/data_stereo/*")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert tree_hashes(to) != tree_hashes(alone)
    assert not list(to.glob("*/README.md")), "it was killed before its end"
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert tree_hashes(to) == tree_hashes(alone)


def test_a_damaged_shard_is_told_by_a_worker_as_here(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    shard = min(out.glob("shards/*/dialogue-train-*.tar"))
    os.truncate(shard, 100_000)
    sentence = rf"{re.escape(shard.name)} is damaged or gone .*: run the recipe again"
    for workers in (1, 2):
        with pytest.raises(TurnmillError, match=sentence):
            export(Store(str(out)), named("moshi"), str(tmp_path / "to"), where=WHERE, each=each_shard(None, workers))
        assert not (tmp_path / "to/moshi/train.jsonl").exists()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--address nowhere: write it as HOST:PORT"):
        each_shard("nowhere", None)


def test_two_exports_do_not_write_one_folder(small: Small, tmp_path: Path) -> None:
    store, to = Store(str(small.out)), str(tmp_path / "to")

    def meanwhile(do: Do, shards: Sequence[TrainingShard]) -> Iterator[None]:
        with pytest.raises(UsageError, match="another run is writing here; wait for it or name another --to"):
            export(store, named("hertz"), to, where=WHERE)
        yield from in_order(do, shards)

    export(store, named("moshi"), to, where=WHERE, each=meanwhile)
    export(store, named("hertz"), to, where=WHERE)


def test_an_object_store_gets_the_bytes_of_a_folder(small: Small, alone: Path, tmp_path: Path) -> None:
    export(Store(str(small.out)), named(FORMATS), "memory://export15", where=WHERE)
    fs = fsspec.filesystem("memory")
    fs.get("/export15/", f"{tmp_path}/to/", recursive=True)
    fs.rm("/export15", recursive=True)
    assert tree_hashes(tmp_path / "to") == tree_hashes(alone)


def test_a_format_that_cannot_hold_the_set_is_refused(small: Small, tmp_path: Path) -> None:
    recipe = small.recipe.model_copy(update={"texts": None})
    run(recipe, str(tmp_path / "clips"))
    with pytest.raises(UsageError, match=r"--format moshi holds dialogues, of which .*/clips has none: name another"):
        export(Store(str(tmp_path / "clips")), named("nemo,moshi"), str(tmp_path / "to"))
    assert not (tmp_path / "to").exists()
