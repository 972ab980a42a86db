"""Mutants of files of dialogues through the script stage: each row is a dialogue or a reject, twice the same.

    python tests/fuzz/fuzz_texts.py [--mutants 1000] [--seed 0] [--minutes 5] [--only NUMBER]

A mutant is made of its number and the seed alone. What raises, hangs, loses a row, says an address or a path of this
host, or is not the same when it is read again, is printed, and the status is 1. `--only` makes one mutant, and prints
its bytes: make them a parameter of a test in tests/sources/adapters/test_dialogue_text.py, and mend the reader.
"""

import argparse
import gzip
import io
import json
import random
import re
import signal
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Licence, Reason, TextDialogue  # noqa: E402
from turnmill.manifests.schema import to_table  # noqa: E402
from turnmill.manifests.store import Store  # noqa: E402
from turnmill.pipelines.bank import bank  # noqa: E402
from turnmill.pipelines.guard import Guard  # noqa: E402
from turnmill.pipelines.stage import Shard, Workspace, reject_row  # noqa: E402
from turnmill.pipelines.stages.script import ScriptParams, WriteScripts  # noqa: E402
from turnmill.pipelines.stages.speak import SpeakParams  # noqa: E402
from turnmill.pipelines.steps.plan import SplitShares  # noqa: E402
from turnmill.pipelines.texts import Text  # noqa: E402
from turnmill.sources.adapters.lines import MAX_LINE  # noqa: E402
from turnmill.sources.catalogue import load  # noqa: E402
from turnmill.synth.safety.params import SafetyParams  # noqa: E402

DIALOGUES = ROOT / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
ASKED, TOLD = "Is the museum open today?", "It is open until six, and there is a cafe on the ground floor."
SHAPES: tuple[Any, ...] = (
    {"id": 7, "turns": [{"speaker": "User", "text": ASKED}, {"speaker": "MOSS", "text": TOLD}]},
    {"id": "a", "conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": TOLD}]},
    {"id": "a", "messages": [{"role": "user", "content": [{"type": "text", "text": ASKED}]}, {"role": "assistant"}]},
    {"turns": [ASKED, TOLD], "scenario": "visit", "language": "en"},
    {"chat": {"turn_1": {"Human": f"<|Human|>: {ASKED}<eoh>", "MOSS": f"<|MOSS|>: {TOLD}<eom>", "Commands": "None"}}},
    {"instruction": ASKED, "input": "The one in the old town.", "output": TOLD, "history": [[ASKED, TOLD]]},
    {"text": f"User: {ASKED} Assistant: {TOLD}"},
    {"question": "今天多云吗？", "answers": ["下午可能有小雨，出门最好带一把伞。"]},
)
SEED_ROWS = [*map(json.loads, DIALOGUES.read_text("utf-8").splitlines()[::8]), *SHAPES]
HANGS_S = 30
UNSTEADY = re.compile(r" at 0x[0-9a-f]+")

_WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    2.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\0",
    [],
    {},
    [[]],
    [None],
    {"": ""},
)
_BYTES = (
    *(
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        b"\xe2\x80\xa8",
    ),
    *(b"\\u0000", b"9" * 5000, b"1e999", b"-0", b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\r", b"\n", b"\n\n"),
    *(b"\xf0\x9f\x8e\x89", b"User: ", b"null", b"\t", b"<|MOSS|>:", b"```", b"\xcc\x81" * 300, b"a" * 3000),
)


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 40))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def insert(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data))
    data[place:place] = rng.choice(_BYTES)


def cut(data: bytearray, rng: random.Random) -> None:
    first, last = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    del data[first : min(last, first + rng.choice((1, 30, len(data))))]


def repeat(data: bytearray, rng: random.Random) -> None:
    first = rng.randrange(len(data))
    piece = bytes(data[first : first + rng.choice((1, 20, 500))])
    data[first:first] = piece * rng.choice((1, 2, 50))


def swap_braces(data: bytearray, rng: random.Random) -> None:
    pairs = bytes.maketrans(b"{}[]", rng.choice((b"}{][", b"[]{}", b"{{[[")))
    place = rng.randrange(len(data))
    data[place : place + 60] = data[place : place + 60].translate(pairs)


def nest(data: bytearray, rng: random.Random) -> None:
    """Around a line, or in place of a value; near the depths at which a parser gives up too."""
    depth = rng.choice((3, 60, 99, 100, 101, 300, *range(930, 1010, 7), 20_000))
    opened, closed = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    lines = bytes(data).split(b"\n")
    number = rng.randrange(len(lines))
    whole = rng.random() < 0.5
    inner = lines[number] if whole else b'{"id": "deep", "scenario": ' + opened * depth + b"1" + closed * depth + b"}"
    lines[number] = opened * depth + inner + closed * (depth - rng.choice((0, 0, 1))) if whole else inner
    data[:] = b"\n".join(lines)


