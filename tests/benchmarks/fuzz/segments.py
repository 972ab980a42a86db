"""Mutants of annotations through the family `segments`: what was not damaged is read, and nothing else is made up.

    python tests/benchmarks/fuzz/segments.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is made of its number and the seed alone: bytes flipped, the end lost, a line lost or twice, columns swapped,
another encoding, quotes and brackets put in. A row is untouched where all bytes that say it are still there; of lines
that are parallel to others, where each file has as many as before, for nothing else says which belong together.
"""

import html
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.fuzz.found import Found, fuzzed, main  # noqa: E402
from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Reject  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.catalogue import load  # noqa: E402

ROWS = 12
WORDS = ["HELLO", "THERE", "how", "are", "you,", "fine", "é", "你好", "<COMMA>", "(laughs)", '"quoted"', "it's", "1465"]


@dataclass(frozen=True)
class Row:
    """A row of a file: what is read of it, and the bytes that say it."""

    start: float
    end: float
    speaker: str | None
    text: str | None
    marks: tuple[bytes, ...]


@dataclass(frozen=True)
class Sample:
    """A file of annotations of one recording or several, and how it is read. `others`: files beside it. `parts`: how
    many clips a damaged row may fall into. `ends`: the format says where its file ends."""

    name: str
    file: str
    data: bytes
    rows: tuple[Row, ...]
    ingest: Mapping[str, Any]
    others: Mapping[str, bytes] = field(default_factory=dict)
    parts: int = 1

    @property
    def ends(self) -> bool:
        return self.ingest["format"]["kind"] in ("json", "mrt", "textgrid", "parallel")


def said(number: int) -> tuple[float, float, str, str]:
    """Times [s], speaker and text of a row."""
    start = round(0.5 + 1.25 * number, 2)
    text = " ".join(WORDS[(number + place) % len(WORDS)] for place in range(4)) + f" n{number}"
    return start, round(start + 1.5, 2), f"spk{number % 3}", text


def lines(
    name: str, file: str, form: Callable[[float, float, str, str], str], ingest: Mapping[str, Any], head: str = ""
) -> Sample:
    """A file of a row a line."""
    told = [said(number) for number in range(ROWS)]
    written = [form(*each).encode() for each in told]
    silent = ingest["format"]["kind"] == "rttm"
    sides = ingest["format"]["kind"] == "ldc"
    rows = [
        Row(
            start,
            end,
            ("A", "B")[number % 2] if sides else speaker,
            None if silent else text,
            (b"\n" + line + b"\n", head.encode()),
        )
        for number, ((start, end, speaker, text), line) in enumerate(zip(told, written, strict=True))
    ]
    return Sample(
        name, file, (head.encode() + b"\n" if head else b"") + b"\n".join(written) + b"\n", tuple(rows), ingest
    )


def nested() -> Sample:
    audios, rows = [], []
    for audio in range(3):
        head = json.dumps({"aid": f"A{audio}", "path": "audio.wav", "title": "x {y}"}, ensure_ascii=False)[:-1]
        segments = []
        for number in range(audio * 4, audio * 4 + 4):
            start, end, speaker, text = said(number)
            segment = json.dumps(
                {"sid": f"S{number}", "speaker": speaker, "begin_time": start, "end_time": end, "text_tn": text},
                ensure_ascii=False,
            )
            segments.append(segment)
            rows.append(
                Row(start, end, speaker, text, (segment.encode(), head.encode(), b'"audios": [', b'"segments": ['))
            )
        audios.append(f'{head}, "segments": [{", ".join(segments)}]}}')
    data = f'{{"dataset": "x", "audios": [{", ".join(audios)}]}}'.encode()
    columns = {"start": "begin_time", "end": "end_time", "text": "text_tn"}
    knobs = {"kind": "json", "items": "audios", "segments": "segments", "columns": columns}
    return Sample("nested json", "a.json", data, tuple(rows), {"format": knobs, "audio": "{path}"})


