"""A folder of recordings: every one exactly once, with what its name and its sidecar say."""

import io
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.fuzz import names
from tests.benchmarks.fuzz.found import together
from turnmill.manifests.audio import AudioError, decode
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters import sniff
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize, transcript
from turnmill.sources.catalogue import Entry, load, override
from turnmill.sources.places import Place


def read_all(root: Path, entry: Entry | None = None, keep: bool = False, clips: int = 1000) -> list[Any]:
    corpus = (entry or load("files")).corpus(root, keep_untranscribed=keep)
    return [item for unit in corpus.units(UnitSize(clips)) for item in corpus.read(unit)]


def units_of(root: Path, entry: Entry | None = None, clips: int = 10) -> list[Unit]:
    return (entry or load("files")).corpus(root).units(UnitSize(clips))


def folder(root: Path, contents: dict[str, str | bytes]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def with_knobs(**knobs: Any) -> Entry:
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
    assert [unit.files for unit in units_of(root, clips=10)] == [("a.txt", "a.wav", "b.wav")]


def wav(seconds: float = 0.1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(int(8000 * seconds), np.float32), 8000, format="WAV")
    return file.getvalue()


def mp3() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8000, np.float32), 8000, format="MP3")
    return file.getvalue()


def test_audio_is_found_whatever_its_name_ends_in(tmp_path: Path) -> None:
    contents: dict[str, str | bytes] = {
        "LOUD.WAV": wav(),
        "LOUD.TXT": "in capitals",
        "Mixed.Mp3": mp3(),
        "Mixed.Txt": "in both",
        "mp3.dat": mp3(),
        "noending": wav(),
        "two words. and a dot": wav(),
        "take.ts": b"\x47\x40\x11\x10".ljust(188, b"\0") * 5,
        "code.ts": "export const greeting: string = 'hello';\n" * 30,
        "page.html": b"RIFF\0\0\0\0WAVE",
        "broken.m4b": "not audio at all",
        "scan.pdf": "%PDF-1.7",
        "pack.zip": b"PK\x03\x04",
        "empty": b"",
    }
    items = read_all(folder(tmp_path, contents), keep=True)
    assert {item.path: item.text for item in items} == {
        "LOUD.WAV": "in capitals",
        "Mixed.Mp3": "in both",
        "broken.m4b": None,  # what it is, its ending says; that it is broken, whoever decodes it
        "mp3.dat": None,
        "noending": None,
        "take.ts": None,
        "two words. and a dot": None,
    }


def test_a_sidecar_of_the_same_spelling_comes_before_one_in_capitals(tmp_path: Path) -> None:
    root = folder(
        tmp_path, {"a.wav": b"x", "a.TXT": "capitals", "a.txt": "own", "b.wav": b"x", "b.TXT": "1", "b.Txt": "2"}
    )
    assert [item.text for item in read_all(root)] == ["own", "1"]
    assert [unit.files for unit in units_of(root, clips=10)] == [("a.txt", "a.wav", "b.TXT", "b.wav")]


def test_raw_audio_is_a_reject_that_says_so_and_a_header_in_it_is_read(tmp_path: Path) -> None:
    root = folder(
        tmp_path, {"a.pcm": bytes(4000), "a.txt": "said", "b.RAW": bytes(10), "c.raw": wav(), "c.txt": "said"}
    )
    clip, *rejects = sorted(read_all(root), key=lambda item: isinstance(item, Reject))
    assert (clip.path, clip.text) == ("c.raw", "said")
    assert [(item.reason, item.source_uri) for item in rejects] == [
        (Reason.RAW_AUDIO, "a.pcm"),
        (Reason.RAW_AUDIO, "b.RAW"),
    ]
    assert rejects[0].detail == (
        "a.pcm is raw audio: nothing in it says its rate, channels and encoding; convert it to WAV or FLAC"
    )


def test_a_file_that_cannot_be_looked_into_is_left_to_whoever_decodes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(root: Place, path: str) -> bytes:
        raise PermissionError(13, "Permission denied", f"{root}/{path}")

    monkeypatch.setattr(sniff, "read_head", denied)
    root = folder(tmp_path, {"locked": b"x", "a.wav": b"x"})
    assert [item.path for item in read_all(root, keep=True)] == ["a.wav", "locked"]