def long_line(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data)) :] = b" " * (MAX_LINE + rng.choice((-200, 0, 1, 200))) + b"\n{}"


def wrong_type(data: bytearray, rng: random.Random) -> None:
    """Another value in the place of one of a row."""
    lines = bytes(data).split(b"\n")
    number = rng.randrange(len(lines))
    try:
        row = json.loads(lines[number])
    except (ValueError, RecursionError):
        return
    holder, key = row, None
    while isinstance(holder, dict | list) and holder:
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if rng.random() < 0.4:
            break
        if not isinstance(holder[key], dict | list) or not holder[key]:
            break
        holder = holder[key]
    if key is not None:
        cast(Any, holder)[key] = rng.choice(_WRONG)
        lines[number] = json.dumps(row, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
        data[:] = b"\n".join(lines)


MUTATIONS = (flip, insert, insert, cut, repeat, swap_braces, nest, long_line, wrong_type, wrong_type, wrong_type)


ALIKE = [
    {
        "id": f"r{n}",
        "question": f"Is room {n} open? {'Yes or no? ' * (n % 9)}",
        "answer": f"Room {n} is open until six.",
    }
    for n in range(30)
]
"""Rows of one corpus, of which those that a mutation left alone have to be read."""
SUFFIXES = (*(".jsonl",) * 3, ".json", ".jsonl.gz", ".jsonl.zst", ".txt", ".tar", ".parquet")


def lined(row: dict[str, Any]) -> str:
    return f"User: {row['question'].strip()} Assistant: {row['answer']}"


def written(suffix: str, rows: list[Any]) -> tuple[bytes, list[bytes]]:
    """A file of rows, not yet packed, and the bytes of each of them in it."""
    if suffix == ".parquet":
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=3, compression="none", use_dictionary=False)
        return file.getvalue(), []
    lines = [lined(row) if suffix == ".txt" else json.dumps(row, ensure_ascii=False) for row in rows]
    pieces = [line.encode() for line in lines]
    if suffix == ".json":
        return b"[" + b",\n".join(pieces) + b"]", pieces
    if suffix != ".tar":
        return b"\n".join(pieces) + b"\n", pieces
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for first in range(0, len(pieces), 5):
            data = b"\n".join(pieces[first : first + 5]) + b"\n"
            info = tarfile.TarInfo(f"part/{first}.jsonl")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue(), pieces


def mutant(number: int, seed: int) -> tuple[str, bytes, list[Any]]:
    """The name and bytes of a file, and of a corpus whose rows are alike those that the mutation left alone."""
    rng = random.Random(f"{seed}/{number}")
    suffix = rng.choice(SUFFIXES)
    alike = suffix in (".txt", ".tar", ".parquet") or rng.random() < 0.5
    rows = list(ALIKE) if alike else rng.sample(SEED_ROWS, rng.randint(1, 8))
    whole, pieces = written(suffix, rows)
    data = bytearray(whole)
    mutations = {".tar": (flip,), ".parquet": (flip, cut, repeat)}.get(suffix, MUTATIONS)  # a tar is read by its blocks
    for _ in range(1 if alike else rng.choice((1, 1, 2, 5))):
        if data:
            rng.choice(mutations)(data, rng)
    left = [
        row for row, piece in zip(rows, pieces, strict=False) if alike and _stands(bytes(data), whole, piece, suffix)
    ]
    if suffix.endswith((".gz", ".zst")):
        data = bytearray(
            gzip.compress(bytes(data), mtime=0)
            if suffix.endswith(".gz")
            else pa.compress(bytes(data), "zstd", asbytes=True)
        )
        if rng.random() < 0.3:
            rng.choice((flip, cut))(data, rng)
            left = []  # a packed file that is broken is refused
    return f"d{suffix}", bytes(data), left


def _stands(data: bytes, whole: bytes, piece: bytes, suffix: str) -> bool:
    """Whether a row is there once, as it was, between what ends the others."""
    before, after = {".json": (rb"[\[,]\s*", rb"\s*[\],]"), ".tar": (rb"[\n\0]", rb"\n")}.get(
        suffix, (rb"(?:^|\n)", rb"\n")
    )
    if suffix == ".tar":
        header = whole.rfind(b"part/", 0, whole.index(piece))  # a member is there where its header is
        if data[header : header + 512] != whole[header : header + 512]:
            return False
    begin = re.split(rb"(?<=[,?])", piece)[0]  # with its id: of two rows that share one, the second is rejected
    return data.count(begin) == 1 and re.search(before + re.escape(piece) + after, data) is not None


