"""The loaders of moshi-finetune, Lhotse and NeMo over an export. CONSUMER_PYTHON names a Python that has what they
need, MOSHI_FINETUNE and NEMO checkouts of theirs; without them the tests skip."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.manifests.export.conftest import RATE, Output, exported, loaded
from tests.manifests.export.test_duplex_audio import BROKEN, TALKS
from turnmill.manifests.export import duplex_audio

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


def lhotse(folder: Path) -> Any:
    return loaded("shar.py", "lhotse", str(folder / "train"))


def is_as_written_by_lhotse(found: Sequence[Any], output: Output) -> None:
    """Cuts that pass Lhotse's own validation: stereo audio, each channel its level, and what is heard on each."""
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


def test_lhotse_loads_what_is_written(output: Output, tmp_path: Path) -> None:
    is_as_written_by_lhotse(lhotse(exported(output, "lhotse", tmp_path / "to")), output)


@pytest.mark.parametrize("what", ["lost", "unsorted", "channels swapped", "planned text", "ends for durations"])
def test_lhotse_shows_what_is_wrong(what: str, output: Output, tmp_path: Path) -> None:
    folder = exported(output, "lhotse", tmp_path / "to")
    lhotse(folder)
    BROKEN[f"lhotse: {what}"][1](folder)
    with pytest.raises(AssertionError):  # of `loaded`, where Lhotse itself refuses it
        is_as_written_by_lhotse(lhotse(folder), output)


def nemo_duplex(folder: Path) -> Any:
    checkout = os.environ.get("NEMO")
    if checkout is None:
        pytest.skip("NEMO names no checkout of NeMo")
    return loaded("nemo_duplex.py", "lhotse, torch", checkout, str(folder / "train"))


def is_as_written_by_nemo(found: Sequence[Any], output: Output) -> None:
    """Each side at its rate and as long as the dialogue, in sound where its party speaks; the letters of what is heard
    from the frame of its start."""
    assert [row["id"] for row in found] == list(TALKS)
    for row in found:
        told, audio = output.told[row["id"]], output.audio[row["id"]]
        assert row["text"] == "it is open from mm-hm today it is closed"
        for side, channel in (("source", 1), ("target", 0)):
            assert row[f"{side}_seconds"] == pytest.approx(told["duration"], abs=1e-3)
            halves = audio[channel, : 6 * RATE].reshape(12, -1)
            np.testing.assert_allclose(
                row[f"{side}_levels"][:12], np.sqrt(np.mean(halves**2, axis=1)), rtol=0.35, atol=4e-3
            )
            for turn in (turn for turn in told["turns"] if turn["channel"] == channel):
                start, end = (math.floor(turn[edge] / 0.08 + 0.5) for edge in ("start", "end"))
                letters, tokens = [1, *map(ord, turn["text_heard"])][: end - start], row[f"{side}_tokens"]
                assert tokens[start : start + len(letters)] == letters


def test_nemo_duplex_loads_what_is_written(output: Output, tmp_path: Path) -> None:
    is_as_written_by_nemo(nemo_duplex(exported(output, "nemo_duplex", tmp_path / "to")), output)


@pytest.mark.parametrize("what", ["lost", "unsorted", "channels swapped", "planned text", "roles swapped"])
def test_nemo_duplex_shows_what_is_wrong(what: str, output: Output, tmp_path: Path) -> None:
    folder = exported(output, "nemo_duplex", tmp_path / "to")
    nemo_duplex(folder)
    BROKEN[f"nemo_duplex: {what}"][1](folder)
    with pytest.raises(AssertionError):
        is_as_written_by_nemo(nemo_duplex(folder), output)


def test_nemo_duplex_stretches_a_target_of_another_rate(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = duplex_audio._EACH
    monkeypatch.setattr(duplex_audio, "_EACH", tracks | {"target_audio": replace(tracks["target_audio"], rate=24_000)})
    with pytest.raises(AssertionError):
        is_as_written_by_nemo(nemo_duplex(exported(output, "nemo_duplex", tmp_path / "to")), output)