def textgrid(short: bool) -> Sample:
    def name(key: str) -> str:
        return "" if short else f"{key} = "

    parts = ['File type = "ooTextFile"\nObject class = "TextGrid"\n\n' + "0\n20\n<exists>\n3"]
    rows = []
    for tier in range(3):
        numbers = range(tier, ROWS, 3)
        sized = f"{len(numbers)}" if short else f"intervals: size = {len(numbers)}"
        head = f'{name("class")}"IntervalTier"\n{name("name")}"spk{tier}"\n{name("xmin")}0\n{name("xmax")}20\n{sized}'
        parts.append(head)
        for number in numbers:
            start, end, speaker, text = said(number)
            quoted = text.replace('"', '""')
            block = f'{name("xmin")}{start}\n{name("xmax")}{end}\n{name("text")}"{quoted}"'
            parts.append(block if short else f"intervals [{number}]:\n{block}")
            rows.append(Row(start, end, speaker, text, (f"\n{block}\n".encode(), f"\n{head}\n".encode())))
    knobs = {"format": {"kind": "textgrid"}, "audio": "audio.wav"}
    name = "short textgrid" if short else "textgrid"
    return Sample(name, "a.TextGrid", ("\n".join(parts) + "\n").encode(), tuple(rows), knobs)


def results() -> Sample:
    """One document of a speech service, its segments beside words."""
    rows, parts = [], []
    for start, end, speaker, text in map(said, range(ROWS)):
        words = [{"startTime": f"{start}s", "endTime": f"{end}s", "word": word} for word in text.split()]
        part = json.dumps({"alternatives": [{"transcript": text, "words": words}], "tag": speaker}, ensure_ascii=False)
        parts.append(part)
        rows.append(Row(start, end, speaker, text, (part.encode(), b'"results": [')))
    columns = {"text": "alternatives.0.transcript", "speaker": "tag"}
    columns |= {"start": "alternatives.0.words.0.startTime", "end": "alternatives.0.words.-1.endTime"}
    data = f'{{"results": [{", ".join(parts)}]}}'.encode()
    knobs = {"format": {"kind": "json", "segments": "results", "columns": columns}, "audio": "audio.wav"}
    return Sample("words of a service", "a.json", data, tuple(rows), knobs)


def mapping() -> Sample:
    """Dialogues by their ids, utterances by their numbers, as DailyTalk has them."""
    rows, parts = [], []
    for dialogue in range(6):
        inside = []
        for number in range(dialogue * 2, dialogue * 2 + 2):
            start, end, speaker, text = said(number)
            about = {"start": start, "end": end, "speaker": speaker, "text": text}
            inside.append(f'"{number}": {json.dumps(about, ensure_ascii=False)}')
        parts.append(f'"d{dialogue}": {{{", ".join(inside)}}}')
        rows += [Row(*said(number), (parts[-1].encode(),)) for number in range(dialogue * 2, dialogue * 2 + 2)]
    data = ("{\n" + ",\n".join(parts) + "\n}").encode()
    return Sample(
        "mapping", "a.json", data, tuple(rows), {"format": {"kind": "json", "segments": "*.*"}, "audio": "audio.wav"}
    )


def words() -> Sample:
    """A word a line, with a pause after each row."""
    rows, every = [], []
    for number in range(ROWS):
        text = said(number)[3]
        start = 3.0 * number
        spoken = [f"audio A {start + 0.4 * place:.1f} 0.3 {word} 0.9" for place, word in enumerate(text.split())]
        end = round(start + 0.4 * (len(spoken) - 1) + 0.3, 6)
        block = "\n".join(spoken).encode()
        every.append(block)
        rows.append(Row(start, end, None, text, (b"\n" + block + b"\n",)))
    knobs = {"format": {"kind": "ctm"}, "audio": "audio.wav"}
    return Sample("ctm", "a.ctm", b";;\n" + b"\n".join(every) + b"\n", tuple(rows), knobs, parts=5)


def parallel(damaged: str) -> Sample:
    """Times and texts in files of as many lines, of which one is damaged."""
    told = [said(number) for number in range(ROWS)]
    times = "".join(f"audio {start} {end}\n" for start, end, _, _ in told).encode()
    texts = "".join(f"{text}\n" for *_, text in told).encode()
    others = "".join(f"{who}\n" for _, _, who, _ in told).encode()
    files = {"segments.lst": times, "segments.en": texts, "segments.who": others}
    rows = []
    for start, end, who, text in told:
        line = f"audio {start} {end}" if damaged.endswith("lst") else text
        rows.append(Row(start, end, who, text, (f"\n{line}\n".encode(),)))
    form = {"kind": "parallel", "texts": {"text": "{dir}/segments.en", "speaker": "{dir}/segments.who"}}
    data = files.pop(damaged)
    name = f"parallel {damaged.rpartition('.')[2]}"
    return Sample(name, damaged, data, tuple(rows), {"format": form, "audio": "audio.wav"}, files)


