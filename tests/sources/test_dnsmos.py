"""DNSMOS scores what the package `speechmos` scores, with its weights; or skipped."""

from pathlib import Path

import numpy as np
import pytest

from turnmill.manifests.audio import Audio, decode
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.manifests.records import Reject
from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.pipelines.stages.dnsmos import Dnsmos, DnsmosParams
from turnmill.sources import dnsmos
from turnmill.sources.dnsmos import SPEECHMOS, Scorer, Scores, log_mel, model_folder, windows

RATE = 16_000


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    if SPEECHMOS.folder is None:
        pytest.skip(f"needs {SPEECHMOS.pip}")
    return Scorer(model_folder())


def buzz(seconds: float) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) * (0.5 + 0.5 * np.sin(6 * np.pi * time))
    hiss = np.random.default_rng(7).standard_normal(len(time)) * 0.002
    return Audio(np.clip(voice * 0.1 + hiss, -1, 1).astype(np.float32)[None], RATE)


def near(sig: float, bak: float, ovrl: float, p808: float) -> Scores:
    return Scores(*(pytest.approx(score, abs=0.005) for score in (sig, bak, ovrl, p808)))


@pytest.mark.parametrize(
    ("seconds", "scores"),
    [
        (0.5, near(2.7496, 2.6202, 1.9674, 2.3897)),
        (4.0, near(2.8133, 2.6447, 1.9970, 2.3306)),
        (9.5, near(2.8272, 2.6513, 2.0167, 2.3791)),
        (13.0, near(2.7993, 2.6001, 1.9688, 2.3507)),
    ],
)
def test_a_sound_scores_what_speechmos_0_0_1_1_gives_it(scorer: Scorer, seconds: float, scores: Scores) -> None:
    assert scorer.scores(buzz(seconds), "buzz") == scores


def test_speech_scores_what_speechmos_gives_it_and_less_in_noise(scorer: Scorer, shared: Path) -> None:
    path = shared / "LibriSpeech/test-other/367/130732/367-130732-0000.flac"
    speech = decode(path.read_bytes(), path.name)
    clean = scorer.scores(speech, "clean")
    assert clean == near(3.3807, 3.2865, 2.7049, 3.1694)
    hiss = np.random.default_rng(0).standard_normal(speech.samples.shape).astype(np.float32) * np.float32(0.02)
    noisy = scorer.scores(Audio(speech.samples + hiss, RATE), "noisy")
    assert noisy.ovrl < clean.ovrl - 0.5
    assert noisy.bak < clean.bak - 0.5


@pytest.mark.parametrize(
    ("samples", "count"), [(1, 7), (8000, 7), (144_160, 1), (160_000, 1), (176_000, 2), (320_000, 11)]
)
def test_a_window_begins_every_second_and_what_is_short_is_doubled(samples: int, count: int) -> None:
    sound = np.arange(samples, dtype=np.float32)
    found = list(windows([sound]))
    assert [len(window) for window in found] == [144_160] * count
    assert found[0][samples % 144_160] == sound[samples % 144_160 % samples]
    in_blocks = list(windows(np.array_split(sound, 7)))
    np.testing.assert_array_equal(np.stack(in_blocks), np.stack(found))


def test_a_tone_is_in_the_mel_band_of_its_frequency_and_silence_is_flat() -> None:
    time = np.arange(RATE) / RATE
    for hz in (250.0, 500.0, 900.0):  # where Slaney's scale is linear, 15 mels to 1 kHz
        level = log_mel(np.sin(2 * np.pi * hz * time).astype(np.float32))
        top = (15 + np.log(8) / np.log(6.4) * 27) / 121
        assert abs(int(level[10:-10].mean(axis=0).argmax()) - (hz * 3 / 200 / top - 1)) <= 1
        assert level.max() == 1
        assert level.min() == -1  # 80 dB below
    assert log_mel(np.zeros(RATE, np.float32)).tolist() == [[1.0] * 120] * 100


def test_the_label_is_a_row_of_its_table_with_a_score_of_each_channel(scorer: Scorer) -> None:
    stage = Dnsmos(DnsmosParams())
    stage.loaded = scorer
    one = buzz(2)
    row = stage.label("u", one)
    assert not isinstance(row, Reject)
    assert list(row) == SCHEMAS["dnsmos"].names
    assert row["channel_dnsmos_ovrl"] is None
    noise = np.random.default_rng(0).standard_normal(one.samples.shape).astype(np.float32) * np.float32(0.1)
    both = stage.label("u", Audio(np.concatenate([one.samples, noise]), RATE))
    assert not isinstance(both, Reject)
    assert both["channel_dnsmos_ovrl"][0] == row["dnsmos_ovrl"]
    assert both["channel_dnsmos_ovrl"][1] < 1.3
    to_table("dnsmos", [row, both])


def test_without_its_package_the_recipe_is_refused_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Packaged("dnsmos", ("no-such==1.0",), {"a": ("no_such_package/a",)}, {})
    monkeypatch.setattr(dnsmos, "SPEECHMOS", absent)
    with pytest.raises(ModelUnavailable, match=r"pip install 'turnmill\[dnsmos\]'"):
        Dnsmos(DnsmosParams()).check_here()
