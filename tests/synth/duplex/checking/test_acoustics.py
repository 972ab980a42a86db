"""Noise, echo and gain that are not what their labels say are caught."""

import copy

import numpy as np
import pytest

from tests.synth.duplex.checking.conftest import SNR_DB, event_of, failed, with_event
from tests.synth.duplex.conftest import (
    Spoken,
    Written,
)
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.check import check


@pytest.mark.parametrize("error_db", [-3.0, -0.8, 0.8, 3.0])
def test_a_wrong_snr_label(interrupted: Written, error_db: float) -> None:
    sample = copy.deepcopy(interrupted.sample)
    sample["acoustics"]["snr_db"] = SNR_DB + error_db
    assert failed(check(sample, interrupted.audio, interrupted.clean)) == {"snr"}
    assert failed(check(sample, interrupted.audio)) == {"snr"}


def test_noise_without_a_label(interrupted: Written) -> None:
    sample = copy.deepcopy(interrupted.sample)
    for name in ("snr_db", "noise", "noise_category", "noise_bursts"):
        sample["acoustics"][name] = None
    assert "acoustics" in failed(check(sample, interrupted.audio, interrupted.clean))
    assert "isolation" in failed(check(sample, interrupted.audio))


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        ({"echo_gain": 0.12}, "echo"),
        ({"echo_gain": 0.09}, "echo"),
        ({"echo_delay": 0.203}, "echo"),
        ({"gain_db": 2.0}, "gain"),
    ],
    ids=["louder", "quieter", "later", "gain"],
)
def test_a_wrong_label_of_echo_or_gain(echoing: Written, change: dict[str, float], caught: str) -> None:
    assert not failed(check(echoing.sample, echoing.audio, echoing.clean))
    sample = copy.deepcopy(echoing.sample)
    sample["acoustics"].update(change)
    assert caught in failed(check(sample, echoing.audio, echoing.clean))


def test_an_echo_without_a_label(echoing: Written) -> None:
    sample = copy.deepcopy(echoing.sample)
    sample["acoustics"].update(echo_gain=None, echo_delay=None)
    assert failed(check(sample, echoing.audio, echoing.clean)) & {"echo", "acoustics"}


def test_side_talk_in_the_clean_stem_or_louder_than_its_label(spoken: list[Spoken]) -> None:
    written = with_event(spoken, "side_talk")
    event = event_of(written.sample, "side_talk")
    span = slice(round(event["start"] * RATE), round(event["end"] * RATE))
    clean, audio = written.clean.copy(), written.audio.copy()
    clean[span] = written.audio[USER, span]
    assert "isolation" in failed(check(written.sample, written.audio, clean))
    audio[USER, span] *= 2
    assert "level" in failed(check(written.sample, audio, written.clean))


def test_leakage_into_the_other_channel(nodding: Written) -> None:
    audio = nodding.audio.copy()
    audio[USER] += np.round(0.01 * audio[ASSISTANT] * 32_768) / 32_768
    assert "isolation" in failed(check(nodding.sample, audio))