def subtitles() -> Sample:
    def clock(seconds: float) -> str:
        return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"

    parts, rows = [], []
    for number in range(ROWS):
        start, end, _, text = said(number)
        block = f"{clock(start)} --> {clock(end)}\n[Turn] {text}"
        parts.append(f"{number + 1}\n{block}\n")
        rows.append(Row(start, end, "a", text, (f"{block}\n".encode(),)))
    form = {"kind": "srt", "pattern": r"\[(?P<turn>[^\]]+)\]\s*(?P<text>.*)"}
    knobs = {"format": form, "audio": "audio.wav", "fields": {"speaker": "{stem}"}}
    return Sample("srt", "a.srt", "\n".join(parts).encode(), tuple(rows), knobs)


def meeting() -> Sample:
    head = '<Meeting Session="audio">'
    people = [f'<Participant Name="spk{number}" Channel="chan{number}"/>' for number in range(3)]
    parts, rows = [head, *people], []
    for number in range(ROWS):
        start, end, speaker, text = said(number)
        escaped = html.escape(text, quote=False)
        block = f'<Segment StartTime="{start}" EndTime="{end}" Participant="{speaker}"> {escaped} </Segment>'
        parts.append(block)
        rows.append(Row(start, end, speaker, text, (block.encode(), head.encode())))
    knobs = {"format": {"kind": "mrt"}, "audio": "{recording}.wav"}
    return Sample("mrt", "a.mrt", "\n".join([*parts, "</Meeting>"]).encode(), tuple(rows), knobs)


