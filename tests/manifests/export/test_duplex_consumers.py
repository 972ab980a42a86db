"""The loaders of moshi-finetune and Lhotse over an export. CONSUMER_PYTHON names a Python that has what they need,
MOSHI_FINETUNE a checkout of moshi-finetune; without them the tests skip."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.manifests.export.conftest import RATE, Output, exported, loaded
from tests.manifests.export.test_duplex_audio import BROKEN, TALKS

pytestmark = pytest.mark.consumer
ASSISTANT_TEXT = "itisopenfrommm-hmtodayitisclosed"


def moshi(folder: Path) -> Any:
    checkout = os.environ.get("MOSHI_FINETUNE")
    if checkout is None:
        pytest.skip("MOSHI_FINETUNE names no checkout of moshi-finetune")
    return loaded("windows.py", "moshi", checkout, str(folder), "10")


def is_as_written(found: Sequence[Any], output: Output) -> None:
    """Windows of moshi-finetune, one a dialogue: rows of both, text of the assistant, each row its channel's level."""
    assert len(found) == len(TALKS)
    for key, window in zip(TALKS, found, strict=True):
        assert (window["rows"], window["frames"]) == (17, 125)
        assert window["text"].replace(" ", "") == ASSISTANT_TEXT
        for row, samples in zip(("assistant", "user"), output.audio[key], strict=True):
            padded = np.pad(samples, (0, -len(samples) % 1920)).reshape(-1, 1920)
            level = 1000 * np.sqrt(np.mean(padded**2, axis=1))
            np.testing.assert_allclose(window[row][: len(level)], level, atol=1.1)


def test_moshi_finetune_loads_what_is_written(output: Output, tmp_path: Path) -> None:
    is_as_written(moshi(exported(output, "moshi", tmp_path / "to")), output)


@pytest.mark.parametrize("what", ["channels swapped", "mono", "lost", "planned text", "times in frames"])
def test_moshi_finetune_shows_what_is_wrong(what: str, output: Output, tmp_path: Path) -> None:
    folder = exported(output, "moshi", tmp_path / "to")
    BROKEN[f"moshi: {what}"][1](folder)
    found = moshi(folder)
    with pytest.raises(AssertionError):
        is_as_written(found, output)


def test_lhotse_loads_what_is_written(output: Output, tmp_path: Path) -> None:
    found = loaded("shar.py", "lhotse", str(exported(output, "lhotse", tmp_path / "to") / "train"))
    assert [cut["id"] for cut in found] == list(TALKS)
    for cut in found:
        told, audio = output.told[cut["id"]], output.audio[cut["id"]]
        assert (cut["rate"], cut["shape"]) == (RATE, list(audio.shape))
        levels = np.sqrt(np.mean(audio[:, : 6 * RATE].reshape(2, 6, RATE) ** 2, axis=2))
        np.testing.assert_allclose(cut["levels"], levels, atol=1e-4)
        heard = [[turn["channel"], turn["text_heard"]] for turn in told["turns"]]
        heard[3:3] = [[0, "mm-hm"]]
        assert [[channel, text] for channel, _, text, _, _ in cut["texts"]] == [*heard, [1, "but I"]]
        first = told["turns"][0]["words"][0]
        assert cut["words"][0] == [first["word"], pytest.approx(first["start"]), pytest.approx(first["end"])]
