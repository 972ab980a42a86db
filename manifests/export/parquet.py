"""Rows of a part as Parquet, a few in memory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from turnmill.manifests.export.profile import Place

_ROW_GROUP: Final = 100  # rows: one has some seconds of audio, about 0.3 MB


@contextmanager
def parquet_rows(place: Place, name: str, schema: pa.Schema) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What appends a row to the file `name`, which is there, whole, when the block ends without an error."""
    held: list[Mapping[str, Any]] = []
    with place.writer(name) as file, pq.ParquetWriter(file, schema, compression="zstd") as parquet:

        def flush() -> None:
            parquet.write_table(pa.Table.from_pylist(held, schema=schema))
            held.clear()

        def add(row: Mapping[str, Any]) -> None:
            held.append(row)
            if len(held) == _ROW_GROUP:
                flush()

        yield add
        if held:
            flush()
