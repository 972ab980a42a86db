"""Integrated loudness (ITU-R BS.1770-4), by the filters of pyloudnorm.

Its meter holds a recording whole, in float64; here blocks pass through the same filters.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from turnmill.manifests.audio import Float32

_SHELF_HZ: Final = 1681.9744509555319
_STEPS: Final = 4  # of 100 ms: a gating block, three quarters of which the next one has too
_OFFSET: Final = -0.691  # dB; a sine of 997 Hz at full scale is -3.01 LUFS
_SILENT: Final = -70.0  # LUFS: blocks below it count nowhere
_BELOW: Final = -10.0  # LU below the mean of the others: nor do these


class Loudness:
    """Meters a sound block by block. Channels weigh alike, for nobody says which are surround. `sample_rate`: Hz."""

    def __init__(self, channels: int, sample_rate: int) -> None:
        from pyloudnorm.iirfilter import IIRfilter

        # Those that give the coefficients of the standard; the others of pyloudnorm are .04 LU away.
        stages = [IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, sample_rate, "high_pass_DeMan")]
        if sample_rate > 2 * _SHELF_HZ:  # else there is no sound that it would lift
            shelf = (3.99984385397, 0.7071752369554193, _SHELF_HZ)
            stages.append(IIRfilter(*shelf, sample_rate, "high_shelf_DeMan"))
        self._stages = [(one.b, one.a) for one in stages]
        self._states = [np.zeros((channels, 2)) for _ in self._stages]
        self._step = sample_rate // 10
        self._held = np.zeros((channels, 0))
        self._powers = list[NDArray[np.float64]]()  # mean square of each step of 100 ms, of all channels

    def add(self, block: Float32) -> None:
        """The next samples, float32 [channels, n]."""
        weighted: NDArray[np.float64] = block.astype(np.float64)
        for place, (b, a) in enumerate(self._stages):
            weighted, self._states[place] = lfilter(b, a, weighted, axis=1, zi=self._states[place])
        held = np.concatenate([self._held, weighted], axis=1)
        whole = held.shape[1] // self._step * self._step
        steps = held[:, :whole].reshape(len(held), -1, self._step)
        self._powers.append(np.square(steps).mean(axis=2).sum(axis=0))
        self._held = held[:, whole:]

    def integrated(self) -> float | None:
        """LUFS; null below 400 ms, and where nothing is above -70 LUFS."""
        steps = np.concatenate(self._powers)
        if len(steps) < _STEPS:
            return None
        blocks = np.lib.stride_tricks.sliding_window_view(steps, _STEPS).mean(axis=1)
        heard = blocks[blocks >= _power(_SILENT)]
        if not len(heard):
            return None
        gate = float(heard.mean()) * 10 ** (_BELOW / 10)
        return round(_OFFSET + 10 * float(np.log10(heard[heard > gate].mean())), 3)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))
