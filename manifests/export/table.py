"""A part of a data set in Parquet, as `datasets` finds and reads it in a folder."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from turnmill.manifests.export.profile import Place

AUDIO: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A column of audio: a file's bytes, and its name."""

_ROW_GROUP: Final = 100  # rows: a question is about 0.2 MB


def for_datasets(schema: pa.Schema) -> pa.Schema:
    """A schema that tells `datasets` what its columns are, as `datasets` itself writes it."""
    features = {
        field.name: {"_type": "Audio"} if field.type == AUDIO else {"dtype": str(field.type), "_type": "Value"}
        for field in schema
    }
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


@contextmanager
def table(place: Place, folder: str, schema: pa.Schema) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Takes the rows of `FOLDER/SPLIT-NNNNN-of-NNNNN.parquet`, and holds a row group of them at most."""
    name = f"{folder}/{place.split}-{place.number:05d}-of-{place.count:05d}.parquet"
    with place.writer(name) as file, pq.ParquetWriter(file, schema, compression="zstd") as parquet:
        held: list[Mapping[str, Any]] = []

        def flush() -> None:
            parquet.write_table(pa.Table.from_pylist(held, schema=schema))
            held.clear()

        def put(row: Mapping[str, Any]) -> None:
            held.append(row)
            if len(held) == _ROW_GROUP:
                flush()

        yield put
        if held:
            flush()
