"""Tables: every row and every audio file exactly once, whatever their names and faults."""

import gzip
import io
import json
import os
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize
from turnmill.sources.catalogue import Entry, load, override

BIG = 1 << 40


def read_all(root: Path, entry: Entry, clips: int = 1000, size: int = BIG, keep: bool = False) -> list[Any]:
    corpus = entry.corpus(root, keep_untranscribed=keep)
    return [item for unit in corpus.units(UnitSize(clips, size)) for item in corpus.read(unit)]


def units_of(root: Path, entry: Entry, clips: int = 1000, size: int = BIG) -> list[Unit]:
    return entry.corpus(root).units(UnitSize(clips, size))


def corpus(root: Path, rows: str | bytes, audio: list[str]) -> Path:
    """An LJSpeech-like folder; the audio files hold no audio, for adapters never open it."""
    data = rows.encode() if isinstance(rows, str) else rows
    root.mkdir(exist_ok=True)
    (root / "metadata.csv").write_bytes(data)
    for name in audio:
        path = root / "wavs" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    return root


def reasons(items: list[Any]) -> list[str]:
    return [item.reason.value if isinstance(item, Reject) else "clip" for item in items]


def test_librispeech_as_released(shared: Path) -> None:
    entry, root = load("librispeech"), shared / "LibriSpeech"
    items = read_all(root, entry)
    clips = [item for item in items if isinstance(item, ClipRef)]
    assert Counter(reasons(items)) == {"clip": 100, "untranscribed": 60}
    first = clips[0]
    assert first.uid == "librispeech/default/test-other/test-other/1688/142285/1688-142285-0000.flac"
    assert first.text is not None
    assert first.text.startswith("THERE'S IRON THEY SAY IN ALL OUR BLOOD")
    assert (first.speaker, first.parent, first.split, first.language) == ("1688", "librivox/1688", "test-other", "en")
    assert {clip.split for clip in clips} == {"test-other"}
    kept = read_all(root, entry, keep=True)
    unheard = [item for item in kept if item.text is None]
    assert len(kept) == 160
    assert {clip.split for clip in unheard} == {"train-clean-100"}
    assert all(clip.speaker == clip.path.split("/")[1] for clip in unheard)


def test_ljspeech_as_released(shared: Path) -> None:
    root = shared / "LJSpeech-1.1"
    items = read_all(root, load("ljspeech"))
    clips = [item for item in items if isinstance(item, ClipRef)]
    assert len(items) == len(list(root.glob("wavs/*.wav")))
    assert len(clips) == len((root / "metadata.csv").read_text().splitlines())
    assert clips[1].text == "in being comparatively modern."
    assert clips[1].native == {"text_raw": "in being comparatively modern."}
    assert (clips[1].speaker, clips[1].parent) == ("LJ", "LJ001")


@pytest.mark.parametrize("below", ["", "test-other", "test-other/1688"])
def test_a_root_too_deep_to_tell_the_split_is_refused_rather_than_mislabelled(shared: Path, below: str) -> None:
    root = shared / "LibriSpeech" / below
    if not below:
        assert units_of(root, load("librispeech"), 10)
        return
    with pytest.raises(UsageError, match=r"split.*further up"):
        units_of(root, load("librispeech"), 10)


