"""How tables are written: every row once, with the place where reading may begin again."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.sources.adapters import json_elements, json_tokens
from turnmill.sources.adapters.json_elements import Reader, elements
from turnmill.sources.adapters.lines import MAX_LINE
from turnmill.sources.adapters.packed import BrokenError
from turnmill.sources.adapters.table_format import Record, TableFormat, open_table, read_columns, read_records
from turnmill.sources.places import place as place_of

NONE: frozenset[str] = frozenset()


def records(form: TableFormat, data: bytes) -> tuple[tuple[str, ...], list[Record]]:
    """Columns and records of a table; from each record on, reading gives the same again."""
    file = io.BytesIO(data)
    columns = read_columns(form, file)
    found = list(read_records(form, columns, file, NONE, 1, inside=False))
    for place, record in enumerate(found):
        file.seek(record.offset)
        again = list(read_records(form, columns, file, NONE, record.number, inside=True))
        assert again[: len(found) - place] == found[place:]
    return columns, found


def rows(form: TableFormat, data: str | bytes) -> list[Any]:
    return [record.row for record in records(form, data.encode() if isinstance(data, str) else data)[1]]


DATA = TableFormat(kind="json", path="data")
QUOTED = TableFormat(sep=",", header=1, quoting=True)


def test_quotes_hold_separators_quotes_and_line_ends() -> None:
    data = '\ufeffid,text\n1,"a, ""b""\nand c"\n\n2,plain\r\n'
    assert rows(QUOTED, data) == [{"id": "1", "text": 'a, "b"\nand c'}, {"id": "2", "text": "plain"}]


@pytest.mark.parametrize("broken", ['1,"never closed', '1,"closed" then not', "1,2,3", '1,"one\n2,"two'])
def test_a_broken_quote_costs_its_line_and_not_the_table(broken: str) -> None:
    found = rows(QUOTED, f"id,text\n{broken}\n3,c\n4,d\n")
    assert found[-2:] == [{"id": "3", "text": "c"}, {"id": "4", "text": "d"}]
    assert isinstance(found[0], str)


@given(st.lists(st.lists(st.text(st.sampled_from('ab",\n é')), min_size=2, max_size=2), max_size=8))
def test_what_the_module_csv_writes_is_read(table: list[list[str]]) -> None:
    quote = '"'
    lines = [",".join(f'"{cell.replace(quote, quote * 2)}"' for cell in row) for row in table]
    found = rows(QUOTED, "\n".join(["id,text", *lines]) + "\n")
    assert found == [dict(zip(("id", "text"), row, strict=True)) for row in table]


def test_a_header_of_several_rows_names_columns_by_all_of_them() -> None:
    form = TableFormat(sep=",", header=3)
    columns, found = records(form, b",track,track\n,title,genre\ntrack_id,,\n000002,Food,Rock\n")
    assert columns == ("track_id", "track.title", "track.genre")
    assert found[0].row == {"track_id": "000002", "track.title": "Food", "track.genre": "Rock"}


def test_an_escaped_separator_is_none_and_latin_1_is_read() -> None:
    form = TableFormat(sep="\t", names=("a", "b"), escape="\\", encoding="latin-1")
    assert rows(form, 'x\\\ty\tcaf"é\n'.encode("latin-1")) == [{"a": "x\ty", "b": 'caf"é'}]


def test_comments_and_lines_that_do_not_match() -> None:
    form = TableFormat(kind="regex", pattern=r"(?P<id>\d+) (?P<text>.*)", ignore="#")
    assert rows(form, "# 5\n5 five\nfive\n") == [{"id": "5", "text": "five"}, f"is not as {form.pattern}"]


def test_columns_of_json_are_named_by_their_path_and_numbers_are_as_written() -> None:
    line = '{"id": 007e1, "x": null}\n{"id": 1.50, "a": {"b": [{"c": true}], "d": ["x", 2]}}\n{"id": 1\n[1]\n'
    found = rows(TableFormat(kind="jsonl"), line)
    assert found[1] == {"id": "1.50", "a.b.0.c": "true", "a.d": ["x", "2"]}
    assert [isinstance(row, str) for row in found] == [True, False, True, True]


@pytest.mark.parametrize("bad", ['{"id": "\\ud800"}', "[" * 5000, '{"id": "\xff"}'.encode("latin-1"), "5", ""])
def test_a_bad_line_of_json_is_one_bad_row(bad: str | bytes) -> None:
    line = bad.encode() if isinstance(bad, str) else bad
    found = rows(TableFormat(kind="jsonl"), line + b'\n{"id": "a"}\n')
    assert found[-1] == {"id": "a"}
    assert all(isinstance(row, str) for row in found[:-1])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 0, 3]), st.booleans())
def test_the_elements_of_a_document_are_those_that_json_reads(
    table: list[Any], indent: int | None, named: bool
) -> None:
    data: Any = {f"k{number}": value for number, value in enumerate(table)} if named else table
    document = json.dumps({"first": [1, {"data": 2}], "data": data, "last": {}}, indent=indent).encode()
    found = list(elements(io.BytesIO(document), ("data",), 1, False, json.JSONDecoder()))
    assert [element.value for element in found] == table
    for element in found:
        file = io.BytesIO(document)
        file.seek(element.offset)
        again = next(iter(elements(file, ("data",), element.number, True, json.JSONDecoder())))
        assert again._replace(like=None) == element._replace(like=None)


def test_what_follows_brackets_that_close_too_much_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And each of them is told, with what follows read, from wherever it is begun."""
    looked = 0

    def counted(file: IO[bytes], buffer: bytes = b"") -> Iterator[tuple[bytes, int]]:
        nonlocal looked
        for token in json_tokens.tokens(file, buffer):
            looked += 1
            yield token

    monkeypatch.setattr(json_elements, "tokens", counted)
    document = b'{"data": [' + b'\n{"id": "a"}],"data2": [' * 100 + b'\n{"id": "b"}]}}}'
    found = list(elements(io.BytesIO(document), ("data",), 1, False, json.JSONDecoder()))
    assert [element.value for element in found if element.value] == [{"id": "a"}] * 100 + [{"id": "b"}]
    assert looked < 3 * len(list(json_tokens.tokens(io.BytesIO(document))))
    file = io.BytesIO(document)
    file.seek(found[99].offset)
    again = list(elements(file, ("data",), found[99].number, True, json.JSONDecoder()))
    assert [element._replace(like=None) for element in again] == [element._replace(like=None) for element in found[99:]]


