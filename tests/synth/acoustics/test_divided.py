"""No recording of a noise or a room is heard in two splits."""

from itertools import combinations

import numpy as np

from turnmill.synth.acoustics import Pools, divided


def pools(count: int) -> Pools:
    sounds = {f"{n}.wav": np.full(10, n, np.float32) for n in range(count)}
    return Pools({"street": sounds, "office": {f"o{name}": pcm for name, pcm in sounds.items()}}, dict(sounds))


def names(part: Pools) -> set[tuple[str, str]]:
    noises = {(category, name) for category, found in part.noises.items() for name in found}
    return noises | {("room", name) for name in part.rooms}


def test_every_recording_is_in_one_split_and_each_split_has_some() -> None:
    whole, parts = pools(20), divided(pools(20), 3)
    assert set.union(*(names(part) for part in parts.values())) == names(whole)
    assert all(names(a).isdisjoint(names(b)) for a, b in combinations(parts.values(), 2))
    assert all(part.noises and part.rooms for part in parts.values())
    assert len(names(parts["train"])) == 48
    assert parts["valid"].rooms[next(iter(parts["valid"].rooms))].shape == (10,)
    assert {split: names(part) for split, part in divided(pools(20), 3).items()} == {
        split: names(part) for split, part in parts.items()
    }
    assert names(divided(pools(20), 4)["test"]) != names(parts["test"])


def test_the_microphones_of_one_response_are_in_one_split() -> None:
    files = [f"room{n}.wav" for n in range(10)]
    rooms = {f"{file}#{channel + 1}": np.ones(3, np.float32) for file in files for channel in range(8)}
    for seed in range(5):
        parts = divided(Pools({}, rooms), seed)
        where = {file: {split for split, part in parts.items() if any(n.startswith(f"{file}#") for n in part.rooms)}
                 for file in files}  # fmt: skip
        assert all(len(splits) == 1 for splits in where.values())
        assert [len(parts[split].rooms) for split in ("train", "valid", "test")] == [64, 8, 8]


def test_too_few_recordings_are_all_for_train() -> None:
    parts = divided(Pools({}, {"a": np.ones(3, np.float32), "b": np.ones(3, np.float32)}), 1)
    assert set(parts["train"].rooms) == {"a", "b"}
    assert not parts["valid"].rooms
    assert not parts["test"].rooms