def test_a_speaker_whose_clips_have_no_parent_stays_whole(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a-1|x|Hi\na-2|x|Hi\n", ["a-1", "a-2"])
    fields = {"text": "{text}", "speaker": "{id|split('-')|0}"}
    entry = override(load("ljspeech"), {"ingest": {"fields": fields}}, "test")
    assert [clip.parent for clip in read_all(root, entry)] == ["a", "a"]


def test_each_fault_of_a_row_has_its_reason(tmp_path: Path) -> None:
    rows = [
        "a|A|a",
        "missing|M|m",
        "a|again|again",
        "two columns|only",
        "|no|name",
        "../a|up|up",
        "/etc/passwd|absolute|absolute",
        "b\0c|nul|nul",
        "",
        "b|quote \" unbalanced|it's \u2028 one line\x85",
    ]
    root = corpus(tmp_path / "c", "\r\n".join(rows), ["a", "b", "left over"])
    items = read_all(root, load("ljspeech"))
    assert reasons(items) == [
        "clip",
        "missing_file",
        "duplicate_uid",
        "bad_row",
        "bad_row",
        "unsafe_path",
        "unsafe_path",
        "unsafe_path",
        "clip",
        "untranscribed",
    ]
    assert "metadata.csv line 4 has 2 columns" in items[3].detail
    assert items[1].source_uri == "wavs/missing.wav"
    assert items[2].uid == items[0].uid
    assert items[8].text == "it's \u2028 one line\x85"
    assert items[9].uid == "ljspeech/default/train/wavs/left over.wav"


def test_a_second_row_for_the_same_audio_is_found_in_another_unit_too(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a|1|1\nb|2|2\na|3|3\n", ["a", "b"])
    assert reasons(read_all(root, load("ljspeech"), clips=1)) == ["clip", "clip", "duplicate_uid"]


@pytest.mark.parametrize(
    "name",
    ["with space", "quo'te\"s", "dots.in.name", "-leading dash", "日本語", "a#0-1", "a%20b", "$(rm)", "été", "новый"],
)
@pytest.mark.parametrize(("in_table", "on_disk"), [("NFC", "NFC"), ("NFD", "NFC"), ("NFC", "NFD")])
def test_odd_names_are_found_in_either_unicode_form(tmp_path: Path, name: str, in_table: str, on_disk: str) -> None:
    row, file = unicodedata.normalize(in_table, name), unicodedata.normalize(on_disk, name)
    items = read_all(corpus(tmp_path / "c", f"{row}|x|y\n", [file]), load("ljspeech"))
    assert reasons(items) == ["clip"]
    assert items[0].path == f"wavs/{file}.wav"
    assert (tmp_path / "c" / items[0].path).is_file()


def test_hidden_files_are_no_part_of_the_corpus(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a|x|y\n", ["a", "._a", ".hidden"])
    (root / ".git").mkdir()
    (root / ".git" / "metadata.csv").write_text("z|z|z\n")
    assert reasons(read_all(root, load("ljspeech"))) == ["clip"]


def test_links_are_followed_inside_the_root_and_refused_outside(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "inside|x|y\nout|x|y\ngone/deep|x|y\nalias/a|x|y\n", ["a"])
    (tmp_path / "secret.wav").write_bytes(b"x")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "deep.wav").write_bytes(b"x")
    (root / "wavs" / "inside.wav").symlink_to("a.wav")
    (root / "wavs" / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "wavs" / "gone").symlink_to(tmp_path / "far")
    (root / "wavs" / "alias").symlink_to(".")
    (root / "wavs" / "unnamed.wav").symlink_to(tmp_path / "secret.wav")
    items = read_all(root, load("ljspeech"))
    assert reasons(items) == ["clip", "unsafe_path", "unsafe_path", "clip", "unsafe_path"]
    assert [item.source_uri for item in items if isinstance(item, Reject)] == [
        "wavs/out.wav",
        "wavs/gone/deep.wav",
        "wavs/unnamed.wav",
    ]
    assert items[3].path == "wavs/a.wav"


def test_a_link_to_the_root_itself_is_a_root(tmp_path: Path) -> None:
    corpus(tmp_path / "c", "a|x|y\n", ["a"])
    (tmp_path / "link").symlink_to(tmp_path / "c")
    assert reasons(read_all(tmp_path / "link", load("ljspeech"))) == ["clip"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX file names are bytes")
def test_a_name_that_is_not_utf8_is_rejected_and_can_be_stored(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a|x|y\n", ["a"])
    (root / "wavs" / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"x")
    items = read_all(root, load("ljspeech"))
    assert reasons(items) == ["clip", "unsafe_path"]
    assert items[1].source_uri.encode() == rb"wavs/caf\xe9.wav"


@pytest.mark.parametrize(
    ("rows", "detail"),
    [(b"a|\xff|x\n", "is not utf-8"), (b"a|" + b"x" * (1 << 20) + b"|y\n", "is longer than 1048576 bytes")],
)
def test_a_broken_line_is_one_bad_row_and_the_next_is_read(tmp_path: Path, rows: bytes, detail: str) -> None:
    items = read_all(corpus(tmp_path / "c", rows + b"b|x|y\n", ["b"]), load("ljspeech"))
    assert reasons(items) == ["bad_row", "clip"]
    assert f"metadata.csv line 1 {detail}" in items[0].detail


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert reasons(read_all(corpus(tmp_path / "c", "\ufeffa|x|y\n", ["a"]), load("ljspeech"))) == ["clip"]


def header_entry() -> Entry:
    form = {"sep": "\t", "header": True}
    knobs = {"tables": "*.tsv", "format": form, "audio": "clips/{path}", "audio_files": "clips/*", "split": "{stem}"}
    return override(
        load("ljspeech"), {"ingest": {**knobs, "fields": {"text": "{sentence}", "speaker": "{client_id}"}}}, "test"
    )


def test_columns_are_found_by_the_header_and_the_split_by_the_table(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a.mp3", "b.mp3", "c.mp3"):
        (tmp_path / "clips" / name).write_bytes(b"x")
    (tmp_path / "train.tsv").write_text("client_id\tpath\tage\tsentence\nme\ta.mp3\t20\tHallo\n")
    (tmp_path / "test.tsv").write_text('path\tsentence\tclient_id\nb.mp3\t"Tag\tyou\n')
    items = read_all(tmp_path, header_entry(), clips=1)
    assert [(item.split, item.text, item.speaker, dict(item.native)) for item in items[:2]] == [
        ("test", '"Tag', "you", {}),
        ("train", "Hallo", "me", {"age": "20"}),
    ]
    assert items[2].uid == "ljspeech/default/unlisted/clips/c.mp3"
    (tmp_path / "dev.tsv").write_text("path\ttext\nb.mp3\tx\n")
    with pytest.raises(UsageError, match=r"dev\.tsv has no column \['client_id', 'sentence'\]"):
        units_of(tmp_path, header_entry(), 1)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"client_id\tpath\tsentence\tpath", "its header has the column 'path' twice"),
        (b"client_id\tpath\tsent\xff", "its header is not utf-8"),
        (b"path\t" + b"x" * (2 << 20), "its header is longer than"),
    ],
)
def test_a_header_that_cannot_be_read_is_one_sentence(tmp_path: Path, header: bytes, message: str) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp3").write_bytes(b"x")
    (tmp_path / "dev.tsv").write_bytes(header + b"\na\tb\tc\td\n")
    with pytest.raises(UsageError, match=rf"dev\.tsv: {message}"):
        units_of(tmp_path, header_entry())


@pytest.mark.parametrize("damage", [lambda _: b"client_id", lambda data: data[:10] + b"\xff" * 9 + data[19:]])
def test_a_header_that_cannot_be_unpacked_is_one_sentence(tmp_path: Path, damage: Any) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp3").write_bytes(b"x")
    (tmp_path / "dev.tsv.gz").write_bytes(damage(gzip.compress(b"client_id\tpath\tsentence\na\tb\tc\n")))
    with pytest.raises(UsageError, match=r"dev\.tsv\.gz: its header is not a whole gzip file"):
        units_of(tmp_path, override(header_entry(), {"ingest": {"tables": "*.tsv.gz"}}, "it"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root.with_name("elsewhere").mkdir(), "does not exist"),
        (lambda root: root.write_text("x"), "is not a folder"),
        (lambda root: root.mkdir(), r"holds no table \(looked for \*\*/metadata.csv\)"),
        (lambda root: corpus(root, "a|x|y\n", []), r"holds no audio \(looked for \*\*/wavs/\*.wav\)"),
    ],
)
def test_a_root_that_is_no_corpus_is_one_sentence(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=f"ljspeech: .*nowhere.*{message}.*: give the folder"):
        units_of(tmp_path / "nowhere", load("ljspeech"), 10)


def test_units_end_at_either_limit_and_tell_the_files_they_read(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "".join(f"n{i}|x|y\n" for i in range(7)), [f"n{i}" for i in range(7)])
    by_count = units_of(root, load("ljspeech"), 3)
    assert [unit.name for unit in by_count] == ["train/0000", "train/0001", "train/0002"]
    assert by_count[1].files == ("metadata.csv", "wavs/n3.wav", "wavs/n4.wav", "wavs/n5.wav")
    assert [len(unit.files) - 1 for unit in units_of(root, load("ljspeech"), 100, 20)] == [2, 2, 2, 1]
    with pytest.raises(ValueError, match="at least 1"):
        units_of(root, load("ljspeech"), 0)


def test_names_of_tables_and_audio_are_found_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a.MP3", "b.mp3", "c.MP3"):
        (tmp_path / "clips" / name).write_bytes(b"x")
    (tmp_path / "train.TSV").write_text("path\tsentence\tclient_id\na.mp3\tHallo\tme\nb.MP3\tTag\tme\n")
    items = read_all(tmp_path, header_entry())
    assert reasons(items) == ["clip", "clip", "untranscribed"]
    assert [item.path for item in items[:2]] == ["clips/a.MP3", "clips/b.mp3"]
    assert items[2].source_uri == "clips/c.MP3"


def test_audio_that_no_row_names_is_found_wherever_it_lies_and_whatever_its_ending(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a|x|y\n", ["a"])
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8000, np.float32), 8000, format="MP3")
    for name in ("wavs/b.WAV", "extra/c.mpga", "extra/noending", "d.dat"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(file.getvalue())
    (root / "extra" / "e.pcm").write_bytes(bytes(100))
    (root / "extra" / "notes.md").write_text("no audio")
    items = read_all(root, load("ljspeech"))
    assert {item.source_uri: item.reason for item in items if isinstance(item, Reject)} == {
        **dict.fromkeys(("wavs/b.WAV", "extra/c.mpga", "extra/noending", "d.dat"), Reason.UNTRANSCRIBED),
        "extra/e.pcm": Reason.RAW_AUDIO,
    }


def test_a_row_that_names_raw_audio_is_a_reject_that_says_so(tmp_path: Path) -> None:
    root = corpus(tmp_path / "c", "a|x|y\n", ["a"])
    (root / "raw").mkdir()
    (root / "raw" / "a.pcm").write_bytes(bytes(100))
    entry = override(load("ljspeech"), {"ingest": {"audio": "raw/{id}.pcm"}}, "test")
    (unit,) = units_of(root, entry, 10)
    assert unit.files == ("metadata.csv", "raw/a.pcm", "wavs/a.wav")
    assert [item.reason for item in entry.corpus(root).read(unit)] == [Reason.RAW_AUDIO, Reason.UNTRANSCRIBED]


@pytest.mark.parametrize("blank", ["", " ", "\ufeff\u200b"])
def test_a_row_with_a_blank_transcript_has_none(tmp_path: Path, blank: str) -> None:
    root = corpus(tmp_path / "c", f"a|x|{blank}\nb|x|said\n", ["a", "b"])
    items = read_all(root, load("ljspeech"))
    assert reasons(items) == ["untranscribed", "clip"]
    what = "wavs/a.wav has no transcript: ingest.keep_untranscribed=true takes it, to be transcribed"
    assert (items[0].uid, items[0].detail) == ("ljspeech/default/train/wavs/a.wav", what)
    assert [item.text for item in read_all(root, load("ljspeech"), keep=True)] == [None, "said"]


def test_rows_of_a_corpus_without_transcripts_are_clips(tmp_path: Path) -> None:
    entry = override(load("ljspeech"), {"ingest": {"fields": {"tags": "{text}"}}}, "test")
    assert [item.tags for item in read_all(corpus(tmp_path / "c", "a|x|dog\n", ["a"]), entry)] == [("dog",)]


def test_a_row_in_a_language_that_there_is_not_is_a_bad_row(tmp_path: Path) -> None:
    entry = override(load("ljspeech"), {"ingest": {"fields": {"text": "{text}", "language": "{text_raw}"}}}, "test")
    rows = "a|en_us|A\nb|Klingon|B\nc||C\n"
    american, none, default = read_all(corpus(tmp_path / "c", rows, ["a", "b", "c"]), entry)
    assert (american.language, default.language) == ("en-US", "en")
    assert (none.reason, none.source_uri) == (Reason.BAD_ROW, "wavs/b.wav")
    assert none.detail.startswith("metadata.csv line 2: 'Klingon' is no language tag")


NAME = st.text(st.sampled_from("ab -.é'#"), min_size=1, max_size=3).filter(lambda name: not name.startswith("."))
FORMS = st.sampled_from(["{}|x|y", "{}|x|y", "{}|x|y", "{}|x", "../{}|x|y", "", " ", "|x|y"])


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(FORMS, NAME), max_size=25),
    audio=st.sets(NAME, min_size=1, max_size=12),
    clips=st.integers(1, 7),
    size=st.integers(1, 60),
    keep=st.booleans(),
)
def test_every_row_and_every_file_comes_out_exactly_once(
    rows: list[tuple[str, str]], audio: set[str], clips: int, size: int, keep: bool
) -> None:
    entry = load("ljspeech")
    lines = [form.format(name) for form, name in rows]
    with tempfile.TemporaryDirectory() as folder:
        root = corpus(Path(folder), "\n".join(lines) + "\n", sorted(audio))
        units = units_of(root, entry, clips, size)
        again = [Unit(unit.name, unit.files, json.loads(json.dumps(unit.spec))) for unit in units]
        items = [item for unit in again for item in entry.corpus(root, keep_untranscribed=keep).read(unit)]
        assert units == units_of(root, entry, clips, size)
        for unit in units:
            assert all((root / name).is_file() for name in unit.files)
    assert len({unit.name for unit in units}) == len(units)
    named = {line.split("|")[0] for line in lines if line.count("|") == 2 and not line.startswith(("..", "|"))}
    assert len(items) == sum(line != "" for line in lines) + len(audio - named)
    clips_out = [item for item in items if isinstance(item, ClipRef)]
    assert len({clip.uid for clip in clips_out}) == len(clips_out)
    expected = audio if keep else audio & named
    assert {clip.path for clip in clips_out} == {f"wavs/{name}.wav" for name in expected}
    faults = Counter(item.reason for item in items if isinstance(item, Reject))
    assert faults[Reason.UNTRANSCRIBED] == (0 if keep else len(audio - named))
    assert faults[Reason.MISSING_FILE] == len(named - audio)


