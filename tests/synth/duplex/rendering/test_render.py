"""Rendering: exact placement, levels, fades, and noise that is what its label says."""

from dataclasses import replace

import numpy as np
import pytest

from tests.synth.duplex.conftest import QUIET, Spoken, bursts, text_dialogue, white
from turnmill.synth.acoustics import PEAK_DBFS, Pools
from turnmill.synth.channels import ASSISTANT, USER
from turnmill.synth.duplex.planning.spoken import measure
from turnmill.synth.duplex.rendering.material import Material
from turnmill.synth.duplex.rendering.render import render, shaped
from turnmill.synth.duplex.timeline import Clip
from turnmill.synth.energy import active_level

TALK = ["Tell me about it, please.", " ".join(["It is a long story, and I like it, so listen."] * 4), "Well, go on."]
NO_POOLS = Pools()


@pytest.fixture(scope="module")
def item() -> Spoken:
    return bursts(text_dialogue("d", TALK), QUIET.model_copy(update={"backchannels_per_minute": 16.0}))


def test_each_clip_lands_on_its_sample_and_nothing_sounds_elsewhere(item: Spoken) -> None:
    timeline = item.plan()
    rendered = render(timeline, item.material.pcm, NO_POOLS)
    stems = (rendered.assistant.copy(), rendered.user_clean.copy())
    for clip in timeline.clips:
        body = slice(clip.at + clip.fade_in, clip.end - clip.fade_out)
        cut = item.material.pcm[clip.line][clip.start + clip.fade_in : clip.stop - clip.fade_out]
        np.testing.assert_allclose(stems[clip.channel][body], cut * 10 ** (clip.gain_db / 20), rtol=1e-5, atol=1e-7)
        stems[clip.channel][clip.at : clip.end] = 0
    assert not stems[ASSISTANT].any()
    assert not stems[USER].any()
    assert np.array_equal(rendered.user, rendered.user_clean)


def test_turns_have_the_level_of_the_timing_and_backchannels_less(item: Spoken) -> None:
    timeline = item.plan()
    rendered = render(timeline, item.material.pcm, NO_POOLS)
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
    timeline = item.plan(acoustics=white(snr_db, 3))
    rendered = render(timeline, item.material.pcm, NO_POOLS)
    assert np.array_equal(rendered.assistant, render(item.plan(), item.material.pcm, NO_POOLS).assistant)
    noise = (rendered.user - rendered.user_clean).astype(np.float64)
    spans = [(w.start, w.end) for turn in timeline.turns if turn.channel == USER for w in turn.words]
    speech = np.concatenate([rendered.user_clean[start:end] for start, end in spans]).astype(np.float64)
    measured = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.01)


def test_loud_noise_lowers_the_delivered_channel_instead_of_clipping(item: Spoken) -> None:
    rendered = render(item.plan(acoustics=white(-12.0, 3)), item.material.pcm, NO_POOLS)
    quiet = render(item.plan(), item.material.pcm, NO_POOLS)
    assert rendered.fitted.fit_db < 0
    assert 20 * np.log10(np.abs(rendered.channels).max()) <= PEAK_DBFS
    assert np.array_equal(rendered.user_clean, quiet.user_clean)


def test_a_loud_line_is_held_below_its_peak() -> None:
    item = bursts(text_dialogue("d", TALK), QUIET)
    spiky = {name: pcm * 0.02 for name, pcm in item.material.pcm.items()}
    for pcm in spiky.values():
        pcm[len(pcm) // 2] = 1.0
    lines = {name: measured for name, pcm in spiky.items() if (measured := measure(pcm, []))}
    rendered = render(replace(item, material=Material(spiky, lines)).plan(), spiky, NO_POOLS)
    assert np.abs(rendered.channels).max() <= 10 ** (-3 / 20) + 1e-6


def test_what_sounds_beside_the_user_is_delivered_and_not_in_the_clean_stem(spoken: list[Spoken]) -> None:
    kinds = set()
    for item in spoken:
        timeline = item.plan()
        rendered = render(timeline, item.material.pcm, NO_POOLS)
        besides = [
            event for event in timeline.events if event.kind in ("noise_burst", "cough", "side_talk", "third_party")
        ]
        assert len(besides) == len(timeline.beside)
        for event in besides:
            kinds.add(event.kind)
            assert not rendered.user_clean[event.start : event.end].any()
            level = active_level(rendered.user[event.start : event.end])
            assert level is not None
            assert level - rendered.fitted.fit_db <= -23.0 + event.params["level_db"] + 1.0
        outside = np.ones(timeline.n_samples, np.bool_)
        for clip in timeline.beside:
            outside[clip.at : clip.end] = False
        assert np.array_equal(rendered.user[outside], rendered.user_clean[outside]) or rendered.fitted.fit_db < 0
    assert kinds == {"noise_burst", "cough", "side_talk", "third_party"}
