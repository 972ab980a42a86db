"""The loaders of trainers over exports of clips. CONSUMER_PYTHON names a Python that has what they need, the variable
of each a checkout; without them the tests skip. Each script says what stands in for models, tokenizers and codecs."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.manifests.export import test_speech_synthesis, test_utterance_tars, test_utterances
from tests.manifests.export.clips import COUNTED, LONG, clips_output, long_clip, short_clip
from tests.manifests.export.conftest import Output, exported, loaded

pytestmark = pytest.mark.consumer
SECONDS = {"c1": LONG, "c3": 1.25}
LEVEL = 0.3 / np.sqrt(2)
TEXTS = {"tiny_zoe-c1": COUNTED, "c3-c3": "good | bye"}
BY_KEY = {"c1": COUNTED, "c3": "good | bye"}
NEUTRAL = "You are a helpful assistant.<|endofprompt|>"
JOY = "You are a helpful assistant. 请非常开心地说一句话。<|endofprompt|>"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Tests only read it."""
    return clips_output(tmp_path_factory.mktemp("clips"), long_clip(), short_clip())


def checkout(variable: str) -> str:
    path = os.environ.get(variable)
    if path is None:
        pytest.skip(f"{variable} names no checkout")
    return path


def are(found: Sequence[dict[str, Any]], texts: dict[str, str], padding: float = 0.0) -> None:
    """What is found is the clips, each with its text, its length and its loudness; some pad to whole frames."""
    assert {one["name"]: one["text"] for one in found} == texts
    assert len(found) == len(texts)
    for one in found:
        seconds = SECONDS[one["name"].rpartition("-")[2]]
        assert seconds - 1e-3 <= one["seconds"] <= seconds + padding + 1e-3
        assert one["level"] == pytest.approx(LEVEL, rel=0.03)


def cosyvoice(folder: Path, empty: Path, generation: str = "3") -> None:
    found = loaded(
        "cosyvoice_data.py", "whisper", checkout("COSYVOICE"), f"{folder}/train", str(empty), generation
    )  # fmt: skip
    are(found, TEXTS, padding=0.04 if generation == "3" else 0.0)
    assert {one["name"]: one["instruct"] for one in found} == {"tiny_zoe-c1": JOY, "c3-c3": NEUTRAL}


def f5(folder: Path, empty: Path) -> None:
    are(loaded("f5_data.py", "rjieba", checkout("F5_TTS"), f"{folder}/train.csv", str(empty)), TEXTS)


def fish(folder: Path, _: Path) -> None:
    found = loaded("fish_data.py", "google.protobuf", checkout("FISH_SPEECH"), f"{folder}/train")
    assert {one["speaker"]: (one["text"], one["frames"]) for one in found} == {
        "tiny_zoe": (COUNTED, round(LONG * 16_000)),
        "c3": ("good | bye", 20_000),
    }
    assert len(found) == len(TEXTS)


def gptsovits(folder: Path, empty: Path) -> None:
    found = loaded("gptsovits_data.py", "torch", checkout("GPT_SOVITS"), f"{folder}/train.list", str(empty))
    assert [(one["name"], one["phones"], one["text"]) for one in found] == [
        ("tiny_zoe-c1.wav", f"en {COUNTED}", COUNTED)
    ]


def outetts(folder: Path, _: Path) -> None:
    (file,) = folder.glob("train/train-*.parquet")
    found = loaded("outetts_data.py", "ftfy", checkout("OUTETTS"), str(file))
    assert {one["name"].removesuffix(".wav"): one["text"] for one in found} == TEXTS
    (timed,) = (one for one in found if "words" in one)
    codes = [count for _, count in timed["words"]]
    assert [word for word, _ in timed["words"]] == COUNTED.split()
    assert codes[1:-1] == [75] * 10  # a second each, as it is said
    assert timed["prompt"].count("<|word_start|>") == 12


def clap(folder: Path, _: Path) -> None:
    found = loaded("clap_data.py", "webdataset", checkout("CLAP"), str(folder.parent), "train")
    said = {one["name"]: (one["text"], one["rate"]) for one in found}
    first, last = "one two three four five six", "seven eight nine ten eleven twelve"
    assert said == {
        "c1-0": ([f'The person is saying "{first}", with joy'], 48_000),
        "c1-1": ([f'The person is saying "{last}", with joy'], 48_000),
        "c3-0": (['The person is saying "good | bye"'], 48_000),
    }
    assert {one["name"]: round(one["seconds"], 2) for one in found} == {"c1-0": 6.0, "c1-1": 6.4, "c3-0": 1.25}
    assert all(one["level"] == pytest.approx(LEVEL, rel=0.03) for one in found)


