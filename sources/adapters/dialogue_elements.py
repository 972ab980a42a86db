"""Elements of a JSON list, or of an object whose keys are their ids, as rows of dialogues."""

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

from turnmill.sources.adapters.dialogue_rows import Row, Start
from turnmill.sources.adapters.json_elements import Reader

_JSON: Final = json.JSONDecoder()


def elements(file: BinaryIO, start: Start) -> Iterator[Row]:
    """Those of a list."""
    return _rows(file, start, keyed=False)


def entries(file: BinaryIO, start: Start) -> Iterator[Row]:
    """Those of an object; the key of each is its `id`, where it has none."""
    return _rows(file, start, keyed=True)


def _rows(file: BinaryIO, start: Start, *, keyed: bool) -> Iterator[Row]:
    reader = Reader(file, start.at, start.first, _JSON, keyed, inside=start.at > 0, like=start.like)
    for found in reader.elements():
        named = found.key is not None and isinstance(found.value, dict)
        value = {"id": found.key, **found.value} if named else found.value
        yield Row(Start(found.offset, found.number, found.like), value, found.fault)
