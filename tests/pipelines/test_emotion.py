"""emotion with classifiers of a user's: one by pitch that stands in for a model, and such as give nothing usable."""

from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.conftest import lake_of
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Shard
from turnmill.pipelines.stages.emotion import EmotionParams, HeardEmotion
from turnmill.synth.speech import Speech

CLASSIFIERS = """
import numpy as np

def by_pitch(samples, sample_rate):
    assert sample_rate == 16000 and samples.dtype == np.float32 and samples.ndim == 1
    crossings = np.count_nonzero(np.diff(np.signbit(samples))) / (2 * len(samples) / sample_rate)
    samples[:] = 0  # it is given a copy
    return {"hap": np.float32(0.75), "sad": 0.25} if crossings > 300 else {"hap": 0.25, "bored": 0.75}

def sometimes(samples, sample_rate):
    if len(samples) > 20000:
        raise RuntimeError("out of breath")
    return {"ang": 1.0}

def nothing(samples, sample_rate):
    return {}

def words(samples, sample_rate):
    return "sad"

def too_much(samples, sample_rate):
    return {"sad": 75.0}
"""


@pytest.fixture(autouse=True)
def _classifiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "classifiers.py").write_text(CLASSIFIERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "classifiers", raising=False)


def tone(hz: float, seconds: float) -> Speech:
    time = np.arange(round(seconds * 24_000)) / 24_000
    return Speech((0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32), 24_000, None)


def made(function: str, folder: Path, clips: list[Speech]) -> Made:
    stage = HeardEmotion(EmotionParams(classifier=f"classifiers:{function}"))
    stage.check_here()
    stage.setup()
    return stage.process(Shard("shard", "shard"), lake_of(folder, clips, ("emotions",)), Guard(stage.name))


def test_the_likeliest_label_is_kept_beside_what_it_means(tmp_path: Path) -> None:
    result = made("by_pitch", tmp_path / "lake", [tone(440, 1), tone(150, 1)])
    assert not result.rejects
    high, low = result.tables["emotions"]
    assert (high["heard_emotion"], high["heard_emotion_label"], high["heard_emotion_prob"]) == ("joy", "hap", 0.75)
    assert high["emotion_probs"] == [{"label": "hap", "prob": 0.75}, {"label": "sad", "prob": 0.25}]
    assert (low["heard_emotion"], low["heard_emotion_label"]) == (None, "bored")
    to_table("emotions", result.tables["emotions"])


def test_a_clip_that_it_fails_on_is_a_reject_and_the_others_are_not(tmp_path: Path) -> None:
    result = made("sometimes", tmp_path / "lake", [tone(440, 1), tone(440, 2)])
    assert [row["heard_emotion"] for row in result.tables["emotions"]] == ["anger"]
    assert [(reject.uid, reject.reason) for reject in result.rejects] == [("u1", Reason.MODEL_FAILED)]
    assert result.rejects[0].detail == "u1: emotion.classifier raised RuntimeError: out of breath"


@pytest.mark.parametrize("function", ["nothing", "words", "too_much"])
def test_one_that_gives_no_probabilities_ends_the_run(tmp_path: Path, function: str) -> None:
    with pytest.raises(
        TurnmillError, match=r"emotion.classifier fails on every clip: u0: .*not probabilities by label"
    ):
        made(function, tmp_path / "lake", [tone(440, 1), tone(440, 1)])


def test_a_name_that_is_none_is_told_and_another_file_is_another_classifier(tmp_path: Path) -> None:
    for name, told in (("no_such_module:f", "cannot be imported"), ("classifiers:f", "has no function 'f'")):
        with pytest.raises(UsageError, match=rf"emotion\.classifier: .*{told}"):
            HeardEmotion(EmotionParams(classifier=name)).check_here()
    stage = HeardEmotion(EmotionParams(classifier="classifiers:by_pitch"))
    before = stage.fingerprint(["r"])
    (tmp_path / "classifiers.py").write_text(CLASSIFIERS + "# another\n")
    assert stage.fingerprint(["r"]) != before
