"""simulate: its recordings are checked once and before any work, and what differs in them is simulated again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.engine import chains
from turnmill.pipelines.stage import MIB, Stage
from turnmill.pipelines.stages.simulate import Simulate, SimulateParams, digest
from turnmill.pipelines.stages.speak import Speak, SpeakParams
from turnmill.pipelines.stages.verify import Verify, VerifyParams
from turnmill.synth.tts.engines.espeak import ESPEAK

LICENCE = {"spdx": "CC-BY-4.0", "redistribute": True, "commercial": True}


def noise(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(round(seconds * 16_000)), 16_000)
    return path


def stage(**params: Any) -> Simulate:
    return Simulate(SimulateParams.model_validate({"recordings_licence": LICENCE, **params}), 1)


def test_a_changed_second_half_of_a_recording_is_another_recording(tmp_path: Path) -> None:
    file = noise(tmp_path / "rain" / "a.wav", 10)
    before = digest([tmp_path], [])
    assert before == digest([tmp_path], [])
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    file.write_bytes(data)
    assert digest([tmp_path], []) != before


def test_the_bytes_of_a_recording_are_read_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise(tmp_path / "a.wav")
    before = digest([tmp_path], [])
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    assert digest([tmp_path], []) == before


def test_a_category_that_no_recording_has_is_refused_before_any_work(tmp_path: Path) -> None:
    noise(tmp_path / "rain" / "a.wav")
    wrong = {"noise": {"categories": {"rian": 1.0}}}
    with pytest.raises(UsageError, match=r"categories: no noise files are 'rian'; there are \['rain'\]"):
        stage(noises=[tmp_path], acoustics=wrong).check()
    stage(noises=[tmp_path], acoustics={"noise": {"categories": {"rain": 1.0}}}).check()


def test_a_worker_lists_recordings_that_were_checked_and_decodes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        noise(tmp_path / "noises" / "rain" / f"{n}.wav")
    made = stage(noises=[tmp_path / "noises"], rooms=[noise(tmp_path / "room.wav")])
    made.check()
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("decoded"))
    made.setup()
    assert {split: len(pools.noises["rain"]) for split, pools in made.pools.items()} == {
        "train": 1, "valid": 1, "test": 1,
    }  # fmt: skip


def test_takes_are_bounded_by_what_a_shard_can_hold() -> None:
    assert stage(takes=64).params.takes == 64
    with pytest.raises(ValidationError, match="takes"):
        SimulateParams(takes=65)


def test_a_long_dialogue_is_simulated_and_verified_by_the_worker_that_spoke_it() -> None:
    stages: list[Stage] = [Speak(SpeakParams(engine="espeak"), ESPEAK), stage(), Verify(VerifyParams(), ())]
    assert all(one.resources.memory >= 1024 * MIB for one in stages)
    assert len(chains(stages)) == 1
