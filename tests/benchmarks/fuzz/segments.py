"""Mutants of annotations through the family `segments`: what was not damaged is read, and nothing else is made up.

    python tests/benchmarks/fuzz/segments.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is made of its number and the seed alone: bytes flipped, the end lost, a line lost or twice, columns swapped,
another encoding, quotes and brackets put in. A row is untouched where all bytes that say it are still there. `wrong`
are clips beyond those of untouched rows and of those that were damaged. `--only` shows one mutant, and what is read.
"""

import argparse
import html
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Reject  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.catalogue import load  # noqa: E402

HANGS_S = 20
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
    """A file of annotations of one recording or several, and how it is read."""

    name: str
    data: bytes
    rows: tuple[Row, ...]
    ingest: Mapping[str, Any]
    others: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class Found:
    """What came of all mutants. `failed`: what raised or hung, with the number of the mutant."""

    mutants: int = 0
    untouched: int = 0
    read: int = 0
    wrong: int = 0
    rejects: int = 0
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        share = self.read / self.untouched if self.untouched else 1.0
        return (
            f"{self.mutants} mutants in {self.seconds:.0f} s: {self.read:,} of {self.untouched:,} untouched rows read "
            f"({share:.2%}), {self.wrong} wrong clips, {self.rejects:,} rejects, {len(self.failed)} failures"
        )


def said(number: int) -> tuple[float, float, str, str]:
    """Times [s], speaker and text of a row."""
    start = round(0.5 + 1.25 * number, 2)
    text = " ".join(WORDS[(number + place) % len(WORDS)] for place in range(4)) + f" n{number}"
    return start, round(start + 1.5, 2), f"spk{number % 3}", text


def lines(
    name: str, form: Callable[[float, float, str, str], str], ingest: Mapping[str, Any], head: str = ""
) -> Sample:
    """A file of a row a line."""
    told = [said(number) for number in range(ROWS)]
    written = [form(*each).encode() for each in told]
    silent = ingest["format"]["kind"] == "rttm"
    sides = ingest["format"]["kind"] == "ldc"
    rows = [
        Row(start, end, ("A", "B")[number % 2] if sides else speaker, None if silent else text, (line, head.encode()))
        for number, ((start, end, speaker, text), line) in enumerate(zip(told, written, strict=True))
    ]
    return Sample(name, (head.encode() + b"\n" if head else b"") + b"\n".join(written) + b"\n", tuple(rows), ingest)


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
    return Sample("a.json", data, tuple(rows), {"format": knobs, "audio": "{path}"})


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
    return Sample("short.TextGrid" if short else "a.TextGrid", ("\n".join(parts) + "\n").encode(), tuple(rows), knobs)


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
    return Sample("a.srt", "\n".join(parts).encode(), tuple(rows), knobs)


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
    return Sample("a.mrt", "\n".join([*parts, "</Meeting>"]).encode(), tuple(rows), knobs)


def samples() -> list[Sample]:
    wav = {"audio": "audio.wav"}
    columns = {"start": "begin", "end": "stop", "text": "utterance", "speaker": "who"}
    table = {"format": {"kind": "delimited", "sep": "\t", "columns": columns}, **wav}
    sided = iter("AB" * ROWS)
    return [
        lines("a.stm", lambda s, e, who, text: f"audio 1 {who} {s} {e} {text}", {"format": {"kind": "stm"}, **wav}),
        lines(
            "a.rttm",
            lambda s, e, who, _: f"SPEAKER audio 1 {s} {round(e - s, 2)} <NA> <NA> {who} <NA> <NA>",
            {"format": {"kind": "rttm"}, **wav},
        ),
        lines(
            "a.txt",
            lambda s, e, _, text: f"{s} {e} {next(sided)}: {text}",
            {"format": {"kind": "ldc"}, "channels": {"A": 0, "B": 1}, "fields": {"speaker": "{side}"}, **wav},
        ),
        lines("a.tsv", lambda s, e, who, text: f"{s}\t{e}\t{who}\t{text}", table, head="begin\tstop\twho\tutterance"),
        nested(),
        textgrid(short=False),
        textgrid(short=True),
        subtitles(),
        meeting(),
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
    (folder / sample.name).write_bytes(data)
    entry = load(
        {
            "name": "fuzz",
            "title": "fuzz",
            "kind": "speech",
            "lang": "en",
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True, "derivatives": True},
            "access": {"kind": "local", "how": "x"},
            "ingest": {"family": "segments", "annotations": [sample.name], **sample.ingest},
        }
    )
    corpus = entry.corpus(folder)
    units = corpus.units(UnitSize())
    items = [item for unit in units for item in corpus.read(unit)]
    assert sum(unit.items for unit in units) == len(items), "units and read do not agree"
    return items


def one(sample: Sample, number: int, seed: int, folder: Path, found: Found) -> None:
    """Read one mutant, and count."""
    data = mutated(sample.data, random.Random(f"{seed} {number}"))
    untouched = [row for row in sample.rows if all(mark in data for mark in row.marks)]
    found.mutants += 1
    if not data:
        return
    items = read(sample, data, folder)
    clips = Counter((clip.start, clip.end, clip.speaker, clip.text) for clip in items if isinstance(clip, ClipRef))
    wanted = Counter((row.start, row.end, row.speaker, row.text) for row in untouched)
    kept = (clips & wanted).total()
    found.untouched += len(untouched)
    found.read += kept
    found.rejects += len(items) - clips.total()
    wrong = max(0, clips.total() - kept - (len(sample.rows) - len(untouched)))
    found.wrong += wrong
    if wrong or kept < len(untouched):
        found.notes.append(f"{sample.name} mutant {number}: {wrong} wrong, {len(untouched) - kept} lost")


def fuzz(mutants: int, seed: int) -> Found:
    """So many mutants, shared by all formats."""
    found = Found()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        all_samples = samples()
        for place, sample in enumerate(all_samples):
            below = Path(folder) / str(place)
            below.mkdir()
            (below / "audio.wav").write_bytes(b"RIFF")
            for number in range(place, mutants, len(all_samples)):
                signal.alarm(HANGS_S)
                try:
                    one(sample, number, seed, below, found)
                except UsageError:
                    pass
                except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
                    found.failed.append(f"{sample.name} mutant {number}: {type(error).__name__}: {error}")
                finally:
                    signal.alarm(0)
    found.seconds = time.monotonic() - begun
    return found


def show(number: int, seed: int) -> None:
    """One mutant, and what is read of it."""
    every = samples()
    sample = every[number % len(every)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "audio.wav").write_bytes(b"RIFF")
        data = mutated(sample.data, random.Random(f"{seed} {number}"))
        print(data.decode("utf-8", "backslashreplace"))
        print(*read(sample, data, Path(folder)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    if options.only is not None:
        show(options.only, options.seed)
        return
    found = fuzz(options.mutants, options.seed)
    print(found)
    print(*found.failed[:20], *found.notes[:40], sep="\n")
    sys.exit(bool(found.failed))


if __name__ == "__main__":
    main()
