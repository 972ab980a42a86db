"""The measure of speech against speech whose times are known, and against what is no speech."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from turnmill.manifests.audio import Audio, Float32, mono_at, quantize16, read
from turnmill.manifests.audio.mix import resampled
from turnmill.sources import presence as module
from turnmill.sources.measure import quality
from turnmill.sources.presence import RATE, Segments, presence, speech
from turnmill.synth.energy import active_level, islands

PAUSE_S = 1.5


def spoken(shared: Path, speaker: str, n: int = 3) -> list[Float32]:
    """Stretches of speech without a pause, of a clip with a quiet background."""
    path = sorted(shared.glob(f"LibriSpeech/test-other/{speaker}/*/*.flac"))[n]
    pcm = mono_at(read(path.read_bytes(), path.name).sound, 24_000, path.name)
    level = active_level(pcm)
    assert level is not None
    found = (pcm[start:end] for start, end in islands(pcm, level - 30, 4800) if end - start > 12_000)
    return [at_rate(part, 24_000, RATE) for part in found]


def at_rate(pcm: Float32, old: int, new: int) -> Float32:
    return np.concatenate([block[0] for block in resampled(iter([pcm[None]]), 1, old, new, "x")])


def with_pauses(parts: list[Float32]) -> tuple[Float32, Segments]:
    """The parts in a converter's noise, and where they are in seconds."""
    pause = np.zeros(round(PAUSE_S * RATE), np.float32)
    at, times = 0, []
    for part in parts:
        at += len(pause)
        times.append((at / RATE, (at + len(part)) / RATE))
        at += len(part)
    pcm = np.concatenate([each for part in parts for each in (pause, part)] + [pause])
    noise = np.random.default_rng(0).standard_normal(len(pcm), np.float32) * np.float32(10 ** (-80 / 20))
    return pcm + noise, tuple(times)


def shares(truth: Segments, found: Segments, seconds: float) -> tuple[float, float]:
    """Precision and recall of 10 ms."""
    said, heard = (np.zeros(round(seconds * 100) + 1, bool) for _ in range(2))
    for mask, spans in ((said, truth), (heard, found)):
        for start, end in spans:
            mask[round(start * 100) : round(end * 100)] = True
    both = (said & heard).sum()
    return both / max(heard.sum(), 1), both / said.sum()


def test_bounds_are_those_of_the_sound(shared: Path) -> None:
    pcm, truth = with_pauses(spoken(shared, "3080"))
    found = speech(pcm, RATE)
    assert len(found) == len(truth) > 1
    assert np.abs(np.array(found) - np.array(truth)).max() < 0.05
    assert speech(pcm, RATE) == found


@pytest.mark.parametrize(("speaker", "clip"), [("2414", 5), ("3080", 3), ("3331", 3)])
def test_speech_holds_on_a_bad_telephone(shared: Path, speaker: str, clip: int) -> None:
    """Too loud for its channel, of a narrow band, then far too quiet: of these Silero alone finds 4, 17 and 27 %."""
    pcm, truth = with_pauses(spoken(shared, speaker, clip))
    band = butter(4, [600, 1400], "band", fs=RATE, output="sos")
    narrow = np.clip(sosfilt(band, pcm).astype(np.float32) * 10, -0.3, 0.3)
    quiet = quantize16(Audio(at_rate(narrow * np.float32(0.02), RATE, 8000)[None], 8000))
    precision, recall = shares(truth, speech(quiet.samples[0], 8000), len(pcm) / RATE)
    assert min(precision, recall) > 0.9


