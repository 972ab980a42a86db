"""How a table is written, and the rows that it holds: lines of columns, JSON lines, JSON and YAML documents."""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import IO, Any, Final, Literal, NamedTuple

import yaml
from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.sources.adapters.expressions import ExpressionText, expression
from turnmill.sources.adapters.json_elements import elements
from turnmill.sources.adapters.json_values import AS_WRITTEN, parsed
from turnmill.sources.adapters.lines import MAX_LINE, Line, read_lines
from turnmill.sources.adapters.packed import BrokenError, unpacked
from turnmill.sources.adapters.table_yaml import MAX_YAML, NO_YAML, loaded, yaml_rows
from turnmill.sources.places.place import Place

_MAX_LINES: Final = 100  # of one row with line ends in its quotes

Row = Mapping[str, Any]
"""A row's columns: a text each, or a list of texts; of a column that is to be exploded, a list of anything."""


class TableFormat(Params):
    """kind: `csv`, lines whose columns are between `sep` ("whitespace": any run of it); `regex`, lines that `pattern`
    matches, its named groups the columns; `jsonl`, an object a line; `json` and `yaml`, documents, whose rows are the
    elements of the list, or the members of the mapping (their key is the column `key`), at `path` (a.b). A row of JSON
    may be a list of what `names` say.

    Columns of JSON and YAML are named by their path (`recording.sources.0.source`), the elements of a list of
    texts are one column. A name that ends in .gz or .zst is unpacked.

    maxsplit: the last column keeps further separators. header: how many lines name the columns (of several, the names
    of each column are joined by a dot); else `names` does. quoting: columns may stand in "quotes", with separators
    and line ends in them; else a quote is a character, for many corpora have unbalanced ones in their texts. escape:
    a character before one that stands for itself. ignore: a regular expression of how lines begin that are no rows.
    """

    kind: Literal["csv", "regex", "jsonl", "json", "yaml"] = "csv"
    sep: str | None = Field(default=None, min_length=1)
    maxsplit: int = Field(default=-1, ge=-1)
    names: tuple[str, ...] = ()
    header: int = Field(default=0, ge=0, le=4)
    quoting: bool = False
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    pattern: ExpressionText | None = None
    path: str = ""
    ignore: ExpressionText | None = None
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> "TableFormat":
        if (self.kind == "csv") != (self.sep is not None):
            raise ValueError("state `sep`, of lines of columns (kind: csv) and of nothing else")
        if self.kind == "csv" and bool(self.header) == bool(self.names):
            raise ValueError("state either `header: true` or the column `names`")
        if (self.kind == "regex") != (self.pattern is not None):
            raise ValueError("state `pattern`, of lines that it matches (kind: regex) and of nothing else")
        if (self.quoting or self.escape) and (len(self.sep or "") != 1 or self.maxsplit != -1):
            raise ValueError("`quoting` and `escape` go with a `sep` of one character, and without `maxsplit`")
        if repeated := repeated_name(self.names):
            raise ValueError(f"names: {repeated} is the name of two columns")
        return self

    @property
    def columns(self) -> frozenset[str] | None:
        """The names of its columns; null where only the table says them."""
        if self.kind == "regex":
            return frozenset(expression(self.pattern or "").groups)
        return frozenset(self.names) if self.names else None


class Record(NamedTuple):
    """What stands in a table at a place: a row, or why there is none. `number`: of its line, or of its element;
    `offset`: where reading may begin again."""

    number: int
    offset: int
    row: Row | str


def repeated_name(names: tuple[str, ...]) -> str:
    """The first name, in quotes, that stands twice; empty where none does."""
    return next((repr(name) for name in names if names.count(name) > 1), "")


def open_table(root: Place, path: str) -> IO[bytes]:
    """A table's bytes, unpacked (`packed.unpacked`), as a file that can seek. Raises OSError, and TurnmillError where a
    store does; reading raises BrokenError."""
    return unpacked(root, path) if path.lower().endswith((".gz", ".zst")) else root.open(path)


