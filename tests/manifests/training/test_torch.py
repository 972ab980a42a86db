"""The loader in torch's DataLoader, whose workers read ahead of what training has been given. Skips without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import turnmill
from tests.manifests.training.conftest import example, make_talks
from tests.manifests.training.killing import Job, killed_and_resumed
from turnmill.manifests.store import Store

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")


def read(loader: Any, workers: int, **options: Any) -> Any:
    return data.DataLoader(loader, batch_size=None, num_workers=workers, **options)


def test_workers_give_what_one_gives_in_the_same_order(talks: Store) -> None:
    alone = [sample["key"] for sample in turnmill.loader(talks.url)]
    for workers in (1, 3):
        assert [sample["key"] for sample in read(turnmill.loader(talks.url), workers)] == alone


def test_arrays_become_tensors(talks: Store) -> None:
    by_key = {sample["key"]: sample for sample in turnmill.loader(talks.url)}
    for sample in read(turnmill.loader(talks.url, sample_rate=24_000), 2):
        one = by_key[sample["key"]]
        assert sample["audio"].dtype == torch.float32
        assert sample["speech"].dtype == torch.bool
        for name in ("audio", "speech", "misheard", "word", "event"):
            assert np.array_equal(sample[name].numpy(), one[name])
        assert sample["words"]["text"] == one["words"]["text"]
        assert sample["told"] == one["told"]


@pytest.mark.parametrize("persistent", [False, True])
def test_epochs_follow_each_other(persistent: bool, talks: Store) -> None:
    loader, alone = turnmill.loader(talks.url), turnmill.loader(talks.url)
    reader = read(loader, 2, persistent_workers=persistent)
    for epoch in range(3):
        loader.set_epoch(epoch)
        assert [sample["key"] for sample in reader] == [sample["key"] for sample in alone]


def test_the_state_of_what_came_last_is_that_of_the_training(talks: Store) -> None:
    """And not of what the workers have read ahead; of two stops the second is in the middle of the workers' turn."""
    alone = [sample["key"] for sample in turnmill.loader(talks.url)]
    loader, received = turnmill.loader(talks.url), list[str]()
    for workers, several in ((2, 3), (3, 4), (2, 5), (1, 5)):
        for _, sample in zip(range(several), read(loader, workers), strict=False):
            received.append(sample["key"])
            state = sample["state"]
        loader.load_state_dict(state)
    assert received == alone
    assert loader.state_dict()["epoch"] == 1


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_talks("out/dialogues")
    exec(example(1), {})
    loader = turnmill.loader("out/dialogues", split="train", batch_seconds=240)
    loader.load_state_dict(torch.load("state.pt"))
    assert loader.state_dict()["epoch"] == 2


@pytest.mark.parametrize("options", [{}, {"batch_seconds": 1.4, "seed": 3}])
def test_two_ranks_of_two_workers_are_killed_and_go_on(talks: Store, options: dict[str, Any], tmp_path: Path) -> None:
    jobs = [Job(tmp_path / str(rank), 3 + rank, {"RANK": rank, "WORLD_SIZE": 2}) for rank in range(2)]
    assert sorted(killed_and_resumed(talks.url, jobs, 2, options)) == [f"d{number:02d}" for number in range(17)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_where_it_was(workers: int, talks: Store) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

    def made() -> Any:
        return stateful(turnmill.loader(talks.url), batch_size=None, num_workers=workers)

    alone = [sample["key"] for sample in turnmill.loader(talks.url)]
    first, second = made(), made()
    received = [sample["key"] for _, sample in zip(range(5), first, strict=False)]
    second.load_state_dict(first.state_dict())
    assert received + [sample["key"] for sample in second] == alone
