"""`turnmill.loader`: each sample once, whoever asks and wherever it stops; what a sample holds; what is refused."""

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turnmill
from tests.manifests.training.conftest import RATE, SHARDS, example, make_set, make_talks, seconds_of, talk
from tests.manifests.training.killing import Job, killed_and_resumed
from turnmill.manifests.audio import Audio
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.store import Store
from turnmill.manifests.training import loader as module

ALL = [f"d{number:02d}" for number in range(sum(SHARDS.values()))]
OPTIONS = st.fixed_dictionaries(
    {"batch_seconds": st.sampled_from([None, 1.5, 4.0]), "seed": st.sampled_from([None, 0, 5])},
    optional={"split": st.just("train"), "where": st.just("duration > 0.45")},
)


_shelf = cache(module.shelf)


def made(store: Store, options: dict[str, Any]) -> Any:
    """A loader, without asking the tables each time."""
    with patch.object(module, "shelf", _shelf):
        return turnmill.loader(store.url, **options)


@contextmanager
def worker(number: int, count: int) -> Iterator[None]:
    with patch.dict(os.environ, WORKER=str(number), NUM_WORKERS=str(count)):
        yield


def keys_of(given: Any) -> list[str]:
    return [given["key"]] if isinstance(given["key"], str) else given["key"]


def of_all_workers(loaders: Sequence[Any]) -> Iterator[Any]:
    """What a rank receives: its workers in turn, each until it has no more, as torch's DataLoader gives it."""
    streams = dict(enumerate(map(iter, loaders)))
    while streams:
        for number in list(streams):
            with worker(number, len(loaders)):  # who iterates asks at its first sample
                try:
                    yield next(streams[number])
                except StopIteration:
                    del streams[number]


@settings(max_examples=25, deadline=None)
@given(options=OPTIONS, ranks=st.integers(1, 4), data=st.data())
def test_each_sample_comes_once_however_it_is_stopped(
    talks: Store, options: dict[str, Any], ranks: int, data: st.DataObject
) -> None:
    received, whole = list[str](), list[str]()
    for rank in range(ranks):
        options |= {"rank": rank, "ranks": ranks}
        whole += chain.from_iterable(map(keys_of, made(talks, options)))
        loader, mine = made(talks, options), list[str]()
        while loader.state_dict()["epoch"] == 0:
            workers = [made(talks, options) for _ in range(data.draw(st.integers(1, 3)))]
            for each in workers:
                each.load_state_dict(loader.state_dict())
            got = list(islice(of_all_workers(workers), data.draw(st.integers(1, 20))))
            mine += chain.from_iterable(map(keys_of, got))
            if not got:  # a rank without samples
                break
            loader.load_state_dict(json.loads(json.dumps(got[-1]["state"])))
        received += mine
    assert received == whole, "the order does not depend on the workers and the stops"
    expected = [key for key in ALL if "split" not in options or key < "d15"]
    expected = [key for key in expected if "where" not in options or seconds_of(int(key[1:])) > 0.45]
    assert sorted(received) == expected


@settings(max_examples=15, deadline=None)
@given(options=OPTIONS, count=st.integers(1, 3), stop=st.integers(0, 18))
def test_each_worker_goes_on_by_itself(talks: Store, options: dict[str, Any], count: int, stop: int) -> None:
    """As a StatefulDataLoader does it: the state of each worker is its own."""
    received = list[str]()
    for number in range(count):
        with worker(number, count):
            first, second = made(talks, options), made(talks, options)
            before = list(islice(first, stop))
            second.load_state_dict(first.state_dict())
            after = list(second) if second.state_dict()["epoch"] == 0 else []
        received += chain.from_iterable(map(keys_of, [*before, *after]))
    assert sorted(received) == sorted(chain.from_iterable(map(keys_of, made(talks, options))))


def test_the_state_of_what_came_last_goes_on_behind_it(talks: Store) -> None:
    alone = [sample["key"] for sample in turnmill.loader(talks.url)]
    for count in (1, 2, 3):
        for stop in (1, 6, 16):
            got = list(islice(of_all_workers([made(talks, {}) for _ in range(count)]), stop))
            rest = made(talks, {})
            rest.load_state_dict(got[-1]["state"])
            assert [sample["key"] for sample in [*got, *rest]] == alone
    last = made(talks, {})
    last.load_state_dict(list(turnmill.loader(talks.url))[-1]["state"])
    assert last.state_dict()["epoch"] == 1
    assert len(list(last)) == len(alone), "what follows an epoch is the next one"


def test_an_epoch_follows_the_other_and_can_be_chosen(talks: Store) -> None:
    loader = turnmill.loader(talks.url)
    first, second = ([sample["key"] for sample in loader] for _ in range(2))
    assert sorted(first) == sorted(second) == ALL
    assert first != second
    loader.set_epoch(0)
    begun = [sample["key"] for sample in islice(loader, 5)]
    loader.set_epoch(0)
    assert begun + [sample["key"] for sample in loader] == first, "an epoch that it is in goes on"