def read_columns(form: TableFormat, file: IO[bytes]) -> tuple[str, ...]:
    """The names of the columns, where the table or the format says them; the file is then before its first row.

    Raises ValueError for a header that cannot be read.
    """
    if not form.header:
        return form.names
    lines = iter(_rows_of_text(form, read_lines(file), None))
    rows: list[list[str]] = []
    end = 0
    for number, offset, values in lines:
        if len(rows) == form.header:
            end = offset
            break
        if isinstance(values, str):
            raise ValueError(values)
        rows.append([name.removeprefix("\ufeff") if number == 1 else name for name in values])
        end = -1
    if end >= 0:  # else all of it was read
        file.seek(end)
    columns = tuple(".".join(filter(None, names)) for names in zip_longest(*rows, fillvalue=""))
    if repeated := repeated_name(columns):
        raise ValueError(f"has the column {repeated} twice")
    return columns


def read_records(
    form: TableFormat,
    columns: tuple[str, ...],
    file: IO[bytes],
    keep: frozenset[str],
    first: int,
    inside: bool,
    only: frozenset[str] | None = None,
) -> Iterator[Record]:
    """What stands in a table from the file's position on, which is that of the record number `first`.

    columns: as `read_columns` says. keep: the columns of JSON and YAML that stay lists. inside: the position is not the
    begin of a document, but of an element. only: of lines of columns, those that rows need have; null: all. Raises
    BrokenError after the last whole record of a file that breaks off.
    """
    if form.kind == "json":
        path = tuple(filter(None, form.path.split(".")))
        for found in elements(file, path, first, inside, AS_WRITTEN):
            yield Record(found.number, found.offset, found.fault or _row(found.value, found.key, keep, form.names))
    elif form.kind == "yaml":
        yield from _of_yaml(form.path, file, keep, first if inside else 1)
    elif form.kind == "jsonl":
        for line in _worth_reading(form, read_lines(file, first)):
            row = _too_long() if line.data is None else from_json(line.data, keep, form.names)
            yield Record(line.number, line.offset, row)
    elif form.kind == "regex":
        match = expression(form.pattern or "").fullmatch
        for line in _worth_reading(form, read_lines(file, first)):
            yield Record(line.number, line.offset, _matched(form, match, line))
    else:
        wanted = [(name, place) for place, name in enumerate(columns) if only is None or name in only]
        expected = f" columns where {', '.join(columns)} are expected"
        for number, offset, values in _rows_of_text(form, read_lines(file, first), len(columns)):
            if isinstance(values, str):
                yield Record(number, offset, values)
            elif len(values) != len(columns):
                yield Record(number, offset, f"has {len(values)}{expected}")
            else:
                yield Record(number, offset, {name: values[place] for name, place in wanted})


def _too_long() -> str:
    return f"is longer than {MAX_LINE} bytes"


def _worth_reading(form: TableFormat, lines: Iterator[Line]) -> Iterator[Line]:
    """Lines without those that are empty, or that the format ignores."""
    if form.ignore is None:
        return (line for line in lines if line.data != b"")
    ignored = expression(form.ignore.encode(form.encoding)).match
    return (line for line in lines if line.data is None or (line.data and not ignored(line.data)))


def _decoded(form: TableFormat, line: Line) -> str:
    """Raises ValueError for a line that cannot be decoded."""
    if line.data is None:
        raise ValueError(_too_long())
    encoding = "utf-8-sig" if form.encoding == "utf-8" and line.number == 1 else form.encoding
    try:
        return line.data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not {form.encoding}: {error.reason} at byte {error.start}") from error


def _matched(form: TableFormat, match: Callable[[str], Any], line: Line) -> Row | str:
    try:
        found = match(_decoded(form, line))
    except ValueError as error:
        return str(error)
    return found.groupdict(default="") if found else f"is not as {form.pattern}"


def _rows_of_text(
    form: TableFormat, lines: Iterator[Line], n_columns: int | None
) -> Iterator[tuple[int, int, list[str] | str]]:
    """Number, offset and columns of each row of a table of lines, or what is wrong with it."""
    if form.quoting or form.escape:
        yield from _quoted(form, lines, n_columns)
        return
    sep, maxsplit = None if form.sep == "whitespace" else form.sep, form.maxsplit
    for line in _worth_reading(form, lines):
        try:
            yield line.number, line.offset, _decoded(form, line).split(sep, maxsplit)
        except ValueError as error:
            yield line.number, line.offset, str(error)


