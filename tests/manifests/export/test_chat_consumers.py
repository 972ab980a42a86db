"""ms-swift, LLaMA-Factory and LUCY over an export, and over exports that are wrong in one way. CONSUMER_PYTHON names a
Python that has what they need, MS_SWIFT, LLAMA_FACTORY and LUCY a checkout of each; without them the tests skip.

Tokenizers have a token for each byte or word, LUCY's encoder is none: what is heard, said and learnt does not depend on
them.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.export import test_audio_tasks, test_chat, test_lucy
from tests.manifests.export.conftest import Output, exported, loaded
from tests.manifests.export.talk import make_talks

pytestmark = pytest.mark.consumer
Broken = Mapping[str, Callable[[Path], None]]


def checkout(name: str) -> str:
    folder = os.environ.get(name)
    if folder is None:
        pytest.skip(f"{name} names no checkout")
    return folder


def lines(change: Callable[[list[Any]], list[Any]], name: str = "train.jsonl") -> Callable[[Path], None]:
    return lambda folder: test_chat.break_lines(folder / name, change)


def sounds(what: str) -> Callable[[Path], None]:
    return partial(test_chat.break_sounds, change=test_chat.SOUNDS[what])


def variants(folder: Path, broken: Broken) -> dict[str, Path]:
    """The folder as it was written, and a copy for each fault, whose absolute paths are its own."""
    made = {"": folder}
    for number, (name, breaks) in enumerate(broken.items()):
        made[name] = folder.with_name(f"{folder.name}-{number}")
        shutil.copytree(folder, made[name])
        for each in made[name].glob("*.jsonl"):
            each.write_text(each.read_text("utf-8").replace(f"{folder}/", f"{made[name]}/"), "utf-8")
        breaks(made[name])
    return made


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return make_talks(tmp_path_factory.mktemp("chat") / "out")


ROWS: Broken = {
    "lost": lines(test_chat.BROKEN["lost"]),
    "a tag too many": lines(test_chat.BROKEN["a tag too many"]),
    "a file too few": lines(test_chat.BROKEN["a file too few"]),
    "roles swapped": lines(test_chat.BROKEN["roles swapped"]),
    "planned text": lines(test_chat.BROKEN["planned text"]),
    "an answer too few": lines(test_chat.BROKEN["an answer too few"]),
    "paths of another kind": lines(test_chat.BROKEN["paths of another kind"]),
}
IN_A_ROW: Broken = {"two turns of the user in a row": lines(test_chat.BROKEN["two turns of the user in a row"])}
TRAINERS = {
    "swift": ("MS_SWIFT", "swift_rows.py", "transformers, modelscope", 0.01),
    "llamafactory": ("LLAMA_FACTORY", "llamafactory_rows.py", "transformers, omegaconf", 0.041),
}
"""Checkout, script, what it needs, and how exactly it tells the length of a file, in seconds."""


def is_as_chats(found: list[Any], name: str) -> None:
    """A row a dialogue, each file heard in its place, each answer learnt that the trainer can learn alone."""
    assert len(found) == len(test_chat.CHATS)
    for row, rounds in zip(found, test_chat.CHATS.values(), strict=True):
        assert {*row} == {"text", "trained", "seconds"}
        whole = [text for _, text, whole in rounds if whole or name == "llamafactory"]
        assert row["trained"] == "".join(f"{text}<|im_end|>\n" for text in whole)
        lengths = [end - start for spans, _, _ in rounds for start, end in spans]
        assert row["seconds"] == pytest.approx(lengths, abs=TRAINERS[name][3])
        assert "<audio>" not in row["text"]
        said = [part.split("<|im_start|>assistant\n")[1] for part in row["text"].split("<|im_start|>user\n")[1:]]
        assert said == [f"{text}<|im_end|>\n" for _, text, _ in rounds]


@pytest.mark.parametrize("name", TRAINERS)
def test_the_trainers_of_qwen2_audio_hear_what_is_written_and_show_what_is_wrong(
    name: str, talks: Output, tmp_path: Path
) -> None:
    """Two turns of the user in a row are one for ms-swift; LLaMA-Factory leaves such a chat out."""
    place, script, needs, _ = TRAINERS[name]
    broken = ROWS | {"another rate": sounds("another rate"), "cut short": sounds("cut short")}
    broken = broken | (IN_A_ROW if name == "llamafactory" else {})
    made = variants(exported(talks, f"{name}_chat", tmp_path / "to"), broken)
    found = dict(zip(made, loaded(script, needs, checkout(place), *map(str, made.values())), strict=True))
    is_as_chats(found[""], name)
    for what in broken:
        with pytest.raises(AssertionError):
            is_as_chats(found[what], name)


def is_as_tasks(found: list[Any]) -> None:
    answers = sorted((len(row["seconds"]), row["trained"].removesuffix("<|im_end|>\n")) for row in found)
    assert answers == sorted((len(keys), answer) for keys, answer in test_audio_tasks.ANSWERS)
    assert {seconds for row in found for seconds in row["seconds"]} <= {1.25, 1.24}


@pytest.mark.parametrize("name", TRAINERS)
def test_the_trainers_of_qwen2_audio_hear_the_clips_and_learn_the_answers(name: str, tmp_path: Path) -> None:
    place, script, needs, _ = TRAINERS[name]
    output = test_audio_tasks.make_clips(tmp_path / "out", test_audio_tasks.CLIPS)
    broken = {what: lines(test_audio_tasks.BROKEN[what]) for what in ("lost", "a file too few", "another text")}
    made = variants(exported(output, name, tmp_path / "to", split="train"), broken)
    found = dict(zip(made, loaded(script, needs, checkout(place), *map(str, made.values())), strict=True))
    is_as_tasks(found[""])
    for what in broken:
        with pytest.raises((AssertionError, KeyError)):
            is_as_tasks(found[what])


STATES = {None: 2, test_lucy.DENIAL: 1, test_lucy.CHANGE: 3, test_lucy.AFFIRM: 4, test_lucy.NOTHING: 5}
"""By what is written, the class of LUCY's head: without a state an inquiry, and a text after an observation is 0."""
TASKS = {"train.emotion.jsonl": "AQACONVA_EMO", "train.jsonl": "AQACONV", "train.negative.jsonl": "AQACONV"}