def test_a_sample_is_that_of_the_shard_wherever_it_lies(talks: Store) -> None:
    loader = turnmill.loader(talks.url)
    for sample in loader:
        number = int(sample["key"][1:])
        assert sample["audio"].shape == (2, round(seconds_of(number) * RATE))
        assert sample["audio"].dtype == np.float32
        assert np.allclose(sample["audio"], [[number / 100], [-number / 100]], atol=1e-4)
        assert sample["told"]["id"] == sample["key"]
        assert sample["split"] == ("train" if number < 15 else "valid")


def test_a_batch_is_its_samples_padded(talks: Store) -> None:
    alone = {sample["key"]: sample for sample in turnmill.loader(talks.url)}
    for batch in turnmill.loader(talks.url, batch_seconds=5.0, frame_rate=12.5):
        assert batch["audio"].shape[0] * batch["audio"].shape[2] <= 5.0 * RATE
        assert batch["samples"].max() == batch["audio"].shape[2]
        for place, key in enumerate(batch["key"]):
            one, samples, frames = alone[key], batch["samples"][place], batch["frames"][place]
            assert np.array_equal(batch["audio"][place, :, :samples], one["audio"])
            assert not batch["audio"][place, :, samples:].any()
            for name, fill in (("speech", False), ("misheard", False), ("word", -1), ("event", -1)):
                assert np.array_equal(batch[name][place, :, :frames], one[name])
                assert (batch[name][place, :, frames:] == fill).all()
            assert batch["words"][place]["text"] == one["words"]["text"] == ["well", "then"]


def test_clips_are_samples_of_one_channel(make: Callable[..., Store], tmp_path: Path) -> None:
    loader = turnmill.loader(make(str(tmp_path / "out")).url, "speech", sample_rate=16_000, frame_rate=50)
    clips = {sample["key"]: sample for sample in loader}
    assert {key: clip["told"]["uid"] for key, clip in clips.items()} == {"c1": "t/c1", "c3": "t/c3", "c5": "t/c5"}
    assert {clip["split"] for clip in clips.values()} == {"train", "dev-clean"}
    assert {(clip["audio"].shape, clip["speech"].shape) for clip in clips.values()} == {((1, 1600), (1, 5))}


def test_an_output_in_an_object_store_is_read_by_ranges() -> None:
    store = make_talks("memory://loader")
    loader, sizes, fs = turnmill.loader(store.url), list[int](), type(store.fs)
    real: Any = fs.cat_file

    def noted(self: Any, *words: Any) -> bytes:
        data: bytes = real(self, *words)
        sizes.append(len(data))
        return data

    with patch.object(fs, "cat_file", noted):
        assert sorted(sample["key"] for sample in loader) == ALL
    assert len(sizes) == len(ALL)
    folder = Index.load(store).stages[-1].shards
    assert sum(sizes) <= sum(store.fs.size(store.path(name)) for name in store.names(folder)), "each byte once"


@pytest.mark.parametrize("options", [{}, {"batch_seconds": 1.4, "seed": 3}])
def test_killed_in_the_middle_of_an_epoch_each_sample_comes_once(
    talks: Store, options: dict[str, Any], tmp_path: Path
) -> None:
    """Two ranks of two workers, each a process, which are killed when one rank is further than the other."""
    places = [(rank, number) for rank in range(2) for number in range(2)]
    jobs = [
        Job(
            tmp_path / f"{rank}-{number}", 1 + rank, {"RANK": rank, "WORLD_SIZE": 2, "WORKER": number, "NUM_WORKERS": 2}
        )
        for rank, number in places
    ]
    assert sorted(killed_and_resumed(talks.url, jobs, 0, options)) == ALL


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_talks("out/dialogues")
    names = dict[str, Any]()
    exec(example(0), names)
    assert names["sample"]["audio"].shape[0] == 2
    assert names["loader"].state_dict()["epoch"] == 1


