"""What is heard around speech and after it: noise and the room, by the levels of frames of 10 ms."""

from typing import Final

import numpy as np
from scipy.ndimage import uniform_filter1d

from turnmill.sources.frames import decibels, mask
from turnmill.sources.presence import Heard

_LEAST: Final = 10  # frames: least speech, and least non-speech, that has a level

_SMOOTH: Final = 3  # frames that a level is of, lest one pitch period be a fall
_WITHIN: Final = 5  # frames in which a fall is seen
_LOUD_DB: Final = 10.0  # below the level of speech: falls begin above it
_STEEPEST: Final = 0.97  # quantile of falls
_ROOM_DB: Final = 18.0  # from the level of speech down to the quietest frames, below which noise hides the falls
_QUIETEST: Final = 0.02  # quantile of levels
_ACTIVE: Final = 1e-3  # of the loudest frame's power


def snr_db(heard: Heard) -> float | None:
    """Level inside the segments over the level outside; null where either is missing."""
    inside = mask(heard.segments, len(heard.power))
    if min(inside.sum(), (~inside).sum()) < _LEAST:
        return None
    return round(_level(float(heard.power[inside].mean())) - _level(float(heard.power[~inside].mean())), 3)


def noise_floor_dbfs(heard: Heard) -> float | None:
    """The median level of the frames outside the segments, so that a slam counts little; null where there are few."""
    outside = heard.power[~mask(heard.segments, len(heard.power))]
    return round(_level(float(np.median(outside))), 3) if len(outside) >= _LEAST else None


def decay_s(heard: Heard) -> float | None:
    """Seconds in which the steepest falls of level, as they go on for 50 ms, would come to 60 dB.

    A sound of itself ends within 0.05 to 0.2 s; in a room nothing falls faster than the room lets it, so that it is no
    more than a little above its reverberation time, and far below that where most of the sound is direct. Null where
    there is no speech, or noise hides how it ends.
    """
    power = heard.power
    spoken = power[mask(heard.segments, len(power))]
    if len(spoken) < _LEAST + _WITHIN:
        return None
    smooth = uniform_filter1d(power, _SMOOTH, mode="nearest")
    level = decibels(smooth)
    active = _level(float(smooth[smooth > smooth.max() * _ACTIVE].mean()))
    if active - float(np.quantile(level, _QUIETEST)) < _ROOM_DB:
        return None
    falls = (level[:-_WITHIN] - level[_WITHIN:])[level[:-_WITHIN] > active - _LOUD_DB]
    steepest = float(np.quantile(falls, _STEEPEST)) if len(falls) else 0.0
    return round(60 * _WITHIN / 100 / steepest, 3) if steepest > 0 else None


def _level(power: float) -> float:
    return float(decibels(np.array(power)))
