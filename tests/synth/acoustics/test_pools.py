"""Pools: real recordings in any format, and every one that cannot serve is named."""

import weakref
from pathlib import Path

import numpy as np
import pytest
import soundfile

from turnmill.manifests.errors import UsageError
from turnmill.synth.acoustics import NOISE, Pools, check_pools, load_pools, pool_files
from turnmill.synth.acoustics.noise import looped, make_background
from turnmill.synth.acoustics.plan import Background
from turnmill.synth.channels import RATE


def tone(path: Path, seconds: float = 1.0, rate: int = 16_000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mono = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.stack([mono] * channels, axis=1), rate)
    return path


def test_real_folders_give_a_category_each_and_every_channel_of_a_response_a_room(shared: Path, real: Pools) -> None:
    assert {"Dog bark", "Rain", "noise"} <= set(real.noises)
    assert sum(len(names) for names in real.noises.values()) == 7 + 160
    assert {f"lhotse_real_8ch.wav#{n}" for n in range(1, 9)} < set(real.rooms)
    for name, response in real.rooms.items():
        assert response.dtype == np.float32, name
        assert response[0] == 1.0 == np.abs(response).max(), name
        assert len(response) <= 2 * RATE, name
    dishes = real.noises["noise"]["pyroomacoustics_doing_the_dishes.wav"]
    assert len(dishes) == 60 * RATE  # of 95 s: the first minute
    assert dishes.dtype == np.float32
    names = [name for name, _ in pool_files([shared / "noise"], [shared / "rir"])]
    assert "noise/noise/audiomentations_hens.ogg" in names
    assert "rooms/speechbrain_rir1.wav" in names


def test_only_a_few_recordings_are_held_in_memory(tmp_path: Path) -> None:
    """Of all categories together, and of the rooms."""
    for n in range(20):
        tone(tmp_path / "noise" / f"category{n}" / "a.wav")
        tone(tmp_path / "noise" / f"category{n}" / "b.wav")
    pools = load_pools([tmp_path / "noise"], [tone(tmp_path / "room.wav")])
    gone = []
    for names in pools.noises.values():
        for name in names:
            assert len(names[name]) == RATE
            gone.append(weakref.ref(names[name]))
    assert pools.rooms["room.wav"] is pools.rooms["room.wav"]
    assert [found() is not None for found in gone] == [False] * 25 + [True] * 15
    with pytest.raises(ValueError, match="read-only"):
        pools.noises["category1"]["a.wav"][0] = 1.0


def test_a_pool_is_listed_without_being_decoded_and_checked_when_that_is_asked(tmp_path: Path) -> None:
    tone(tmp_path / "short.wav", 0.4)
    assert set(load_pools([tmp_path]).noises[NOISE]) == {"short.wav"}
    with pytest.raises(UsageError, match=r"short\.wav"):
        check_pools([tmp_path])


def test_a_category_tells_nothing_of_the_host(tmp_path: Path) -> None:
    """Snapshots of the Hub are links into a folder `blobs`; a home folder has its owner's name."""
    home, snapshot = tmp_path / "alice", tmp_path / "snapshot"
    blob = tone(home / "blobs" / "0123.wav")
    (snapshot / "animals" / "dogs").mkdir(parents=True)
    (snapshot / "animals" / "dogs" / "bark.wav").symlink_to(blob)
    (snapshot / "hum.wav").symlink_to(blob)
    (tmp_path / "linked").symlink_to(snapshot)
    for root in (snapshot, tmp_path / "linked"):
        noises = load_pools([root]).noises
        assert {category: list(names) for category, names in noises.items()} == {
            "animals/dogs": ["bark.wav"],
            NOISE: ["hum.wav"],
        }
    assert set(load_pools([blob]).noises) == {NOISE}
    assert [name for name, _ in pool_files([blob, snapshot])] == [
        "noise/noise/0123.wav",
        "noise/animals/dogs/bark.wav",
        "noise/noise/hum.wav",
    ]


