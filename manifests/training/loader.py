"""`turnmill.loader`: the training samples of an output, for the ranks and workers of a training.

The order of an epoch is told by the seed before anything is read (`training.plan`), and any sample is read by itself
(`training.shelf`): so a state is an epoch and a number, and nothing is read again to come back to it.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from numbers import Integral, Real
from operator import index
from os import PathLike, fspath
from typing import Any, Final, Literal

import numpy as np
from webdataset.utils import pytorch_worker_info

from turnmill.manifests.audio import RATES
from turnmill.manifests.errors import UsageError
from turnmill.manifests.training.batch import TrainingBatch, batch_of
from turnmill.manifests.training.clock import CLOCKS, TrainingSample, on_clock
from turnmill.manifests.training.plan import Plan
from turnmill.manifests.training.shelf import Shelf, shelf
from turnmill.manifests.wording import plural

try:
    from torch.utils.data import IterableDataset
except ImportError:  # who has no torch has no DataLoader either
    IterableDataset = object

_AT_ONCE: Final = 16
"""Samples that an object store is asked for together."""


class Loader(IterableDataset):  # type: ignore[misc]  # nobody needs torch for the types
    """Samples, or batches, of one rank; an iteration is (the rest of) an epoch. See `loader`.

    Where several workers read for a rank (of a DataLoader; or processes with WORKER and NUM_WORKERS in their
    environment) each gives every so manyeth of what the rank is given.
    """

    def __init__(self, shelf: Shelf, plan: Plan, rank: int, ranks: int, rate: int, clock: float, of: Mapping[str, Any]):
        self._shelf, self._plan, self._rank, self._ranks = shelf, plan, rank, ranks
        self._rate, self._clock, self._of = rate, clock, of
        self._epoch, self._given = 0, 0

    def __iter__(self) -> Iterator[TrainingSample | TrainingBatch]:
        """Raises TurnmillError for a shard that is gone or damaged."""
        _, _, worker, workers = pytorch_worker_info()
        epoch, units = self._epoch, self._plan.units(self._epoch, self._rank, self._ranks)
        mine = range(self._given + worker, len(units), workers)
        several = _AT_ONCE if self._plan.batch_seconds is None else 1
        for first in range(0, len(mine), several):
            places = mine[first : first + several]
            samples = self._shelf.samples(np.concatenate([units[place] for place in places]))
            for place in places:
                state = self._state(epoch, place + 1, len(units))
                made = [
                    on_clock(sample, self._rate, self._clock, state) for sample in islice(samples, len(units[place]))
                ]
                self._given += workers
                yield made[0] if self._plan.batch_seconds is None else batch_of(made)
        self._epoch, self._given = epoch + 1, 0

    def __len__(self) -> int:
        """The samples or batches of this rank in the epoch that it is in. Another epoch may have a few batches more or
        less."""
        return len(self._plan.units(self._epoch, self._rank, self._ranks))

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch; one that it is in goes on. What several workers of a DataLoader give is not seen here: call
        it before each epoch."""
        if epoch < 0:
            raise UsageError(f"epoch={epoch} is none: they count from 0")
        if epoch != self._epoch:
            self._epoch, self._given = epoch, 0

    def state_dict(self) -> dict[str, Any]:
        """What goes on behind all that this object gave, in this process: what a StatefulDataLoader asks its workers
        for. With a plain DataLoader of several workers take the `state` of what came last instead."""
        return {"epoch": self._epoch, "given": self._given, "of": self._of}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on behind what a state is of, with any number of workers. UsageError for a state of other samples, another
        seed, other batches or another number of ranks: nobody could tell what they have been given."""
        try:
            epoch, given, of = index(state["epoch"]), index(state["given"]), dict(state["of"])
            if min(epoch, given) < 0:
                raise ValueError("they count from 0")
        except (TypeError, KeyError, ValueError) as error:
            raise UsageError("this is no state of a loader of Turnmill's: keep the `state` of what it gave") from error
        for name, value in self._of.items():
            if of.get(name) != value:
                raise UsageError(
                    f"the state is of {name}={of.get(name)!r}, and this loader of {name}={value!r}: make the loader as "
                    "it was, or begin an epoch with set_epoch"
                )
        self._epoch, self._given = epoch, given

    def _state(self, epoch: int, given: int, count: int) -> Mapping[str, Any]:
        """Of the rank, when it was given so many of `count`."""
        ended = given >= count
        return {"epoch": epoch + ended, "given": 0 if ended else given, "of": self._of}


def loader(
    out: str | PathLike[str],
    half: Literal["dialogue", "speech"] = "dialogue",
    *,
    split: str | None = None,
    where: str | None = None,
    sample_rate: int = 24_000,
    frame_rate: float = 12.5,
    batch_seconds: float | None = None,
    seed: int | None = 0,
    rank: int | None = None,
    ranks: int | None = None,
) -> Loader:
    """The training samples of a finished output (a folder or URL) as arrays: `manifests.training.clock.TrainingSample`.

    split, where: as of `turnmill export`, one split, and an SQL condition over `dialogues_all` or `clips_all`.
    sample_rate: Hz, of the audio. frame_rate: 12.5, 25 or 50 Hz, of the labels.
    batch_seconds: batches (`manifests.training.batch.TrainingBatch`) of samples of like length, which padded last so
    long at most.
    seed: of the shuffle, over all samples and anew in each epoch; None: the order of the shards.
    rank, ranks: which of the processes that train together this is; else RANK and WORLD_SIZE, or torch.distributed,
    say so.

    Each epoch has every sample exactly once, over all ranks and workers. Raises UsageError for what cannot be,
    TurnmillError for an unfinished output.
    """
    if frame_rate not in CLOCKS:
        raise UsageError(f"frame_rate={frame_rate!r} is no clock of ours: there are {', '.join(map(str, CLOCKS))} Hz")
    if sample_rate not in RATES:
        raise UsageError(f"sample_rate={sample_rate!r} is none: name one in Hz, such as 24000")
    if seed is not None and (not isinstance(seed, Integral) or not 0 <= seed < 1 << 32):
        raise UsageError(f"seed={seed!r} is none: it is a whole number of 32 bits, and has no sign")
    rank, ranks = _place(rank, ranks)
    found = shelf(fspath(out), half, split, where)
    if batch_seconds is not None:
        _check_fits(found, batch_seconds)
    of = {
        "samples": found.made_by,
        "split": split,
        "where": where,
        "seed": seed,
        "batch_seconds": batch_seconds,
        "ranks": ranks,
    }
    return Loader(found, Plan(found.seconds, seed, batch_seconds), rank, ranks, sample_rate, frame_rate, of)


def _place(rank: int | None, ranks: int | None) -> tuple[int, int]:
    if rank is None and ranks is None:
        rank, ranks, _, _ = pytorch_worker_info()
    if rank is None or ranks is None:
        raise UsageError("rank= and ranks= belong together: name both, or neither")
    if not (isinstance(rank, Integral) and isinstance(ranks, Integral)) or not 0 <= rank < ranks:
        raise UsageError(f"rank={rank} is none of ranks={ranks}: they count from 0")
    return rank, ranks


def _check_fits(found: Shelf, limit: float) -> None:
    if not isinstance(limit, Real) or not 0 < limit < math.inf:
        raise UsageError(f"batch_seconds={limit!r} is none: name a length in seconds, such as 240")
    longer = int((found.seconds > limit).sum())
    if longer:
        raise UsageError(
            f"batch_seconds={limit:g} is less than {plural(longer, 'sample')} of {found.url} (up to "
            f'{found.seconds.max():.1f} s): raise it, or leave them out with where="duration <= {limit:g}"'
        )
