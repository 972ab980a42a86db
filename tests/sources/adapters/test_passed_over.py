"""Every file below a root is read by a unit or counted."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.sources.adapters.items import UnitSize
from turnmill.sources.adapters.passed_over import PassedOver, passed_over
from turnmill.sources.catalogue import load
from turnmill.sources.places import place


def folder(root: Path, names: dict[str, str]) -> Path:
    for name, text in names.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_no_unit_reads_is_counted_by_ending(tmp_path: Path) -> None:
    names = {
        **{"a.wav": "x", "a.txt": "said", "b.mp3": "x", "orphan.TXT": "12345", "1.pdf": "1234", "2.PDF": "12"},
        **{"deep/3.pdf": "1", "pack.tar.gz": "gz", "Makefile": "m", "ch. 1 the end": "", "code.ts": "let a = 1"},
        **{".DS_Store": "123", "deep/._a.wav": "12", ".git/objects/aa.wav": "1", ".git/config": "12"},
    }
    root = folder(tmp_path, names)
    assert passed_over(place(root), "files", load("files").corpus(root).units(UnitSize(1)), None) == [
        PassedOver("", False, 2, 1),
        PassedOver("", True, 2, 5),
        PassedOver(".gz", False, 1, 2),
        PassedOver(".pdf", False, 3, 7),
        PassedOver(".ts", False, 1, 9),
        PassedOver(".txt", False, 1, 5),
        PassedOver(".wav", True, 2, 3),
    ]


def test_tables_that_nothing_reads_are_counted_and_those_that_are_read_are_not(tmp_path: Path) -> None:
    names = {"metadata.csv": "a|x|y\n", "wavs/a.wav": "x", "more.csv": "a", "sheet.xlsx": "PK", "b/metadata.CSV": ""}
    root = folder(tmp_path, names)
    found = passed_over(place(root), "ljspeech", load("ljspeech").corpus(root).units(UnitSize(10)), None)
    assert [(each.ending, each.files) for each in found] == [(".csv", 2), (".xlsx", 1)]


def test_the_output_folder_is_no_part_of_the_corpus(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.wav": "x", "out/x/index.json": "{}", "out/x/.lock": "", "out/xy.json": "{}"})
    units = load("files").corpus(root).units(UnitSize(10))
    assert passed_over(place(root), "files", units, place(root / "out" / "x")) == [PassedOver(".json", False, 1, 2)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.wav": "x"})
    os.mkfifo(root / "pipe")
    os.mkfifo(root / ".hidden")
    (unit,) = load("files").corpus(root).units(UnitSize(10))
    assert unit.spec["unsafe"] == [["pipe", "it is neither a file nor a folder"]]
    assert passed_over(place(root), "files", [unit], None) == [PassedOver("", True, 1, 0)]


NAMES = st.tuples(
    st.sampled_from(["", "x/", ".h/", "x/y/"]),
    st.sampled_from(["a", "b", "c.d", ".e"]),
    st.sampled_from(["", ".wav", ".WAV", ".txt", ".TXT", ".pdf", ".raw", ".ts", ".a b"]),
).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.sets(NAMES, max_size=20), st.integers(1, 4))
def test_every_file_is_read_or_counted(names: set[str], clips: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = folder(Path(temporary), {**dict.fromkeys(names, "said"), "own.wav": "x"})
        units = load("files").corpus(root).units(UnitSize(clips))
        read = {file for unit in units for file in unit.files}
        counted = passed_over(place(root), "files", units, None)
    assert len(read) + sum(each.files for each in counted) == len(names) + 1
