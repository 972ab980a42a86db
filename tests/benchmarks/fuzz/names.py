"""Mutants of folders through the family `files`: each recording comes out once, and what was not damaged as it was.

    python tests/benchmarks/fuzz/names.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is made of its number and the seed alone: one file of a folder is damaged (bytes flipped or put in, cut, lines
lost or twice, columns swapped, another encoding), renamed or taken away. A recording is untouched where neither it, its
sidecar nor its row is damaged. An untouched one that says something else is a failure.
"""

import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.fuzz.found import Found, fuzzed, main  # noqa: E402
from turnmill.manifests.records import Reason, Reject  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.catalogue import Entry, load, override  # noqa: E402

SPEAKERS = ("007", "p1", "É", "-x")
TAKES = 4
Files = dict[str, bytes]


@dataclass(frozen=True)
class Layout:
    """A corpus in small: `beside` is the file that says what one recording is, `table` that of all of them."""

    name: str
    ingest: Mapping[str, Any]
    files: Mapping[str, bytes]
    beside: Callable[[str], str | None]
    table: str | None = None


def recordings() -> list[tuple[str, str, str]]:
    """Path, speaker and take of each."""
    return [(f"w/{who}/{who}_{take:03}.wav", who, f"{take:03}") for who in SPEAKERS for take in range(TAKES)]


def layouts() -> list[Layout]:
    pattern = r"/(?P<speaker>[^/_]+)_(?P<take>\d+)\.wav$"
    audio = {path: b"RIFF\0\0\0\0WAVE" for path, _, _ in recordings()}
    texts = {f"w/{who}/{who}_{take}.txt": said(who, take).encode() for _, who, take in recordings()}
    people = "".join(f'{who},{len(who)},"Paris, {who}"\n' for who in SPEAKERS)
    objects = {
        f"w/{who}/{who}_{take}.json": json.dumps({"text": said(who, take), "by": {"age": len(who)}}).encode()
        for _, who, take in recordings()
    }
    rows = "".join(f'( {who}-{take} "{said(who, take)}" )\n' for _, who, take in recordings())
    csv = {"sep": ",", "header": True, "quoting": True}
    lines = {"kind": "regex", "pattern": r'\( (?P<id>\S+) "(?P<text>.*)" \)'}
    by_id = {"table": "said.data", "format": lines, "key": "{id}", "of": "{speaker}-{take}"}
    by_speaker = {"table": "people.csv", "format": csv, "key": "{id}", "of": "{speaker}"}
    return [
        Layout(
            "texts and people",
            {"pattern": pattern, "join": [by_speaker]},
            {**audio, **texts, "people.csv": f"id,age,from\n{people}".encode()},
            lambda path: path.replace(".wav", ".txt"),
            "people.csv",
        ),
        Layout(
            "objects",
            {"pattern": pattern, "sidecar": "{dir}/{stem}.json"},
            {**audio, **objects},
            lambda path: path.replace(".wav", ".json"),
        ),
        Layout(
            "lines",
            {"pattern": pattern, "sidecar": None, "join": [by_id]},
            {**audio, "said.data": rows.encode()},
            lambda _: None,
            "said.data",
        ),
    ]


def said(who: str, take: str) -> str:
    return f"{who} says {take}, é 你好."


def flip(data: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 20))):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    odd = (b'"', b"{", b"]", b"\0", b"\xff\xfe", b"\n", b"\r", b"\\ud800", b",", b"\xef\xbb\xbf", b"[" * 5000, b"\\")
    return data[:place] + chance.choice(odd) + data[place:]


def lose(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def repeat(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines, chance.choice(lines)])


def swap(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    number = chance.randrange(len(lines))
    cells = lines[number].split(b",")
    chance.shuffle(cells)
    lines[number] = b",".join(cells)
    return b"\n".join(lines)


def encode(data: bytes, chance: random.Random) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(("latin-1", "utf-16", "cp1252")), "replace")


DAMAGES = (flip, cut, insert, lose, repeat, swap, encode)


