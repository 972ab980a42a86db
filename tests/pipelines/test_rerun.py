"""A rerun with nothing to do reads no part, and what it relies on is never there when it is not true."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import turnmill.pipelines.run
import turnmill.pipelines.seen
from tests.conftest import tree_hashes
from tests.counted import COUNTED, counted
from tests.pipelines.conftest import Small
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.store import Store, part_name
from turnmill.pipelines.finished import FINISHED
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import Half, halves
from turnmill.pipelines.removal import forget_changed
from turnmill.pipelines.run import run
from turnmill.pipelines.seen import Seen


def requests_of_a_rerun(tmp_path: Path, shards: int) -> Counter[str]:
    """What a rerun asks of an object store when all of so many shards are done."""
    home = tmp_path / str(shards)
    (home / "corpus").mkdir(parents=True)
    for number in range(shards):
        soundfile.write(home / "corpus" / f"{number}.wav", np.zeros(800), 16_000)
    (home / "many.yaml").write_text(
        "name: many\nworkers: 1\ncorpus: files\ningest: {unit_clips: 1, keep_untranscribed: true}\nquality: {}\n"
    )
    recipe = load(home / "many.yaml", [f"root={home / 'corpus'}"])
    run(recipe, str(home / "out"))
    with counted() as calls:
        assert run(recipe, f"{COUNTED}://{home / 'out'}").summary.made[0].samples == shards
    return calls


def test_forty_shards_are_as_many_requests_as_four_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert requests_of_a_rerun(tmp_path, 40) == requests_of_a_rerun(tmp_path, 4)


def test_every_file_that_a_rerun_wants_and_misses_is_made_again(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    hashes = tree_hashes(small.out)
    plan = next(name for name in hashes if name.startswith("dialogue_plan/"))
    for lost in (["plots/durations.png", "recipe.yaml"], [FINISHED], ["index.json"], [plan, "README.md"]):
        for name in lost:
            (out / name).unlink()
        run(small.recipe, str(out))
        assert tree_hashes(out) == hashes, lost


@pytest.mark.parametrize("damage", [b"", b"{", b'{"made_for": 1}', b"\xff\xfe"])
def test_a_damaged_end_of_a_run_is_written_anew(small: Small, tmp_path: Path, damage: bytes) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    (out / FINISHED).write_bytes(damage)
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)


def test_a_run_that_ends_before_its_card_does_not_count_as_finished(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    shutil.rmtree(out / "clip_selection")
    for step in ("write_card", "check_ledger"):
        with monkeypatch.context() as patch:
            patch.setattr(turnmill.pipelines.run, step, stopped)
            with pytest.raises(KeyboardInterrupt):
                run(small.recipe, str(out))
        assert not (out / FINISHED).exists()
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)


def stopped(*_: Any) -> None:
    raise KeyboardInterrupt


def test_another_title_is_another_card(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    settings = [f"root={small.corpus}", "card={title: Another title}"]
    run(load(small.corpus.parent / "small.yaml", settings), str(out))
    assert "# Another title" in (out / "README.md").read_text("utf-8")
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)


def test_rejects_are_counted_against_their_bound_in_a_rerun_too(small: Small) -> None:
    with pytest.raises(TurnmillError, match=r"ingest rejected 4 of 11 items, more than --max-reject-ratio 0\.1"):
        run(small.recipe, str(small.out), max_reject_ratio=0.1)


class Killed(BaseException):
    """The process ends here."""


class Mortal(Store):
    """A store whose process is killed before the change of so many."""

    left: list[int]

    def write(self, name: str, data: bytes) -> None:
        self._live()
        super().write(name, data)

    def remove_all(self, names: Any) -> None:
        for name in names:  # a store may have removed any of them when it ends
            self._live()
            super().remove_all([name])

    def _live(self) -> None:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise Killed


@pytest.fixture
def half(small: Small) -> Half:
    return halves(small.recipe, Store(str(small.out)))[0]


def test_killed_anywhere_no_shard_is_remembered_as_new_with_a_part_of_its_old_look(half: Half, tmp_path: Path) -> None:
    before, now = {"a": "1", "b": "1", "gone": "1"}, {"a": "2", "b": "1", "come": "1"}
    parts = [part_name(table, "f", key) for table in ("clips", "quality", "rejects") for key in before]
    parts += [f"audio/clips/f/{key}.tar" for key in before] + [part_name("clip_selection", "f", "all")]
    survived = 0
    for changes in range(100):
        store = Store(str(tmp_path / str(changes)))
        for name in parts:
            store.write(name, b"old")
        Seen("seen/f.json", before, {}).remember(store)
        mortal = Mortal(store.url)
        object.__setattr__(mortal, "left", [changes])
        seen = Seen("seen/f.json", now, before)
        assert seen.changed == {"a", "gone", "come"}
        try:
            forget_changed(half, seen, mortal)
            survived += 1
        except Killed:
            pass
        left = {name for name in parts if store.exists(name)}
        remembered = turnmill.pipelines.seen._read(store, "seen/f.json")
        assert remembered in (before, now)
        if remembered == now:
            assert {name.rsplit("/", 1)[1].split(".")[0] for name in left} == {"b"}
        assert all(name in left for name in parts if "/b." in name)
    assert survived > 50  # and so the last of them were not cut short


def test_a_damaged_memory_of_the_sources_is_none(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("seen/f.json", b"{")
    assert turnmill.pipelines.seen._read(store, "seen/f.json") == {}


def test_the_look_of_a_unit_is_its_spec_and_the_sizes_and_times_of_its_files(tmp_path: Path) -> None:
    from turnmill.pipelines.seen import look
    from turnmill.pipelines.stage import Shard
    from turnmill.sources.adapters.items import Unit
    from turnmill.sources.places import place

    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_text("x")
    units = [Unit(file.name, (file.name,), {"n": 1}) for file in files]
    shards = [Shard(unit.name, unit.name) for unit in units]
    store = Store(str(tmp_path / "out"))

    def changed(units: list[Unit]) -> set[str]:
        seen = look("f", shards, units, place(tmp_path).stamps, store)
        seen.remember(store)
        return set(seen.changed)

    assert changed(units) == {"a", "b", "c"}
    assert changed(units) == set()
    files[1].write_text("longer")
    assert changed(units) == {"b"}
    assert changed([*units[:2], Unit("c", ("c",), {"n": 2})]) == {"c"}