def test_what_cannot_serve_is_named_with_the_fix(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(24_000), 24_000)
    soundfile.write(tmp_path / "cancelling.wav", np.array([[0.5, -0.5]] * 24_000), 24_000)
    (tmp_path / "text.wav").write_text("not audio")
    tone(tmp_path / "short.wav", 0.4)
    soundfile.write(tmp_path / "broken.wav", np.full(24_000, np.nan, np.float32), 24_000, subtype="FLOAT")
    for name in ("silent.wav", "cancelling.wav", "text.wav", "short.wav", "broken.wav", "missing.wav"):
        with pytest.raises(UsageError, match=name):
            check_pools([tmp_path / name])
    for name in ("silent.wav", "text.wav", "broken.wav", "missing.wav"):
        with pytest.raises(UsageError, match=name):
            check_pools((), [tmp_path / name])
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.txt").write_text("nothing here")
    for key in ("noise", "rooms"):
        with pytest.raises(UsageError, match=f"{key}: the folder .*empty has no audio"):
            load_pools(**{key: [tmp_path / "empty"]})


def test_two_files_of_one_name_are_refused_in_one_category_alone(tmp_path: Path) -> None:
    one, other = tone(tmp_path / "x/rain/a.wav"), tone(tmp_path / "y/rain/a.wav")
    with pytest.raises(UsageError, match=r"two files of the category 'rain' are named 'a\.wav'"):
        load_pools([tmp_path / "x", tmp_path / "y"])
    with pytest.raises(UsageError, match=r"two files are named 'a\.wav'"):
        load_pools((), [one, other])
    tone(tmp_path / "z/wind/a.wav")
    assert set(load_pools([tmp_path / "x", tmp_path / "z"]).noises) == {"rain", "wind"}
    tone(tmp_path / "w/white/a.wav")
    with pytest.raises(UsageError, match="'white'"):
        load_pools([tmp_path / "w"])


def test_a_repeated_recording_never_clicks() -> None:
    """A sine of 443.7 Hz does not fit its file: without a cross-fade each repeat would step."""
    sine = (0.5 * np.sin(2 * np.pi * 443.7 * np.arange(15_000) / RATE)).astype(np.float32)
    steepest = np.abs(np.diff(sine)).max()
    assert np.abs(np.diff(np.tile(sine, 3))).max() > 2 * steepest
    assert np.abs(np.diff(np.tile(looped(sine), 4))).max() < 1.6 * steepest
    pools = Pools({"c": {"s": sine}})
    noise = make_background(Background("s", "c", 7, 10.0, ((0, 5 * RATE),)), 5 * RATE, "d", pools)
    assert noise.shape == (5 * RATE,)
    assert np.abs(np.diff(noise)).max() < 1.6 * steepest
    assert np.array_equal(noise, make_background(Background("s", "c", 7, 10.0, ((0, 5 * RATE),)), 5 * RATE, "d", pools))


def test_bursts_begin_on_a_sound_and_are_silent_between(real: Pools) -> None:
    """A dog barks for half a second of its file: the burst must not fall on the silence after."""
    for name in real.noises["Dog bark"]:
        spans = ((0, RATE), (2 * RATE, 3 * RATE), (4 * RATE, 5 * RATE))
        noise = make_background(Background(name, "Dog bark", 3, 10.0, spans), 5 * RATE, "d", real)
        assert not noise[RATE : 2 * RATE].any()
        assert not noise[3 * RATE : 4 * RATE].any()
        loudest = max(np.mean(noise[start:end] ** 2) for start, end in spans)
        assert all(np.mean(noise[start : start + RATE // 4] ** 2) > loudest * 1e-3 for start, _ in spans), name
    with pytest.raises(UsageError, match=r"Dog bark/gone\.wav"):
        make_background(Background("gone.wav", "Dog bark", 3, 10.0, ((0, 9),)), 9, "d", real)
