"""A folder of recordings: every one exactly once, with what its name and its sidecar say."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import UsageError
from manifests.records import Reason, Reject
from sources.adapters import files
from sources.adapters.items import ClipRef
from sources.catalogue import Entry, load, override

BIG = 1 << 40


def read_all(root: Path, entry: Entry | None = None, keep: bool = False, clips: int = 1000) -> list[Any]:
    entry = entry or load("files")
    return [item for unit in files.units(root, entry, clips, BIG) for item in files.read(root, entry, unit, keep)]


def folder(root: Path, contents: dict[str, str | bytes]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def with_knobs(**knobs: str) -> Entry:
    return override(load("files"), {"ingest": knobs}, "test")


def test_a_transcript_is_the_text_file_beside_a_recording(tmp_path: Path) -> None:
    contents: dict[str, str | bytes] = {
        "b/One Two.WAV": b"x",
        "b/One Two.txt": "\ufeff Hello there.\n",
        "b/none.mp3": b"x",
        "b/blank.flac": b"x",
        "b/blank.txt": " \n",
        "b/notes.md": "x",
        "a.opus": b"x",
        "a.txt": "root",
    }
    items = read_all(folder(tmp_path, contents))
    assert [(item.path, item.text) for item in items if isinstance(item, ClipRef)] == [
        ("a.opus", "root"),
        ("b/One Two.WAV", "Hello there."),
    ]
    rejected = [(item.reason, item.source_uri) for item in items if isinstance(item, Reject)]
    assert rejected == [(Reason.UNTRANSCRIBED, "b/blank.flac"), (Reason.UNTRANSCRIBED, "b/none.mp3")]
    kept = read_all(tmp_path, keep=True)
    assert [item.text for item in kept] == ["root", "Hello there.", None, None]
    assert kept[0].uid == "files/default/train/a.opus"


def test_the_unit_names_recordings_and_sidecars_for_change_detection(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.wav": b"x", "a.txt": "t", "b.wav": b"x", "other.txt": "t"})
    assert [unit.files for unit in files.units(root, load("files"), 10, BIG)] == [("a.txt", "a.wav", "b.wav")]


def test_a_pattern_reads_fields_from_names(tmp_path: Path) -> None:
    pattern = r"^(?P<split>dev|test)/(?P<tags>\w+)/(?P<speaker>[^_/]+)_(?P<take>\d+)\."
    root = folder(tmp_path, {"dev/dog/ann_03.wav": b"x", "test/cat/bob_1.wav": b"x", "test/cat/odd.wav": b"x"})
    items = read_all(root, with_knobs(pattern=pattern), keep=True)
    first, second, odd = items
    assert (first.split, first.tags, first.speaker, first.parent, dict(first.native)) == (
        "dev",
        ("dog",),
        "ann",
        "ann",
        {"take": "03"},
    )
    assert second.uid == "files/default/test/test/cat/bob_1.wav"
    assert odd.reason is Reason.BAD_ROW
    assert "odd.wav does not match the pattern" in odd.detail


def test_sidecars_may_lie_in_another_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, {"wav/p1/p1_001.wav": b"x", "txt/p1/p1_001.txt": "Hello."})
    entry = with_knobs(pattern=r"(?P<speaker>p\d+)_\d+", sidecar="txt/{speaker}/{stem}.txt")
    assert [(item.text, item.speaker) for item in read_all(root, entry)] == [("Hello.", "p1")]


def test_a_sidecar_that_is_no_text_is_a_bad_row(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.wav": b"x", "a.txt": b"\xff\xfe", "b.wav": b"x", "b.txt": b"x" * (1 << 20) + b"x"})
    assert [item.reason for item in read_all(root)] == [Reason.BAD_ROW, Reason.BAD_ROW]


def test_links_that_leave_the_folder_are_rejected_and_not_read(tmp_path: Path) -> None:
    root = folder(tmp_path / "c", {"a.wav": b"x", "a.txt": "t"})
    folder(tmp_path / "far", {"deep.wav": b"x", "b.txt": "secret"})
    (root / "out.wav").symlink_to(tmp_path / "far" / "deep.wav")
    (root / "far").symlink_to(tmp_path / "far")
    (root / "gone.wav").symlink_to("nothing.wav")
    (root / "loop").symlink_to(".")
    (root / "b.wav").write_bytes(b"x")
    (root / "b.txt").symlink_to(tmp_path / "far" / "b.txt")
    items = read_all(root)
    assert [item.path for item in items if isinstance(item, ClipRef)] == ["a.wav"]
    assert [(item.reason, item.source_uri) for item in items if isinstance(item, Reject)] == [
        (Reason.UNTRANSCRIBED, "b.wav"),
        (Reason.UNSAFE_PATH, "far"),
        (Reason.UNSAFE_PATH, "gone.wav"),
        (Reason.UNSAFE_PATH, "out.wav"),
    ]


def test_a_folder_without_audio_is_one_sentence(tmp_path: Path) -> None:
    folder(tmp_path, {"a.txt": "x", "._b.wav": b"x"})
    with pytest.raises(UsageError, match=r"files: .* holds no audio \(looked for .*flac.*\): give a folder"):
        files.units(tmp_path, load("files"), 10, BIG)


def test_real_folders_of_sounds_and_of_digits(shared: Path) -> None:
    sounds = read_all(shared / "ESC-10", with_knobs(pattern=r"^(?P<tags>[^/]+)/(?P<fold>\d)"), keep=True)
    assert len(sounds) == 160
    assert len({clip.tags for clip in sounds}) == 10
    digits = read_all(
        shared / "free-spoken-digit-dataset",
        with_knobs(pattern=r"(?P<text>\d)_(?P<speaker>[a-z]+)_\d+\.wav"),
    )
    assert len(digits) == 720
    assert {clip.text for clip in digits} == set("0123456789")
    voices = read_all(
        shared / "VCTK-Corpus-0.92",
        with_knobs(pattern=r"(?P<speaker>p\d+)_(?P<n>\d+)_mic", sidecar="txt/{speaker}/{speaker}_{n}.txt"),
    )
    assert len(voices) == 40
    assert all(clip.text and clip.speaker for clip in voices)


NAME = st.text(st.sampled_from("ab -é'#"), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    audio=st.dictionaries(st.tuples(st.sampled_from(["", "x/", "x/y/"]), NAME), st.booleans(), min_size=1),
    clips=st.integers(1, 5),
)
def test_every_recording_comes_out_exactly_once(audio: dict[tuple[str, str], bool], clips: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        contents: dict[str, str | bytes] = {f"{a}{b}.flac": b"x" for a, b in audio}
        contents |= {f"{a}{b}.txt": "said" for (a, b), told in audio.items() if told}
        root = folder(Path(place), contents)
        units = files.units(root, load("files"), clips, BIG)
        items = [item for unit in units for item in files.read(root, load("files"), unit, False)]
    seen = Counter(item.path if isinstance(item, ClipRef) else item.source_uri for item in items)
    assert seen == Counter(f"{a}{b}.flac" for a, b in audio)
    assert list(seen) == sorted(seen)
    assert sum(isinstance(item, ClipRef) for item in items) == sum(audio.values())
    assert len(units) == -(-len(audio) // clips)