def test_only_files_whose_ending_does_not_tell_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counted(root: Place, path: str) -> bytes:
        opened.append(path)
        return root.read(path)

    monkeypatch.setattr(sniff, "read_head", counted)
    contents: dict[str, str | bytes] = {f"{n:04}.{'wav' if n % 2 else 'FLAC'}": b"" for n in range(1000)}
    contents |= {f"{n:04}.{'lab' if n % 2 else 'spoken'}": "said" for n in range(990)}
    contents |= {f"odd{n}": wav() for n in range(5)} | {f"odd{n}.pdf": "%PDF" for n in range(5)}
    root = folder(tmp_path, contents)
    units = units_of(root, with_knobs(sidecar="{dir}/{stem}.spoken"), 500)
    assert sum(len(unit.spec["audio"]) for unit in units) == 1005
    assert sorted(opened) == sorted([f"odd{n}" for n in range(5)] + [f"odd{n}.pdf" for n in range(5)])


@pytest.mark.parametrize(
    "blank", ["", " \n\t", "\ufeff", "\ufeff\ufeff\u200b \u2060", "\u200b\u200d", "\x00", "\u00ad\u0301"]
)
def test_a_blank_transcript_is_none(tmp_path: Path, blank: str) -> None:
    root = folder(tmp_path, {"a.wav": b"x", "a.txt": blank})
    assert [item.reason for item in read_all(root)] == [Reason.UNTRANSCRIBED]
    assert [item.text for item in read_all(root, keep=True)] == [None]


@given(st.text(st.characters(categories=["Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me"]), max_size=8))
def test_what_cannot_be_seen_is_no_transcript_and_does_not_unmake_one(unseen: str) -> None:
    assert transcript(unseen) is None
    assert transcript(f"{unseen}a{unseen}") == f"{unseen}a{unseen}"


def test_a_language_in_a_name_is_a_tag_or_a_bad_row(tmp_path: Path) -> None:
    root = folder(tmp_path, {"zh_cn/a.wav": b"x", "Cmn/b.wav": b"x", "xx/c.wav": b"x"})
    entry = override(load("files"), {"lang": "EN_us", "ingest": {"pattern": "^(?P<language>[^/]+)/"}}, "test")
    assert entry.lang == "en-US"
    mandarin, none, chinese = read_all(root, entry, keep=True)
    assert (mandarin.language, chinese.language) == ("zh", "zh-CN")
    assert (none.reason, none.source_uri) == (Reason.BAD_ROW, "xx/c.wav")
    assert none.detail.startswith("xx/c.wav: 'xx' is no language tag")


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
    assert "odd.wav: it does not match the pattern" in odd.detail


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
        (Reason.UNSAFE_PATH, "b.txt"),
        (Reason.UNSAFE_PATH, "far"),
        (Reason.UNSAFE_PATH, "gone.wav"),
        (Reason.UNSAFE_PATH, "out.wav"),
    ]


