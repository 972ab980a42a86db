"""What the footer of a part says."""

from collections.abc import Mapping

import pyarrow.parquet as pq

from turnmill.manifests.store import Store


def notes_of(store: Store, name: str) -> dict[str, str]:
    """The notes of a part, as `Store.write_part` was given them."""
    with store.open(name) as file:
        metadata: Mapping[bytes, bytes] = pq.read_schema(file).metadata or {}
    return {k.decode().removeprefix("turnmill."): v.decode() for k, v in metadata.items() if k.startswith(b"turnmill.")}
