"""What trainers of speech synthesis read: a reader by each contract finds the clips, and refuses a folder that is wrong
in one way."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.manifests.export.clips import (
    COUNTED,
    LONG,
    SOUNDS,
    change_first,
    change_lines,
    changed_sound,
    clips_output,
    drops,
    long_clip,
    short_clip,
)
from tests.manifests.export.conftest import Output, exported
from turnmill.manifests.errors import UsageError
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named

TEXTS = {"tiny_zoe-c1": COUNTED, "c3-c3": "good | bye"}
SPEAKERS = {"tiny_zoe-c1": "tiny_zoe", "c3-c3": "c3"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Tests only read it."""
    return clips_output(tmp_path_factory.mktemp("clips"), long_clip(), short_clip())


def hears(file: Any, name: str, output: Output) -> None:
    """A file is a clip, mono, at its own rate."""
    samples, rate = soundfile.read(file)
    (expected,) = output.audio[name.rpartition("-")[2]]
    assert rate == 16_000
    assert samples.shape == expected.shape
    np.testing.assert_allclose(samples, expected, atol=1 / 16_000)


def reads_as_cosyvoice(folder: Path, output: Output) -> None:
    """Lines of each file are split at spaces; all files have the same utterances, which all have an instruction."""
    files = {
        name: dict(line.split(maxsplit=1) for line in (folder / "train" / name).read_text("utf-8").splitlines())
        for name in ("wav.scp", "text", "utt2spk", "instruct")
    }
    assert files["text"] == TEXTS
    assert files["utt2spk"] == SPEAKERS
    assert files["wav.scp"].keys() == files["instruct"].keys() == TEXTS.keys()
    for utt, path in files["wav.scp"].items():
        assert Path(path).is_absolute()
        assert len(path.split()) == 1
        hears(path, utt, output)
    assert files["instruct"]["c3-c3"] == "You are a helpful assistant.<|endofprompt|>"
    assert files["instruct"]["tiny_zoe-c1"] == "You are a helpful assistant. 请非常开心地说一句话。<|endofprompt|>"


def reads_as_f5(folder: Path, output: Output) -> None:
    """A CSV whose cells are parted by `|`, with a header."""
    with (folder / "train.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter="|")
    assert header == ["audio_file", "text"]
    assert {Path(path).stem: text for path, text in rows} == TEXTS
    for path, _ in rows:
        assert Path(path).is_absolute()
        hears(path, Path(path).stem, output)


def reads_as_fish(folder: Path, output: Output) -> None:
    """A folder for each speaker; the text beside each file, of which nothing is erased."""
    found = {}
    for path in (folder / "train").rglob("*.wav"):
        hears(path, path.stem, output)
        text = path.with_suffix(".lab").read_text("utf-8")
        found[path.stem] = (path.parent.name, re.sub(r"<.*?>", " ", re.sub(r"\{.*?\}", " ", text)))
    assert found == {name: (SPEAKERS[name], text) for name, text in TEXTS.items()}


def reads_as_gptsovits(folder: Path, output: Output) -> None:
    """Lines of four cells parted by `|`: a file of the folder, speaker, language, text."""
    lines = [line.split("|") for line in (folder / "train.list").read_text("utf-8").splitlines()]
    assert lines == [["tiny_zoe-c1.wav", "tiny_zoe", "en", COUNTED]]
    hears(folder / "train" / lines[0][0], "tiny_zoe-c1", output)


def reads_as_outetts(folder: Path, output: Output) -> None:
    """Rows of Parquet; words in the order of time, to the end of the clip at most."""
    rows = pq.read_table(folder / "train/train-00000-of-00001.parquet").to_pylist()
    found = {row["audio"]["path"].removesuffix(".wav"): row for row in rows}
    assert {name: row["transcript"] for name, row in found.items()} == TEXTS
    for name, row in found.items():
        hears(pa.BufferReader(row["audio"]["bytes"]), name, output)
    assert found["c3-c3"]["words"] is None
    words = found["tiny_zoe-c1"]["words"]
    assert [word["word"] for word in words] == COUNTED.split()
    assert [word["start"] for word in words] == [second + 0.1 for second in range(12)]
    assert all(word["start"] < word["end"] <= LONG for word in words)


READERS = {
    "cosyvoice": reads_as_cosyvoice,
    "f5": reads_as_f5,
    "fish": reads_as_fish,
    "gptsovits": reads_as_gptsovits,
    "outetts": reads_as_outetts,
}
LISTS = {"cosyvoice": "text", "f5": "train.csv", "fish": "tiny_zoe-c1.lab", "gptsovits": "train.list"}


@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_samples(name: str, clips: Output, tmp_path: Path) -> None:
    READERS[name](exported(clips, name, tmp_path / "to", split="train"), clips)


Change = Callable[[Path], None]


def listed(name: str, change: Callable[[list[str]], list[str]]) -> Change:
    return lambda folder: change_lines(next(folder.rglob(LISTS[name])), change)


def rows_of(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Change:
    def changed(folder: Path) -> None:
        (path,) = folder.glob("train/*.parquet")
        table = pq.read_table(path)
        pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), path)

    return changed


