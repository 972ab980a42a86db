"""Segments of recordings: each row once, whatever is wrong beside it; of a recording all in one unit."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.fuzz.found import together
from tests.benchmarks.fuzz.segments import fuzz
from tests.sources.catalog.miniature import Tone
from turnmill.manifests.audio import AudioError
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.corpus import Corpus
from turnmill.sources.adapters import segments_json
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.segments_format import Fault, Segment, SegmentFormat
from turnmill.sources.adapters.segments_json import JsonFormat
from turnmill.sources.adapters.segments_mrt import MrtFormat
from turnmill.sources.adapters.segments_srt import SrtFormat
from turnmill.sources.adapters.segments_textgrid import TextGridFormat
from turnmill.sources.catalogue import Entry, load
from turnmill.sources.places import place

REPO = Path(__file__).parents[3]
SHARED = REPO.parent / "shared" / "data"
STM = {"annotations": ["*.stm"], "format": {"kind": "stm"}, "audio": "{recording}.wav"}


def entry(**ingest: Any) -> Entry:
    return load(
        {
            "name": "talks",
            "title": "talks",
            "kind": "speech",
            "lang": "en",
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True, "derivatives": True},
            "access": {"kind": "local", "how": "written here"},
            "ingest": {"family": "segments", **ingest},
        }
    )


def write(folder: Path, files: Mapping[str, str | bytes | Tone]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encoded(name) if isinstance(content, Tone) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)


def clips(items: list[ClipRef | Reject]) -> list[ClipRef]:
    return [item for item in items if isinstance(item, ClipRef)]


def reasons(items: list[ClipRef | Reject]) -> list[Reason]:
    return sorted(item.reason for item in items if isinstance(item, Reject))


TALK = Tone(rate=8000, seconds=3)


def test_all_segments_of_a_recording_are_in_one_unit_in_the_order_of_their_times(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            **{"a.wav": TALK, "b.wav": TALK},
            "1.stm": "a 1 x 2.0 2.5 third\nb 1 y 0.0 1.0 alone\na 1 x 0.5 1.0 first\n",
            "2.stm": "a 1 y 1.0 2.0 second\n",
        },
    )
    units = (corpus := entry(**STM).corpus(tmp_path)).units(UnitSize(1))
    read = [[item.text for item in clips(list(corpus.read(unit)))] for unit in units]
    assert read == [["first", "second", "third"], ["alone"]]
    assert [unit.items for unit in units] == [3, 1]
    assert set(units[0].files) == {"1.stm", "2.stm", "a.wav"}


def test_each_row_is_a_clip_or_a_reject_that_names_its_line(tmp_path: Path) -> None:
    rows = [
        ";; a comment",
        "a 1 x 0.5 1.0 good",
        "a 1 x 1.0 0.5 backwards",
        "a 1 x nan 2 no time",
        "a 1 x 0.5 1.0 twice",
    ]
    rows += [
        "lost 1 x 0 1 no audio",
        "../a 1 x 0 1 outside",
        "a 1 x 0 1",
        "a 1 inter 1 2 ignore_time_segment_in_scoring",
    ]
    rows += ["a 1 x 1.5 2.0 <o,f0,male> labelled", "a 1 x 2.0 2.5 <unk> token"]
    write(tmp_path, {"a.wav": TALK, "a.stm": "\n".join(rows), "unnamed.wav": TALK, "unnamed.txt": "x"})
    items = list(entry(**STM).corpus(tmp_path).items())
    assert [clip.text for clip in clips(items)] == ["good", "labelled", "<unk> token"]
    assert Counter(reasons(items)) == {
        **{Reason.BAD_ROW: 2, Reason.DUPLICATE_UID: 1, Reason.MISSING_FILE: 1, Reason.UNSAFE_PATH: 1},
        Reason.UNTRANSCRIBED: 2,
    }
    told = [item.detail for item in items if isinstance(item, Reject) and item.reason is Reason.BAD_ROW]
    assert told == [
        "a.stm: line 3 is from 1.0 s to 0.5 s, which is no stretch of time",
        "a.stm: line 4 has the time 'nan', which is none",
    ]


def test_a_channel_and_a_speaker_are_kept_of_each_side(tmp_path: Path) -> None:
    write(tmp_path, {"c.sph": Tone(rate=8000, seconds=2, channels=2, subtype="ULAW")})
    write(tmp_path, {"c.txt": "# c.sph\n# made\n\n0.5 1.0 A: one\n0.5 1.0 B: two\n0.5 1.0 C: nobody\n"})
    told = entry(
        annotations=["*.txt"], format={"kind": "ldc"}, audio="{stem}.sph", channels={"A": 0, "B": 1},
        fields={"speaker": "{stem}-{side}"}, roles=["A", "B"],
    )  # fmt: skip
    found = clips(list(told.corpus(tmp_path).items()))
    assert [(clip.channel, clip.speaker, clip.text) for clip in found] == [(0, "c-A", "one"), (1, "c-B", "two")]
    one, two = (Corpus(told, place(tmp_path)).audio(clip)[0] for clip in found)
    assert one.shape == two.shape == (1, 4000)
    assert abs(one - two).max() > 0.1


def test_a_clip_after_the_end_or_of_a_channel_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    write(tmp_path, {"a.wav": TALK, "a.stm": "a A x 2.5 3.4 rounded\na A x 2.5 3.6 late\na B x 0 1 other\n"})
    told = entry(**STM, channels={"A": 0, "B": 1})
    found: dict[str | None, Any] = {}
    for clip in clips(list(told.corpus(tmp_path).items())):
        try:
            found[clip.text] = Corpus(told, place(tmp_path)).audio(clip)[0].shape
        except AudioError as error:
            found[clip.text] = error.reason
    assert found == {"rounded": (1, 4000), "late": Reason.TRUNCATED_AUDIO, "other": Reason.OTHER_CHANNELS}


def test_words_with_a_short_pause_between_them_are_one_segment(tmp_path: Path) -> None:
    ctm = ";; words\na 1 0.00 0.40 so\na 1 0.45 0.30 it 0.9\na 1 1.50 0.50 goes\na A 2.1 0.2 on\na 1 x 1 y\n"
    write(tmp_path, {"a.wav": TALK, "a.ctm": ctm})
    told = entry(annotations=["*.ctm"], format={"kind": "ctm"}, audio="{recording}.wav")
    items = list(told.corpus(tmp_path).items())
    assert [(clip.start, clip.end, clip.text) for clip in clips(items)] == [
        (0.0, 0.75, "so it"),
        (1.5, 2.0, "goes"),
        (2.1, 2.3, "on"),
    ]
    assert reasons(items) == [Reason.BAD_ROW]


def test_a_word_that_cannot_be_read_is_not_left_out_of_a_text_in_silence_nor_one_said_twice(tmp_path: Path) -> None:
    ctm = "a 1 0.0 0.2 do\na 1 0.2 0.1 n\xf6t\na 1 0.3 0.2 go\na 1 0.6 0.2 there\na 1 0.6 0.2 there\na 1 0.9 0.2 now\n"
    write(tmp_path, {"a.wav": TALK})
    (tmp_path / "a.ctm").write_bytes(ctm.encode("latin-1"))
    told = entry(annotations=["*.ctm"], format={"kind": "ctm"}, audio="{recording}.wav")
    items = list(told.corpus(tmp_path).items())
    assert [clip.text for clip in clips(items)] == ["do", "go there now"]
    assert reasons(items) == [Reason.BAD_ROW, Reason.BAD_ROW]


def test_of_a_broken_document_the_whole_segments_are_read(tmp_path: Path) -> None:
    rows = [{"start": n, "end": n + 1, "text": f"t{n}", "by": {"x": [n]}} for n in range(9)]
    broken = json.dumps({"speaker": "s", "said": rows}).replace('"t4"', '"t4')
    write(tmp_path, {"a.wav": TALK, "a.json": broken})
    form = {"kind": "json", "segments": "said"}
    items = list(entry(annotations=["*.json"], format=form, audio="{stem}.wav").corpus(tmp_path).items())
    assert [(clip.text, clip.speaker) for clip in clips(items)] == [(f"t{n}", "s") for n in range(9) if n != 4]
    assert reasons(items) == [Reason.BAD_ROW]


@pytest.mark.parametrize(
    ("segments", "damaged", "whole"),
    [
        ("talks.*.said", [{"said": [{"n": 0}, {"n": 1}]}, {"said": [{"n": 2}]}], [0, 1, 2]),  # lists in a list
        ("talks.*.said.*", [{"said": [{"n": 0}, {"n": 1}]}, {"said": [{"n": 2}]}], [0, 1, 2]),
        ("talks.*", {"a": {"n": 0}, "b": {"n": 1}}, [0, 1]),
        ("talks", {"n": 0}, []),  # one segment, of which nothing is whole
    ],
)
def test_of_a_broken_document_the_segments_are_those_of_a_whole_one(segments: str, damaged: Any, whole: Any) -> None:
    form = JsonFormat(kind="json", segments=segments)
    document = json.dumps({"speaker": "s", "talks": damaged})
    for text in (document, document[:-2]):  # the last brackets are lost
        rows = list(form.rows(text.encode(), 1, None))
        found = [row.values for row in rows if isinstance(row, Segment)]
        assert found == ([{"speaker": "s", "n": n} for n in whole] or [{"speaker": "s", "n": 0}][: text == document])
        assert any(isinstance(row, Fault) for row in rows) == (text != document)


@pytest.mark.parametrize("tail", ["", ",", ", ", "\n", "}"])
def test_an_array_that_breaks_off_between_items_says_so(tmp_path: Path, tail: str) -> None:
    text = json.dumps({"audios": BIG})
    write(tmp_path, {"0.wav": TALK, "1.wav": TALK, "a.json": text.removesuffix("]}") + tail})
    form = {"kind": "json", "items": "audios", "segments": "segments", "columns": {"start": "b", "end": "e"}}
    found = list(entry(annotations=["a.json"], format=form, audio="{path}").corpus(tmp_path).items())
    assert len(clips(found)) == len(BIG)
    (bad,) = [item for item in found if isinstance(item, Reject)]
    assert bad.detail == "a.json row 7 is too long to be read, is cut off, or is nothing of the kind"


def test_words_of_a_speech_service_are_its_results(tmp_path: Path) -> None:
    words = [
        {"startTime": "1.200s", "endTime": "1.500s", "word": "Hi"},
        {"startTime": "1.5s", "endTime": "2s", "word": "you"},
    ]
    results = [{"alternatives": [{"transcript": "Hi you", "words": words}]}, {"alternatives": [{}]}]
    write(tmp_path, {"ep.wav": TALK, "ep.json": json.dumps({"results": results})})
    alternative = "alternatives.0"
    columns = {"text": f"{alternative}.transcript", "start": f"{alternative}.words.0.startTime"}
    columns["end"] = f"{alternative}.words.-1.endTime"
    form = {"kind": "json", "segments": "results", "columns": columns}
    items = list(entry(annotations=["*.json"], format=form, audio="{stem}.wav").corpus(tmp_path).items())
    assert [(clip.start, clip.end, clip.text) for clip in clips(items)] == [(1.2, 2.0, "Hi you")]
    assert reasons(items) == [Reason.BAD_ROW]


def test_times_are_seconds_clocks_or_ticks(tmp_path: Path) -> None:
    table = "begin\tstop\n00:00:01,500\t00:02.25\n"
    form = {"kind": "delimited", "sep": "\t", "columns": {"start": "begin", "end": "stop"}}
    write(tmp_path, {"a.wav": TALK, "a.tsv": table, "b.wav": TALK, "b.tsv": "begin\tstop\n8000\t12000\n"})
    found = {
        ticks: clips(
            list(
                entry(annotations=[name], format=form, audio="{stem}.wav", fields={"text": "x"}, ticks=ticks)
                .corpus(tmp_path)
                .items()
            )
        )[0]
        for name, ticks in (("a.tsv", 1), ("b.tsv", 8000))
    }
    assert [(clip.start, clip.end) for clip in found.values()] == [(1.5, 2.25), (1.0, 1.5)]


BIG = [
    {"aid": f"A{n}", "path": f"{n % 2}.wav", "segments": [{"b": n, "e": n + 0.5, "text": f'{{"aid": {n}'}]}
    for n in range(6)
]


@pytest.mark.parametrize("chunk", [64, 100, 1 << 20])
@pytest.mark.parametrize("document", [{"audios": BIG}, BIG, {"x": [], "audios": BIG, "later": 1}])
def test_an_array_is_cut_where_its_items_begin_whatever_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, document: Any
) -> None:
    monkeypatch.setattr(segments_json, "_CHUNK", chunk)
    write(tmp_path, {"0.wav": TALK, "1.wav": TALK, "a.json": json.dumps(document, indent=1)})
    items = "" if isinstance(document, list) else "audios"
    form = {"kind": "json", "items": items, "segments": "segments", "columns": {"start": "b", "end": "e"}}
    found = list(entry(annotations=["a.json"], format=form, audio="{path}").corpus(tmp_path).items())
    assert [clip.text for clip in clips(found)] == [f'{{"aid": {n}' for n in (0, 2, 4, 1, 3, 5)]
    assert reasons(found) == []


def test_a_damaged_item_costs_no_other_and_of_its_own_segments_only_the_damaged(tmp_path: Path) -> None:
    text = json.dumps({"audios": BIG}).replace('"b": 2,', '"b": 2, "', 1).replace('"b": 4', '"b": "x"')
    write(tmp_path, {"0.wav": TALK, "1.wav": TALK, "a.json": text[:-40]})
    form = {"kind": "json", "items": "audios", "segments": "segments", "columns": {"start": "b", "end": "e"}}
    found = list(entry(annotations=["a.json"], format=form, audio="{path}").corpus(tmp_path).items())
    assert sorted(clip.start or 0.0 for clip in clips(found)) == [0, 1, 3]
    assert set(reasons(found)) == {Reason.BAD_ROW}


@pytest.mark.parametrize("per_unit", [1, 100])
def test_a_row_of_which_nobody_knows_the_recording_is_a_reject_in_units_too(tmp_path: Path, per_unit: int) -> None:
    stm = "x 1 s 0 1 which\n* 1 s 0 1 any\n? 1 s 1 2 one\ny 1 s 0 1 it\nz 1 s 0 1 none\n"
    write(tmp_path, {"a/x1.wav": TALK, "a/x2.wav": TALK, "a/y.wav": TALK, "a.stm": stm})
    told = entry(**{**STM, "audio": "a/{recording}*.wav"}).corpus(tmp_path)
    units = told.units(UnitSize(per_unit))
    items = [list(told.read(unit)) for unit in units]
    assert [len(each) for each in items] == [unit.items for unit in units]
    found = [item for each in items for item in each]
    assert [clip.text for clip in clips(found)] == ["it"]
    counts = Counter(reasons(found))
    assert counts == {Reason.BAD_ROW: 3, Reason.MISSING_FILE: 1, Reason.UNTRANSCRIBED: 2}


def test_numbers_that_json_does_not_have_are_no_texts(tmp_path: Path) -> None:
    data = '[{"start": 0, "end": 1, "text": NaN, "more": Infinity}, {"start": NaN, "end": 2, "text": "b"}]'
    write(tmp_path, {"a.wav": TALK, "a.json": data})
    form = {"kind": "json", "items": ""}
    told = entry(annotations=["*.json"], format=form, audio="{stem}.wav").corpus(tmp_path)
    assert sorted(reasons(list(told.items()))) == [Reason.BAD_ROW, Reason.UNTRANSCRIBED]
    (clip,) = clips(
        list(
            entry(annotations=["*.json"], format=form, audio="{stem}.wav")
            .corpus(tmp_path, keep_untranscribed=True)
            .items()
        )
    )
    assert (clip.text, dict(clip.native)) == (None, {})


def test_a_text_that_cannot_be_written_is_rejected(tmp_path: Path) -> None:
    document = '[{"text": "\\ud800", "start": 0, "end": 1}, {"text": "a\\u0000b", "start": 0, "end": 1}]'
    write(tmp_path, {"a.wav": TALK, "a.json": document})
    form = {"kind": "json", "segments": "*"}
    assert reasons(list(entry(annotations=["*.json"], format=form, audio="a.wav").corpus(tmp_path).items())) == [
        Reason.BAD_ROW,
        Reason.BAD_ROW,
    ]


def test_a_tier_whose_beginning_is_damaged_gives_its_words_to_nobody() -> None:
    def tier(name: str, start: float) -> str:
        return f'"IntervalTier"\n"{name}"\n0\n9\n1\n{start}\n{start + 1}\n"{name} says"\n'

    grid = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n9\n<exists>\n2\n' + tier("ann", 1) + tier("bob", 3)
    )
    form = TextGridFormat(kind="textgrid")
    whole = list(form.rows(grid.encode(), 1, None))
    assert [row.values["text"] for row in whole if isinstance(row, Segment)] == ["ann says", "bob says"]
    for damaged in (
        grid[: grid.index('"IntervalTier"\n"bob"')],  # it breaks off between tiers
        grid.replace('"bob"', '"bob'),
        grid.replace('r"\n"bob"\n0', 'r"\n"bob"\nO'),
        grid.replace("9\n1\n3", "3"),
    ):
        found = list(form.rows(damaged.encode("utf-16"), 1, None))
        assert [row.values["text"] for row in found if isinstance(row, Segment)] == ["ann says"]
        assert any(isinstance(row, Fault) for row in found)


@given(st.text(), st.sampled_from([TextGridFormat(kind="textgrid"), SrtFormat(kind="srt"), MrtFormat(kind="mrt")]))
def test_no_text_breaks_the_reading_of_a_file_that_is_read_whole(text: str, form: SegmentFormat) -> None:
    for row in form.rows(text.encode("utf-8", "replace"), 1, None):
        assert isinstance(row, Segment | Fault)


def test_a_cue_that_is_damaged_costs_no_other_and_is_told() -> None:
    cues = [f"{n}\n00:0{n}:00,000 --> 00:0{n}:01,500\nsay {n}\n" for n in (1, 2, 3)]
    form = SrtFormat(kind="srt")
    for damaged, kept in (
        (cues[1].replace("-->", "--"), ["say 1", "say 3"]),
        (cues[1].replace("2\n", "two\n", 1), ["say 1", "say 2", "say 3"]),
        ("", ["say 1", "say 3"]),
    ):
        found = list(form.rows("\n".join([cues[0], damaged, cues[2]]).encode(), 1, None))
        assert [row.values["text"] for row in found if isinstance(row, Segment)] == kept
        assert any(isinstance(row, Fault) for row in found) == bool(damaged)


def test_a_segment_of_a_meeting_that_is_damaged_costs_no_other_and_is_told() -> None:
    def said(n: int) -> str:
        return f'<Segment StartTime="{n}.0" EndTime="{n}.5" Participant="me01{n}"> say {n} </Segment>'

    form = MrtFormat(kind="mrt")
    for mark, broken in (
        ("<Segment", "<Segm"),
        ("</Segment>", ""),
        ("Participant", "Part"),
        ("EndTime", "End"),
        ("say", "s\udcff"),
    ):
        text = "\n".join(['<Meeting Session="Bed002">', said(1), said(2).replace(mark, broken), said(3), "</Meeting>"])
        found = list(form.rows(text.encode("utf-8", "surrogateescape"), 1, None))
        assert [row.values["text"] for row in found if isinstance(row, Segment)] == ["say 1", "say 3"], broken
        assert sum(isinstance(row, Fault) for row in found) == 1, broken


@pytest.mark.parametrize("cut", ["inside a start", "inside a text", "behind one", "inside the last mark"])
def test_a_meeting_that_breaks_off_says_so(cut: str) -> None:
    begin = '<Meeting Session="Bed002"><Preamble></Preamble><Transcript StartTime="0">\n'
    one, two = (f'<Segment StartTime="{n}.0" EndTime="{n}.5" Participant="me011"> say {n} </Segment>\n' for n in (1, 2))
    whole = f"{begin}{one}{two}</Transcript>\n</Meeting>\n"
    kept = {
        "inside a start": begin + one + two[:30],
        "inside a text": begin + one + two[:70],
        "behind one": begin + one,
        "inside the last mark": whole[:-5],
    }
    form = MrtFormat(kind="mrt")
    assert all(isinstance(row, Segment) for row in form.rows(whole.encode(), 1, None))
    rows = list(form.rows(kept[cut].encode(), 1, None))
    assert [row.values["text"] for row in rows if isinstance(row, Segment)][:1] == ["say 1"]
    faults = [row.detail for row in rows if isinstance(row, Fault)]
    assert "does not end with </Meeting>" in faults[-1]


def test_a_meeting_in_which_nothing_is_said_is_not_damaged() -> None:
    silent = b'<Meeting Session="Bed002"><Preamble></Preamble><Transcript StartTime="0">\n</Transcript>\n</Meeting>\n'
    assert list(MrtFormat(kind="mrt").rows(silent, 1, None)) == []


def test_a_map_of_channels_outside_the_corpus_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"sides.json": "{}", "in/a.wav": TALK, "in/a.tsv": "b\te\n0\t0.5\n"})
    form = {"kind": "delimited", "sep": "\t", "columns": {"start": "b", "end": "e"}}
    told = entry(annotations=["*.tsv"], format=form, audio="a.wav", channel_map="../sides.json")
    items = list(told.corpus(tmp_path / "in").items())
    assert reasons(items) == [Reason.BAD_ROW, Reason.UNTRANSCRIBED]
    assert any("names ../sides.json as a file beside it" in item.detail for item in items if isinstance(item, Reject))


@pytest.mark.parametrize(
    ("sides", "detail"),
    [
        (None, "a.tsv lies without sides.json beside it"),
        ("{", "a.tsv lies beside a map of channels that is not JSON: "),
        ("[1]", "a.tsv lies beside a map of channels that does not say who is on them"),
        ('{"L": "ann", "R": "bob"}', ""),
        ('{"L": "bob", "R": "cid"}', "a.tsv: line 2 is of 'ann', who is on no channel of {dir}/sides.json"),
    ],
)
def test_who_is_on_which_channel_stands_in_a_file_beside(sides: str | None, detail: str, tmp_path: Path) -> None:
    two = Tone(rate=8000, seconds=1, channels=2)
    table = "who\tb\te\ttext\nann\t0\t0.5\thi\nbob\t0.5\t1\tho\n"
    write(tmp_path, {"a.wav": two, "a.tsv": table, **({} if sides is None else {"sides.json": sides})})
    form = {"kind": "delimited", "sep": "\t", "columns": {"speaker": "who", "start": "b", "end": "e"}}
    told = entry(
        annotations=["*.tsv"], format=form, audio="a.wav",
        channel="{speaker}", channels={"L": 0, "R": 1}, channel_map="{dir}/sides.json",
    )  # fmt: skip
    corpus = told.corpus(tmp_path)
    items = [item for unit in corpus.units(UnitSize()) for item in corpus.read(unit)]
    bad = [item.detail for item in items if isinstance(item, Reject) and item.reason is Reason.BAD_ROW]
    assert len(bad) == bool(detail)
    assert not detail or bad[0].startswith(detail)
    by_speaker = {clip.speaker: clip.channel for clip in clips(items)}
    assert by_speaker == {} if detail.startswith("a.tsv lies") else {"ann": 0, "bob": 1} if not detail else {"bob": 0}


def test_a_table_without_its_columns_is_one_bad_row_and_no_annotation_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.wav": TALK, "a.tsv": "one\ttwo\n1\t2\n3\t4\n"})
    form = {"kind": "delimited", "sep": "\t", "columns": {"start": "begin"}}
    items = list(entry(annotations=["*.tsv"], format=form, audio="{stem}.wav").corpus(tmp_path).items())
    assert [item.detail for item in items if isinstance(item, Reject) and item.reason is Reason.BAD_ROW] == [
        "a.tsv has no column begin, only one, two"
    ]
    with pytest.raises(UsageError, match=r"holds no annotation \(looked for \*\.csv\)"):
        list(entry(annotations=["*.csv"], format=form, audio="{stem}.wav").corpus(tmp_path).items())


def test_mutants_of_annotations_lose_and_make_up_next_to_nothing() -> None:
    every = fuzz(range(300), seed=7)
    assert together(every).failed == []
    assert together(every).share >= 0.98
    assert {name: found.share for name, found in every.items() if found.share < 0.9} == {}  # of 17 mutants each
    assert together(every).beyond <= 4


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings of the development workplace are not here")
@pytest.mark.parametrize(("form", "count", "unnamed"), [("stm", 13, 2), ("rttm", 27, 0)])
def test_meetings_are_read_by_rttm_and_stm(form: str, count: int, unnamed: int) -> None:
    told = entry(annotations=[f"*.{form}"], format={"kind": form}, audio="{recording}.wav")
    items = list(told.corpus(SHARED / "ami-sample").items())
    assert (len(clips(items)), reasons(items)) == (count, [Reason.UNTRANSCRIBED] * unnamed)
    rows = sum(
        line.startswith(("SPEAKER", "sample"))
        for file in (SHARED / "ami-sample").glob(f"*.{form}")
        for line in file.read_text().splitlines()
    )
    assert rows == count
    rate = soundfile.info(SHARED / "ami-sample" / "sample.wav").samplerate
    for clip in clips(items):
        audio, found = Corpus(told, place(SHARED / "ami-sample")).audio(clip)
        assert found == rate
        assert audio.shape[1] == pytest.approx(((clip.end or 0) - (clip.start or 0)) * rate, abs=0.5 * rate)