def wenet(folder: Path, _: Path) -> None:
    found = loaded("mooer_data.py", "torchaudio", checkout("MOOER"), f"{folder}/train/data.list")
    are(found, BY_KEY)
    assert {one["channels"] for one in found} == {1}


def nemo(folder: Path, _: Path) -> None:
    found = loaded("nemo_data.py", "soundfile", checkout("NEMO"), f"{folder}/train.jsonl")
    assert {one["name"]: one["text"] for one in found} == TEXTS
    assert {one["name"]: one["speaker"] for one in found} == {"tiny_zoe-c1": "tiny_zoe", "c3-c3": "c3"}
    for one in found:
        assert (one["channels"], one["lang"], one["heard"]) == (1, "en", one["seconds"])
        assert one["seconds"] == SECONDS[one["name"].rpartition("-")[2]]


def kaldi(folder: Path, _: Path) -> None:
    found = loaded("kaldi_data.py", "lhotse", f"{folder}/train")
    are(found, TEXTS)
    assert {one["name"]: one["speaker"] for one in found} == {"tiny_zoe-c1": "tiny_zoe", "c3-c3": "c3"}
    assert {one["channels"] for one in found} == {1}


def audiofolder(folder: Path, empty: Path) -> None:
    files = sorted(map(str, (folder / "train").iterdir()))
    found = loaded("hub_data.py", "datasets", "audiofolder", str(empty), *files)
    are([row["audio"] | {"name": Path(row["audio"]["path"]).stem, "text": row["text"]} for row in found], TEXTS)
    assert {row["uid"]: row["emotion"] for row in found} == {"t/c1": "joy", "t/c3": None}


def emilia(folder: Path, empty: Path) -> None:
    files = sorted(map(str, folder.glob("train/*/*.tar")))
    found = loaded("hub_data.py", "datasets", "webdataset", str(empty), *files)
    are([row["mp3"] | {"name": row["json"]["id"][3:], "text": row["json"]["text"]} for row in found], BY_KEY)
    assert {row["mp3"]["rate"] for row in found} == {24_000}
    assert {row["__key__"]: row["json"]["dnsmos"] for row in found} == {"EN_c1": 3.2, "EN_c3": None}


CONSUMERS: dict[str, Callable[[Path, Path], None]] = {
    "cosyvoice": cosyvoice,
    "f5": f5,
    "fish": fish,
    "gptsovits": gptsovits,
    "outetts": outetts,
    "clap": clap,
    "emilia": emilia,
    "wenet": wenet,
    "nemo": nemo,
    "kaldi": kaldi,
    "audiofolder": audiofolder,
}


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_trainer_loads_what_is_written(name: str, clips: Output, tmp_path: Path) -> None:
    folder = exported(clips, name, tmp_path / "to", split="train")
    (tmp_path / "empty").mkdir()
    CONSUMERS[name](folder, tmp_path / "empty")


def test_cosyvoice_1_loads_what_is_written(clips: Output, tmp_path: Path) -> None:
    folder = exported(clips, "cosyvoice", tmp_path / "to", split="train")
    (tmp_path / "empty").mkdir()
    cosyvoice(folder, tmp_path / "empty", "1")


BROKEN: dict[str, Callable[[Path], None]] = {
    f"{name}: {what}": lambda folder, change=change, name=name: change(folder, name)
    for name in ("kaldi", "nemo", "audiofolder")
    for what, change in test_utterances.BROKEN.items()
}
BROKEN |= test_speech_synthesis.BROKEN | test_utterance_tars.BROKEN
SEEN = [
    "cosyvoice: lost",
    "cosyvoice: another rate",
    "cosyvoice: another text",
    "f5: unquoted",
    "f5: cut short",
    "f5: without a header",
    "fish: a mark in a text",
    "fish: of another speaker",
    "gptsovits: a bar in a text",
    "gptsovits: lost",
    "outetts: times in frames",
    "outetts: another text",
    "clap: a text that is no list",
    "clap: wrong sizes",
    "clap: another rate",
    "clap: the whole text of a piece",
    "emilia: another rate",
    "emilia: lost",
    "emilia: not adjacent",
    "wenet: not adjacent",
    "wenet: two channels",
    "wenet: cut short",
    "nemo: two channels",
    "nemo: cut short",
    "kaldi: lost",
    "kaldi: another rate",
    "audiofolder: another text",
]


@pytest.mark.parametrize("broken", SEEN)
def test_the_trainer_shows_what_is_wrong(broken: str, clips: Output, tmp_path: Path) -> None:
    name = broken.partition(":")[0]
    folder = exported(clips, name, tmp_path / "to", split="train")
    BROKEN[broken](folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises((AssertionError, KeyError)):  # `loaded` asserts that the loader ends well
        CONSUMERS[name](folder, tmp_path / "empty")
