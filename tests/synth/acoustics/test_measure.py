"""Measuring: what was put into the user's channel is found again, from the written audio, over many dialogues."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.synth.acoustics.conftest import Float32, Talk, Talks, only, to_16_bit
from turnmill.synth.acoustics import (
    Acoustics,
    AcousticsParams,
    Background,
    Echo,
    EchoParams,
    GainParams,
    Measured,
    NoiseParams,
    PacketLoss,
    PacketLossParams,
    Pools,
    RoomParams,
    draw_acoustics,
    labels,
    measure,
)
from turnmill.synth.acoustics.plan import Span
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import Uniform

SEEDS = range(20)


def written(
    talk: Talk, acoustics: Acoustics, pools: Pools, beside: Float32 | None = None, beside_spans: tuple[Span, ...] = ()
) -> tuple[dict[str, Any], Measured]:
    """The label as it comes out of its JSON, and what is measured in 16-bit audio."""
    delivered = talk.delivered(acoustics, pools, beside)
    label = json.loads(json.dumps(labels(acoustics, delivered.fitted)))
    return label, measured(talk, label, delivered.user, pools, beside_spans)


def measured(
    talk: Talk, label: dict[str, Any], user: Float32, pools: Pools | None, beside_spans: tuple[Span, ...] = ()
) -> Measured:
    return measure(
        label,
        delivered=to_16_bit(user),
        clean_user=to_16_bit(talk.user),
        assistant=to_16_bit(talk.assistant),
        speech_spans=talk.words,
        beside_spans=beside_spans,
        pools=pools,
    )


def test_noise_echo_and_gain_are_found_together_in_any_room_at_any_gain(talks: Talks, real: Pools) -> None:
    params = AcousticsParams(
        **{
            **dict(only()),
            "noise": NoiseParams(probability=1),
            "room": RoomParams(probability=0.8),
            "echo": EchoParams(probability=1),
            "gain": GainParams(probability=0.8, steps=0.5),
            "packet_loss": PacketLossParams(probability=0.3),
        }
    )
    snr, gain, delay = [], [], []
    for seed in SEEDS:
        talk = talks(seed, 12 if seed % 2 else 30)
        label, found = written(talk, draw_acoustics(params, real, seed, "d", talk.n_samples), real)
        assert found.gain_db == pytest.approx(label["gain_db"], abs=0.1)
        assert found.echo_delay is not None
        if found.snr_db is not None:
            snr.append(abs(found.snr_db - label["snr_db"]))
        delay.append(abs(found.echo_delay - label["echo_delay"]))
        if found.echo_gain is not None:
            gain.append(abs(found.echo_gain / label["echo_gain"] - 1))
    assert max(snr) < 0.5
    assert np.median(snr) < 0.02
    assert max(delay) < 0.001
    assert min(len(gain), len(snr)) >= 16
    assert max(gain) < 0.05
    assert np.median(gain) < 0.005


def test_noise_louder_than_speech_is_measured_and_no_gain_is_claimed_that_it_hides(talks: Talks, real: Pools) -> None:
    hard = NoiseParams(probability=1, snr_db=Uniform(low=-10, high=5))
    params = only(noise=hard, room=RoomParams(probability=0.5), echo=EchoParams(probability=1))
    for seed in range(8):
        talk = talks(seed)
        label, found = written(talk, draw_acoustics(params, real, seed, "d", talk.n_samples), real)
        assert found.snr_db == pytest.approx(label["snr_db"], abs=0.5)
        if found.echo_gain is not None:
            assert found.echo_gain == pytest.approx(label["echo_gain"], rel=0.05)
        if found.echo_delay is not None:
            assert found.echo_delay == pytest.approx(label["echo_delay"], abs=0.001)


def test_what_sounds_beside_the_user_is_not_taken_for_noise(talks: Talks, real: Pools) -> None:
    talk, other = talks(1), talks(2)
    beside = np.zeros_like(talk.user)
    spans = ((8 * RATE, 10 * RATE), (20 * RATE, 21 * RATE))
    for start, end in spans:
        beside[start:end] = other.user[RATE : RATE + end - start]
    bike = Background("pyroomacoustics_exercise_bike.wav", "noise", 1, 25.0, ((0, talk.n_samples),))
    acoustics = Acoustics("speechbrain_rir1.wav", Echo(0.1, 5000), bike)
    label, found = written(talk, acoustics, real, beside, spans)
    assert found.snr_db == pytest.approx(label["snr_db"], abs=0.5)
    _, fooled = written(talk, acoustics, real, beside)
    assert fooled.snr_db is not None
    assert fooled.snr_db < label["snr_db"] - 2


def test_no_snr_is_claimed_where_barks_may_be_hidden_and_a_steady_one_is(talks: Talks, real: Pools) -> None:
    talk = talks(1)
    lost = tuple((at, at + 480) for at in range(0, talk.n_samples - 480, 4800))
    hidden = ((3 * RATE, 7 * RATE), (18 * RATE, 24 * RATE))
    bark = Background("1-30226-A.ogg", "Dog bark", 1, 15.0, ((0, talk.n_samples),))
    steady = replace(bark, name="pyroomacoustics_exercise_bike.wav", category="noise")
    assert written(talk, Acoustics(noise=bark), real)[1].snr_db == pytest.approx(15.0, abs=0.05)
    assert written(talk, Acoustics(noise=bark), real, None, hidden)[1].snr_db is None
    acoustics = Acoustics(noise=steady, packet_loss=PacketLoss(0.1, lost))
    assert written(talk, acoustics, real)[1].snr_db == pytest.approx(15.0, abs=0.2)
    assert written(talk, acoustics, real, None, ((3 * RATE, 4 * RATE),))[1].snr_db == pytest.approx(15.0, abs=0.3)


def test_a_leak_without_a_label_is_found_and_its_absence_too(talks: Talks, real: Pools) -> None:
    params = only(noise=NoiseParams(probability=0.5), room=RoomParams(probability=0.5))
    quiet = 0
    for seed in range(8):
        talk = talks(seed)
        drawn = draw_acoustics(params, real, seed, "d", talk.n_samples)
        label, found = written(talk, drawn, real)
        assert found.leakage_db is None or found.leakage_db < -50
        quiet += found.leakage_db is not None
        leaking = talk.delivered(Acoustics(drawn.room, Echo(0.02, 77), drawn.noise), real)
        leak = measured(talk, label, leaking.user, real).leakage_db
        assert leak is not None
        assert leak == pytest.approx(20 * np.log10(0.02), abs=2.0)
    assert quiet >= 6


def test_the_labels_own_numbers_are_not_used(talks: Talks, real: Pools) -> None:
    params = only(noise=NoiseParams(probability=1), echo=EchoParams(probability=1), gain=GainParams(probability=1))
    talk = talks(3)
    acoustics = draw_acoustics(params, real, 3, "d", talk.n_samples)
    delivered = talk.delivered(acoustics, real).user
    label = labels(acoustics, talk.delivered(acoustics, real).fitted)
    lie = {**label, "snr_db": 3.0, "echo_gain": 0.7, "echo_delay": 0.9}
    assert measured(talk, lie, delivered, real) == measured(talk, label, delivered, real)
    lie = {**label, "snr_db": None, "echo_gain": None}
    assert measured(talk, lie, delivered, real).leakage_db == pytest.approx(20 * np.log10(label["echo_gain"]), abs=0.5)


@pytest.mark.parametrize("hidden", [{"codec": "opus"}, {"clip_over_db": 3.0}, {"room": "speechbrain_rir1.wav"}])
def test_what_the_audio_does_not_show_is_not_claimed(talks: Talks, real: Pools, hidden: dict[str, Any]) -> None:
    talk = talks(4, 10)
    acoustics = Acoustics(echo=Echo(0.1, 4000), **hidden)
    delivered = talk.delivered(acoustics, real)
    label = labels(acoustics, delivered.fitted)
    assert measured(talk, label, delivered.user, None) == Measured()


def test_silent_parties_are_no_reason_to_fail(talks: Talks) -> None:
    talk = talks(4, 10)
    silent = np.zeros_like(talk.user)
    mute = Talk(silent, talk.user, talk.words)
    label, found = written(mute, Acoustics(echo=Echo(0.1, 4000)), Pools())
    assert (found.echo_gain, found.echo_delay) == (None, None)
    assert found.gain_db == pytest.approx(0.0, abs=0.01)
    label, found = written(mute, Acoustics(), Pools())
    assert label["gain_db"] == 0.0
    assert found.leakage_db is not None
    assert found.leakage_db < -100
    _, found = written(Talk(talk.assistant, silent, ()), Acoustics(echo=Echo(0.1, 4000)), Pools())
    assert found == Measured()
