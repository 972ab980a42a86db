"""What sounds beside the user: short sounds of the right length, and voices filtered as the benchmark filters them."""

from typing import Literal, get_args

import numpy as np
import pytest
import scipy.fft

from turnmill.synth.acoustics import Pools, colour_beside, make_sound
from turnmill.synth.channels import RATE
from turnmill.synth.energy import speech_bounds

Kind = Literal["noise_burst", "cough"]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_sounds_without_recordings_are_short_soft_edged_and_of_many_kinds(kind: Kind) -> None:
    made = [make_sound(kind, seed, Pools()) for seed in range(50)]
    assert {name for name, _ in made} == {"cough" if kind == "cough" else "knock"}
    for _, pcm in made:
        assert pcm.dtype == np.float32
        assert 0.15 <= len(pcm) / RATE <= 1.2
        assert np.abs(pcm).max() == pytest.approx(0.5)
        assert abs(pcm[0]) < 0.01
        assert abs(pcm[-1]) < 0.01
        bounds = speech_bounds(pcm, -40.0)
        assert bounds is not None
        assert bounds[1] - bounds[0] > 0.03 * RATE
    assert len({pcm.tobytes() for _, pcm in made}) == 50
    assert np.array_equal(made[7][1], make_sound(kind, 7, Pools())[1])


def test_a_cough_is_breath_and_a_knock_is_wood() -> None:
    def centre(kind: Kind, seed: int) -> float:
        power = np.abs(scipy.fft.rfft(make_sound(kind, seed, Pools())[1])) ** 2
        return float((scipy.fft.rfftfreq(2 * len(power) - 2, 1 / RATE)[: len(power)] * power).sum() / power.sum())

    assert all(1000 < centre("cough", seed) < 2500 for seed in range(10))
    assert all(centre("noise_burst", seed) < 1000 for seed in range(10))


def test_sounds_come_from_the_categories_that_speak_of_them(real: Pools) -> None:
    barks = [make_sound("noise_burst", seed, real) for seed in range(30)]
    sneezes = [make_sound("cough", seed, real) for seed in range(30)]
    assert {name for name, _ in barks} <= set(real.noises["Dog bark"])
    assert {name for name, _ in sneezes} <= set(real.noises["Person sneeze"])
    assert len({name for name, _ in barks}) > 5
    for _, pcm in (*barks, *sneezes):
        assert 0.15 <= len(pcm) / RATE <= 1.2
        assert np.abs(pcm).max() == pytest.approx(0.5)


@pytest.mark.parametrize("category", ["indoor", "raindrops", "outdoors", "hornet", "clickstream", "cougher_none"])
def test_a_word_that_only_holds_the_name_of_a_sound_is_no_such_sound(category: str) -> None:
    pools = Pools({category: {"a.wav": np.ones(RATE, np.float32)}})
    assert [make_sound(kind, 1, pools)[0] for kind in get_args(Kind)] == ["knock", "cough"]


@pytest.mark.parametrize(
    ("category", "kind"),
    [("door_knocks", "noise_burst"), ("street/Car-Horn", "noise_burst"), ("Glass breaking", "noise_burst"),
     ("dog barking", "noise_burst"), ("coughing", "cough"), ("humans/sneezes", "cough")],
)  # fmt: skip
def test_a_sound_is_found_by_a_word_of_its_category(category: str, kind: Kind) -> None:
    pools = Pools({category: {"a.wav": np.ones(RATE, np.float32)}})
    assert make_sound(kind, 1, pools)[0] == "a.wav"


def test_side_talk_is_dull_and_reflected_as_in_full_duplex_bench() -> None:
    response = colour_beside("side_talk", np.eye(1, 600, dtype=np.float32)[0])
    assert len(response) == 600 + round(0.120 * RATE)
    direct = 20 * np.log10(np.abs(scipy.fft.rfft(response[:600])))
    hertz = scipy.fft.rfftfreq(600, 1 / RATE)
    assert np.interp([200, 4000, 11_000], hertz, direct) == pytest.approx([0.0, -2.5, -5.0], abs=0.1)
    for delay, level_db in ((0.045, -6.0), (0.120, -12.0)):
        at = round(delay * RATE)
        np.testing.assert_allclose(response[at : at + 500], response[:500] * 10 ** (level_db / 20), atol=1e-6)


def test_a_third_party_is_muffled_and_echoes_as_in_full_duplex_bench() -> None:
    response = colour_beside("third_party", np.eye(1, 600, dtype=np.float32)[0])
    assert len(response) == 600 + round(0.100 * RATE)
    direct = 20 * np.log10(np.abs(scipy.fft.rfft(response[:600])) + 1e-9)
    hertz = scipy.fft.rfftfreq(600, 1 / RATE)
    assert np.interp([200, 3000], hertz, direct) == pytest.approx([0.0, -3.0], abs=0.1)
    assert np.interp(8000, hertz, direct) < -15
    at = round(0.100 * RATE)
    np.testing.assert_allclose(response[at : at + 500], response[:500] * 10 ** (-10 / 20), atol=1e-6)