def samples() -> list[Sample]:
    wav = {"audio": "audio.wav"}
    columns = {"start": "begin", "end": "stop", "text": "utterance", "speaker": "who"}
    table = {"format": {"kind": "delimited", "sep": "\t", "columns": columns}, **wav}
    named = {"start": "start_time", "end": "end_time", "text": "normed_text", "speaker": "speaker_id"}
    voxpopuli = {"format": {"kind": "delimited", "sep": "|", "quoted": True, "columns": named}, **wav}
    pattern = r"(?P<id>\w+)-(?P<channel>[AB])-(?P<speaker>\w+)\s+(?P<start>\S+)\s+(?P<end>\S+)\s+(?P<text>.*)"
    calls = {"format": {"kind": "lines", "pattern": pattern, "skip": "#"}, "channels": {"A": 0, "B": 1}, **wav}
    fields = {"channels": {"A": 0, "B": 1}, "fields": {"speaker": "{side}"}}

    def quoted(s: float, e: float, who: str, text: str) -> str:
        return "|".join(
            ("20090112-0900-PLENARY-1_en", str(s), str(e), '"' + text.replace('"', '""') + '"', who, "train")
        )

    def ldc() -> Callable[[float, float, str, str], str]:
        sided = iter("AB" * ROWS)
        return lambda s, e, _, text: f"{s} {e} {next(sided)}: {text}"

    return [
        lines(
            "stm", "a.stm", lambda s, e, who, text: f"audio 1 {who} {s} {e} {text}", {"format": {"kind": "stm"}, **wav}
        ),
        lines(
            *("rttm", "a.rttm"),
            lambda s, e, who, _: f"SPEAKER audio 1 {s} {round(e - s, 2)} <NA> <NA> {who} <NA> <NA>",
            {"format": {"kind": "rttm"}, **wav},
        ),
        lines("ldc", "a.txt", ldc(), {"format": {"kind": "ldc"}, **fields, **wav}),
        lines("ldc, wrapped", "a.txt", ldc(), {"format": {"kind": "ldc", "wrapped": True}, **fields, **wav}),
        lines(
            *("delimited", "a.tsv"),
            lambda s, e, who, text: f"{s}\t{e}\t{who}\t{text}",
            *(table, "begin\tstop\twho\tutterance"),
        ),
        lines(
            *("voxpopuli", "asr_en.tsv", quoted, voxpopuli),
            "session_id|start_time|end_time|normed_text|speaker_id|split",
        ),
        lines(
            *("lines", "a.text"),
            lambda s, e, who, text: f"sw2001-{'AB'[int(who[-1]) % 2]}-{who} {s} {e} {text}",
            *(calls, "# calls"),
        ),
        nested(),
        results(),
        mapping(),
        textgrid(short=False),
        textgrid(short=True),
        subtitles(),
        meeting(),
        words(),
        parallel("segments.lst"),
        parallel("segments.en"),
    ]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A damaged copy of a file."""
    place = chance.randrange(len(data))
    kind = chance.randrange(8)
    rows = data.split(b"\n")
    number = chance.randrange(len(rows))
    if kind == 0:
        flipped = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 3, 10))):
            flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(flipped)
    if kind == 1:
        return data[:place]
    if kind == 2:
        return b"\n".join(rows[:number] + rows[number + 1 :])
    if kind == 3:
        return b"\n".join([*rows[:number], *rows[number : number + 1] * 2, *rows[number + 1 :]])
    if kind == 4:
        cells = rows[number].split(b" ")
        chance.shuffle(cells)
        return b"\n".join([*rows[:number], b" ".join(cells), *rows[number + 1 :]])
    if kind == 5:
        odd = chance.choice((b'"', b"{", b"}", b"]", b"\xff\xfe", b"\0", b"\\", b"\n", b"<", b"\r"))
        return data[:place] + odd + data[place:]
    if kind == 6:
        return data[:place] + data[min(len(data), place + chance.choice((1, 5, 40, 200))) :]
    other = data[place : place + 200].decode("utf-8", "replace").encode("latin-1", "replace")
    return data[:place] + other + data[place + 200 :]


def read(sample: Sample, data: bytes, folder: Path) -> list[ClipRef | Reject]:
    """All that a mutant holds, the same in one unit and in many. Raises AssertionError."""
    for name, content in {**sample.others, sample.file: data, "audio.wav": b"RIFF"}.items():
        (folder / name).write_bytes(content)
    annotations = [next(name for name in (*sample.others, sample.file) if not name.endswith((".en", ".who")))]
    entry = load(
        {
            "name": "fuzz",
            "title": "fuzz",
            "kind": "speech",
            "lang": "en",
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True, "derivatives": True},
            "access": {"kind": "local", "how": "x"},
            "ingest": {"family": "segments", "annotations": annotations, **sample.ingest},
        }
    )
    corpus = entry.corpus(folder)
    units = corpus.units(UnitSize())
    items = [item for unit in units for item in corpus.read(unit)]
    assert sum(unit.items for unit in units) == len(items), "units and read do not agree"
    told = "".join(map(repr, items))
    assert str(folder) not in told, "it says a path of this host"
    told.encode()
    return items


def one(sample: Sample, number: int, seed: int, found: Found) -> None:
    """Read one mutant, and count."""
    data = mutated(sample.data, random.Random(f"{seed} {number}"))
    if not data:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            items = read(sample, data, Path(folder))
        except UsageError:
            found.refused += 1
            return
    aligned = not sample.others or data.count(b"\n") == sample.data.count(b"\n")
    edged = b"\n" + data + b"\n"
    untouched = [row for row in sample.rows if aligned and all(mark in edged for mark in row.marks)]
    clips = Counter((clip.start, clip.end, clip.speaker, clip.text) for clip in items if isinstance(clip, ClipRef))
    wanted = Counter((row.start, row.end, row.speaker, row.text) for row in untouched)
    kept = (clips & wanted).total()
    found.untouched += len(untouched)
    found.read += kept
    found.rejects += len(items) - clips.total()
    if sample.ends and clips.total() == len(items):  # nothing is said to be wrong
        assert kept == len(untouched), "what was not damaged is lost in silence"
        assert clips.total() == len(sample.rows) or not sample.data.startswith(data), "it breaks off in silence"
    found.beyond += max(0, clips.total() - kept - sample.parts * (len(sample.rows) - len(untouched)))


def fuzz(numbers: Iterable[int], seed: int) -> dict[str, Found]:
    return fuzzed(samples(), lambda sample, number, found: one(sample, number, seed, found), numbers)


if __name__ == "__main__":
    main(__doc__, fuzz)
