"""Damaged files of dialogues of every shape through `dialogue_text`: what was not damaged is read as it is written.

    python tests/benchmarks/fuzz/texts.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is a file of one shape and one kind, damaged before it is packed (now and then after it too) as those of
tests/fuzz/fuzz_texts.py, which takes other mutants through the script stage. A dialogue is untouched where its bytes
stand in the file once, between what ends others; in Parquet where all bytes of its row group do; in a packed file that
was damaged none is. The status is 1 where anything raised, took over 30 s, read an untouched dialogue otherwise than it
is written, told a path of this host, or was not the same in small units.
"""

import gzip
import io
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.fuzz.found import Found, fuzzed, main  # noqa: E402
from tests.fuzz.fuzz_texts import MUTATIONS, cut, flip  # noqa: E402
from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Licence, Reject, TextDialogue  # noqa: E402
from turnmill.sources.adapters.items import UnitSize  # noqa: E402
from turnmill.sources.catalogue import Entry, load, override  # noqa: E402
from turnmill.sources.places import place  # noqa: E402

DIALOGUES = 30
JSON_FILES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".parquet")
LINE_FILES = (".txt", ".txt.gz", ".txt.zst")
LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)
Said = tuple[str, str]


@dataclass(frozen=True)
class Shape:
    """How a corpus writes a dialogue with an id: as one value of JSON, as several rows, or as a line."""

    name: str
    write: Callable[[str, str, str], Any]
    knobs: Mapping[str, Any]
    suffixes: tuple[str, ...] = JSON_FILES

    @property
    def entry(self) -> Entry:
        return override(load("dialogue_text"), {"ingest": dict(self.knobs)}, self.name)


def said(number: int) -> Said:
    """What is asked and answered in a dialogue."""
    return f"Is room {number} open? {'Yes or no? ' * (number % 5)}".strip(), f"Room {number} is open, until six."


def _messages(role: str, text: str, user: str, assistant: str) -> Callable[[str, str], list[dict[str, str]]]:
    return lambda ask, tell: [{role: user, text: ask}, {role: assistant, text: tell}]


def _moss(id_: str, ask: str, tell: str) -> Any:
    turn = {"Human": f"<|Human|>: {ask}<eoh>\n", "Inner Thoughts": "<|Inner Thoughts|>: None<eot>\n"}
    turn |= {"Commands": "<|Commands|>: None<eoc>\n", "MOSS": f"<|MOSS|>: {tell}<eom>\n"}
    return {"conversation_id": id_, "num_turns": 1, "chat": {"turn_1": turn}}


def _tree(id_: str, ask: str, tell: str) -> Any:
    reply = {"message_id": f"{id_}b", "parent_id": f"{id_}a", "text": tell, "role": "assistant", "replies": []}
    prompt = {"message_id": f"{id_}a", "text": ask, "role": "prompter", "lang": "en", "replies": [reply]}
    return {"message_tree_id": id_, "tree_state": "ready_for_export", "prompt": prompt}


def _rows(id_: str, ask: str, tell: str) -> Any:
    """Messages of a tree in rows, as OASST2 has them."""
    asked = {"message_tree_id": id_, "message_id": f"{id_}a", "parent_id": None, "text": ask, "role": "prompter"}
    told = {"message_tree_id": id_, "message_id": f"{id_}b", "parent_id": f"{id_}a", "text": tell, "role": "assistant"}
    return [asked, told]


def _multiwoz(id_: str, ask: str, tell: str) -> Any:
    turns = [{"speaker": "USER", "turn_id": "0", "utterance": ask}, {"speaker": "SYSTEM", "utterance": tell}]
    return {"dialogue_id": id_, "services": ["hotel"], "turns": turns}


def shapes() -> list[Shape]:
    openai, gpt = _messages("role", "content", "user", "assistant"), _messages("from", "value", "human", "gpt")
    turns = _messages("speaker", "text", "User", "MOSS")
    human = {"\n\nHuman:": "user", "\n\nAssistant:": "assistant"}
    marked = {"[Human]:": "user", "[MOSS]:": "assistant"}
    return [
        Shape("pairs", lambda i, a, t: {"id": i, "instruction": a, "input": "", "output": t}, {}),
        Shape("turns", lambda i, a, t: {"id": i, "turns": turns(a, t)}, {}),
        Shape("messages", lambda i, a, t: {"id": i, "messages": openai(a, t)}, {}),
        Shape("moss-003", _moss, {"shape": {"fields": {"id": "conversation_id"}}}),
        Shape(
            *("moss-002", lambda i, a, t: {"id": i, "plain_text": f"[Human]: {a}<eoh> [MOSS]: {t}<eoa>"}),
            {"shape": {"markers": marked, "strip": ["<eoh>", "<eoa>"]}},
        ),
        Shape("oasst trees", _tree, {"shape": {"fields": {"id": "message_tree_id"}}}),
        Shape(
            *("oasst rows", _rows),
            {"group": ["message_tree_id"], "shape": {"fields": {"id": "message_tree_id"}}},
            suffixes=(".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"),
        ),
        Shape(
            *("hh", lambda _, a, t: {"chosen": f"\n\nHuman: {a}\n\nAssistant: {t}", "rejected": "\n\nHuman: x"}),
            {"shape": {"fields": {"text": "chosen"}, "markers": human}},
        ),
        Shape(
            *("dailydialog", lambda _, a, t: f"{a} __eou__ {t} __eou__"),
            *({"shape": {"separator": "__eou__"}}, LINE_FILES),
        ),
        Shape("txt", lambda _, a, t: f"User: {a} Assistant: {t}", {}, LINE_FILES),
        Shape(
            *("multiwoz", _multiwoz),
            {"shape": {"fields": {"id": "dialogue_id"}, "roles": {"USER": "user", "SYSTEM": "assistant"}}},
        ),
        Shape("sharegpt", lambda i, a, t: {"id": i, "conversations": gpt(a, t)}, {}),
        Shape("as strings", lambda i, a, t: {"id": i, "conversations": json.dumps(gpt(a, t))}, {}),
        Shape(
            *("qa", lambda i, a, t: {"question_id": i, "question": a, "answer": {"aliases": ["x", t], "value": t}}),
            {"shape": {"fields": {"id": "question_id"}}},
        ),
    ]