def test_a_folder_without_audio_is_one_sentence(tmp_path: Path) -> None:
    folder(tmp_path, {"a.txt": "x", "._b.wav": b"x"})
    with pytest.raises(UsageError, match=r"files: .* holds no audio: give a folder of recordings"):
        units_of(tmp_path, clips=10)


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
        units, items = units_of(root, clips=clips), read_all(root, clips=clips)
    seen = Counter(item.path if isinstance(item, ClipRef) else item.source_uri for item in items)
    assert seen == Counter(f"{a}{b}.flac" for a, b in audio)
    assert list(seen) == sorted(seen)
    assert sum(isinstance(item, ClipRef) for item in items) == sum(audio.values())
    assert len(units) == -(-len(audio) // clips)


def test_text_of_two_bytes_a_letter_is_no_transcript(tmp_path: Path) -> None:
    contents = {"a.wav": b"x", "a.txt": "hello".encode("utf-16-le"), "b.wav": b"x", "b.txt": b"he\0llo"}
    assert [item.reason for item in read_all(folder(tmp_path, dict(contents)))] == [Reason.BAD_ROW, Reason.BAD_ROW]


def test_globs_say_what_is_audio_and_a_pattern_what_is_no_part(tmp_path: Path) -> None:
    root = folder(
        tmp_path, {"w/a_mic1.wav": b"x", "w/A_MIC2.WAV": b"x", "w/p_mic1.wav": b"x", "b.wav": b"x", "w/c.dat": b"x"}
    )
    entry = with_knobs(audio=["w/*.wav", "w/*.dat"], exclude=r"/(?!p_)[^/]*_mic1\.wav$", sidecar=None)
    assert [item.path for item in read_all(root, entry)] == ["w/A_MIC2.WAV", "w/c.dat", "w/p_mic1.wav"]
    with pytest.raises(UsageError, match=r"holds no audio \(looked for x/\*\.wav\)"):
        units_of(root, with_knobs(audio="x/*.wav"))


def test_codes_stand_for_what_their_map_says_and_a_code_that_is_not_in_it_is_a_bad_row(tmp_path: Path) -> None:
    root = folder(tmp_path, {"01-a.wav": b"x", "09-a.wav": b"x", "a.wav": b"x"})
    knobs = {
        "sidecar": None,
        "maps": {"mood": {"01": "calm", "": "untold"}},
        "fields": {"tags": "{mood}", "text": "I am {mood}."},
    }
    calm, bad, untold = read_all(root, with_knobs(pattern=r"^(?:(?P<mood>\d\d)-)?a", **knobs))
    assert (calm.text, calm.tags, dict(calm.native)) == ("I am calm.", ("calm",), {"mood": "calm"})
    assert (untold.tags, bad.reason) == (("untold",), Reason.BAD_ROW)
    assert bad.detail == "09-a.wav: mood is '09', which is none of 01"


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("json", b'{"text": "Hi.", "speaker": "007", "tags": ["a", "b"], "by": {"age": 30, "sure": true}, "no": null}'),
        ("yaml", b"text: Hi.\nspeaker: 007\ntags: [a, b]\nby: {age: 30, sure: true}\nno: \n"),
    ],
)
def test_a_sidecar_of_names_and_values_says_fields_by_their_names(tmp_path: Path, ending: str, content: bytes) -> None:
    root = folder(tmp_path, {"a.wav": b"x", f"a.{ending}": content, "b.wav": b"x"})
    told, untold = read_all(root, with_knobs(sidecar=f"{{dir}}/{{stem}}.{ending}"))
    assert (told.text, told.speaker, told.tags) == ("Hi.", "007", ("a", "b"))
    assert dict(told.native) == {"by.age": "30", "by.sure": "true"}
    assert (untold.text, dict(untold.native)) == (None, {})


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("json", b'{"text": "Hi.'),
        ("json", b"[" * 100_000),
        ("json", b'{"text": "\\ud800"}'),
        ("json", b'{"text": "a\\u0000b"}'),
        ("json", b"[1, 2]"),
        ("json", b""),
        ("yaml", b"a: &a [x, x]\nb: &b [*a, *a]\ntext: [*b, *b]\n"),
        ("yaml", b"[" * 100_000),
        ("yaml", b"text: \xff"),
        ("yaml", b"- text"),
    ],
)
def test_a_sidecar_that_is_damaged_or_a_bomb_is_a_bad_row(tmp_path: Path, ending: str, content: bytes) -> None:
    root = folder(tmp_path, {"a.wav": b"x", f"a.{ending}": content, "b.wav": b"x"})
    bad, other = read_all(root, with_knobs(sidecar=f"{{dir}}/{{stem}}.{ending}"))
    assert (bad.reason, bad.source_uri, other.path) == (Reason.BAD_ROW, "a.wav", "b.wav")


def joined(**more: Any) -> dict[str, Any]:
    form = {"sep": ",", "header": True, "quoting": True}
    return {"table": "people.csv", "format": form, "key": "{id}", "of": "{speaker}", **more}


def test_a_row_of_a_table_says_more_of_all_recordings_of_its_key(tmp_path: Path) -> None:
    table = 'id,age,from\n001,30,"Paris, France"\n002,40\n001,31,Rome\n003,50,Bonn\n'
    root = folder(tmp_path, {"people.csv": table, **{f"00{n}_{m}.wav": b"x" for n in (1, 2, 4) for m in "ab"}})
    entry = with_knobs(pattern=r"(?P<speaker>\d+)_", sidecar=None, join=[joined()])
    for clips in (1, 100):
        items = read_all(root, entry, clips=clips)
        found = {item.path: dict(item.native) for item in items if isinstance(item, ClipRef)}
        known = {"id": "001", "age": "30", "from": "Paris, France"}
        assert found == {f"00{n}_{m}.wav": known if n == 1 else {} for n in (1, 2, 4) for m in "ab"}
        faults = [(item.reason, item.detail, item.source_uri) for item in items if isinstance(item, Reject)]
        assert faults == [
            (Reason.BAD_ROW, "people.csv line 3 has 2 columns where id, age, from are expected", "people.csv"),
            (Reason.BAD_ROW, "people.csv line 4 says other things of '001' than a row before it", "people.csv"),
        ]
    assert all("people.csv" in unit.files for unit in units_of(root, entry))


