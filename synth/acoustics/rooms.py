"""Impulse responses of rooms: the image sources of a shoebox (pyroomacoustics), or those of the pool."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.synth.acoustics.params import RoomParams
from turnmill.synth.acoustics.plan import Room, Shoebox
from turnmill.synth.acoustics.pools import Pools, aligned_response
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

SPEED_OF_SOUND = 343.0  # m/s, that of pyroomacoustics

_PIECE = 1 << 20  # samples in a room at once: the spectra of a whole dialogue would be five times its size
_CLEAR_M = 0.2  # from mouth and microphone to every wall
_MOST_REFLECTIONS = 40  # 40 ms of work; the tail beyond is cut, and rt60 is measured on what there is
_MOST_ABSORPTION = 0.95
_LEAD = 40  # samples before the first arrival in a response of pyroomacoustics (half its fractional-delay filter)
_DECAY = 24 * math.log(10) / SPEED_OF_SOUND  # Sabine: rt60 = this * volume / (walls * absorption)


def draw_shoebox(params: RoomParams, rng: np.random.Generator) -> Shoebox:
    """A room, a mouth and a microphone in it, at a distance that sound travels in a whole number of samples: then the
    direct path is one sample, not a sinc. Where the room is too small for the distance, the distance shrinks."""
    size = np.array([side.draw(rng) for side in (params.length_m, params.width_m, params.height_m)]).round(2)
    room = size - 2 * _CLEAR_M
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    longest = float(np.min(room / np.abs(direction)))  # that still has both ends inside
    distance = min(params.distance_m.draw(rng), longest)
    step = SPEED_OF_SOUND / RATE
    offset = direction * max(math.floor(distance / step), 1) * step
    low, high = np.maximum(0.0, -offset), np.minimum(room, room - offset)
    microphone = np.round(_CLEAR_M + low + rng.random(3) * (high - low), 3)
    volume, walls = float(np.prod(size)), 2 * float(size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    rt60 = params.rt60_s.draw(rng)
    absorption = round(min(_DECAY * volume / (walls * rt60), _MOST_ABSORPTION), 4)
    order = math.ceil(SPEED_OF_SOUND * rt60 / float(size.min()))
    return Shoebox(_triple(size), _triple(microphone + offset), _triple(microphone), absorption,
                   min(order, _MOST_REFLECTIONS))  # fmt: skip


def impulse_response(room: Room, pools: Pools) -> Float32:
    """Float32 [samples] at 24 kHz: the direct path is sample 0 and has the value 1.

    UsageError where the pool lacks the named response, or pyroomacoustics is not installed.
    """
    if isinstance(room, Shoebox):
        return _image_sources(room)
    if room not in pools.rooms:
        raise UsageError(f"rooms: {room!r} is not among the impulse responses any more; put it back")
    return pools.rooms[room]


def through(response: Float32 | None, dry: Float32) -> Float32:
    """Float32 [samples] as long as `dry`: `dry` in a room; itself where there is none (None)."""
    if response is None:
        return dry
    wet = np.zeros_like(dry)
    for at in range(0, len(dry), _PIECE):
        piece = scipy.signal.oaconvolve(dry[at : at + _PIECE], response)[: len(dry) - at]
        wet[at : at + len(piece)] += piece
    return wet


def reverberation_time(response: Float32) -> float:
    """Seconds in which the energy that is left decays by 60 dB: three times the time from -5 to -25 dB (T20 of
    ISO 3382-1), to the millisecond; 0 where the response is over before."""
    left = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    decay = 10 * np.log10(np.maximum(left / left[0], 1e-12))
    span = np.flatnonzero((decay <= -5) & (decay >= -25))
    if span.size < 2 or decay[-1] > -25:
        return 0.0
    time, level = span / RATE, decay[span]
    slope = float(((time - time.mean()) * (level - level.mean())).sum() / np.square(time - time.mean()).sum())
    return round(-60 / slope, 3)


def _image_sources(room: Shoebox) -> Float32:
    try:
        import pyroomacoustics
    except ImportError as error:
        raise UsageError("rooms need the package pyroomacoustics: pip install pyroomacoustics") from error
    pyroomacoustics.constants.set("num_threads", 1)  # the order of a sum must not depend on the machine
    box = pyroomacoustics.ShoeBox(
        room.dimensions,
        fs=RATE,
        materials=pyroomacoustics.Material(room.absorption),
        max_order=room.max_order,
        air_absorption=False,
    )
    box.add_source(room.source)
    box.add_microphone(np.array(room.microphone))
    box.compute_rir()
    response = np.asarray(box.rir[0][0])
    arrival = _LEAD + round(math.dist(room.source, room.microphone) / SPEED_OF_SOUND * RATE)
    return aligned_response((response[arrival:] / response[arrival]).astype(np.float32), "a shoebox")


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return x, y, z
