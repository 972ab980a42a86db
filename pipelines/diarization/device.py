"""Where torch computes."""

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]


def chosen(device: Device) -> Literal["cpu", "cuda"]:
    """The device that is meant. On a CPU a worker has one thread: a worker a core is faster than one with two."""
    import torch

    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        return "cuda"
    torch.set_num_threads(1)
    return "cpu"
