"""Names that annotations have for files mean the same to `read`, which knows one unit, as to `units`."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.sources.adapters.test_segments import STM, TALK, clips, entry, write
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.folder import glob_pattern
from turnmill.sources.adapters.items import ClipRef, UnitSize


def read(folder: Path, size: int, **ingest: Any) -> list[ClipRef | Reject]:
    """All items, of units that say how many they have."""
    corpus = entry(**ingest).corpus(folder, keep_untranscribed=True)
    found: list[ClipRef | Reject] = []
    for unit in corpus.units(UnitSize(size)):
        items = list(corpus.read(unit))
        assert len(items) == unit.items
        found += items
    return found


FILES: dict[str, tuple[str, list[str], list[str]]] = {  # the recording, what there is, what rows call it
    "capitals": ("{recording}", ["a.wav", "a.WAV"], ["a.wav", "a.WAV", "a.Wav"]),
    "of one name": ("**/{recording}", ["x/a.wav", "y/a.wav", "b.wav"], ["a.wav", "b.wav", "lost.wav"]),
    "of one name in a folder": (
        "**/{recording}",
        ["x/a.wav", "y/a.wav", "z/x/b.wav"],
        ["x/a.wav", "x/b.wav", "z/a.wav"],
    ),
    "of a pattern": ("s/*{recording}*", ["s/a-1.wav", "s/a-2.wav"], ["a", "a-1", "a-2", "lost"]),
}


@pytest.mark.parametrize("case", FILES)
def test_each_row_and_recording_is_once_in_units_of_any_size(tmp_path: Path, case: str) -> None:
    """A document whose rows are of several units: in one of them there is less that a name may mean."""
    audio, files, named = FILES[case]
    rows = [{"recording": name, "start": 0, "end": 1, "text": name} for name in named]
    write(tmp_path, {**dict.fromkeys(files, TALK), "t.json": json.dumps({"rows": rows})})
    knobs = {"annotations": ["*.json"], "format": {"kind": "json", "segments": "rows"}, "audio": audio}
    whole, single = read(tmp_path, 100, **knobs), read(tmp_path, 1, **knobs)
    assert Counter(map(repr, whole)) == Counter(map(repr, single))
    of_rows = [item for item in single if isinstance(item, Reject) or item.text is not None]
    assert len(of_rows) == len(named)
    assert {item.path for item in single if isinstance(item, ClipRef)} == set(files)


@pytest.mark.parametrize("audio", ["{recording}.wav", "**/{recording}.wav", "./*{recording}*.wav"])
def test_letters_that_are_written_in_two_ways_are_the_same_name(tmp_path: Path, audio: str) -> None:
    name, spelled = (unicodedata.normalize(form, "café") for form in ("NFD", "NFC"))
    write(tmp_path, {f"{name}.wav": TALK, "t.stm": f"{spelled} 1 x 0 1 one\n"})
    (clip,) = clips(read(tmp_path, 1, **{**STM, "audio": audio}))
    assert (clip.path, clip.text) == (f"{name}.wav", "one")


def test_what_lies_beside_an_annotation_may_be_spelled_with_another_ending(tmp_path: Path) -> None:
    sides = {"x/channel_map.JSON": '{"L": "ann", "R": "bob"}', "x/t.tsv": "0\t1\tann\n1\t2\tbob\n", "x/a.wav": TALK}
    write(tmp_path, sides)
    form = {"kind": "delimited", "sep": "\t", "names": ["start", "end", "speaker"]}
    knobs = {
        "annotations": ["**/*.tsv"],
        "format": form,
        "audio": "{dir}/a.wav",
        "channel_map": "{dir}/channel_map.json",
    }
    items = read(tmp_path, 1, **knobs, channel="{speaker}", channels={"L": 0, "R": 1})
    assert [item.channel for item in clips(items)] == [0, 1]
    corpus = entry(**knobs, channel="{speaker}", channels={"L": 0, "R": 1}).corpus(tmp_path)
    (unit,) = corpus.units(UnitSize(1))
    assert unit.files == ("x/a.wav", "x/channel_map.JSON", "x/t.tsv")  # whose change is one of the unit


def test_lines_beside_may_be_spelled_with_another_ending(tmp_path: Path) -> None:
    write(tmp_path, {"t.seg": "a 0 1\na 1 2\n", "t.EN": "one\ntwo\n", "a.wav": TALK})
    form = {"kind": "parallel", "texts": {"text": "{stem}.en"}}
    items = read(tmp_path, 1, annotations=["*.seg"], format=form, audio="{recording}.wav")
    assert [item.text for item in clips(items)] == ["one", "two"]


def test_an_annotation_whose_name_does_not_say_what_lies_beside_it_is_a_bad_row(tmp_path: Path) -> None:
    write(tmp_path, {"t.seg": "a 0 1\n", "u-en.seg": "a 0 1\n", "u.en": "one\n", "a.wav": TALK})
    form = {"kind": "parallel", "texts": {"text": "{stem|split('-')|0}.{stem|split('-')|1}"}}
    items = read(tmp_path, 1, annotations=["*.seg"], format=form, audio="{recording}.wav")
    assert [item.text for item in clips(items)] == ["one"]
    (bad,) = [item for item in items if isinstance(item, Reject)]
    assert (bad.reason, bad.source_uri) == (Reason.BAD_ROW, "t.seg")
    assert "does not say what lies beside it: its name has no piece 1 in 't'" in bad.detail


def test_what_lies_beside_is_told_by_the_name_of_the_annotation_alone() -> None:
    with pytest.raises(UsageError, match=r"channel_map: '\{session\}.json' uses \['session'\], and only dir and stem"):
        entry(**STM, channel_map="{session}.json")


def test_for_rows_of_recordings_by_turns_a_folder_is_looked_through_once_for_each_of_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a meeting of a thousand recordings costs a thousand names for each of its rows."""
    looked: list[str] = []

    def counted(glob: str) -> re.Pattern[str]:
        looked.append(glob)
        return glob_pattern(glob)

    monkeypatch.setattr("turnmill.sources.adapters.segments_names.glob_pattern", counted)
    rows = "".join(f"{name} 1 x {start} {start + 1} one\n" for start in range(9) for name in ("a", "b", "c"))
    write(tmp_path, {"t.stm": rows, **{f"{name}-far.wav": TALK for name in "abc"}})
    items = read(tmp_path, 100, **{**STM, "audio": "./*{recording}-*.wav"})
    assert len(clips(items)) == 27
    assert len(looked) == 3


def test_of_files_of_one_name_that_is_meant_which_lies_in_the_folder_that_a_row_names(tmp_path: Path) -> None:
    write(tmp_path, {"t.stm": "x/a 1 s 0 1 one\n", "x/a.wav": TALK, "y/a.wav": TALK})
    items = read(tmp_path, 1, **{**STM, "audio": "**/{recording}.wav"})
    assert {item.path: item.text for item in clips(items)} == {"x/a.wav": "one", "y/a.wav": None}