def _quoted(
    form: TableFormat, lines: Iterator[Line], n_columns: int | None
) -> Iterator[tuple[int, int, list[str] | str]]:
    """The same by the rules of the module csv, strictly. Where a row of several lines is none, its first line is what
    is wrong, and the others are read anew: a lost quote costs a line, not the table."""
    waiting: deque[Line] = deque()
    lines = _worth_reading(form, lines) if not form.quoting else lines
    while (first := _next(waiting, lines)) is not None:
        if first.data == b"" or (first.data and form.ignore and expression(form.ignore.encode()).match(first.data)):
            continue
        taken = [first]
        values = _parsed_quoted(form, taken, iter(partial(_next, waiting, lines), None))
        if len(taken) > 1 and (isinstance(values, str) or n_columns not in (None, len(values))):
            waiting.extendleft(reversed(taken[1:]))
            if not isinstance(values, str):
                values = f"has {len(values)} columns where {n_columns} are expected, and a quote that goes on"
        yield first.number, first.offset, values


def _next(waiting: deque[Line], lines: Iterator[Line]) -> Line | None:
    return waiting.popleft() if waiting else next(lines, None)


def _parsed_quoted(form: TableFormat, taken: list[Line], source: Iterator[Line | None]) -> list[str] | str:
    """The columns of the row that begins with the line in `taken`, to which further lines of it are added."""

    def feed() -> Iterator[str]:
        size = 0
        yield _decoded(form, taken[0]) + "\n"
        for line in filter(None, source):
            taken.append(line)
            size += len(line.data or b"")
            if len(taken) > _MAX_LINES or size > MAX_LINE:
                raise ValueError("has a quote that nobody closes")
            yield _decoded(form, line) + "\n"

    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quoting else csv.QUOTE_NONE
    try:
        return next(
            csv.reader(
                feed(),
                delimiter=form.sep or ",",
                quoting=quoting,
                escapechar=form.escape,
                strict=True,
                doublequote=True,
            )
        )
    except (csv.Error, ValueError) as error:
        return f"cannot be read: {error}" if isinstance(error, csv.Error) else str(error)
    except StopIteration:
        return "has a quote that nobody closes"


def from_json(data: bytes, keep: frozenset[str] = frozenset(), names: tuple[str, ...] = ()) -> Row | str:
    """The row that a JSON object is, or a list of what has those names, else why it is none. Numbers are as they are
    written."""
    value, fault = parsed(data, AS_WRITTEN)
    return fault or _row(value, None, keep, names)


def _row(value: Any, key: str | None, keep: frozenset[str], names: tuple[str, ...]) -> Row | str:
    if isinstance(value, list) and 0 < len(names) == len(value):
        value = dict(zip(names, value, strict=True))
    if not isinstance(value, dict):
        return "is no JSON object"
    return ({} if key is None else {"key": key}) | flat(value, keep)


def flat(value: Any, keep: frozenset[str], name: str = "") -> dict[str, Any]:
    """The columns of something nested, by their paths; what is in `keep` stays as it is."""
    if name in keep:
        return {name: value}
    if isinstance(value, Mapping):
        parts = ((f"{name}.{key}" if name else str(key), part) for key, part in value.items())
    elif isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
        parts = ((f"{name}.{number}", part) for number, part in enumerate(value))
    else:
        return {name: [written(part) for part in value] if isinstance(value, list) else written(value)}
    return {key: inner for part_name, part in parts for key, inner in flat(part, keep, part_name).items()}


def written(value: Any) -> str:
    """A single value as text, as JSON writes it; nothing for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_yaml(path: str, file: IO[bytes], keep: frozenset[str], first: int) -> Iterator[Record]:
    file.seek(0)
    rows, broken = [], None
    try:
        rows = yaml_rows(file.read(MAX_YAML + 1), path)
        file.read(1)
    except BrokenError as error:
        rows, broken = rows[:-1], error  # the last one may be cut off
    for number, (key, row) in enumerate(rows[first - 1 :], first):
        named = {} if key is None else {"key": written(key)}
        if isinstance(row, Mapping):
            yield Record(number, 0, named | flat(row, keep))
        else:
            yield Record(number, 0, row if isinstance(row, str) and row.startswith(NO_YAML) else "is no mapping")
    if broken is not None:
        raise broken


def from_yaml(data: bytes) -> Row | str:
    """The row that a mapping of YAML is, or why it is none."""
    try:
        found = loaded(data)
        return flat(found, frozenset()) if isinstance(found, Mapping) else "is no mapping"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return "cannot be read as YAML: " + " ".join(str(error).split())
