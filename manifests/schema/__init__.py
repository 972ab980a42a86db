"""Every table of a dataset, each declared once: in the `TABLES` of one of these modules.

Times are float64 seconds from the start of the written file, on its sample grid; intervals are [start, end).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from turnmill.manifests.schema import books, dialogue, speech
from turnmill.manifests.schema.dialogue import EVENT_KINDS, EVENT_PARAMS
from turnmill.manifests.schema.halves import DIALOGUE, HALVES, SHARDS, SPEECH, Items
from turnmill.manifests.schema.table import SPAN, Table, check_tables, field

__all__ = [
    "DIALOGUE",
    "EVENT_KINDS",
    "EVENT_PARAMS",
    "HALVES",
    "SCHEMAS",
    "SHARDS",
    "SPAN",
    "SPEECH",
    "TABLES",
    "Items",
    "Table",
    "declared",
    "field",
    "labels_of",
    "to_table",
]

_DECLARED = (*speech.TABLES, *dialogue.TABLES, *books.TABLES)
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
    """Rows as an Arrow table of the named schema. A missing or unknown column is a ValueError, never a null."""
    schema = declared(table).schema
    names = set(schema.names)
    rows = list(rows)
    for row in rows:
        if row.keys() != names:
            raise ValueError(
                f"{table}: columns {sorted(names ^ row.keys())} are missing from the row or not in the schema"
            )
    return pa.Table.from_pylist(rows, schema=schema)
