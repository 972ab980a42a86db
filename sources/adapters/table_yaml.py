"""YAML as tables are written in it: every scalar a text, and what is broken costs no more than its own row."""

import re
from functools import lru_cache
from typing import Any, Final

import yaml

MAX_YAML: Final = 16 << 20
"""Most bytes of a document: YAML is read whole."""

NO_YAML: Final = "cannot be read as YAML"


@lru_cache(maxsize=1)  # each unit of a table reads it again
def yaml_rows(data: bytes, path: str) -> list[tuple[Any, Any]]:
    """Keys (null in a list) and rows; a text that begins with `NO_YAML` in the place of one that cannot be read."""
    try:
        found = loaded(data)
        for part in filter(None, path.split(".")):
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return list(found.items())
        if isinstance(found, list):
            return [(None, row) for row in found]
        raise ValueError(f"there is no list at `{path}`")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        pieces = _yaml_pieces(data) if len(data) <= MAX_YAML else []
        return [(None, _yaml_row(piece)) for piece in pieces] or [(None, _no_yaml(error))]


def _yaml_pieces(data: bytes) -> list[bytes]:
    """The elements of a list that is written as one a line, or several lines, beginning with a dash."""
    first = re.search(rb"^ *- ", data, re.MULTILINE)
    if first is None:
        return []
    begins = [found.start() for found in re.finditer(b"^" + first[0], data, re.MULTILINE)]
    return [data[begin:end] for begin, end in zip(begins, [*begins[1:], len(data)], strict=True)]


def _yaml_row(piece: bytes) -> Any:
    """A row of a document that is broken elsewhere, or what is wrong with it."""
    try:
        (row,) = _yaml_value(piece)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        return _no_yaml(error)
    return row


def _no_yaml(error: Exception) -> str:
    return f"{NO_YAML}: {' '.join(str(error).split())}"


def _yaml_value(data: bytes) -> Any:
    """Raises yaml.YAMLError or ValueError."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, yaml.CSafeLoader)):
        raise ValueError("it has aliases (*), which may stand for more than fits the memory")
    return yaml.load(data, _Texts)


def loaded(data: bytes) -> Any:
    """Raises yaml.YAMLError, ValueError and RecursionError."""
    if len(data) > MAX_YAML:
        raise ValueError(f"it is longer than {MAX_YAML} bytes")
    return _yaml_value(data)


class _Texts(yaml.CSafeLoader):
    """Scalars as they are written: `0100` is no number, `no` is not false."""


_Texts.yaml_implicit_resolvers = {}
