"""`check`: what a corpus holds beside what its entry says, without a run."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, TextDialogue
from turnmill.sources.catalogue import Entry, load, override
from turnmill.sources.check import Report, check


def speech(root: Path, rows: list[str], audio: list[str], rate: int = 22050) -> Path:
    """A folder in the layout of LJSpeech."""
    (root / "wavs").mkdir(parents=True)
    (root / "metadata.csv").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    for name in audio:
        soundfile.write(root / "wavs" / f"{name}.wav", np.zeros(100), rate, format="WAV")
    return root


def entry(**changes: Any) -> Entry:
    return override(load("ljspeech"), {"name": "own", "expect": {}, **changes}, "test")


def rejected(report: Report) -> dict[Reason, int]:
    return {each.reason: each.count for each in report.rejected}


def test_a_corpus_that_is_as_its_entry_says_has_no_problem(tmp_path: Path) -> None:
    root = speech(tmp_path / "c", ["a-1|x|Hello there.", "b-1|x|Good evening."], ["a-1", "b-1"])
    told = {"sample_rate": 22050, "channels": 1, "codec": "wav", "hours": 3, "items": 2}
    report = check(entry(expect=told), root)
    assert report.problems == ()
    assert (report.items, report.splits, report.speakers, report.parents) == (2, {"train": 2}, 1, 2)
    assert [clip.text for clip in report.first if not isinstance(clip, TextDialogue)] == [
        "Hello there.",
        "Good evening.",
    ]
    assert report.unused == {"text_raw": 2}


def test_rows_without_audio_and_audio_without_row_are_told_by_name(tmp_path: Path) -> None:
    rows = ["a|x|Hello.", "gone|x|Hello.", "a|x|again", "two|columns"]
    report = check(entry(), speech(tmp_path / "c", rows, ["a", "left"]))
    reasons = (Reason.MISSING_FILE, Reason.UNTRANSCRIBED, Reason.DUPLICATE_UID, Reason.BAD_ROW)
    assert rejected(report) == dict.fromkeys(reasons, 1)
    told = {each.reason: each.examples[0] for each in report.rejected}
    assert "wavs/gone.wav" in told[Reason.MISSING_FILE]
    assert "wavs/left.wav" in told[Reason.UNTRANSCRIBED]
    assert "rows without audio: 1" in report.problems
    (without,) = (problem for problem in report.problems if problem.startswith("audio without a row or transcript: 1;"))
    assert "--keep-untranscribed" in without
    kept = check(entry(), tmp_path / "c", keep_untranscribed=True)
    assert Reason.UNTRANSCRIBED not in rejected(kept)


@pytest.mark.parametrize(
    ("changes", "text", "problem"),
    [
        ({"expect": {"items": 100}}, "Hello there.", "expect.items: the release has 100, here are 1"),
        ({"expect": {"codec": "flac"}}, "Hello there.", "expect.codec: the release is flac, here are 1 .wav"),
        ({"expect": {"sample_rate": 16000}}, "Hello there.", "expect.sample_rate: the release has 16000 Hz"),
        ({"expect": {"channels": 2}}, "Hello there.", "expect.channels: the release has 2"),
        ({"lang": "en"}, "今天天气很好", "lang: en: Cjk letters in 1 of 1 text, such as '今天天气很好'"),
        ({"lang": "zh"}, "Hello there.", "lang: zh: Latin letters in 1 of 1 text"),
        ({"text_style": "upper_nopunct"}, "Hello there", "text_style: upper_nopunct: small letters in 1 of 1 text"),
        ({"text_style": "cased"}, "HELLO THERE", "text_style: cased: capitals alone in 1 of 1 text"),
    ],
)
def test_what_the_entry_says_is_held_against_what_is_read(
    tmp_path: Path, changes: dict[str, Any], text: str, problem: str
) -> None:
    report = check(entry(**changes), speech(tmp_path / "c", [f"a|x|{text}"], ["a"]))
    assert len(report.problems) == 1
    assert report.problems[0].startswith(problem)


def test_one_odd_text_among_many_is_no_problem(tmp_path: Path) -> None:
    names = [f"n{n}" for n in range(200)]
    rows = [f"{name}|x|{'今天天气很好' if name == 'n7' else 'Hello there.'}" for name in names]
    assert check(entry(), speech(tmp_path / "c", rows, names)).problems == ()


def test_a_corpus_of_which_nothing_can_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    report = check(load("files"), tmp_path)
    assert report.problems[0] == "nothing of it can be used: 1 item rejected"
    assert [(each.ending, each.files) for each in report.passed_over] == [(".pdf", 1)]


def test_dialogues_are_checked_through_the_same_door(tmp_path: Path) -> None:
    row = {"id": "d", "question": "How are you today?", "answer": "Fine."}
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join([json.dumps(row), json.dumps(row), "{"]))
    report = check(load("dialogue_text"), path)
    assert report.items == 1
    assert rejected(report) == {Reason.DUPLICATE_UID: 1, Reason.BAD_ROW: 1}


def test_names_of_any_kind_and_links_in_circles_are_read_or_rejected_once(tmp_path: Path) -> None:
    root = tmp_path / "c"
    root.mkdir()
    for name in (b"-rf.wav", b"new\nline.wav", b"[b] ' \xe2\x80\xae.wav", b"\xff.wav"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"x")
    (root / "loop").symlink_to(".")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    report = check(load("files"), root, keep_untranscribed=True)
    assert report.items == 3
    assert rejected(report) == {Reason.UNSAFE_PATH: 3}
    assert check(load("files"), tmp_path / "c" / "loop", keep_untranscribed=True).items == 3


@pytest.mark.parametrize("name", ["ljspeech", "files", "dialogue_text", "librispeech"])
@pytest.mark.parametrize("kind", ["nowhere", "a file", "an empty folder"])
def test_a_root_that_is_no_corpus_is_one_sentence(tmp_path: Path, name: str, kind: str) -> None:
    root = tmp_path / "root"
    if kind == "a file":
        root.write_text("x")
    if kind == "an empty folder":
        root.mkdir()
    with pytest.raises(UsageError, match=r"root.*(give|convert)"):
        check(load(name), root)


def test_the_recordings_at_hand_are_as_their_entries_say_but_for_what_is_left_out(shared: Path) -> None:
    report = check(load("librispeech"), shared / "LibriSpeech", keep_untranscribed=True)
    assert report.problems == ("expect.items: the release has 281,241, here are 160",)
    report = check(load("ljspeech"), shared / "LJSpeech-1.1")
    assert [problem.split(":")[0] for problem in report.problems] == [
        "expect.items",
        "audio without a row or transcript",
    ]


def test_how_many_clips_state_which_licence_is_told(tmp_path: Path) -> None:
    rows = ["a|https://creativecommons.org/licenses/by/3.0/|One.", "b|CC0|Two.", "c|CC0|Three."]
    ingest = {"fields": {"text": "{text}", "licence": "{text_raw}"}}
    report = check(entry(ingest=ingest), speech(tmp_path / "c", rows, ["a", "b", "c"]))
    assert report.licences == {"CC0-1.0": 2, "CC-BY-3.0": 1}
