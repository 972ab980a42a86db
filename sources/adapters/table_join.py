"""Second tables: what they say of a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from turnmill.manifests.errors import UsageError
from turnmill.sources.adapters.packed import BrokenError
from turnmill.sources.adapters.table_format import open_table, read_columns, read_records
from turnmill.sources.adapters.table_knobs import Join
from turnmill.sources.adapters.template import parse, place_of
from turnmill.sources.places.place import Place, Stamp


@dataclass(frozen=True)
class Joined:
    """Key -> a value for each name of `take`, in its order. `fault`: of the first row that cannot be read, if any."""

    rows: Mapping[str, tuple[str, ...]]
    fault: str = ""

    def columns(self, join: Join, row: Mapping[str, Any]) -> dict[str, str | list[str]]:
        """What it adds to a row. Raises ValueError or LookupError where it has no row that it needs."""
        key = parse(join.by).value(row)
        if isinstance(key, str):
            return dict(zip(join.take, self._found(join, key), strict=True))
        each = [self._found(join, one) for one in key]
        return {name: [values[place] for values in each] for place, name in enumerate(join.take)}

    def _found(self, join: Join, key: str) -> tuple[str, ...]:
        found = self.rows.get(key)
        if found is None and (join.needed or self.fault):
            raise ValueError(f"finds no {key!r} in {' and '.join(join.table)}{self.fault}")
        return ("",) * len(join.take) if found is None else found


def joined(root: Place, join: Join, tables: tuple[str, ...], corpus: str) -> Joined:
    """What some tables say. Raises OSError, and UsageError for one whose columns are not those that `join` uses."""
    stamps = root.stamps(tables)
    return _read(root, join.model_dump_json(), tuple((table, stamps[table]) for table in tables), corpus)


@lru_cache(maxsize=8)  # every unit of a corpus asks for the same
def _read(root: Place, described: str, tables: tuple[tuple[str, Stamp], ...], corpus: str) -> Joined:
    join = Join.model_validate_json(described)
    key, values = parse(join.key), [parse(text) for text in join.take.values()]
    used = key.needed.union(*(value.needed for value in values))
    rows: dict[str, tuple[str, ...]] = {}
    fault = ""
    for table, _ in tables:
        with open_table(root, table) as file:
            place = place_of(table)
            columns = columns_of(join, file, f"{corpus}: {table}", used - place.keys())
            try:
                for record in read_records(join.format, columns, file, frozenset(), 1, inside=False):
                    try:
                        if isinstance(record.row, str):
                            raise ValueError(record.row)
                        row = {**dict.fromkeys(used, ""), **place, **record.row}
                        rows.setdefault(key.render(row), tuple([value.render(row) for value in values]))
                    except (ValueError, LookupError) as error:
                        fault = fault or f"; but {table} line {record.number} {error}"
            except BrokenError as error:
                fault = fault or f"; but {table} {error}"
    return Joined(rows, fault)


def columns_of(knobs: Any, file: Any, where: str, used: frozenset[str] | set[str]) -> tuple[str, ...]:
    """The columns of a table of some `format`. Raises UsageError for a header that cannot be read or lacks a column of
    those that are used."""
    try:
        columns = read_columns(knobs.format, file)
    except (ValueError, BrokenError, OSError) as error:
        raise UsageError(f"{where}: its header {error}") from error
    if knobs.format.header and (missing := sorted(used - set(columns))):
        raise UsageError(f"{where} has no column {missing}, only {list(columns)}")
    return columns
