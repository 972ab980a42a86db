"""Stretches of frames: masks, bool [frames], and spans, int64 [n, 2] of [start, end), in order."""

from typing import Final

import numpy as np
import numpy.typing as npt

from turnmill.manifests.spans import Spans

Mask = npt.NDArray[np.bool_]
Power = npt.NDArray[np.float64]
"""Mean square of each frame, float64 [frames]."""

_SILENT: Final = 1e-12  # mean square: -120 dBFS, below any converter's noise


def decibels(power: Power) -> Power:
    """dBFS, -120 at least."""
    return 10 * np.log10(np.maximum(power, _SILENT))


def spans(mask: Mask) -> Spans:
    """Where a mask is set."""
    return np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])))).reshape(-1, 2)


def mask(spans: Spans, frames: int) -> Mask:
    """What spans cover of so many frames."""
    starts, ends = (np.bincount(edges, minlength=frames + 1) for edges in np.clip(spans, 0, frames).T)
    return np.cumsum(starts - ends)[:-1] > 0


def longer(spans: Spans, least: int) -> Spans:
    """Those of `least` frames or more."""
    return spans[spans[:, 1] - spans[:, 0] >= least]


def widened(spans: Spans, before: int, after: int) -> Spans:
    """Spans that begin and end so much farther out; those that are empty then are left out."""
    wide: Spans = spans + np.array((-before, after))
    return wide[wide[:, 1] > wide[:, 0]]


def holding(spans: Spans, mask: Mask) -> Spans:
    """The spans within which a mask is set somewhere."""
    set_before = np.concatenate(([0], np.cumsum(mask)))
    return spans[set_before[spans[:, 1]] > set_before[spans[:, 0]]]
