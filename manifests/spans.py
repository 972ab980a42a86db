"""Stretches of a clock: spans, int64 [n, 2] of [start, end)."""

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int64]


def bridged(spans: Spans, gap: int) -> Spans:
    """Spans in the order of their starts, whose distances are `gap` or more: those that are nearer, or overlap, are
    one."""
    if not len(spans):
        return spans
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.concatenate(([True], spans[1:, 0] - ends[:-1] >= gap))
    return np.stack((spans[begins, 0], ends[np.concatenate((begins[1:], [True]))]), axis=1)
