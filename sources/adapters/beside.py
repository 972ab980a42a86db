"""What is said of recordings beside them: in a file of each one, and in tables that have a row for some."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from turnmill.manifests import params
from turnmill.manifests.params import Params
from turnmill.sources.adapters.folder import ending
from turnmill.sources.adapters.items import transcript
from turnmill.sources.adapters.lines import MAX_LINE, read_lines
from turnmill.sources.adapters.template import TemplateText, parse
from turnmill.sources.places.place import Place

Fact = str | int | float | bool | list[str]
Facts = dict[str, Fact]

MAX_TABLE: Final = 64 << 20
"""Most bytes of a table that is joined: each worker holds its rows."""
_MAX_FACTS: Final = 1000
"""Most names and values that a file says of one recording: YAML says a million in a line."""
_OBJECTS: Final = (".json", ".yaml", ".yml")


class Join(Params):
    """A table that says more of recordings: of each, the row whose `id`, of its columns, is the `key` of the recording.

    `file`: below the root; it and `key` know what names say. JSON and YAML are lists of rows, below the keys `at`; all
    else is lines, from the one after `skip` on: a regular expression `line` whose groups are the columns, or fields
    between `sep`, in quotes where they hold it, which the first line names, or else `names`. `says`: of all rows.
    """

    file: TemplateText
    id: TemplateText
    key: TemplateText
    sep: str = Field(default=",", min_length=1, max_length=1)
    line: str | None = None
    names: tuple[str, ...] = ()
    skip: int = Field(default=0, ge=0)
    at: tuple[str, ...] = ()
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    says: Mapping[str, str] = {}

    @field_validator("line")
    @classmethod
    def _compiles(cls, line: str | None) -> str | None:
        return line if line is None else compiled(line)

    @model_validator(mode="after")
    def _id_is_of_columns(self) -> "Join":
        if self.columns is not None and (unknown := parse(self.id).variables - self.columns):
            raise ValueError(f"id: {self.id!r} uses {sorted(unknown)}, which is not among {sorted(self.columns)}")
        return self

    @property
    def columns(self) -> frozenset[str] | None:
        """What it says of a recording; null where only the table tells."""
        own = self.names if self.line is None else re.compile(self.line).groupindex
        return frozenset({*own, *self.says}) if own else None


@dataclass(frozen=True)
class Table:
    """A table that was read. `rows`: by their ids; `faults`: what is wrong with others, a sentence each."""

    rows: Mapping[str, Facts]
    faults: tuple[str, ...]


def compiled(pattern: str) -> str:
    """A regular expression as it is. Raises ValueError for what is none."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return pattern


def as_text(fact: Fact) -> str | None:
    """A fact as templates have it; a list has no text."""
    if isinstance(fact, bool):
        return str(fact).lower()
    return None if isinstance(fact, list) else str(fact)


def is_object(name: str) -> bool:
    """Whether a file holds names and values, by its ending."""
    return ending(name) in _OBJECTS