def mutated(layout: Layout, chance: random.Random) -> tuple[Files, str]:
    """A damaged copy of a layout, and the file that is not what it was."""
    files = dict(layout.files)
    told = [path for path in files if not path.endswith(".wav")]
    path = chance.choice([*told, *[layout.table or ""] * len(told)]) or chance.choice(told)
    kind = chance.randrange(10)
    if kind == 0:
        path = chance.choice(list(files))
        del files[path]
    elif kind == 1:
        path = chance.choice(list(files))
        files[path.replace("_", chance.choice(("-", "__", ".", " ", "\n", "_\u0301")))] = files.pop(path)
    else:
        files[path] = chance.choice(DAMAGES)(files[path], chance)
    return files, path


def one(layout: Layout, number: int, seed: int, folder: Path, found: Found) -> None:
    """Read one mutant, and count. Raises AssertionError where something is lost or twice."""
    files, damaged = mutated(layout, random.Random(f"{seed} {number}"))
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    items = read_all(entry(layout), folder)
    audio = sorted(path for path in files if path.endswith(".wav"))
    per_file = [item.path if isinstance(item, ClipRef) else item.source_uri for item in items]
    assert sorted(path for path in per_file if path in audio) == audio, "a recording is lost, or there twice"
    others = [item for item in items if isinstance(item, Reject) and item.source_uri not in audio]
    assert all(item.reason is Reason.BAD_ROW and item.source_uri == layout.table for item in others), "unknown rejects"
    table = layout.files.get(layout.table or "", b"")
    for path, who, take in recordings():
        if path not in files:
            continue
        row = next((line for line in table.split(b"\n") if line and belongs(line, who, take)), b"")
        kept = damaged not in (path, layout.beside(path)) and intact(
            table, files.get(layout.table or "", b""), row, (who, take)
        )
        item = next(item for item, name in zip(items, per_file, strict=True) if name == path)
        right = isinstance(item, ClipRef) and (item.speaker, item.text) == (who, said(who, take))
        found.untouched += kept
        found.read += kept and right
        assert right or not (kept and isinstance(item, ClipRef)), f"{path} says something else"
    found.rejects += sum(isinstance(item, Reject) for item in items)


def belongs(line: bytes, who: str, take: str) -> bool:
    return line.startswith((f"{who},".encode(), f"( {who}-{take} ".encode()))


def intact(table: bytes, now: bytes, row: bytes, recording: tuple[str, str]) -> bool:
    """Whether the row of a recording is what it was, and what names its columns. Where a damaged row before it has
    become one of the same recording that one counts, and it is a reject: nobody knows which is right."""
    lines, old = now.split(b"\n"), table.split(b"\n")
    headed = not old[0].startswith(b"id,") or lines[0] == old[0]
    first = next((line for line in lines if belongs(line, *recording)), b"")
    return not row or (headed and first == row)


def entry(layout: Layout) -> Entry:
    return override(load("files"), {"ingest": dict(layout.ingest)}, layout.name)


def read_all(entry: Entry, folder: Path) -> list[ClipRef | Reject]:
    """All that a folder holds, the same in one unit and in many. Raises AssertionError."""
    corpus = entry.corpus(folder, keep_untranscribed=True)
    units = corpus.units(UnitSize())
    items = [item for unit in units for item in corpus.read(unit)]
    assert sum(unit.items for unit in units) == len(items), "units and read do not agree"
    small = [item for unit in corpus.units(UnitSize(3)) for item in corpus.read(unit)]
    assert sorted(map(repr, small)) == sorted(map(repr, items)), "small units hold something else"
    return items


def fuzz(numbers: Iterable[int], seed: int) -> dict[str, Found]:
    def tried(layout: Layout, number: int, found: Found) -> None:
        with tempfile.TemporaryDirectory() as folder:
            one(layout, number, seed, Path(folder), found)

    return fuzzed(layouts(), tried, numbers)


if __name__ == "__main__":
    main(__doc__, fuzz)
