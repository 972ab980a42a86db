"""Rendering: exact placement, levels, fades, and noise that is what its label says."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.errors import UsageError
from synth.acoustics import WHITE, Noise, NoiseParams, draw_noise, load_pool, make_noise
from synth.distributions import Uniform
from synth.duplex import ASSISTANT, RATE, USER
from synth.duplex.energy import active_level
from synth.duplex.render import PEAK_DBFS, render, shaped
from synth.duplex.spoken import measure
from synth.duplex.timeline import Clip
from synth.script import Interaction
from tests.synth.duplex.conftest import Spoken, bursts, text_dialogue

TALK = ["Tell me about it, please.", " ".join(["It is a long story, and I like it, so listen."] * 4), "Well, go on."]


@pytest.fixture(scope="module")
def item() -> Spoken:
    return bursts(text_dialogue("d", TALK), Interaction(barge_in=0.0, backchannels_per_minute=16))


def test_each_clip_lands_on_its_sample_and_nothing_sounds_elsewhere(item: Spoken) -> None:
    timeline = item.plan()
    rendered = render(timeline, item.pcm, {})
    stems = (rendered.assistant.copy(), rendered.user_clean.copy())
    for clip in timeline.clips:
        body = slice(clip.at + clip.fade_in, clip.end - clip.fade_out)
        cut = item.pcm[clip.line][clip.start + clip.fade_in : clip.stop - clip.fade_out]
        np.testing.assert_allclose(stems[clip.channel][body], cut * 10 ** (clip.gain_db / 20), rtol=1e-5, atol=1e-7)
        stems[clip.channel][clip.at : clip.end] = 0
    assert not stems[ASSISTANT].any()
    assert not stems[USER].any()
    assert rendered.user is rendered.user_clean


def test_turns_have_the_level_of_the_timing_and_backchannels_less(item: Spoken) -> None:
    timeline = item.plan()
    rendered = render(timeline, item.pcm, {})
    for turn in timeline.turns:
        stem = (rendered.assistant, rendered.user_clean)[turn.channel]
        assert active_level(stem[turn.start : turn.end]) == pytest.approx(-23.0, abs=0.2)
    events = [event for event in timeline.events if event.kind == "user_backchannel"]
    assert events
    for event in events:
        level = active_level(rendered.user_clean[event.start : event.end])
        assert -8.0 <= event.params["level_db"] <= -3.0
        assert level == pytest.approx(-23.0 + event.params["level_db"], abs=0.3)


def test_a_fade_ends_in_digital_silence_at_its_sample() -> None:
    clip = Clip("a", 0, 0, 100, 1100, 0.0, 200, 400)
    cut = shaped(clip, np.ones(2000, np.float32))
    assert len(cut) == 1000
    assert np.all(np.diff(cut[:200]) > 0)
    assert np.all(cut[200:600] == 1)
    assert np.all(np.diff(cut[600:]) < 0)
    assert 0 < cut[-1] < 1e-4


@pytest.mark.parametrize("snr_db", [0.0, 15.0, 25.0])
def test_noise_has_the_labelled_snr_and_touches_the_user_alone(item: Spoken, snr_db: float) -> None:
    timeline = item.plan(noise=Noise(WHITE, snr_db, 3))
    rendered = render(timeline, item.pcm, {})
    assert np.array_equal(rendered.assistant, render(item.plan(), item.pcm, {}).assistant)
    noise = (rendered.user - rendered.user_clean).astype(np.float64)
    spans = [(w.start, w.end) for turn in timeline.turns if turn.channel == USER for w in turn.words]
    speech = np.concatenate([rendered.user_clean[start:end] for start, end in spans]).astype(np.float64)
    measured = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.01)


def test_loud_noise_lowers_speech_and_noise_together_instead_of_clipping(item: Spoken) -> None:
    rendered = render(item.plan(noise=Noise(WHITE, -12.0, 3)), item.pcm, {})
    quiet = render(item.plan(), item.pcm, {})
    assert rendered.gain_db < 0
    assert 20 * np.log10(np.abs(rendered.channels).max()) <= PEAK_DBFS
    np.testing.assert_allclose(rendered.user_clean, quiet.user_clean * 10 ** (rendered.gain_db / 20), atol=1e-6)


def test_a_loud_line_is_held_below_its_peak() -> None:
    item = bursts(text_dialogue("d", TALK), Interaction(backchannels_per_minute=0))
    spiky = {name: pcm * 0.02 for name, pcm in item.pcm.items()}
    for pcm in spiky.values():
        pcm[len(pcm) // 2] = 1.0
    lines = {name: measured for name, pcm in spiky.items() if (measured := measure(pcm, []))}
    rendered = render(replace(item, pcm=spiky, lines=lines).plan(), spiky, {})
    assert np.abs(rendered.channels).max() <= 10 ** (-3 / 20) + 1e-6


def test_noise_files_are_resampled_repeated_and_never_start_in_silence(tmp_path: Path) -> None:
    recording = np.zeros(16_000)
    recording[8000:9000] = 0.25
    soundfile.write(tmp_path / "hum.wav", np.stack([recording, recording], axis=1), 16_000)
    pool = load_pool([tmp_path / "hum.wav"])
    assert pool["hum.wav"].shape == (24_000,)
    noise = make_noise(Noise("hum.wav", 20.0, 7), 60_000, "d", pool)
    assert noise.shape == (60_000,)
    assert noise[0] != 0
    assert np.array_equal(noise, make_noise(Noise("hum.wav", 20.0, 7), 60_000, "d", pool))


def test_noise_files_that_cannot_serve_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(24_000), 24_000)
    (tmp_path / "text.wav").write_text("not audio")
    soundfile.write(tmp_path / "short.wav", np.ones(2400) * 0.1, 24_000)
    for name in ("silent.wav", "text.wav", "short.wav", "missing.wav"):
        with pytest.raises(UsageError, match=name):
            load_pool([tmp_path / name])
    with pytest.raises(UsageError, match="gone"):
        make_noise(Noise("gone.wav", 20.0, 7), 100, "d", {})


def test_noise_is_drawn_as_often_and_as_loud_as_asked() -> None:
    params = NoiseParams(probability=0.4, snr_db=Uniform(low=15, high=25))
    drawn = [draw_noise(params, [], 1, f"d{n}") for n in range(1000)]
    found = [noise for noise in drawn if noise]
    assert 0.35 < len(found) / 1000 < 0.45
    assert all(15 <= noise.snr_db <= 25 and noise.name == WHITE for noise in found)
    assert np.mean([noise.snr_db for noise in found]) == pytest.approx(20, abs=0.5)
    assert drawn == [draw_noise(params, [], 1, f"d{n}") for n in range(1000)]
    named = draw_noise(NoiseParams(probability=1.0), ["b.wav", "a.wav"], 1, "d")
    assert named is not None
    assert named.name in ("a.wav", "b.wav")


def test_rendering_is_fast_enough_even_here(item: Spoken) -> None:
    timeline = item.plan(noise=Noise(WHITE, 20.0, 3))
    started = time.process_time()
    for _ in range(5):
        render(timeline, item.pcm, {})
    assert 5 * timeline.n_samples / RATE / (time.process_time() - started) > 200
