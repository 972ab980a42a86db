"""Delivering: each effect does exactly what its label says, and nothing else."""

import os
from dataclasses import replace

import numpy as np
import pytest

from tests.synth.acoustics.conftest import Float32, Talk, Talks, only, power
from turnmill.synth.acoustics import (
    PEAK_DBFS,
    WHITE,
    Acoustics,
    AcousticsParams,
    Background,
    ClippingParams,
    CodecParams,
    Echo,
    EchoParams,
    GainParams,
    NoiseParams,
    PacketLoss,
    PacketLossParams,
    Pools,
    RoomParams,
    deliver,
    draw_acoustics,
)
from turnmill.synth.acoustics.params import CODECS
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import Uniform

LIMIT = 10 ** (PEAK_DBFS / 20)


def peak_db(pcm: Float32) -> float:
    return float(20 * np.log10(np.abs(pcm).max()))


@pytest.fixture
def talk(talks: Talks) -> Talk:
    return talks(5, 20)


def steady(talk: Talk, snr_db: float, name: str = WHITE, category: str = WHITE) -> Background:
    return Background(name, category, 3, snr_db, ((0, talk.n_samples),))


def test_without_acoustics_the_channel_is_the_clean_stem(talk: Talk) -> None:
    delivered = talk.delivered(Acoustics())
    assert np.array_equal(delivered.user, talk.user)
    assert delivered.user is not talk.user
    assert delivered.fitted.fit_db == 0.0


@pytest.mark.parametrize("snr_db", [-6.0, 15.0, 25.0])
def test_noise_is_as_loud_as_labelled_against_the_words_in_the_room_while_it_is_on(
    talk: Talk, real: Pools, snr_db: float
) -> None:
    spans = ((2 * RATE, 5 * RATE), (9 * RATE, 14 * RATE))
    noise = Background("pyroomacoustics_exercise_bike.wav", "noise", 3, snr_db, spans)
    # Neither the echo nor what sounds beside the user moves the level that the noise is set against.
    quiet = Acoustics(room="speechbrain_rir1.wav", gain_steps=((0, -20.0),))
    with_echo = replace(quiet, echo=Echo(0.2, 4800))
    beside = np.roll(talk.user, RATE)
    speech = talk.delivered(quiet, real)
    without = talk.delivered(with_echo, real, beside)
    heard = talk.delivered(replace(with_echo, noise=noise), real, beside)
    assert (speech.fitted.fit_db, without.fitted.fit_db, heard.fitted.fit_db) == (0, 0, 0)
    added = heard.user - without.user
    measured = 10 * np.log10(power(speech.user, talk.words) / power(added, spans))
    assert measured == pytest.approx(snr_db, abs=0.01)
    assert np.abs(added[: 2 * RATE]).max() < 1e-6
    assert np.abs(added[5 * RATE : 9 * RATE]).max() < 1e-6


def test_the_echo_is_the_assistant_later_and_quieter_in_the_same_room(talk: Talk, real: Pools) -> None:
    echo = talk.delivered(Acoustics(echo=Echo(0.15, 3001))).user - talk.user
    np.testing.assert_allclose(echo[3001:], 0.15 * talk.assistant[:-3001], atol=1e-6)
    assert not echo[:3001].any()
    room = Acoustics(room="speechbrain_rir3.wav")
    alone = replace(talk, user=0.15 * np.roll(talk.assistant, 3001))  # its end is silent
    in_room = talk.delivered(replace(room, echo=Echo(0.15, 3001)), real).user - talk.delivered(room, real).user
    np.testing.assert_allclose(in_room, alone.delivered(room, real).user, atol=1e-5)


def test_what_is_too_loud_is_brought_under_the_peak_whole_and_the_gain_says_so(talk: Talk) -> None:
    noise = steady(talk, -10.0)
    quiet = talk.delivered(Acoustics(noise=noise, gain_steps=((0, -30.0),)))
    loud = talk.delivered(Acoustics(noise=noise, gain_steps=((0, 10.0),)))
    assert quiet.fitted.fit_db == 0.0
    assert loud.fitted.fit_db < -5.0
    assert PEAK_DBFS - 0.05 < peak_db(loud.user) <= PEAK_DBFS
    np.testing.assert_allclose(loud.user, quiet.user * 10 ** ((40 + loud.fitted.fit_db) / 20), rtol=1e-3, atol=1e-6)


