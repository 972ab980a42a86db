"""What Kaldi, NeMo and `audiofolder` read: a reader by each contract finds the clips, and refuses a folder that is
wrong in one way."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.manifests.export.conftest import Output, exported
from turnmill.manifests.errors import UsageError
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import PROFILES, named
from turnmill.manifests.export.sample import Sample
from turnmill.manifests.export.utterances import speaker_of

TEXTS = {"c1": "hello there", "c3": "good | bye"}
SPEAKERS = {"c1": "tiny_zoe", "c3": "c3"}


def hears(path: Path, output: Output) -> str:
    """The key of the clip that a file is; its audio is the sample's, mono, at its own rate."""
    key = path.stem.rpartition("-")[2]
    samples, rate = soundfile.read(path)
    assert rate == 16_000
    assert samples.shape == output.audio[key][0].shape
    np.testing.assert_allclose(samples, output.audio[key][0], atol=1 / 16_000)
    return key


def reads_as_kaldi(folder: Path, output: Output) -> None:
    """A data directory: ids sorted by bytes, an id begins with its speaker, the same ids in all files."""
    files = {
        name: [line.partition(" ")[::2] for line in (folder / "train" / name).read_text("utf-8").splitlines()]
        for name in ("wav.scp", "text", "utt2spk", "utt2dur", "spk2utt")
    }
    ids = [utt for utt, _ in files["wav.scp"]]
    assert ids == sorted(ids, key=str.encode)
    assert all([utt for utt, _ in files[name]] == ids for name in ("text", "utt2spk", "utt2dur"))
    assert [speaker for speaker, _ in files["spk2utt"]] == sorted(SPEAKERS.values())
    assert {utt: who for who, utts in files["spk2utt"] for utt in utts.split()} == dict(files["utt2spk"])
    assert all(utt.startswith(speaker) for utt, speaker in files["utt2spk"])
    keys = [hears(Path(path), output) for _, path in files["wav.scp"] if Path(path).is_absolute()]
    assert sorted(keys) == sorted(TEXTS), "lost"
    assert [text for _, text in files["text"]] == [TEXTS[key] for key in keys]
    assert [speaker for _, speaker in files["utt2spk"]] == [SPEAKERS[key] for key in keys]
    assert {float(seconds) for _, seconds in files["utt2dur"]} == {1.25}


def reads_as_nemo(folder: Path, output: Output) -> None:
    """A manifest: paths from its folder."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    found = {hears(folder / row["audio_filepath"], output): row for row in rows}
    assert {key: row["text"] for key, row in found.items()} == TEXTS
    assert {key: row["speaker"] for key, row in found.items()} == SPEAKERS
    assert {row["duration"] for row in rows} == {1.25}
    assert all("/" in row["audio_filepath"] for row in rows)


def reads_as_folder(folder: Path, output: Output) -> None:
    """`metadata.jsonl` beside the files."""
    rows = [json.loads(line) for line in (folder / "train/metadata.jsonl").read_text("utf-8").splitlines()]
    found = {hears(folder / "train" / row["file_name"], output): row for row in rows}
    assert {key: row["text"] for key, row in found.items()} == TEXTS
    assert {key: row["uid"] for key, row in found.items()} == {key: f"t/{key}" for key in TEXTS}


READERS = {"kaldi": reads_as_kaldi, "nemo": reads_as_nemo, "audiofolder": reads_as_folder}
LISTS = {"kaldi": "train/text", "nemo": "train.jsonl", "audiofolder": "train/metadata.jsonl"}


@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_samples(name: str, output: Output, tmp_path: Path) -> None:
    READERS[name](exported(output, name, tmp_path / "to", split="train"), output)


def _sound(folder: Path, change: Callable[[Any, int], tuple[Any, int]]) -> None:
    path = next(iter(sorted(folder.rglob("*.wav"))))
    samples, rate = change(*soundfile.read(path))
    soundfile.write(path, samples, rate)


def _lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text("utf-8").splitlines())) + "\n", "utf-8")


BROKEN: dict[str, Callable[[Path, str], None]] = {
    "another rate": lambda to, _: _sound(to, lambda pcm, rate: (pcm, rate // 2)),
    "two channels": lambda to, _: _sound(to, lambda pcm, rate: (np.stack([pcm, pcm], 1), rate)),
    "cut short": lambda to, _: _sound(to, lambda pcm, rate: (pcm[:-100], rate)),
    "lost": lambda to, name: _lines(to / LISTS[name], lambda lines: lines[1:]),
    "another text": lambda to, name: _lines(
        to / LISTS[name], lambda lines: [line.replace("bye", "by") for line in lines]
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("name", READERS)
def test_the_reader_refuses_a_folder_that_is_wrong(name: str, broken: str, output: Output, tmp_path: Path) -> None:
    folder = exported(output, name, tmp_path / "to", split="train")
    BROKEN[broken](folder, name)
    with pytest.raises(AssertionError):
        READERS[name](folder, output)


def test_unsorted_ids_are_refused_as_kaldi_does(output: Output, tmp_path: Path) -> None:
    folder = exported(output, "kaldi", tmp_path / "to", split="train")
    _lines(folder / "train/wav.scp", lambda lines: lines[::-1])
    with pytest.raises(AssertionError):
        reads_as_kaldi(folder, output)


def test_a_clip_without_a_text_is_dropped(output: Output, tmp_path: Path) -> None:
    told = export(output.store, named("nemo"), str(tmp_path / "to"))
    assert "nemo: 2 clips, " in told
    assert "dropped  1 clip (no_text)" in told


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.absolute])
def test_what_a_trainer_opens_by_absolute_paths_is_in_a_folder(name: str, output: Output) -> None:
    with pytest.raises(UsageError, match=f"no folder of this machine, where .* --format {name} writes: name a folder"):
        export(output.store, named(name), "memory://nowhere15")


def test_no_two_speakers_have_one_name_and_each_is_a_file() -> None:
    """Names are spelt in letters that no reader splits at, and are short enough; plain ones are as they are told."""
    who = [
        ("tiny", "zoe"), ("tiny", "张三"), ("tiny", "李四"), ("tiny", "a/b"), ("tiny", "a b"), ("tiny", "a_b"),
        ("tiny", "a-b"), ("tiny_a", "b"), ("tiny-a", "b"), ("tiny", "../.."), ("tiny", "x" * 300), ("tiny", "x" * 301),
    ]  # fmt: skip
    samples = [Sample("k", "train", "flac", b"", None, {"corpus": corpus, "speaker": told}) for corpus, told in who]
    names = [speaker_of(sample) for sample in samples]
    assert names[0] == "tiny_zoe"
    assert len(set(names)) == len(who)
    assert all(re.fullmatch(r"\w{1,100}", name, re.ASCII) for name in names), "an utterance's `-` comes after them"


def test_a_folder_of_audio_holds_what_says_nothing(output: Output, tmp_path: Path) -> None:
    folder = exported(output, "audiofolder", tmp_path / "to")
    (row,) = [json.loads(line) for line in (folder / "dev-clean/metadata.jsonl").read_text("utf-8").splitlines()]
    assert (row["uid"], row["text"], row["caption"]) == ("t/c5", None, None)