def audio_of_rows(name: str) -> Change:
    return rows_of(lambda rows: [row | {"audio": _changed(row["audio"], name)} for row in rows])


def _changed(audio: dict[str, Any], name: str) -> dict[str, Any]:
    return audio | {"bytes": changed_sound(audio["bytes"], SOUNDS[name])}


def in_frames(row: dict[str, Any]) -> dict[str, Any]:
    words = [word | {"start": word["start"] * 75, "end": word["end"] * 75} for word in row["words"] or ()]
    return row | {"words": words or None}


FILES = [name for name in READERS if name != "outetts"]
BROKEN: dict[str, Change] = {
    **{
        f"{name}: {what}": lambda folder, change=change: change_first(folder, "wav", change)
        for name in FILES
        for what, change in SOUNDS.items()
    },
    **{
        f"{name}: another text": listed(name, lambda lines: [line.replace("two", "2") for line in lines])
        for name in FILES
    },
    **{f"{name}: lost": listed(name, lambda lines: lines[:-1]) for name in FILES if name != "fish"},
    "fish: lost": lambda folder: next(folder.rglob("*.wav")).unlink(),
    "cosyvoice: one without an instruction": lambda folder: change_lines(
        folder / "train/instruct", lambda lines: lines[1:]
    ),
    "f5: unquoted": listed("f5", lambda lines: [line.replace('"', "") for line in lines]),
    "f5: without a header": listed("f5", lambda lines: lines[1:]),
    "fish: a mark in a text": listed("fish", lambda lines: [f"{line} <laugh>" for line in lines]),
    "fish: of another speaker": lambda folder: (folder / "train/tiny_zoe").rename(folder / "train/zed"),
    "gptsovits: a bar in a text": listed("gptsovits", lambda lines: [line.replace("two", "|") for line in lines]),
    **{f"outetts: {name}": audio_of_rows(name) for name in SOUNDS},
    "outetts: lost": rows_of(lambda rows: rows[1:]),
    "outetts: another text": rows_of(lambda rows: [row | {"transcript": row["transcript"].upper()} for row in rows]),
    "outetts: times in frames": rows_of(lambda rows: [in_frames(row) for row in rows]),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_what_is_wrong(broken: str, clips: Output, tmp_path: Path) -> None:
    name = broken.partition(":")[0]
    folder = exported(clips, name, tmp_path / "to", split="train")
    BROKEN[broken](folder)
    with pytest.raises((AssertionError, ValueError, StopIteration)):
        READERS[name](folder, clips)


@pytest.mark.parametrize(
    ("name", "told", "rate", "drop", "detail"),
    [
        ("cosyvoice", {"duration": 0.99}, 16_000, "too_short", "it reads from 1 s"),
        ("cosyvoice", {"duration": 30.5}, 16_000, "too_long", "it reads up to 30 s"),
        ("cosyvoice", {}, 8_000, "low_rate", "it has 8000 Hz"),
        ("cosyvoice", {"text": "stop <|endofprompt|> here"}, 16_000, "markup", "<|endofprompt|>"),
        ("f5", {"duration": 0.29}, 16_000, "too_short", "it reads from 0.3 s"),
        ("f5", {"duration": 30.5}, 16_000, "too_long", "it reads up to 30 s"),
        ("fish", {"text": "well <laughs> yes"}, 16_000, "markup", "<laughs>"),
        ("fish", {"text": "{noise} yes"}, 16_000, "markup", "{noise}"),
        ("gptsovits", {"language": "fi"}, 16_000, "language", "it is in fi: not in en, ja, ko, yue, zh"),
        ("gptsovits", {"language": None}, 16_000, "language", "it is in no language: not in en, ja, ko, yue, zh"),
        ("gptsovits", {"text": "a | b"}, 16_000, "markup", "|"),
        ("outetts", {"text": "  "}, 16_000, "no_text", None),
    ],
)  # fmt: skip
def test_what_a_trainer_leaves_out_is_dropped_with_a_reason(
    name: str, told: dict[str, Any], rate: int, drop: str, detail: str | None, tmp_path: Path
) -> None:
    output = clips_output(tmp_path / "out", long_clip(), short_clip(text="good bye") | told, rate)
    assert drops(output, name, tmp_path / "to")["t/c3"] == (drop, detail)


@pytest.mark.parametrize("name", READERS)
def test_what_is_just_inside_is_written(name: str, tmp_path: Path) -> None:
    told = {"text": "[laughter] a < b", "language": "zh-TW", "duration": 1.0}
    output = clips_output(tmp_path / "out", long_clip(duration=30.0), short_clip(**told))
    assert drops(output, name, tmp_path / "to") == {"t/c1": (None, None), "t/c3": (None, None)}


def test_a_folder_with_a_space_is_refused_where_the_packer_splits(clips: Output, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has a space in its path, at which CosyVoice 1 to 3 splits what"):
        export(clips.store, named("f5,cosyvoice"), str(tmp_path / "my voices"))
    assert not (tmp_path / "my voices").exists()
