"""Written dialogues: each line once, as a dialogue or with the reason why not."""

import gzip
import json
import os
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.sources.adapters.items import Unit, UnitSize
from turnmill.sources.catalogue import load

ENTRY = load("dialogue_text")
GOOD = {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]}
TURNS = (TextTurn("user", "Hi."), TextTurn("assistant", "Hello."))


def read_all(path: Path, per_unit: int = 100) -> list[Any]:
    corpus = ENTRY.corpus(path)
    return [item for unit in corpus.units(UnitSize(per_unit)) for item in corpus.read(unit)]


def from_a_deep_caller(frames: int, call: Callable[[], Any]) -> Any:
    return call() if frames == 0 else from_a_deep_caller(frames - 1, call)


@pytest.mark.parametrize("name", ["d.jsonl", "d.json"])
@pytest.mark.parametrize("ends", [1, 0], ids=["closed", "cut"])
@pytest.mark.parametrize("depth", [90, 120, 700, 960, 20_000])
def test_how_deep_a_row_may_be_does_not_depend_on_where_the_reader_is_called(
    tmp_path: Path, name: str, ends: int, depth: int
) -> None:
    deep = "[" * depth + "]" * depth * ends + ("?" if not ends else "")
    row = json.dumps(GOOD).replace("{", f'{{"scenario": {deep}, ', 1)
    (tmp_path / name).write_text(f"[{row},\n{row}]" if name == "d.json" else f"{row}\n{row}\n")
    found = read_all(tmp_path / name)
    assert from_a_deep_caller(300, lambda: read_all(tmp_path / name)) == found
    if depth > 100:
        assert all("is nested more than 100 deep" in item.detail for item in found)
    elif ends:
        assert [type(item) for item in found] == [TextDialogue, TextDialogue]


def test_of_a_deep_row_nothing_else_is_said_than_that_it_is_deep(tmp_path: Path) -> None:
    """Python's parser meets the number, which it refuses, or the depth, whichever its caller's depth makes first."""
    (tmp_path / "d.jsonl").write_text("[" * 900 + "1" * 5000 + "]" * 900)
    (item,) = read_all(tmp_path / "d.jsonl")
    assert "is nested more than 100 deep" in item.detail
    assert from_a_deep_caller(300, lambda: read_all(tmp_path / "d.jsonl")) == [item]


@pytest.mark.parametrize("text", ["[[1, 2], [3], 4]", "[,]", "[1,, 2]", "[[], [], {}]", ",{}", "[[[]]]", "[{}] ]"])
def test_every_element_of_a_list_is_read_once_whatever_it_begins_with(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.json"
    path.write_text(text)
    units = ENTRY.corpus(path).units(UnitSize(1))
    found = [list(ENTRY.corpus(path).read(unit)) for unit in units]
    assert [len(rows) for rows in found] == [unit.spec["count"] for unit in units] == [1] * len(units)
    assert [row for rows in found for row in rows] == read_all(path)


def only(tmp_path: Path, row: Any) -> Any:
    path = tmp_path / "d.jsonl"
    path.write_text(row if isinstance(row, str) else json.dumps(row))
    (item,) = read_all(path)
    return item


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        {"turns": [{"role": "human", "text": "Hi."}, {"role": "gpt", "content": "Hello."}]},
        {"turns": [{"speaker": "User", "text": "Hi."}, {"speaker": "MOSS", "text": "Hello."}]},
        {"turns": ["Hi.", "Hello."]},
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "bot", "value": "Hello."}]},
        {"messages": [{"role": "system", "content": "Be kind."}, *GOOD["messages"]]},
    ],
)
def test_every_shape_gives_the_same_turns(tmp_path: Path, row: dict[str, Any]) -> None:
    item = only(tmp_path, row)
    assert isinstance(item, TextDialogue)
    assert item.turns == TURNS
    assert (item.id, item.language, item.source, item.scenario) == ("d.jsonl:1", "en", "dialogue_text", None)
    assert item.licence == Licence("LicenseRef-unknown", redistribute=False, commercial=False)


def test_id_language_and_scenario_are_the_rows_own(tmp_path: Path) -> None:
    item = only(tmp_path, {**GOOD, "id": 7, "language": "de", "scenario": "order"})
    assert (item.id, item.language, item.scenario) == ("7", "de", "order")


def said(*roles: str) -> dict[str, Any]:
    return {"id": "x", "messages": [{"role": role, "content": "a"} for role in roles]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{not json", Reason.BAD_ROW),
        ("[" * 100_000, Reason.BAD_ROW),
        ('{"id": "\\ud800", "turns": ["a", "b"]}', Reason.BAD_ROW),
        ("[1, 2]", Reason.BAD_ROW),
        ({"prompt": "a"}, Reason.BAD_ROW),
        ({"messages": "a"}, Reason.BAD_ROW),
        ({"messages": [{"role": "user", "content": None}]}, Reason.BAD_ROW),
        ({"messages": [{"content": "a"}]}, Reason.BAD_ROW),
        ({"messages": [3]}, Reason.BAD_ROW),
        ({"turns": ["a", "b" * (1 << 20)]}, Reason.BAD_ROW),
        (said("user", "tool"), Reason.ROLE_ORDER),
        (said("user", "narrator"), Reason.UNKNOWN_ROLE),
        (said("user", "system", "assistant"), Reason.UNKNOWN_ROLE),
        (said("user", "user", "assistant"), Reason.ROLE_ORDER),
        (said("user", "human", "gpt"), Reason.ROLE_ORDER),
        (said("assistant"), Reason.ONE_SPEAKER),
        (said("user", "user"), Reason.ONE_SPEAKER),
        (said(), Reason.EMPTY_DIALOGUE),
        (said("system"), Reason.EMPTY_DIALOGUE),
    ],
)
def test_what_is_no_dialogue_says_why_and_where(tmp_path: Path, row: Any, reason: Reason) -> None:
    item = only(tmp_path, row)
    assert isinstance(item, Reject)
    assert item.reason is reason
    assert item.detail.startswith("d.jsonl line 1 ")
    assert item.source_uri == "d.jsonl"


