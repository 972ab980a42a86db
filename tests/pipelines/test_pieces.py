"""Steps that were done are given again, and nothing is left of them."""

import json
from pathlib import Path

import pytest

from manifests.store import Store
from pipelines.pieces import Pieces


def counted(calls: list[int], number: int) -> object:
    calls.append(number)
    return {"number": number, "half": number / 3, "none": None}


@pytest.mark.parametrize("keep_s", [0.0, 1e9])
def test_what_was_kept_is_given_again_and_the_rest_is_made(tmp_path: Path, keep_s: float) -> None:
    store, calls = Store(str(tmp_path)), list[int]()
    killed = Pieces(store, "pieces/f/k", keep_s)
    first = [killed.step(lambda n=n: counted(calls, n)) for n in range(3)]
    again = Pieces(store, "pieces/f/k", keep_s)
    assert again.kept == (3 if keep_s == 0 else 0)
    second = [again.step(lambda n=n: counted(calls, n)) for n in range(5)]
    assert second[:3] == first
    assert calls == ([0, 1, 2, 3, 4] if keep_s == 0 else [0, 1, 2, 0, 1, 2, 3, 4])
    again.remove()
    assert store.names("") == []


def test_pieces_of_a_worker_that_was_thought_dead_do_not_mix(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for first, steps in ((0, [10, 11]), (1, [99, 99]), (2, [12])):
        store.write(f"pieces/f/k/{first:08d}.json", json.dumps(steps).encode())
    pieces = Pieces(store, "pieces/f/k")
    assert [pieces.step(lambda: None) for _ in range(4)] == [10, 11, 12, None]
    pieces.remove()
    assert store.names("") == []
