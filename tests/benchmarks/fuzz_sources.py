"""Damaged corpora, read: nothing raises, hangs or is lost, and what was not damaged is read as before.

    python tests/benchmarks/fuzz_sources.py table [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is a sample of a family (`FAMILIES`; a family adds its own here) with its one table damaged: bytes flipped,
cut, lines dropped or repeated, columns swapped, the encoding broken. A row is untouched where its bytes still stand in
the table. Of each format it prints how many mutants were refused by a sentence (a damaged header), how many untouched
rows there were in the others, and what share of them was read. The status is 1 where anything raised, took over 30 s,
gave an untouched row another meaning, or did not account for each audio file exactly once.
"""

import argparse
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Reason, Reject  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.catalogue import Entry, load, override  # noqa: E402

ROWS = 40
HANGS_S = 30
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


@dataclass
class Tally:
    """What came of the mutants of a format."""

    mutants: int = 0
    refused: int = 0
    untouched: int = 0
    read: int = 0
    faults: list[str] = field(default_factory=list)


def pristine(sample: Sample) -> dict[bytes, str]:
    """Row -> the clip that it is; each row of a sample is one."""
    clips = [item for item in read(sample, sample.whole) if isinstance(item, ClipRef)]
    assert len(clips) == len(sample.rows), f"{sample.name}: {len(clips)} clips of {len(sample.rows)} rows"
    by_audio = {Path(clip.path).stem: identity(clip) for clip in clips}
    return {row: by_audio[f"n{number:03d}"] for number, row in enumerate(sample.rows)}


def judge(sample: Sample, table: bytes, known: Mapping[bytes, str], tally: Tally) -> None:
    """Read a mutant, and count. Raises whatever is wrong with how it is read."""
    tally.mutants += 1
    try:
        items = read(sample, table)
    except UsageError as error:
        tally.refused += 1
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
            tally.untouched += 1
            tally.read += meant in there


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


FAMILIES: Mapping[str, Callable[[], list[Sample]]] = {"table": tables}


def fuzz(family: str, numbers: range, seed: int) -> dict[str, Tally]:
    """What came of the mutants, by the name of their sample."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"it is still read after {HANGS_S} s")

    signal.signal(signal.SIGALRM, hangs)
    samples = [(sample, pristine(sample)) for sample in FAMILIES[family]()]
    tallies = {sample.name: Tally() for sample, _ in samples}
    for number in numbers:
        sample, known = samples[number % len(samples)]
        table = damaged(sample, random.Random(f"{seed}/{number}"))
        signal.alarm(HANGS_S)
        try:
            judge(sample, table, known, tallies[sample.name])
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            tallies[sample.name].faults.append(f"mutant {number} of seed {seed}: {traceback.format_exc()}")
        finally:
            signal.alarm(0)
    return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one mutant")
    options = parser.parse_args()
    numbers = range(options.mutants) if options.only is None else range(options.only, options.only + 1)
    tallies = fuzz(options.family, numbers, options.seed)
    for name, tally in tallies.items():
        print(*tally.faults, sep="\n", end="")
        share = 100 * tally.read / max(1, tally.untouched)
        print(f"{name:12} {tally.mutants:5} mutants, {tally.refused:4} refused, {len(tally.faults)} faults, ", end="")
        print(f"{tally.read:6} of {tally.untouched:6} untouched rows read ({share:.1f} %)")
    read, untouched = (sum(getattr(tally, key) for tally in tallies.values()) for key in ("read", "untouched"))
    print(f"all: {read} of {untouched} untouched rows read ({100 * read / max(1, untouched):.1f} %)")
    sys.exit(1 if any(tally.faults for tally in tallies.values()) else 0)


if __name__ == "__main__":
    main()
