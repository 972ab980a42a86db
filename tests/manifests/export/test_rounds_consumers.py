"""The loaders of SLAM-LLM, LLaMA-Omni, LLaMA-Omni2 and Ichigo over an export of rounds.

CONSUMER_PYTHON names a Python that has what they need; SLAM_LLM, LLAMA_OMNI, LLAMA_OMNI2 and ICHIGO a checkout each (of
Ichigo one that has synthetic_data); ffmpeg is on PATH. Without them the tests skip. Tokenizers and quantisers are those
of `consumers/questions.py`, and no model is loaded.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.export import test_conversations, test_rounds
from tests.manifests.export.conftest import Output, exported, loaded
from tests.manifests.export.test_rounds import ROUNDS

pytestmark = pytest.mark.consumer


def ran(what: str, checkout: str, export: Path) -> Any:
    folder = os.environ.get(checkout)
    if folder is None:
        pytest.skip(f"{checkout} names no checkout")
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg on PATH")
    return loaded("questions.py", "whisper", what, folder, str(export))


def lasts(seconds: float, of: tuple[str, str]) -> bool:
    """Whether what is not silent is as long as the question: a window of Whisper's reaches over either end."""
    start, end = ROUNDS[of][2:4]
    return seconds == pytest.approx(end - start + 0.02, abs=0.025)


def voiceassistant(folder: Path) -> None:
    """SLAM-LLM trains Mini-Omni on it: 7 layers of SNAC, no history, no answer's sound."""
    found = ran("slam", "SLAM_LLM", folder)
    assert found["declared"], "not the columns of VoiceAssistant-400K"
    assert [one["key"] for one in found["items"]] == [f"{'-'.join(of)}.wav" for of in ROUNDS], "lost"
    for one, (of, (question, answer, *_)) in zip(found["items"], ROUNDS.items(), strict=True):
        assert (one["source"], one["learnt"], one["sounds"]) == (question, answer, 0)
        assert (one["prompt"], one["places"]) == ("<SYSTEM>: Converse.\n ", 300)
        assert lasts(one["seconds"], of)
    assert [shape[:2] for shape in found["batch"][:2]] == [[2, 8], [2, 8]]


def slam_omni(folder: Path) -> None:
    """SLAM-LLM trains SLAM-Omni on it: 3 layers of CosyVoice, what was said before in the prompt."""
    found = ran("slam", "SLAM_LLM", folder / "train.jsonl")
    assert [one["key"] for one in found["items"]] == ["-".join(of) for of in ROUNDS], "lost"
    for one, (of, (_, answer, _, _, before)) in zip(found["items"], ROUNDS.items(), strict=True):
        history = f"{before.strip()}\n " if before else ""
        assert one["prompt"] == f"<SYSTEM>: Converse.\n {history}"
        assert (one["learnt"], one["sounds"], one["places"]) == (answer, 0, 300)
        assert lasts(one["seconds"], of)
    assert [shape[:2] for shape in found["batch"][:2]] == [[2, 4], [2, 4]]


def llama_omni(folder: Path) -> None:
    """LLaMA-Omni's dataset, and what its `preprocess` takes for labels: the answer, and nothing else."""
    found = ran("llama", "LLAMA_OMNI", folder / "train.json")
    assert [one["id"] for one in found] == ["-".join(of) for of in ROUNDS], "lost"
    for one, (of, (_, answer, *_)) in zip(found, ROUNDS.items(), strict=True):
        assert (one["learnt"], one["speeches"], one["inputs"]) == (answer, 1, 1)
        assert (one["frames"], one["bands"]) == (3000, 128)
        assert lasts(one["seconds"], of)


def llama_omni2(folder: Path) -> None:
    """LLaMA-Omni2's dataset, which is asked for the last answer of each conversation."""
    found = ran("llama2", "LLAMA_OMNI2", folder / "train.json")
    talks = test_conversations.TALKS
    assert [one["id"] for one in found] == [f"{dialogue}-{numbers[0]}" for dialogue, numbers in talks.items()], "lost"
    for one, (dialogue, numbers) in zip(found, talks.items(), strict=True):
        answers = [ROUNDS[dialogue, number][1] for number in numbers]
        assert one["text"] == "".join(f"user: \nassistant: {answer}\n" for answer in answers[:-1]) + (
            "user: \nassistant: "
        )
        assert (one["answer"], one["speeches"]) == (answers[-1], len(numbers))
        assert all(lasts(seconds, (dialogue, number)) for seconds, number in zip(one["seconds"], numbers, strict=True))


def ichigo(folder: Path) -> None:
    """Both of Ichigo's pipelines make the same tokens of the sound, 25 a second, into its own schema."""
    found = ran("ichigo", "ICHIGO", folder)
    assert found["same"], "another schema"
    assert len(found["talks"]) == len(test_conversations.TALKS), "lost"
    turns = [turn for talk in found["talks"] for turn in talk["conversations"]]
    assert [turn["content"] for turn in turns[1::2]] == [answer for _, answer, *_ in ROUNDS.values()]
    for turn, question, (asked, _, start, end, _) in zip(turns[::2], found["questions"], ROUNDS.values(), strict=True):
        tokens = question["tokens"]
        assert question["text"] == asked
        assert "".join(f"<|sound_{token:04d}|>" for token in tokens) in turn["content"]
        assert len(tokens) == int(25 * (end - start) + 1e-6)
        assert min(tokens) > 5, "silence"


CONSUMERS: dict[str, Callable[[Path], None]] = {
    "voiceassistant": voiceassistant, "slam_omni": slam_omni, "llama_omni": llama_omni, "llama_omni2": llama_omni2,
    "ichigo": ichigo,
}  # fmt: skip


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_loader_reads_what_is_written(name: str, talks: Output, tmp_path: Path) -> None:
    CONSUMERS[name](exported(talks, name, tmp_path / "to"))


# They mix two channels to one. Which dialogue a conversation of Ichigo's is of, nobody asks.
UNSEEN = {"two channels", "too short", "one number twice", "in another order", "rounds from 1"}
BROKEN = {
    f"{name}: {what}": (name, change)
    for broken in (
        {key: change for key, (_, change) in test_rounds.BROKEN.items()},
        test_conversations.BROKEN,
    )
    for key, change in broken.items()
    for name, _, what in [key.partition(": ")]
    if what not in UNSEEN
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_loader_shows_what_is_wrong(broken: str, talks: Output, tmp_path: Path) -> None:
    name, change = BROKEN[broken]
    folder = exported(talks, name, tmp_path / "to")
    change(folder)
    with pytest.raises(AssertionError):
        CONSUMERS[name](folder)