def written(shape: Shape, suffix: str) -> tuple[bytes, list[bytes]]:
    """A file that is not yet packed, and the bytes of each dialogue in it, none in Parquet."""
    values = [shape.write(f"r{number}", *said(number)) for number in range(DIALOGUES)]
    if suffix == ".parquet":
        rows = [row for value in values for row in (value if isinstance(value, list) else [value])]
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=4, compression="none", use_dictionary=False)
        return file.getvalue(), []
    lines = [
        "\n".join(each if isinstance(each, str) else json.dumps(each) for each in (v if isinstance(v, list) else [v]))
        for v in values
    ]
    pieces = [line.encode() for line in lines]
    if ".json" in suffix and ".jsonl" not in suffix:
        return b"[\n" + b",\n".join(pieces) + b"\n]\n", pieces
    return b"\n".join(pieces) + b"\n", pieces


def mutant(shape: Shape, rng: random.Random) -> tuple[str, bytes, list[Said]]:
    """The name and bytes of a file, and the dialogues that the damage left alone."""
    suffix = rng.choice(shape.suffixes)
    whole, pieces = written(shape, suffix)
    data = bytearray(whole)
    if suffix == ".parquet":
        rng.choice((flip, flip, flip, cut))(data, rng)
        return f"d{suffix}", bytes(data), _of_whole_groups(whole, bytes(data), shape)
    rng.choice(MUTATIONS)(data, rng)
    lines = b"\n" + bytes(data) + b"\n"
    ends = rb"(?=\s*(?:,?\n|\]))" if suffix.startswith(".json") and not suffix.startswith(".jsonl") else rb"(?=\r?\n)"
    left = [
        said(number)
        for number, piece in enumerate(pieces)
        if lines.count(begin := re.split(rb"(?<=[,?])", piece)[0]) == piece.count(begin)
        and re.search(rb"(?<=\n)" + re.escape(piece) + ends, lines)
    ]
    if not suffix.endswith((".gz", ".zst")):
        return f"d{suffix}", bytes(data), left
    zipped = suffix.endswith(".gz")
    packed = gzip.compress(bytes(data), mtime=0) if zipped else pa.compress(bytes(data), "zstd", asbytes=True)
    data = bytearray(packed)
    if rng.random() < 0.2:
        rng.choice((flip, cut))(data, rng)
        left = []
    return f"d{suffix}", bytes(data), left


def _of_whole_groups(whole: bytes, data: bytes, shape: Shape) -> list[Said]:
    """The dialogues of row groups none of whose bytes are damaged; none where the footer is."""
    footer, left = pq.read_metadata(io.BytesIO(whole)), []
    per_group = 4 // (2 if "group" in shape.knobs else 1)
    end = 4
    for number in range(footer.num_row_groups):
        columns = [footer.row_group(number).column(each) for each in range(footer.num_columns)]
        start, end = end, max(column.data_page_offset + column.total_compressed_size for column in columns)
        if data[start:end] == whole[start:end]:
            left += [said(n) for n in range(per_group * number, min(DIALOGUES, per_group * (number + 1)))]
    return left if data[end:] == whole[end:] and data[:4] == whole[:4] and len(data) == len(whole) else []


def read(shape: Shape, path: Path, per_unit: int) -> list[Reject | TextDialogue]:
    corpus = shape.entry.corpus(place(path), LICENCE)
    found: list[Reject | TextDialogue] = []
    for unit in corpus.units(UnitSize(per_unit)):
        spec = json.loads(json.dumps(unit.spec))
        items = list(corpus.read(type(unit)(unit.name, unit.files, spec, unit.items)))
        assert len(items) == unit.items, f"{unit.name} says {unit.items} items, and has {len(items)}"
        found += items
    return found


def one(shape: Shape, number: int, seed: int, found: Found) -> None:
    name, data, left = mutant(shape, random.Random(f"{seed}/{number}"))
    found.untouched += len(left)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            items = read(shape, path, 1000)
            assert sorted(map(repr, read(shape, path, 7))) == sorted(map(repr, items)), (
                "small units hold something else"
            )
        except UsageError as error:
            if not str(error).startswith(str(path)):
                raise
            found.refused += 1
            return
        told = "".join(map(repr, items))
        assert folder not in told, "it says a path of this host"
        told.encode()
    answers: dict[str, set[str]] = {}
    for item in items:
        if isinstance(item, TextDialogue):
            answers.setdefault(item.turns[0].text.strip(), set()).add(item.turns[1].text.strip())
    for ask, tell in left:
        assert tell in answers.get(ask, {tell}), f"{ask!r} is read otherwise than it is written"
        found.read += ask in answers
    found.rejects += sum(isinstance(item, Reject) for item in items)


def fuzz(numbers: Iterable[int], seed: int) -> dict[str, Found]:
    return fuzzed(shapes(), lambda shape, number, found: one(shape, number, seed, found), numbers)


if __name__ == "__main__":
    main(__doc__, fuzz)
