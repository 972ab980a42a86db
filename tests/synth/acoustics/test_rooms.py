"""Rooms: what a shoebox must be by geometry, and decays whose time is known."""

import math
import sys

import numpy as np
import pytest

from tests.synth.acoustics.conftest import Talks
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import generator
from turnmill.synth.acoustics import Acoustics, Pools, RoomParams, Shoebox, load_pools
from turnmill.synth.acoustics.plan import Room
from turnmill.synth.acoustics.rooms import SPEED_OF_SOUND, draw_shoebox, impulse_response, reverberation_time, through
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import Uniform

# Mouth and microphone 70 samples of sound apart, at one height.
APART = 70 * SPEED_OF_SOUND / RATE
BOX = Shoebox((6.0, 5.0, 3.0), (2.0 + APART, 2.5, 1.2), (2.0, 2.5, 1.2), 0.3, 30)


def test_the_direct_path_is_one_sample_and_the_floor_reflects_when_and_as_strongly_as_it_must() -> None:
    response = impulse_response(BOX, Pools())
    assert response.dtype == np.float32
    assert response[0] == 1.0
    path = math.hypot(APART, 2 * 1.2)  # by the floor: the first to arrive
    late = (path - APART) / SPEED_OF_SOUND * RATE
    assert np.abs(response[1 : round(late) - 40]).max() < 0.02
    # What a reflection brings: absorbed once, and spread over the longer way.
    arrived = math.sqrt(np.sum(response[round(late) - 20 : round(late) + 21].astype(np.float64) ** 2))
    assert arrived == pytest.approx(math.sqrt(1 - 0.3) * APART / path, rel=0.1)


def test_a_shoebox_reverberates_about_as_long_as_its_walls_were_chosen_for() -> None:
    params = RoomParams(
        length_m=Uniform(low=5, high=7), width_m=Uniform(low=4, high=6), height_m=Uniform(low=3, high=3.5),
        rt60_s=Uniform(low=0.3, high=0.3),
    )  # fmt: skip
    times = [
        reverberation_time(impulse_response(draw_shoebox(params, generator(n, "d", "room")), Pools()))
        for n in range(10)
    ]
    assert np.median(times) == pytest.approx(0.3, rel=0.15)  # Sabine's formula is no more precise than that


@pytest.mark.parametrize("rt60", [0.1, 0.4, 1.5])
def test_the_reverberation_time_of_a_known_decay_is_found(rt60: float) -> None:
    time = np.arange(2 * RATE) / RATE
    tail = generator(1, "d", "tail").standard_normal(2 * RATE) * 10 ** (-3 * time / rt60)
    assert reverberation_time(tail.astype(np.float32)) == pytest.approx(rt60, rel=0.05)
    assert reverberation_time(np.ones(1, np.float32)) == 0.0


def test_every_room_leaves_the_onset_of_speech_at_its_sample(real: Pools) -> None:
    click = np.zeros(RATE, np.float32)
    click[5000] = 1.0
    rooms: list[Room] = [BOX, *real.rooms]
    for room in rooms:
        heard = through(impulse_response(room, real), click)
        assert len(heard) == RATE
        assert np.argmax(np.abs(heard)) == 5000
        assert np.abs(heard[:5000]).max() < 1e-6


def test_a_room_is_the_same_each_time_and_its_time_is_in_the_label(talks: Talks, real: Pools) -> None:
    talk = talks(1, 10)
    one, other = (talk.delivered(Acoustics(room=BOX)) for _ in range(2))
    assert np.array_equal(one.user, other.user)
    assert one.fitted.rt60 == reverberation_time(impulse_response(BOX, real))
    assert one.fitted.rt60 == pytest.approx(0.161 * 90 / (126 * 0.3), rel=0.15)  # Sabine
    assert talk.delivered(Acoustics()).fitted.rt60 is None


def test_a_room_that_is_not_there_and_a_missing_package_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"'hall\.wav' is not among the impulse responses"):
        impulse_response("hall.wav", load_pools())
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(UsageError, match="pip install pyroomacoustics"):
        impulse_response(BOX, Pools())