def test_pauses_are_heard_where_noise_sets_in(shared: Path) -> None:
    """Half of the recording has a silent background, which says nothing of the other half."""
    once, truth = with_pauses(spoken(shared, "3080"))
    pcm = np.tile(once, 12)
    noise = np.random.default_rng(1).standard_normal(len(pcm) // 2, np.float32) * np.float32(10 ** (-48 / 20))
    pcm[len(pcm) // 2 :] += noise
    found = np.array(speech(pcm, RATE))
    assert len(found) == 12 * len(truth)
    assert (found[:, 1] - found[:, 0]).max() < max(end - start for start, end in truth) + 0.4


def test_level_and_offset_of_the_converter_do_not_matter(shared: Path) -> None:
    pcm, truth = with_pauses(spoken(shared, "3080"))
    loud = speech(pcm, RATE)
    for other in (pcm * np.float32(0.02), pcm + np.float32(0.2)):
        assert np.abs(np.array(speech(other, RATE)) - np.array(loud)).max() <= 0.05
    assert min(shares(truth, loud, len(pcm) / RATE)) > 0.95


def test_speech_is_found_in_noise_that_hides_its_bounds(shared: Path) -> None:
    pcm, truth = with_pauses(spoken(shared, "3331"))
    level = active_level(pcm)
    assert level is not None
    path = shared / "noise/pyroomacoustics_doing_the_dishes.wav"
    noise = np.resize(mono_at(read(path.read_bytes(), path.name).sound, RATE, path.name), len(pcm))
    noise *= np.float32(10 ** ((level - 5) / 20) / np.sqrt(np.mean(np.square(noise))))
    precision, recall = shares(truth, speech(pcm + noise, RATE), len(pcm) / RATE)
    assert min(precision, recall) > 0.85


@pytest.mark.parametrize(
    "name", ["noise/pyroomacoustics_exercise_bike.wav", "noise/speechbrain_noise1.wav", "ESC-10/Rain"]
)
def test_noise_at_any_level_is_no_speech(shared: Path, name: str) -> None:
    path = shared / name
    path = sorted(path.iterdir())[0] if path.is_dir() else path
    pcm = mono_at(read(path.read_bytes(), path.name).sound, RATE, path.name)
    for gain in (1.0, 0.01):
        assert speech(pcm * np.float32(gain), RATE) == ()


def test_tones_clicks_and_silence_are_no_speech() -> None:
    at = np.arange(10 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * at) * (1 + np.sin(4 * np.pi * at)) for hz in (220, 277.2, 329.6)) / 12
    clicks = np.where(np.arange(10 * RATE) % 8000 == 0, 0.9, 0.0)
    for pcm in (chord, clicks, np.zeros(10 * RATE), np.full(10 * RATE, 0.3)):
        assert speech(pcm.astype(np.float32), RATE) == ()
    assert speech(np.zeros(0, np.float32), RATE) == ()


def test_a_click_at_full_scale_does_not_hide_quiet_speech(shared: Path) -> None:
    pcm, truth = with_pauses(spoken(shared, "3080"))
    pcm = pcm * np.float32(0.02)
    pcm[100:110] = 0.9
    assert min(shares(truth, speech(pcm, RATE), len(pcm) / RATE)) > 0.95


def two(shared: Path) -> tuple[Audio, tuple[Segments, Segments]]:
    """Two speakers in turn, who overlap at the end of the first one's turn."""
    channels = []
    for speaker, lead in (("3080", 0), ("3331", 9 * RATE)):
        pcm, times = with_pauses(spoken(shared, speaker))
        moved = tuple((start + lead / RATE, end + lead / RATE) for start, end in times)
        channels.append((np.concatenate((np.zeros(lead, np.float32), pcm)), moved))
    frames = max(len(pcm) for pcm, _ in channels)
    stems = np.stack([np.pad(pcm, (0, frames - len(pcm))) for pcm, _ in channels])
    return Audio(stems, RATE), (channels[0][1], channels[1][1])


@pytest.mark.parametrize(("leak_db", "late_s"), [(-14.0, 0.0), (-14.0, 0.2), (-20.0, 0.02)])
def test_what_a_channel_hears_of_the_other_is_not_its_speech(shared: Path, leak_db: float, late_s: float) -> None:
    apart, truth = two(shared)
    leak = np.roll(apart.samples[::-1], round(late_s * RATE), axis=1) * np.float32(10 ** (leak_db / 20))
    leaky = presence(Audio(apart.samples + leak, RATE))
    for found, true in zip(leaky.channels, truth, strict=True):
        assert min(shares(true, found, apart.duration)) > 0.9
    assert leaky.leaks_db == (pytest.approx(leak_db, abs=1), pytest.approx(leak_db, abs=1))


def test_two_who_speak_at_once_do_not_hear_each_other(shared: Path) -> None:
    apart, truth = two(shared)
    at_once = Audio(np.stack((apart.samples[0], np.roll(apart.samples[1], -9 * RATE))), RATE)
    found = presence(at_once)
    assert found.leaks_db == (None, None)
    assert min(shares(truth[0], found.channels[0], apart.duration)) > 0.95


def test_quality_tells_channels_apart_where_they_are_two_talks(shared: Path) -> None:
    audio, _ = two(shared)
    measured = quality(audio)
    assert measured.channel_segments == presence(audio).channels
    assert measured.segments[0][0] == min(spans[0][0] for spans in measured.channel_segments)
    one = Audio(audio.samples[:1], RATE)
    assert quality(one).channel_segments is None
    assert quality(Audio(np.repeat(one.samples, 2, axis=0), RATE)).channel_segments is None
    assert quality(Audio(np.concatenate((one.samples, -one.samples)), RATE)).channel_segments is None


def test_a_long_recording_is_heard_in_windows_as_at_once(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pcm, truth = with_pauses(spoken(shared, "3080") * 3)
    at_once = speech(pcm, RATE)
    monkeypatch.setattr(module, "_WINDOW", 1000)
    in_windows = speech(pcm, RATE)
    assert np.abs(np.array(in_windows) - np.array(at_once)).max() < 0.1
    assert len(at_once) == len(truth)