@pytest.mark.parametrize(
    ("start", "end", "channel", "why"),
    [
        *(
            ("nan", "1", "", "the time 'nan'"),
            ("0", "inf", "", "the time 'inf'"),
            ("0", "1e400", "", "the time '1e400'"),
        ),
        *(("-1", "1", "", "is about -1 to 1 s"), ("2", "1", "", "is about 2 to 1 s"), ("1", "1", "", "about 1 to 1 s")),
        *(("0", "1e-9", "", "is about 0 to 0 s"), ("1_0", "20", "", "the time '1_0'"), ("", "1", "", "the time ''")),
        *(("0", "1", "-1", "of channel '-1'"), ("0", "1", "left", "of channel 'left'")),
        *(("0", "1", "9" * 30, "of channel '999"), ("0", "1", "\u0663", "of channel '\u0663'")),
    ],
)
def test_a_row_about_no_stretch_or_channel_is_a_bad_row(
    tmp_path: Path, start: str, end: str, channel: str, why: str
) -> None:
    knobs = {
        "tables": "t.tsv",
        "format": {"sep": "\t", "names": ["id", "start", "end", "channel"]},
        "span": {"start": "{start}", "end": "{end}", "channel": "{channel}"},
        **{"audio": "{id}.wav", "audio_files": "*.wav", "split": "train", "fields": {"text": "{id}"}},
    }
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "t.tsv").write_text(f"a\t{start}\t{end}\t{channel}\na\t0.25\t1\t\na\t0.5\t1.5\t1\n")
    bad, *good = read_all(tmp_path, override(load("ljspeech"), {"ingest": knobs}, "it"))
    assert isinstance(bad, Reject)
    assert bad.reason is Reason.BAD_ROW
    assert why in bad.detail
    assert [(item.start, item.end, item.channel) for item in good] == [(0.25, 1.0, None), (0.5, 1.5, 1)]
