"""Every table of a dataset, each declared once: in the `TABLES` of one of these modules.

Times are float64 seconds from the start of the written file, on its sample grid; intervals are [start, end).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from turnmill.manifests.schema import books, dialogue, speech, translation
from turnmill.manifests.schema.dialogue import DIARIZED, EVENT_KINDS, EVENT_PARAMS, MEASURED, SIMULATED, TRUSTS
from turnmill.manifests.schema.halves import DIALOGUE, HALVES, SHARDS, SPEECH, Items
from turnmill.manifests.schema.table import SPAN, Table, check_tables, field

__all__ = [
    "DIALOGUE",
    "DIARIZED",
    "EVENT_KINDS",
    "EVENT_PARAMS",
    "HALVES",
    "MEASURED",
    "SCHEMAS",
    "SHARDS",
    "SIMULATED",
    "SPAN",
    "SPEECH",
    "TABLES",
    "TRUSTS",
    "Items",
    "Table",
    "declared",
    "field",
    "labels_of",
    "to_table",
]

_DECLARED = (*speech.TABLES, *translation.TABLES, *dialogue.TABLES, *books.TABLES)
check_tables(_DECLARED, [items.table for items in HALVES.values()])

TABLES: Mapping[str, Table] = {table.name: table for table in _DECLARED}
"""In the order in which published ones are told."""

SCHEMAS: Mapping[str, pa.Schema] = {name: table.schema for name, table in TABLES.items()}


def declared(name: str) -> Table:
    """The table of that name. Raises LookupError for one that nobody declared."""
    if name not in TABLES:
        raise LookupError(f"no table is called {name!r}: declare it in manifests/schema/ (CONTRIBUTING.md)")
    return TABLES[name]


def labels_of(items: str) -> tuple[Table, ...]:
    """The tables that label the items of a table, in their order."""
    return tuple(table for table in _DECLARED if table.label and table.of == items)


def to_table(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the named schema. A missing or unknown column is a ValueError, never a null; so is a
    number that is not finite, which the JSON of a sample does not hold."""
    schema = declared(table).schema
    names = set(schema.names)
    rows = list(rows)
    for row in rows:
        if row.keys() != names:
            raise ValueError(
                f"{table}: columns {sorted(names ^ row.keys())} are missing from the row or not in the schema"
            )
    made = pa.Table.from_pylist(rows, schema=schema)
    for name in schema.names:
        if not all(pc.all(pc.is_finite(floats), min_count=0).as_py() for floats in _floats(made.column(name))):
            raise ValueError(f"{table}: {name} has a number that is not finite (NaN or infinity): say null instead")
    return made


def _floats(column: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    """The numbers of a column with a fraction, however deep they are."""
    if pa.types.is_floating(column.type):
        yield column
    elif pa.types.is_list(column.type):
        yield from _floats(pc.list_flatten(column))
    elif pa.types.is_struct(column.type):
        for place in range(column.type.num_fields):
            yield from _floats(pc.struct_field(column, [place]))