def sidecar_facts(root: Place, name: str, at: Sequence[str]) -> Facts:
    """What the file of a recording says: its `text`, or the names and values below the keys `at`, deeper ones with
    dots. Raises ValueError, which names the file, where it cannot be read as that, and OSError."""
    data = root.read(name, 0, MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise ValueError(f"{name} is longer than {MAX_LINE} bytes: it is no transcript")
    text = _decoded(data, name, "utf-8")
    if not is_object(name):
        said = transcript(text.strip())
        return {} if said is None else {"text": _clean(said, name)}
    found = _below(_parsed(text, name), at)
    return {} if found is None else _facts(found, name)


def read_table(root: Place, path: str, join: Join) -> Table:
    """The rows of a table by their ids; of two with one id the first. Raises UsageError of a URL that does not
    answer."""
    rows: dict[str, Facts] = {}
    faults: list[str] = []
    try:
        for where, row in _rows(root, path, join):
            try:
                facts = {**row(), **join.says}
                key = _rendered_id(join, facts)
                if rows.setdefault(key, facts) != facts:
                    raise ValueError(f"says other things of {key!r} than a row before it")
            except ValueError as error:
                faults.append(f"{where} {error}")
    except (ValueError, OSError) as error:
        faults.append(f"{path} is not read: {error}")
    return Table(rows, tuple(faults))


def _rendered_id(join: Join, facts: Facts) -> str:
    texts = {name: text for name, fact in facts.items() if (text := as_text(fact)) is not None}
    try:
        return parse(join.id).render(texts)
    except LookupError as error:
        raise ValueError(f"has no {join.id}: {error}") from error


@dataclass(frozen=True)
class _Row:
    """A row that is looked into when it is called. Raises ValueError then."""

    join: Join
    columns: Sequence[str]
    value: Any
    """What JSON says, or the bytes of a line; null of one that is too long."""
    where: str

    def __call__(self) -> Facts:
        if isinstance(self.value, dict):
            return _facts(self.value, self.where)
        cells = self._cells() if self.value is None or isinstance(self.value, bytes) else self.value
        if not isinstance(cells, list | Mapping):
            raise ValueError("is neither a list nor names and values")
        if isinstance(cells, list) and len(cells) != len(self.columns):
            raise ValueError(f"has {len(cells)} fields, not {len(self.columns)}")
        named = cells if isinstance(cells, Mapping) else dict(zip(self.columns, cells, strict=True))
        return _facts({name: cell for name, cell in named.items() if name}, self.where)

    def _cells(self) -> Any:
        if self.value is None:
            raise ValueError(f"is longer than {MAX_LINE} bytes")
        text = _decoded(self.value, "", self.join.encoding)
        if self.join.line is None:
            return fields(text, self.join.sep)
        found = re.fullmatch(self.join.line, text)
        if found is None:
            raise ValueError(f"does not match {self.join.line!r}")
        return found.groupdict()


def _rows(root: Place, path: str, join: Join) -> Iterator[tuple[str, _Row]]:
    """Each row, and where it stands. Raises ValueError where the table cannot be read as one, and OSError."""
    data = root.read(path, 0, MAX_TABLE + 1)
    if len(data) > MAX_TABLE:
        raise ValueError(
            f"it has more than {MAX_TABLE >> 20} MiB: a table that names recordings is of the family table"
        )
    if is_object(path):
        found = _below(_parsed(_decoded(data, path, join.encoding), path), join.at)
        if not isinstance(found, list):
            raise ValueError(f"it holds no list{' below ' + '.'.join(join.at) if join.at else ''}")
        for number, value in enumerate(found, 1):
            where = f"{path} row {number}"
            yield where, _Row(join, join.names, value, where)
        return
    lines = islice(read_lines(io.BytesIO(data)), join.skip, None)
    columns = join.names
    if not columns and join.line is None:
        columns = _header(next((line.data for line in lines), b""), join)
    for line in lines:
        if line.data is None or line.data.strip():
            where = f"{path} line {line.number}"
            yield where, _Row(join, columns, line.data, where)


def _header(data: bytes | None, join: Join) -> tuple[str, ...]:
    if data is None:
        raise ValueError(f"its header is longer than {MAX_LINE} bytes")
    columns = fields(_decoded(data, "its header", join.encoding), join.sep)
    named = [name for name in columns if name]
    if len(set(named)) < len(named):
        raise ValueError(f"its header names a column twice: {', '.join(named)}")
    return tuple(columns)


def fields(line: str, sep: str) -> list[str]:
    """The fields of a line, of which some may stand in quotes. Raises ValueError where a quote is not closed."""
    try:
        return next(csv.reader([line], delimiter=sep, strict=True), [])
    except csv.Error as error:
        raise ValueError(f"cannot be split into fields: {error}") from error


def _decoded(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8: {error.reason} at byte {error.start}".strip()) from error


def _parsed(text: str, name: str) -> Any:
    """What JSON or YAML says. Raises ValueError."""
    try:
        return json.loads(text) if ending(name) == ".json" else params.parsed(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not valid YAML: {params.flaw(error)}") from error
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error


def _below(value: Any, at: Sequence[str]) -> Any:
    """What stands below some keys; null where nothing does."""
    for key in at:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _facts(value: Any, name: str) -> Facts:
    """Names and values, deeper ones with dots. Raises ValueError where there are none, or no end of them."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} holds no names and values")
    found: Facts = {}
    pending = [("", value)]
    for _ in range(_MAX_FACTS):
        if not pending:
            return found
        path, here = pending.pop()
        if isinstance(here, dict):
            pending += reversed([(f"{path}.{key}" if path else str(key), below) for key, below in here.items()])
        elif isinstance(here, list) and any(isinstance(each, dict | list) for each in here):
            pending += reversed([(f"{path}.{number}", below) for number, below in enumerate(here)])
        elif here is not None:
            found[_clean(path, name)] = _fact(here, name)
    raise ValueError(f"{name} says more than {_MAX_FACTS} things of one recording")


def _fact(value: Any, name: str) -> Fact:
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list):
        return [_clean(str(each), name) for each in value if each is not None]
    return _clean(str(value), name)


def _clean(text: str, name: str) -> str:
    """A text that may stand in a table. Raises ValueError for any other."""
    if "\0" in text:
        raise ValueError(f"{name} has zero bytes: it is UTF-16, or no text")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{name} has half a letter: a surrogate without its partner")
    return text
