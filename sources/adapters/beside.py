"""What is said of recordings beside them: in a file of each one, and in tables that have a row for some."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import model_validator

from turnmill.manifests.params import Params
from turnmill.sources.adapters.folder import ending
from turnmill.sources.adapters.items import transcript
from turnmill.sources.adapters.lines import MAX_LINE
from turnmill.sources.adapters.packed import BrokenError
from turnmill.sources.adapters.table_format import (
    Record,
    TableFormat,
    from_json,
    from_yaml,
    open_table,
    read_columns,
    read_records,
)
from turnmill.sources.adapters.template import TemplateText, parse
from turnmill.sources.places.place import Place

Facts = dict[str, Any]
"""What is known of a recording, by name: a text each, or a list of texts."""

MAX_TABLE: Final = 64 << 20
"""Most bytes of a table that is joined, unpacked: each worker holds its rows."""
_OBJECTS: Final = {".json": from_json, ".yaml": from_yaml, ".yml": from_yaml}


class Beside(Params):
    """A table that says more of recordings: of each, the first row whose `key` is what `of` makes of the recording.

    `table`: below the root; it and `of` are templates of what names say. `says`: of all rows, beside their columns.
    """

    table: TemplateText
    format: TableFormat
    key: TemplateText
    of: TemplateText
    says: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _key_is_of_columns(self) -> "Beside":
        if self.columns is not None and (unknown := parse(self.key).variables - self.columns - {"key"}):
            raise ValueError(f"key: {self.key!r} uses {sorted(unknown)}, which is not among {sorted(self.columns)}")
        return self

    @property
    def columns(self) -> frozenset[str] | None:
        """What it says of a recording; null where only the table tells."""
        own = self.format.columns
        return None if own is None else own.union(self.says)


@dataclass(frozen=True)
class Table:
    """A table that was read. `rows`: by their keys; `faults`: what is wrong with others, a sentence each."""

    rows: Mapping[str, Facts]
    faults: tuple[str, ...]


def is_object(name: str) -> bool:
    """Whether a file holds names and values, by its ending."""
    return ending(name) in _OBJECTS


def sidecar_facts(root: Place, name: str) -> Facts:
    """What the file of a recording says: its `text`, or names and values, deeper ones with dots. Raises ValueError,
    which names the file, where it cannot be read as that, and OSError."""
    data = root.read(name, 0, MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise ValueError(f"{name} is longer than {MAX_LINE} bytes: it is no transcript")
    if not is_object(name):
        text = transcript(_decoded(data, name).strip())
        return {} if text is None else {"text": text}
    row = _OBJECTS[ending(name)](data)
    if isinstance(row, str):
        raise ValueError(f"{name} {row}")
    return dict(row)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from error


def read_table(root: Place, path: str, beside: Beside) -> Table:
    """The rows of a table by their keys. Raises TurnmillError where a store does not answer."""
    rows: dict[str, Facts] = {}
    faults: list[str] = []
    where = f"{path} is not read: its header"
    try:
        with open_table(root, path) as file:
            columns = read_columns(beside.format, file)
            where = path
            first = 1 + beside.format.header
            for record in read_records(beside.format, columns, file, frozenset(), first, inside=False):
                try:
                    _add(rows, record, beside)
                except (ValueError, LookupError) as error:
                    faults.append(f"{path} line {record.number} {error}")
    except (ValueError, BrokenError, OSError) as error:
        faults.append(f"{where} {error}")
    return Table(rows, tuple(faults))


def _add(rows: dict[str, Facts], record: Record, beside: Beside) -> None:
    """Raises ValueError and LookupError for a row that is none, or at odds with an earlier one."""
    if isinstance(record.row, str):
        raise ValueError(record.row)
    if record.offset > MAX_TABLE:
        raise ValueError(f"is beyond {MAX_TABLE >> 20} MiB: the family `table` reads large ones")
    key = parse(beside.key).render(record.row)
    facts = {**record.row, **beside.says}
    if rows.setdefault(key, facts) != facts:
        raise ValueError(f"says other things of {key!r} than a row before it")
