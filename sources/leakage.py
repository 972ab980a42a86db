"""What one channel of a recording hears of another: cross-talk on the line, or a loudspeaker in the room.

While another channel speaks and this one does not, its level follows the other's, a fixed number of decibels below it
and a fixed time later. Where it follows for much of the time that the other speaks, it hears it, and what it says of
its own is what is louder than that.
"""

from typing import Final

import numpy as np

from turnmill.manifests.spans import bridged
from turnmill.sources.frames import Mask, Power, decibels, longer, mask, spans

LAG: Final = 50
"""Frames to either side: half a second, as in `synth.duplex.talk.fit.same_talk`."""
_STRONG_DB: Final = 15.0  # below the loudest of the other channel: frames that can be heard through
_FLOOR: Final = 0.1  # quantile of the levels of a channel
_ABOVE_DB: Final = 6.0  # above it a frame has sound
_FOLLOWS_DB: Final = 5  # within which levels follow each other
_SHARE: Final = 0.35  # of the strong frames that follow, where there is leakage
_LEAST: Final = 100  # strong frames to tell from
_HIGHEST_DB: Final = -5  # what is louder is no leakage: who is nearer to which microphone cannot be told
_LOWEST_DB: Final = -45
_OWN_DB: Final = 6.0  # above what leaks is one's own
_AROUND: Final = 2  # frames by which leakage may be earlier or later than it is on the whole
_BLIP, _GAP = 5, 20  # frames: a shorter own sound is none, a shorter pause of it neither


def leak_of(heard: Power, other: Power, spoken: Mask) -> tuple[float, int] | None:
    """How another channel is heard in one: its level there against its own in dB, and its delay in frames; None where
    it is not. `spoken`: where the other channel speaks."""
    here, there = decibels(_smooth(heard)), decibels(_smooth(other))
    if not spoken.any():
        return None
    # Where this channel is the louder one, the other one hears it.
    strong = spoken & (there > np.quantile(there[spoken], 0.95) - _STRONG_DB) & (there > here)
    places = np.flatnonzero(strong)
    places = places[(places >= LAG) & (places < len(here) - LAG)]
    if len(places) < _LEAST:
        return None
    floor = np.quantile(here, _FLOOR) + _ABOVE_DB
    best, found = _SHARE, None
    edges = np.arange(_LOWEST_DB, _HIGHEST_DB + 1)
    for lag in range(-LAG, LAG + 1):
        level = here[places + lag]
        below = (level - there[places])[level > floor]
        following = np.convolve(np.histogram(below, edges)[0], np.ones(_FOLLOWS_DB), "valid") / len(places)
        at = int(np.argmax(following))
        if following[at] > best:
            like = below[(below >= edges[at]) & (below < edges[at] + _FOLLOWS_DB)]
            best, found = following[at], (float(np.median(like)), lag)
    return found


def own_sound(heard: Power, other: Power, leak: tuple[float, int]) -> Mask:
    """Where a channel sounds louder than what it hears of the other one."""
    gain_db, lag = leak
    here, there = decibels(_smooth(heard)), decibels(_smooth(other))
    expected = np.max([_later(there, lag + by) for by in range(-_AROUND, _AROUND + 1)], axis=0) + gain_db
    louder = longer(spans(here > expected + _OWN_DB), _BLIP)
    return mask(bridged(louder, _GAP), len(heard))


def _later(levels: Power, by: int) -> Power:
    """The levels so many frames later; silence is what came before them."""
    moved = np.full(len(levels), -np.inf)
    if abs(by) < len(levels):
        moved[max(by, 0) : len(levels) + min(by, 0)] = levels[max(-by, 0) : len(levels) - max(by, 0)]
    return moved


def _smooth(power: Power) -> Power:
    """Over 30 ms."""
    return np.convolve(power, np.full(3, 1 / 3), "same") if len(power) >= 3 else power
