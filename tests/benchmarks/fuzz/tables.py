"""Damaged tables through the family `table`: nothing raises, hangs or is lost, and what was not damaged is read.

    python tests/benchmarks/fuzz/tables.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is a sample with its one table damaged: bytes flipped, cut, lines dropped or repeated, columns swapped, the
encoding broken. A row is untouched where its bytes still stand in the table. The status is 1 where anything raised,
took over 30 s, gave an untouched row another meaning, or did not account for each audio file exactly once.
"""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.fuzz.found import Found, fuzzed, main  # noqa: E402
from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Reason, Reject  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.catalogue import Entry, load, override  # noqa: E402

ROWS = 40
KINDS = ("flip", "flip_many", "truncate", "drop", "repeat", "swap", "insert")


@dataclass(frozen=True)
class Sample:
    """A corpus with one table: `head`, the rows with `between` them, `tail`. `others`: its other files."""

    name: str
    entry: Entry
    table: str
    rows: tuple[bytes, ...]
    others: Mapping[str, bytes]
    head: bytes = b""
    between: bytes = b"\n"
    tail: bytes = b"\n"

    @property
    def whole(self) -> bytes:
        return self.head + self.between.join(self.rows) + self.tail


def damaged(sample: Sample, rng: random.Random) -> bytes:
    """The table of a sample after one to three things have happened to it."""
    data = bytearray(sample.whole)
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind, place = rng.choice(KINDS), rng.randrange(max(1, len(data)))
        lines = bytes(data).split(b"\n")
        line = rng.randrange(len(lines))
        if kind.startswith("flip"):
            for _ in range(1 if kind == "flip" else 8):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == "truncate":
            del data[max(1, len(data) - rng.randrange(len(data) // 2 + 1)) :]
        elif kind == "insert":
            data[place:place] = rng.choice((b"\xff", b"\0", b'"', b"\xed\xa0\x80", b"\r", b"\n", b"{", b"]", b"\xe9"))
        else:
            pieces = lines[line].split(b"\t" if b"\t" in lines[line] else b",")
            rng.shuffle(pieces)
            changed = {"drop": [], "repeat": [lines[line]] * 2, "swap": [b",".join(pieces)]}[kind]
            data = bytearray(b"\n".join([*lines[:line], *changed, *lines[line + 1 :]])) or bytearray(b"\n")
    return bytes(data)


def read(sample: Sample, table: bytes) -> list[ClipRef | Reject]:
    """All items; raises AssertionError where a unit does not hold what it says."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**sample.others, sample.table: table}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        corpus = sample.entry.corpus(folder)
        found: list[Any] = []
        for unit in corpus.units(UnitSize(7)):
            items = list(corpus.read(unit))
            assert unit.items == len(items), f"{unit.name} says {unit.items} items, and has {len(items)}"
            found += items
    told = "".join(map(repr, found))
    assert folder not in told, "it says a path of this host"
    told.encode()
    return found


def identity(item: ClipRef) -> str:
    return repr((item.uid, item.text, item.speaker, item.captions, item.tags, sorted(item.native.items())))


def pristine(sample: Sample) -> dict[bytes, str]:
    """Row -> the clip that it is; each row of a sample is one."""
    clips = [item for item in read(sample, sample.whole) if isinstance(item, ClipRef)]
    assert len(clips) == len(sample.rows), f"{sample.name}: {len(clips)} clips of {len(sample.rows)} rows"
    by_audio = {Path(clip.path).stem: identity(clip) for clip in clips}
    return {row: by_audio[f"n{number:03d}"] for number, row in enumerate(sample.rows)}


def judge(sample: Sample, table: bytes, known: Mapping[bytes, str], found: Found) -> None:
    """Read a mutant, and count. Raises whatever is wrong with how it is read."""
    try:
        items = read(sample, table)
    except UsageError as error:
        found.refused += 1
        if not str(error).startswith(f"{sample.entry.name}: "):
            raise
        return
    clips = [item for item in items if isinstance(item, ClipRef)]
    audio = Counter(clip.path for clip in clips)
    audio.update(
        item.source_uri or "" for item in items if isinstance(item, Reject) and item.reason is Reason.UNTRANSCRIBED
    )
    assert max(audio.values(), default=0) <= 1, f"audio is told of twice: {audio.most_common(1)}"
    named = {clip.path for clip in clips} | {item.source_uri for item in items if isinstance(item, Reject)}
    lost = {name for name in sample.others if name.endswith(".wav")} - named
    assert not lost, f"audio is lost: {sorted(lost)[:3]}"
    there = {identity(clip) for clip in clips}
    lines = b"\n" + table + b"\n"
    for row, meant in known.items():
        if any(edge + row + end in lines for edge in (b"\n", b"\n  ") for end in (b"\n", b",\n")):
            found.untouched += 1
            found.read += meant in there
    found.rejects += len(items) - len(clips)


def _names() -> list[str]:
    return [f"n{number:03d}" for number in range(ROWS)]


def _sample(
    name: str,
    source: str,
    table: str,
    rows: list[str],
    audio: str,
    changes: Mapping[str, Any] | None = None,
    **more: Any,
) -> Sample:
    entry = override(load(source), changes or {}, name)
    others = {audio.format(each): b"RIFF" for each in _names()}
    return Sample(name, entry, table, tuple(row.encode() for row in rows), others | more.pop("files", {}), **more)


def tables() -> list[Sample]:
    """A sample of each kind of table."""
    names = _names()
    text = 'Text "of {}, é'
    columns = "client_id\tpath\tsentence\tup_votes\tlocale\n"
    quoted = {"sep": ",", "header": True, "quoting": True}
    knobs = {"audio": "wavs/{id}.wav", "audio_files": "wavs/*.wav", "split": "train", "fields": {"text": "{text}"}}
    listed = {**knobs, "tables": "list.yaml", "format": {"kind": "yaml", "path": "files"}}
    kaldi = {
        "train/text": "".join(f"{n} said by {n}\n" for n in names).encode(),
        "train/utt2spk": "".join(f"{n} s{n}\n" for n in names).encode(),
    }
    in_csv = [f'{n},"a ""{n}"", b\nand a line of {n}",x' for n in names]
    voices = [f"s{n}\t{n}.mp3\t{text.format(n)}\t2\tde" for n in names]
    return [
        _sample("psv", "ljspeech", "metadata.csv", [f"{n}|raw|{text.format(n)}" for n in names], "wavs/{}.wav"),
        _sample("tsv", "common_voice", "train.tsv", voices, "clips/{}.mp3", head=columns.encode()),
        _sample(
            *("quoted csv", "ljspeech", "list.csv", in_csv, "wavs/{}.wav"),
            {"ingest": {**knobs, "tables": "list.csv", "format": quoted}},
            head=b"id,text,other\n",
        ),
        _sample(
            *("jsonl", "nemo", "train.json"),
            [f'{{"audio_filepath": "wavs/{n}.wav", "text": "said by {n} \\u00e9", "duration": 0.5}}' for n in names],
            "wavs/{}.wav",
        ),
        _sample(
            *("json", "wavcaps", "json_files/FreeSound/x.json"),
            [f'{{"id": "{n}", "caption": "A sound of {n}, {{loud}}.", "duration": 2}}' for n in names],
            "FreeSound_flac/{}.flac",
            head=b'{"num_captions_per_audio": 1, "data": [\n',
            between=b",\n",
            tail=b"\n]}\n",
        ),
        _sample(
            *("yaml", "ljspeech", "list.yaml", [f"- {{id: {n}, text: said by {n}}}" for n in names], "wavs/{}.wav"),
            {"ingest": listed},
            head=b"files:\n",
        ),
        _sample("kaldi", "kaldi", "train/wav.scp", [f"{n} wavs/{n}.wav" for n in names], "wavs/{}.wav", files=kaldi),
        _sample(
            *("regex", "cmu_arctic", "cmu_us_a_arctic/etc/txt.done.data"),
            [f'( {n} "Text of {n}." )' for n in names],
            "cmu_us_a_arctic/wav/{}.wav",
        ),
    ]


def fuzz(numbers: Iterable[int], seed: int) -> dict[str, Found]:
    samples = tables()
    known = {sample.name: pristine(sample) for sample in samples}

    def one(sample: Sample, number: int, found: Found) -> None:
        judge(sample, damaged(sample, random.Random(f"{seed}/{number}")), known[sample.name], found)

    return fuzzed(samples, one, numbers)


if __name__ == "__main__":
    main(__doc__, fuzz)