def test_an_element_that_is_too_long_is_one_bad_row() -> None:
    document = b'[{"a": "1"}, {"a": "' + b"x" * (3 * MAX_LINE) + b'"}, {"a": "y"}]'
    assert [isinstance(row, str) for row in rows(TableFormat(kind="json"), document)] == [False, True, False]


@pytest.mark.parametrize("document", [b'[{"a": "1"}, {"a"', b'[{"a": "1"}]]', b'{"b": 1}', b"", b'{"data": 5}'])
def test_a_document_that_is_no_table_says_so(document: bytes) -> None:
    form = TableFormat(kind="json", path="data" if document[:1] == b"{" else "")
    assert isinstance(rows(form, document)[-1], str)


DAMAGES = {
    "a lost quote": ('"n7"', '"n7'),
    "a lost bracket": ('"n7", "by": {"who"', '"n7", "by": "who"'),
    "a bracket too many": ('"n7"', '"n7"}'),
    "a lost comma": ('"n7",', '"n7"'),
    "half a character": ("n7", "\\ud800"),
    "a line end in a text": ("n7", "n\n7"),
    "a text that is cut": ('"n7", "by": {"who": "x7"', '"n7", "by": {"wh'),
}


@pytest.mark.parametrize("named", [False, True], ids=["list", "mapping"])
@pytest.mark.parametrize("layout", ["one line", "a line each", "many lines"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_element_of_json_costs_no_other(damage: str, layout: str, named: bool) -> None:
    made = [{"id": f"n{number}", "by": {"who": f"x{number}", "of": [{"id": "in"}]}} for number in range(12)]
    each = [json.dumps(row) for row in made]
    each[7] = each[7].replace(*DAMAGES[damage])
    if layout == "many lines":
        each = [row.replace(" {", " {\n    ").replace("}}", "}\n  }") for row in each]
    if named:
        each = [f'"k{number}": {row}' for number, row in enumerate(each)]
    between = {"one line": ", ", "a line each": ",\n", "many lines": ",\n  "}[layout]
    opened, closed = "{}" if named else "[]"
    document = f'{{"data": {opened}{between[1:]}{between.join(each)}\n{closed}, "more": [1]}}'
    found = rows(TableFormat(kind="json", path="data"), document)
    whole = [row["id"] for row in found if not isinstance(row, str) and "by.who" in row]
    assert whole == [f"n{n}" for n in range(12) if n != 7]
    assert 1 <= len(found) - len(whole) <= 3


def test_two_broken_lines_of_json_are_two_rejects_and_a_first_one_costs_no_other() -> None:
    lines = ['{"id": "a}', '{"id": "b"}', '{"id": "c"', "id: 5}", '{"other": "e"}']
    found = rows(TableFormat(kind="json"), "[\n" + ",\n".join(lines) + "\n]")
    assert [row for row in found if not isinstance(row, str)] == [{"id": "b"}, {"other": "e"}]
    assert len(found) == 4  # a line that does not begin as an element does is of the one before


def test_where_no_next_element_can_be_told_it_is_said_how_much_is_not_read() -> None:
    *_, last = rows(TableFormat(kind="json"), '[{"id": "a"}, {"id": "b}, 5, 6, 7]')
    assert last.endswith("nothing after it can be read: 20 bytes")
    *_, last = rows(TableFormat(kind="json", path="data"), '{"date": [1, 2]}')
    assert last == "has nothing at `data` in 16 bytes"


def test_what_stands_behind_a_bracket_too_many_is_read() -> None:
    found = rows(TableFormat(kind="json"), '[{"id": "a"}],\n{"id": "b"}, {"id": "c"}]')
    assert [row for row in found if not isinstance(row, str)] == [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    assert sum(isinstance(row, str) for row in found) == 1


def test_a_second_list_under_the_same_key_is_told_of() -> None:
    *found, last = rows(DATA, '{"data": [{"id": "a"}, {"id": "b"}], "n": 2, "data": [{"id": "c"}]}')
    assert found == [{"id": "a"}, {"id": "b"}]
    assert last == "ends `data`, which stands a second time at byte 53: that is not read"
    inner = TableFormat(kind="json", path="all.data")
    assert rows(inner, '{"all": {"data": [{"id": "é"}], "n": 1}, "data": [{"id": "c"}]}') == [{"id": "é"}]


def test_a_list_in_an_element_is_not_taken_for_the_list_that_is_read() -> None:
    """After a broken element the next whole one may be one of those in it, behind which a key of its own stands."""
    first, *others = [f'{{"id": "{n}", "in": [{{"id": "{n}.1", "in": []}}]}}' for n in (1, 3, 4)]
    broken = '{"id": "2, "in": [{"id": "2.1", "in": []}, {"id": "2.2", "in": []}], "optional": 1}'
    found = rows(DATA, f'{{"data": [{", ".join([first, broken, *others])}], "n": 5}}')
    assert [row["id"] for row in found if not isinstance(row, str)] == ["1", "2.2", "3", "4"]
    assert sum(isinstance(row, str) for row in found) == 2


@pytest.mark.parametrize("end", ["", ', "n": 5}', "}"])
def test_behind_a_bracket_too_many_members_with_more_keys_are_read(end: str) -> None:
    members = [f'"{n}": {{"text": "t", "who": "w", "at": {n}{", " if n % 2 else ""}{more(n)}}}' for n in range(6)]
    found = rows(DATA, f'{{"data": {{{", ".join(members[:3])}}}, {", ".join(members[3:])}}}{end}')
    assert [row["key"] for row in found if not isinstance(row, str)] == [str(n) for n in range(6)]
    assert sum(isinstance(row, str) for row in found) == 1


def more(number: int) -> str:
    """An optional key."""
    return '"how": "h"' if number % 2 else ""


def test_an_element_with_another_optional_key_is_the_next_one() -> None:
    found = rows(
        TableFormat(kind="json"),
        '[{"id": 1, "t": "a"}, {"id: 2, "t": "b"}, {"id": 3, "t": "c", "u": 1}, {"id": 4, "t": "d"}]',
    )
    assert [row["id"] for row in found if not isinstance(row, str)] == ["1", "3", "4"]


def test_the_longest_element_is_measured_in_bytes() -> None:
    fits, too_long = "é" * (MAX_LINE // 2 - 20), "é" * (MAX_LINE // 2)
    found = rows(TableFormat(kind="json"), json.dumps([{"a": fits}, {"a": too_long}, {"a": ""}], ensure_ascii=False))
    assert found[0] == {"a": fits}
    assert found[1:] == [f"is longer than {MAX_LINE} bytes; what follows is read from the next one on", {"a": ""}]


def test_a_key_is_known_however_it_is_written() -> None:
    assert rows(TableFormat(kind="json", path="é"), '{"\\u00e9": [{"id": 1}]}') == [{"id": "1"}]


def test_the_work_on_a_broken_element_does_not_grow_with_what_begins_as_elements_do() -> None:
    """Each `{"id"` after the broken one is the begin of an object that goes on for a megabyte, and has no end."""
    bad = '[{"id": 1}, {"id: 2}' + ', {"id": [{}' * 300 + ", 1" * 700_000
    reader = elements(io.BytesIO(bad.encode()), (), 1, False, json.JSONDecoder())
    parsed: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        member = Reader._member
        patch.setattr(Reader, "_member", lambda self, text, begin: parsed.append(begin) or member(self, text, begin))
        assert [each.fault is None for each in reader] == [True, False]
    assert len(parsed) < 30


def test_scalars_of_yaml_are_as_written_and_a_broken_row_costs_no_other() -> None:
    form = TableFormat(kind="yaml", path="files")
    assert rows(form, "files:\n- {id: 0100, ok: no}\n- {id: 2}\n") == [{"id": "0100", "ok": "no"}, {"id": "2"}]
    found = rows(form, "files:\n- {id: 0100, ok: no}\n- {id: 2\n- {id: 3}\n")
    assert [isinstance(row, str) for row in found] == [False, True, False]


def test_aliases_of_yaml_are_not_followed() -> None:
    found = rows(TableFormat(kind="yaml"), "a: &x [1, 2]\nb: [*x, *x]\n")
    assert found == ["cannot be read as YAML: it has aliases (*), which may stand for more than fits the memory"]


def packed(folder: Path, data: bytes) -> tuple[list[Record], str]:
    """Records of a packed table, and why it breaks off."""
    (folder / "t.jsonl.gz").write_bytes(data)
    found: list[Record] = []
    with open_table(place_of(folder), "t.jsonl.gz") as file, pytest.raises(BrokenError) as broken:
        found.extend(read_records(TableFormat(kind="jsonl"), (), file, NONE, 1, inside=False))
    return found, str(broken.value)


def test_a_packed_table_that_breaks_off_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"id": "a"}\n' * 200_000, compresslevel=0)
    found, why = packed(tmp_path, whole[:-9000])
    assert len(found) > 199_000
    assert {str(record.row) for record in found} == {"{'id': 'a'}"}
    assert why.startswith("is not a whole gzip file")


def test_a_packed_table_is_not_unpacked_to_far_more_than_a_table_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnmill.sources.adapters.packed._MOST_UNPACKED", 1 << 20)
    found, why = packed(tmp_path, gzip.compress(b'{"id": "a"}\n' * 1000 + b"\n" * (4 << 20)))
    assert len(found) == 1000
    assert why == "unpacks to more than 200 times its size, as no text does: it is not read further"
