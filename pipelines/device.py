"""Where models compute, and how much they are given at once there."""

import sys
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from turnmill.manifests.errors import UsageError

_Result = TypeVar("_Result")

Device = Literal["auto", "cpu", "cuda"]


def check_gpu(key: str, device: str, count: Callable[[], int]) -> None:
    """Raise UsageError where a recipe's `key` asks for a GPU and `count`, a library's own, finds none here."""
    if device == "cuda" and not count():
        library = count.__module__.partition(".")[0]
        raise UsageError(f"{key} is cuda, and {library} finds no GPU here that it can use: set it to auto or cpu")


def torch_device(key: str, device: Device) -> Literal["cpu", "cuda"]:
    """The device that is meant. On a CPU a worker has one thread: a worker a core is faster than one with two. Raises
    UsageError as `check_gpu`."""
    import torch

    check_gpu(key, device, torch.cuda.device_count)
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        return "cuda"
    torch.set_num_threads(1)
    return "cpu"


def check_torch_device(key: str, device: Device) -> None:
    """Raise UsageError as `check_gpu`; torch is asked only for a GPU, for it takes seconds to import."""
    if device == "cuda":
        torch_device(key, device)


class Batch:
    """How many items a model is given at once: `size`, which is halved wherever memory runs out. `items` names them."""

    def __init__(self, size: int, items: str) -> None:
        self.size = size
        self._items = items
        self._notes: list[str] = []

    def fit(self, work: Callable[[int], _Result]) -> _Result:
        """What `work` gives with as many at once as it is told. Raises MemoryError where one takes more than there
        is."""
        while True:
            try:
                return work(self.size)
            except MemoryError:
                if self.size == 1:
                    raise
            if torch := sys.modules.get("torch"):
                torch.cuda.empty_cache()
            self.size //= 2
            self._notes.append(f"ran out of memory: its batches are halved, to {self.size} {self._items}")

    def noted(self, stage: str) -> Sequence[str]:
        """What became of it since this was last asked, a sentence each."""
        notes, self._notes = self._notes, []
        return [f"{stage} {note}" for note in notes]