# What cannot be is one sentence.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "dev"}, r"split='dev' is none of .*, which has train, valid$"),
        ({"half": "speech"}, r"has no training samples of half='speech': its recipe makes none"),
        ({"half": "talk"}, r"half='talk' is none: there are speech and dialogue"),
        ({"where": "duration >"}, r"^where=duration >: it is not SQL"),
        ({"where": "nothing > 1"}, r"^where=nothing > 1: the query failed"),
        ({"where": "duration > 60"}, r"no training samples of half='dialogue' with where='duration > 60'"),
        ({"rank": 2, "ranks": 2}, r"rank=2 is none of ranks=2: they count from 0"),
        ({"rank": 1}, r"rank= and ranks= belong together"),
        ({"frame_rate": 13}, r"frame_rate=13 is no clock of ours: there are 12.5, 25.0, 50.0 Hz"),
        ({"sample_rate": 0}, r"sample_rate=0 is none"),
        ({"seed": -1}, r"seed=-1 is none"),
        ({"seed": 1.5}, r"seed=1.5 is none: it is a whole number"),
        ({"rank": 0, "ranks": 2.0}, r"rank=0 is none of ranks=2.0"),
        ({"batch_seconds": math.nan}, r"batch_seconds=nan is none: name a length in seconds"),
        ({"batch_seconds": math.inf}, r"batch_seconds=inf is none"),
        ({"batch_seconds": "60"}, r"batch_seconds='60' is none"),
        ({"half": ["speech"]}, r"half=\['speech'\] is none"),
        ({"batch_seconds": 0}, r"batch_seconds=0 is none"),
        ({"batch_seconds": 1.05}, r"less than 4 samples of .* \(up to 1.3 s\).* where=\"duration <= 1.05\""),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], sentence: str, talks: Store) -> None:
    with pytest.raises(UsageError, match=sentence):
        turnmill.loader(talks.url, **options)


def test_an_output_is_named_by_its_path_too(talks: Store) -> None:
    assert len(turnmill.loader(Path(talks.url))) == len(turnmill.loader(talks.url))


def test_an_unfinished_output_is_refused(fresh: Store) -> None:
    fresh.remove(next(name for name in fresh.names("dialogue_samples")))
    with pytest.raises(TurnmillError, match=r"is not finished \(.*\): run the recipe again .* then train on it"):
        turnmill.loader(fresh.url)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an output folder of Turnmill"):
        turnmill.loader(str(tmp_path))


def test_a_dialogue_of_one_channel_is_none(tmp_path: Path) -> None:
    told, sound = talk(3)
    one = make_set(str(tmp_path / "one"), {"dialogue-train-000000": {"d03": (told, Audio(sound.samples[:1], RATE))}})
    with pytest.raises(TurnmillError, match=r"damaged or gone \(the dialogue d03 has 1 channel\)"):
        next(iter(turnmill.loader(one.url)))


@pytest.mark.parametrize("damage", ["gone", "cut", "header", "audio", "json"])
def test_a_damaged_shard_is_named(damage: str, fresh: Store) -> None:
    folder = Index.load(fresh).stages[-1].shards
    shard = Path(fresh.path(f"{folder}/dialogue-train-000001.tar"))
    data = shard.read_bytes()
    places = {"header": data.index(b"d12.flac"), "audio": data.index(b"fLaC", data.index(b"d12.flac"))}
    places["json"] = data.index(b'{"id":"d12"')
    shard.write_bytes(data[: len(data) // 2])
    if damage == "gone":
        shard.unlink()
    elif damage != "cut":
        place = places[damage]
        shard.write_bytes(data[:place] + b"\0" * 16 + data[place + 16 :])
    with pytest.raises(TurnmillError, match=r"dialogue-train-000001\.tar is damaged or gone \(.+\): run the recipe"):
        list(turnmill.loader(fresh.url))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ranks": 3}, "the state is of ranks=2, and this loader of ranks=3"),
        ({"seed": 1}, "the state is of seed=0, and this loader of seed=1"),
        ({"split": "train"}, "the state is of split=None, and this loader of split='train'"),
        ({"batch_seconds": 9.0}, "the state is of batch_seconds=None, and this loader of batch_seconds=9.0"),
    ],
)
def test_a_state_of_something_else_is_refused(change: dict[str, Any], sentence: str, talks: Store) -> None:
    state = turnmill.loader(talks.url, rank=0, ranks=2).state_dict()
    other = turnmill.loader(talks.url, **({"rank": 0, "ranks": 2} | change))
    with pytest.raises(UsageError, match=sentence):
        other.load_state_dict(state)
    with pytest.raises(UsageError, match="this is no state of a loader"):
        other.load_state_dict({"epoch": 1})


@pytest.mark.parametrize("change", [{"epoch": -1}, {"given": -5}, {"given": 1.5}])
def test_a_state_of_no_place_is_refused(change: dict[str, Any], talks: Store) -> None:
    loader = turnmill.loader(talks.url)
    with pytest.raises(UsageError, match="this is no state of a loader"):
        loader.load_state_dict(loader.state_dict() | change)
    with pytest.raises(UsageError, match="epoch=-1 is none: they count from 0"):
        loader.set_epoch(-1)


@pytest.mark.parametrize("batch_seconds", [None, 4.0])
def test_the_length_is_what_a_rank_is_given(talks: Store, batch_seconds: float | None) -> None:
    for rank in range(2):
        loader = made(talks, {"batch_seconds": batch_seconds, "rank": rank, "ranks": 2})
        assert len(list(loader)) == len(loader) > 0
