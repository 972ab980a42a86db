"""Who gets which samples of an epoch, and when: told by a seed and the samples' lengths before any is read.

An epoch is a list of units, a sample each or a batch. Rank r of R has every Rth from the rth on, and its workers take
turns: so what a rank is given has one order, however many workers read it, and a place in it is a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_WINDOW: Final = 1 << 12
"""Samples, in the order of the shuffle, among which those of like length are found: many batches, and a small part of a
large set, so that each epoch has other batches."""


@dataclass(frozen=True)
class Plan:
    """`seconds`: the length of each sample; `seed`: of the shuffle, None: the samples' own order; `batch_seconds`: at
    most so many seconds has a batch when each of its samples is padded to its longest, None: no batches."""

    seconds: NDArray[np.float64]
    seed: int | None
    batch_seconds: float | None

    def units(self, epoch: int, rank: int, ranks: int) -> Sequence[Numbers] | Numbers:
        """What a rank is given in an epoch, in order: the numbers of the samples of each unit.

        Over all ranks each sample comes once. Ranks have equally many batches, for those that train together would wait
        for each other at the end; of single samples one rank may have one more.
        """
        count = len(self.seconds)
        # RandomState, whose stream no version of NumPy changes: a state can be loaded under another one.
        random = None if self.seed is None else np.random.RandomState([self.seed, epoch])
        order = np.arange(count) if random is None else random.permutation(count)
        if self.batch_seconds is None:
            return order[rank::ranks, None]
        cuts = _evened(self._cuts(order, self.batch_seconds), ranks)
        batches = np.arange(len(cuts) - 1) if random is None else random.permutation(len(cuts) - 1)
        return [order[cuts[batch] : cuts[batch + 1]] for batch in batches[rank::ranks].tolist()]

    def _cuts(self, order: Numbers, limit: float) -> Numbers:
        """Sort each window of the order by length, and say where the batches begin and the last one ends."""
        cuts = [0]
        for start in range(0, len(order), _WINDOW):
            window = order[start : start + _WINDOW]
            window[:] = window[np.argsort(self.seconds[window], kind="stable")]
            for place, longest in enumerate(self.seconds[window].tolist(), start):
                if (place + 1 - cuts[-1]) * longest > limit and place > cuts[-1]:
                    cuts.append(place)
            cuts.append(start + len(window))
        return np.array(cuts)


def _evened(cuts: Numbers, ranks: int) -> Numbers:
    """Batches of which each rank gets equally many: the largest ones are halved, as far as there are any to halve."""
    while missing := -(len(cuts) - 1) % ranks:
        sizes = np.diff(cuts)
        halved = np.argsort(-sizes, kind="stable")[:missing]
        halved = halved[sizes[halved] > 1]
        if not len(halved):
            break
        cuts = np.sort(np.concatenate((cuts, (cuts[halved] + cuts[halved + 1]) // 2)))
    return cuts