def test_a_gain_changes_at_its_samples_within_twenty_milliseconds(talk: Talk) -> None:
    steps = ((0, -3.0), (4 * RATE, -9.0), (12 * RATE + 7, 1.5))
    heard = talk.delivered(Acoustics(gain_steps=steps)).user
    ends = [at for at, _ in steps[1:]] + [talk.n_samples]
    for (at, gain_db), end in zip(steps, ends, strict=True):
        start = at + RATE // 50 if at else 0
        np.testing.assert_allclose(heard[start:end], talk.user[start:end] * 10 ** (gain_db / 20), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 20.0])
def test_peaks_are_cut_where_the_label_says_at_any_gain(talk: Talk, gain_db: float) -> None:
    delivered = talk.delivered(Acoustics(gain_steps=((0, gain_db),), clip_over_db=4.0))
    level_db = delivered.fitted.clip_dbfs
    assert level_db is not None
    assert level_db <= PEAK_DBFS
    assert peak_db(delivered.user) == pytest.approx(level_db, abs=1e-3)
    total_db = gain_db + delivered.fitted.fit_db
    assert peak_db(talk.user) + total_db - level_db == pytest.approx(4.0, abs=0.01)
    cut = np.abs(delivered.user) >= 10 ** (level_db / 20) * (1 - 1e-5)
    assert cut.sum() > 5
    np.testing.assert_allclose(delivered.user[~cut], talk.user[~cut] * 10 ** (total_db / 20), rtol=1e-4, atol=1e-6)


def test_lost_packets_are_digital_silence_and_the_others_untouched(talk: Talk) -> None:
    lost = ((480 * 50, 480 * 53), (480 * 200, 480 * 201))
    heard = talk.delivered(Acoustics(noise=steady(talk, 20.0), packet_loss=PacketLoss(0.01, lost))).user
    whole = talk.delivered(Acoustics(noise=steady(talk, 20.0))).user
    missing = np.zeros(talk.n_samples, np.bool_)
    for start, end in lost:
        missing[start:end] = True
    assert not heard[missing].any()
    assert np.array_equal(heard[~missing], whole[~missing])
    assert whole[missing].all()


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_does_not_break_the_peak_limit(talk: Talk, codec: str) -> None:
    delivered = talk.delivered(Acoustics(codec=codec, gain_steps=((0, 30.0),), clip_over_db=6.0))
    assert peak_db(delivered.user) <= PEAK_DBFS
    assert delivered.user.shape == talk.user.shape


def test_the_same_plan_gives_the_same_samples_with_everything_on(talk: Talk, real: Pools) -> None:
    drawn = draw_acoustics(everything(), real, 3, "d", talk.n_samples)
    one, other = (talk.delivered(drawn, real, np.roll(talk.user, RATE)) for _ in range(2))
    assert np.array_equal(one.user, other.user)
    assert one.fitted == other.fitted
    assert one.user.dtype == np.float32


def test_noise_against_nobody_is_an_error_of_the_caller(talk: Talk) -> None:
    silent = np.zeros_like(talk.user)
    with pytest.raises(ValueError, match="no speech of the user"):
        deliver(
            Acoustics(noise=steady(talk, 20.0)), clean_user=silent, beside=None, assistant=talk.assistant,
            speech_spans=talk.words, pools=Pools(), dialogue="d",
        )  # fmt: skip


def test_everything_on_is_fast_enough_even_here(talks: Talks, real: Pools) -> None:
    talk = talks(1, 60)
    params = everything()
    talk.delivered(draw_acoustics(params, real, 0, "d", talk.n_samples), real)  # a codec measures its delay once
    before = os.times()
    for seed in range(3):
        talk.delivered(draw_acoustics(params, real, seed, "d", talk.n_samples), real)
    after = os.times()
    used = sum(after[:4]) - sum(before[:4])  # ffmpeg's time is this process's children's
    assert 3 * 60 / used > 60


def everything() -> AcousticsParams:
    return only(
        noise=NoiseParams(probability=1), room=RoomParams(probability=1, measured=0), echo=EchoParams(probability=1),
        gain=GainParams(probability=1, steps=1), clipping=ClippingParams(probability=1),
        codec=CodecParams(probability=1, kinds=("g711_mulaw",)),
        packet_loss=PacketLossParams(probability=1, rate=Uniform(low=0.02, high=0.05)),
    )  # fmt: skip