def is_as_conversations(found: list[list[Any]]) -> None:
    """A sample a row: who says what, what is learnt, states, and the lengths of what the user says."""
    for (name, wanted), samples in zip(test_lucy.FILES.items(), found, strict=True):
        assert len(samples) == len(wanted)
        for sample, messages in zip(samples, wanted, strict=True):
            answers, states, lengths, before = [], [], [], ""
            for role, content, span, state in messages:
                if role == "assistant":
                    states.append(0 if before == "observation" else STATES[state])
                    answers += [f"{content}<|im_end|>"] if content != "..." else []
                elif role == "user" and span is not None:
                    lengths.append(span[1] - span[0])
                before = role
            assert sample["trained"] == "".join(answers)
            assert sample["states"] == states
            assert [seconds for seconds, _ in sample["heard"]] == pytest.approx(lengths, abs=1e-3)
            observed = [content for role, content, _, _ in messages if role == "observation"]
            assert all(f"<|im_start|>observation\n{content}<|im_end|>" in sample["text"] for content in observed)
            assert (sample["codec"] > 0) == (name == "train.emotion.jsonl")


LUCYS: Broken = {
    **{name: lines(change, "train.emotion.jsonl") for name, change in test_lucy.BROKEN.items()},
    "no state of a change": lines(test_lucy.BROKEN["no states"]),
    "no state of a noise": lines(test_lucy.BROKEN["no states"], "train.negative.jsonl"),
    "another rate": sounds("another rate"),
    "cut short": sounds("cut short"),
}


def test_lucy_hears_what_is_written_and_shows_what_is_wrong(talks: Output, tmp_path: Path) -> None:
    made = variants(exported(talks, "lucy", tmp_path / "to"), LUCYS)
    asked = [word for folder in made.values() for name, task in TASKS.items() for word in (str(folder / name), task)]
    found = loaded("lucy_batches.py", "torchaudio, transformers", checkout("LUCY"), *asked)
    samples = {what: found[3 * number : 3 * number + 3] for number, what in enumerate(made)}
    is_as_conversations(samples[""])
    for what in LUCYS:
        with pytest.raises((AssertionError, KeyError)):
            is_as_conversations(samples[what])