def test_official_splits_come_from_tables_and_what_is_in_none_is_unlisted(tmp_path: Path) -> None:
    root = folder(
        tmp_path, {"a_1.wav": b"x", "b_1.wav": b"x", "c_1.wav": b"x", "people.csv": "id\na\n", "tests.csv": "id\nb\n"}
    )
    join = [joined(says={"split": "train"}), joined(table="tests.csv", says={"split": "test"})]
    entry = with_knobs(pattern="(?P<speaker>[a-z])_", sidecar=None, join=join)
    assert entry.family.has_splits
    assert [(item.path, item.split) for item in read_all(root, entry)] == [
        ("b_1.wav", "test"),
        ("a_1.wav", "train"),
        ("c_1.wav", "unlisted"),
    ]


def test_a_table_that_cannot_be_read_is_one_reject_and_costs_no_recording(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a_1.wav": b"x", "b_1.wav": b"x", "people.csv": b"id,\xff\na,1\n"})
    *clips, fault = read_all(root, with_knobs(pattern="(?P<speaker>[a-z])_", sidecar=None, join=[joined()]))
    assert [clip.speaker for clip in clips] == ["a", "b"]
    assert (fault.reason, fault.source_uri) == (Reason.BAD_ROW, "people.csv")


def test_what_names_say_comes_first(tmp_path: Path) -> None:
    root = folder(tmp_path, {"ann_1.wav": b"x", "ann_1.json": '{"speaker": "bob", "text": "Hi."}'})
    clip, *_ = read_all(root, with_knobs(pattern="(?P<speaker>[a-z]+)_", sidecar="{dir}/{stem}.json"))
    assert (clip.speaker, clip.text) == ("ann", "Hi.")


def test_names_with_dots_dashes_and_zeros_are_kept_as_they_are(tmp_path: Path) -> None:
    names = ("-rf.wav", "0100.v1.2.wav", "007.WAV", "no ending. here")
    contents: dict[str, str | bytes] = {name: wav() for name in names}
    texts = {"-rf.txt": "a", "0100.v1.2.txt": "b", "007.txt": "c", "no ending. here.txt": "d"}
    items = read_all(folder(tmp_path, contents | texts), with_knobs(fields={"parent": "{stem}"}))
    assert {item.parent: item.text for item in items} == {
        "-rf": "a",
        "0100.v1.2": "b",
        "007": "c",
        "no ending. here": "d",
    }


def test_a_stub_of_git_lfs_says_what_to_do() -> None:
    stub = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 71404\n"
    for name in ("a.wav", "a.mp3", "a.flac", "a.ogg"):
        with pytest.raises(
            AudioError, match=r"is what Git LFS leaves in place of a file: run `git lfs pull`"
        ) as caught:
            decode(stub, name)
        assert caught.value.reason is Reason.CORRUPT_AUDIO


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"fields": {"text": "{txt}"}}, r"fields.text: '\{txt\}' uses \['txt'\], .* among what names and tables say"),
        ({"maps": {"mood": {"a": "b"}}}, "maps.mood: .*'mood'"),
        ({"join": [joined(of="{who}")]}, "join.of: .*'who'"),
        ({"join": [joined(table="../people.csv", of="{stem}")]}, "leaves the folder of the corpus"),
        ({"join": [joined(of="{stem}", format={"kind": "regex", "pattern": "(?P<a>.)"})]}, r"key: .*'id'.*\['a'\]"),
        ({"exclude": "("}, "exclude: .* is no regular expression"),
        ({"fields": {"mood": "{stem}"}}, "fields.mood"),
    ],
)
def test_knobs_that_cannot_work_are_refused_naming_them(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_knobs(**knobs)


def test_of_damaged_folders_nothing_is_lost_and_all_else_is_read() -> None:
    found = together(names.fuzz(range(45), seed=1))
    assert found.failed == []
    assert found.rejects > 0
    assert found.read >= 0.95 * found.untouched > 0


def test_a_piece_of_a_tag_that_a_name_has_not_got_is_no_tag(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a-b.wav": b"x", "c.wav": b"x"})
    entry = with_knobs(pattern="(?P<kind>[^/]+).wav", sidecar=None, fields={"tags": ["{kind|split('-')|1}", "{kind}"]})
    assert [item.tags for item in read_all(root, entry)] == [("b", "a-b"), ("c",)]


def test_where_all_is_excluded_the_refusal_says_by_what(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a_mic1.wav": b"x"})
    with pytest.raises(
        UsageError, match=r"holds no audio \(looked for \*\.wav\) that `exclude: _mic1` does not leave out"
    ):
        units_of(root, with_knobs(audio="*.wav", exclude="_mic1"))