def outcome(path: Path) -> list[Any]:
    """All tables that the script stage makes of a file, or the sentence by which the file is refused."""
    licence = Licence("CC0-1.0", redistribute=True, commercial=True)
    stage = WriteScripts(
        ScriptParams(dialogues_per_shard=3, safety=SafetyParams(classifier=False)),
        load("dialogue_text"),
        [Text(None, load("dialogue_text").corpus(path, licence))],
        SplitShares(),
        bank("espeak", (), cloned=False, names=None),
        SpeakParams(engine="espeak").performed,
        seed=0,
    )
    try:
        units = stage.units()
    except UsageError as error:
        return [str(error).replace(str(path), path.name)]
    found: list[Any] = []
    for unit in units:
        spec = {"files": list(unit.files), "spec": json.loads(json.dumps(unit.spec))}
        try:
            made = stage.process(
                Shard(unit.name, unit.name, spec), Workspace(Store(str(path.parent)), {}), Guard(stage.name)
            )
        except UsageError as error:  # a gzip file that ends too soon
            found.append(str(error).replace(str(path), path.name))
            continue
        if made.items_in != len(made.tables["scripts"]) + len(made.rejects) or made.items_in != unit.items:
            raise AssertionError(f"unit {unit.name} lost a row: {made.items_in} of {unit.items}")
        bugs = [reject.detail for reject in made.rejects if reject.reason is Reason.INTERNAL_ERROR]
        if bugs:
            raise AssertionError(bugs[0])
        found += [to_table(table, rows).to_pylist() for table, rows in made.tables.items()]
        found.append(to_table("rejects", (reject_row("script", reject) for reject in made.rejects)).to_pylist())
    return found


def deeper(frames: int, call: Callable[[], Any]) -> Any:
    """The same, called from as many frames further down: no result may depend on the depth of its caller."""
    return call() if frames == 0 else deeper(frames - 1, call)


def read_of(path: Path, left: list[Any]) -> int:
    """How many of some rows are read of a file, each as it is written. Raises AssertionError for one that is not."""
    said: dict[str, set[str]] = {}  # a mutation may give another row the same question
    try:
        for item in load("dialogue_text").corpus(path).items():
            if isinstance(item, TextDialogue):
                said.setdefault(item.turns[0].text.strip(), set()).add(item.turns[1].text)
    except UsageError:
        return 0
    wrong = [row for row in left if row["answer"] not in said.get(row["question"].strip(), {row["answer"]})]
    if wrong:
        raise AssertionError(f"a row is read otherwise than it is written: {wrong[0]}")
    return sum(row["question"].strip() in said for row in left)


def fault(name: str, data: bytes, left: list[Any], share: list[int]) -> str | None:
    """What is wrong with how a file is read; None where nothing is. `share`: rows that were left alone, and of them
    those that were read."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"it is still read after {HANGS_S} s")

    signal.signal(signal.SIGALRM, hangs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        signal.alarm(HANGS_S)
        try:
            first = outcome(path)
            again = deeper(300, lambda: outcome(path))
            share[0] += len(left)
            share[1] += read_of(path, left)
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            return traceback.format_exc()
        finally:
            signal.alarm(0)
        said = repr(first)
        if said != repr(again):
            return f"it is not the same twice:\n{said[:2000]}\n{repr(again)[:2000]}"
        if UNSTEADY.search(said) or folder in said:
            return f"it says an address or a path:\n{said[:2000]}"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="end after so long, with the mutants made until then"
    )
    parser.add_argument("--only", type=int, help="one mutant, with its bytes")
    options = parser.parse_args()
    numbers = range(options.mutants) if options.only is None else [options.only]
    until = time.monotonic() + 60 * options.minutes
    tried, faults = 0, 0
    shares: dict[str, list[int]] = {}
    for number in numbers:
        if time.monotonic() > until:
            break
        name, data, left = mutant(number, options.seed)
        if options.only is not None:
            print(name, data)
        found = fault(name, data, left, shares.setdefault(name, [0, 0]))
        tried += 1
        if found is not None:
            faults += 1
            print(f"mutant {number} of seed {options.seed} ({name}): {found}", flush=True)
    for name, (rows, read) in sorted(shares.items()):
        print(f"{name}: {read} of {rows} rows that were left alone are read")
    print(f"fuzz_texts: {tried} mutants of seed {options.seed}, {faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
