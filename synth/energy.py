"""Where speech begins and ends: the one rule that plans and checks share, so that both mean the same by "start" and
"end".

Speech is what is louder than 30 dB below the level of the line's own active speech, sustained over 10 ms
(docs/turn-taking.md). Bounds are exact to the sample: the first loud sample that begins 10 ms of sufficient energy,
and the last that ends it.
"""

import numpy as np
from numpy.typing import NDArray

FRAME = 240  # 10 ms at 24 kHz
FLOOR_BELOW_LEVEL_DB = 30.0


def active_level(pcm: NDArray[np.float32]) -> float | None:
    """RMS in dBFS of the 10 ms frames of `pcm` [samples] within 30 dB of the loudest; None for digital silence."""
    power = frame_power(pcm)
    if not power.size or power.max() <= 0.0:
        return None
    return float(10 * np.log10(power[power > power.max() * 1e-3].mean()))


def frame_power(pcm: NDArray[np.float32], size: int = FRAME) -> NDArray[np.float64]:
    """Mean square of each whole frame of `size` samples; one shorter frame where `pcm` is shorter than that."""
    whole = len(pcm) // size * size
    frames = pcm[:whole].reshape(-1, size) if whole else pcm.reshape(1, -1) if len(pcm) else pcm.reshape(0, 1)
    power: NDArray[np.float64] = np.square(frames, dtype=np.float64).mean(axis=1)
    return power


def speech_bounds(pcm: NDArray[np.float32], floor_dbfs: float) -> tuple[int, int] | None:
    """[start, end) of the speech in `pcm` [samples] in samples, by the rule above; None where nothing reaches the
    floor."""
    threshold = 10 ** (floor_dbfs / 20)
    loud = np.flatnonzero(np.abs(pcm) >= threshold)
    if not loud.size:
        return None
    energy = np.zeros(len(pcm) + 1)
    np.cumsum(np.square(pcm, dtype=np.float64), out=energy[1:])
    needed = FRAME * threshold**2
    after = energy[np.minimum(loud + FRAME, len(pcm))] - energy[loud]
    before = energy[loud + 1] - energy[np.maximum(loud + 1 - FRAME, 0)]
    starts, ends = loud[after >= needed], loud[before >= needed]
    if not starts.size or not ends.size or ends[-1] < starts[0]:
        return None
    return int(starts[0]), int(ends[-1]) + 1


def islands(pcm: NDArray[np.float32], floor_dbfs: float, bridge: int) -> tuple[tuple[int, int], ...]:
    """The stretches of speech within `speech_bounds`, in samples: silences of `bridge` samples or more divide them.

    Silences are found on 10 ms frames; the outer bounds are exact to the sample.
    """
    bounds = speech_bounds(pcm, floor_dbfs)
    if bounds is None:
        return ()
    start, end = bounds
    quiet = frame_power(pcm[start:end]) < 10 ** (floor_dbfs / 10)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    cuts = [start]
    for first, last in edges.reshape(-1, 2):
        if (last - first) * FRAME >= bridge and first > 0 and last < len(quiet):
            cuts += [start + int(first) * FRAME, start + int(last) * FRAME]
    cuts.append(end)
    return tuple(zip(cuts[::2], cuts[1::2], strict=True))