def test_empty_turns_stay_for_the_script_to_judge(tmp_path: Path) -> None:
    item = only(tmp_path, {"turns": ["Hi.", "", "Are you there?"]})
    assert [turn.text for turn in item.turns] == ["Hi.", "", "Are you there?"]


def test_a_dialogue_may_begin_with_the_assistant(tmp_path: Path) -> None:
    assert only(tmp_path, said("assistant", "user")).turns[0].role == "assistant"


def test_a_repeated_id_is_found_across_units(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps({**GOOD, "id": name}) for name in ("a", "b", "a", 1, "1")))
    items = read_all(path, per_unit=1)
    assert [getattr(item, "reason", None) for item in items] == [
        None,
        None,
        Reason.DUPLICATE_UID,
        None,
        Reason.DUPLICATE_UID,
    ]
    assert "d.jsonl line 3" in items[2].detail


def test_blank_lines_do_not_shift_the_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n\n" + json.dumps(GOOD).encode())
    assert [item.id for item in read_all(path, per_unit=1)] == ["d.jsonl:1", "d.jsonl:4"]


@pytest.mark.parametrize(
    ("text", "count", "detail"),
    [
        (json.dumps([GOOD] * 3), 3, ""),
        (json.dumps([GOOD] * 3, indent=2, ensure_ascii=False), 3, ""),
        (json.dumps([GOOD] * 3)[:-1], 4, "line 4 is cut off"),
        (json.dumps([GOOD] * 3)[:-9], 3, "line 3 is not JSON"),
        (json.dumps([GOOD, {"turns": ["a", "b" * (9 << 20)]}, GOOD]), 3, "longer than 1048576 bytes"),
    ],
)
def test_a_json_list_is_read_to_its_end_and_past_a_break_where_a_whole_element_follows(
    tmp_path: Path, text: str, count: int, detail: str
) -> None:
    path = tmp_path / "d.json"
    path.write_text(text)
    items = read_all(path, per_unit=2)
    assert len(items) == count
    assert all(item.turns == TURNS for item in items if isinstance(item, TextDialogue))
    rejected = [item for item in items if isinstance(item, Reject)]
    assert len(rejected) == bool(detail)
    assert all(item.reason is Reason.BAD_ROW and detail in item.detail for item in rejected)


def test_a_long_json_list_gives_the_same_dialogues_in_units_as_whole(tmp_path: Path) -> None:
    rows = [{**GOOD, "id": f"é{n}", "pad": "ü" * (n % 700)} for n in range(20_000)]
    path = tmp_path / "d.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    units = ENTRY.corpus(path).units(UnitSize(7000))
    last = list(ENTRY.corpus(path).read(units[-1]))
    assert [item.id for item in last] == [f"é{n}" for n in range(14_000, 20_000)]


def test_gzip_is_read_and_one_that_is_cut_is_read_so_far(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl.gz"
    data = gzip.compress("\n".join(json.dumps({**GOOD, "id": n}) for n in range(2000)).encode())
    path.write_bytes(data)
    assert [item.id for item in read_all(path, 300)] == [str(n) for n in range(2000)]
    path.write_bytes(data[: len(data) // 2])
    *found, last = read_all(path, 300)
    assert [item.id for item in found] == [str(n) for n in range(len(found))]
    assert len(found) > 500
    assert last.detail.startswith("d.jsonl.gz is not a whole gzip file")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jsonl", None, "does not exist"),
        ("d.csv", "x", "is not one of .jsonl"),
        ("d.jsonl", "\n\n", "holds no dialogue"),
        ("d.json", "[]", "holds no dialogue"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=f"{name} {message}"):
        ENTRY.corpus(tmp_path / name).units(UnitSize(10))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "d.jsonl")
    with pytest.raises(UsageError, match="is not a file: give a file of dialogues"):
        read_all(tmp_path / "d.jsonl")


def test_memory_does_not_grow_with_the_line_or_the_file(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with path.open("w") as file:
        file.write("x" * (64 << 20) + "\n")
        for n in range(20_000):
            file.write(json.dumps({**GOOD, "pad": "y" * 500, "id": n}) + "\n")
    tracemalloc.start()
    units = ENTRY.corpus(path).units(UnitSize(1000))
    items = list(ENTRY.corpus(path).read(units[0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert items[0].reason is Reason.BAD_ROW
    assert len(items) == 1000
    assert peak < 16 << 20


LINE = st.sampled_from(["", "{", json.dumps(GOOD), json.dumps(said("user")), json.dumps({**GOOD, "id": "same"})])


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINE, min_size=1, max_size=30).filter(any), per_unit=st.integers(1, 9))
def test_every_line_comes_out_exactly_once_whatever_the_unit_size(lines: list[str], per_unit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.jsonl"
        path.write_text("\n".join(lines))
        units = ENTRY.corpus(path).units(UnitSize(per_unit))
        copies = [Unit(unit.name, unit.files, json.loads(json.dumps(unit.spec))) for unit in units]
        items = [item for unit in copies for item in ENTRY.corpus(path).read(unit)]
        assert items == read_all(path, 1000)
    assert len(items) == sum(line != "" for line in lines)
    ids = [item.id for item in items if isinstance(item, TextDialogue)]
    assert len(set(ids)) == len(ids)
    assert len({unit.name for unit in units}) == len(units)
