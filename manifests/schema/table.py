"""What a table is. Joins, books, selection, publication, the JSON of samples and the reference follow from it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

TEXT, INT32, INT64, FLOAT, BOOL = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

SPAN = pa.struct([("start", FLOAT), ("end", FLOAT)])


def field(name: str, kind: pa.DataType, doc: str, unit: str = "", source: str = "") -> pa.Field:
    """A field that says what it means, in which unit, and who found it."""
    metadata = {"doc": doc} | ({"unit": unit} if unit else {}) | ({"source": source} if source else {})
    return pa.field(name, kind, metadata=metadata)


@dataclass(frozen=True)
class Table:
    """A table of the dataset.

    rows: what has a row. fields: its columns, each with a meaning, and a unit and a source where they apply.
    key: columns that name a row, and by which published rows are sorted; all of them where it is empty.
    of: the table of the items that its rows belong to; the column `by` names the item, or else the first of `key`.
    label: it is what a label stage finds of an item. Its columns stand in the view of all labels, and an item that has
        no row, which its stage rejected, is never selected.
    stands: of several rows of an item the first by these columns stands for it, in the view and in the sample.
    sample: the field of a sample's JSON that holds the row of the sample's item.
    published: it goes to the Hub: rows of selected items, or all where they belong to none.
    private: columns that are null where it is published, and not in the sample.
    """

    name: str
    rows: str
    fields: tuple[pa.Field, ...]
    key: tuple[str, ...]
    of: str | None = None
    by: str = ""
    label: bool = False
    stands: tuple[str, ...] = ()
    sample: str | None = None
    published: bool = False
    private: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema(self.fields)

    @property
    def item(self) -> str:
        """The column that names the item."""
        return self.by or self.key[0]

    @cached_property
    def facts(self) -> tuple[pa.Field, ...]:
        """What it says of an item: its columns but the one that names it."""
        return tuple(each for each in self.fields if each.name != self.item)

    @property
    def told(self) -> tuple[pa.Field, ...]:
        """What a sample has of it."""
        return tuple(each for each in self.facts if each.name not in self.private)

    def has_several(self, items: str) -> bool:
        """Whether an item of the table `items` may have several rows here; else a row is an item."""
        return self.of == items and self.key != (self.item,)

    def counted(self, rows: Sequence[Mapping[str, Any]], items: str) -> int:
        """How many items of the table `items` there are rows of."""
        return len({row[self.item] for row in rows}) if self.has_several(items) else len(rows)

    def standing(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """By item, the row that stands for it."""

        def rank(row: Mapping[str, Any]) -> list[tuple[bool, Any]]:
            return [(row[column] is None, row[column]) for column in (*self.stands, *self.key)]

        found: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            item = row[self.item]
            if item not in found or rank(row) < rank(found[item]):
                found[item] = row
        return found


RESERVED = ("removed_by", "duplicate_kept")
"""Columns that the views of all labels have besides."""


def check_tables(tables: Iterable[Table], items: Collection[str]) -> None:
    """Raise ValueError for declarations that contradict each other or themselves: a slip of a programmer. `items`: the
    tables whose items are selected."""
    by_name: dict[str, Table] = {}
    for table in tables:
        if table.name in by_name:
            raise ValueError(f"two tables are called {table.name}: rename one")
        by_name[table.name] = table
    for table in by_name.values():
        names = [each.name for each in table.fields]
        unknown = {*table.key, *table.stands, *table.private, *filter(None, [table.by])} - set(names)
        if unknown or len(set(names)) != len(names):
            raise ValueError(f"table {table.name}: {sorted(unknown) or 'a column'} is not a column, or is one twice")
        if table.of is not None and (table.of not in by_name or not table.key):
            raise ValueError(f"table {table.name}: `of` is {table.of}, which is no table, or its `key` names no item")
        if table.label and (table.of is None or (len(table.key) > 1 and not table.stands)):
            raise ValueError(f"table {table.name} labels items: say `of` which, and which of several rows `stands`")
    for table in by_name.values():
        ours = table.of in items or table.name in items
        if table.label and table.of not in items:
            raise ValueError(f"table {table.name} labels {table.of}: a label is of {' or '.join(sorted(items))}")
        if table.published and table.of is not None and not ours:
            raise ValueError(f"table {table.name} is published, and of {table.of}, which are not selected")
        if table.sample is not None and not table.label:
            raise ValueError(f"table {table.name} is no label, and only a label has a field in the sample")
    fields = [table.sample for table in by_name.values() if table.sample is not None]
    if len(set(fields)) < len(fields):
        raise ValueError(f"two tables have one field of the sample, of {sorted(fields)}: rename one")
    for owner in (by_name[name] for name in items):
        taken = {each.name: owner.name for each in owner.fields} | dict.fromkeys(RESERVED, "the view of all labels")
        for table in by_name.values():
            for each in table.facts if table.label and table.of == owner.name else ():
                if taken.setdefault(each.name, table.name) != table.name:
                    raise ValueError(f"{table.name} and {taken[each.name]} have a column {each.name}: rename one")
