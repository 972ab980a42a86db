"""SCHEMA.md beside the card: every field of a sample, every column of a table, and the stages that made them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from manifests.card_sections import markdown
from manifests.index import Index
from manifests.published import SAMPLES, Config, filled_tables, first_sample
from manifests.schema import SCHEMAS
from manifests.store import Store

_COLUMNS = ("type", "unit", "meaning", "from")
_LONGEST = 160  # characters of a text that are shown
_ITEMS = 2  # of a list


def schema(store: Store, index: Index, connection: duckdb.DuckDBPyConnection, configs: Sequence[Config]) -> str:
    """The file as Markdown."""
    intro = "Times are seconds from the start of the sample's audio; intervals are [start, end). All may be null."
    parts = ["# What every field means", "", intro, ""]
    for half in dict.fromkeys(config.half for config in configs):
        config = next(config for config in configs if config.half == half)
        parts += [_sample(store, config)]
    parts += [_table(table) for table in filled_tables(connection)]
    parts += [_stages(index)]
    return "\n".join(parts)


def _sample(store: Store, config: Config) -> str:
    names, sample = first_sample(store, next(config.shards).name)
    shortened = json.dumps(_shortened(sample), indent=2, ensure_ascii=False)
    body = [(f"`{path}`", *facts) for path, facts in _fields(SAMPLES[config.half])]
    return "\n".join(
        [
            f"## A sample of `{config.half}`",
            "",
            f"The files `{'`, `'.join(names)}`; the `.json` has",
            "",
            markdown(("field", *_COLUMNS), body),
            "",
            "For example (shortened, numbers rounded):",
            "",
            "```json",
            shortened.replace("```", "'''"),
            "```",
            "",
        ]
    )


def _fields(kind: pa.DataType, before: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """(path, facts) of every field of a struct, those inside it after it."""
    for field in kind:
        path, inner = f"{before}{field.name}", field.type
        yield path, _facts(field)
        while isinstance(inner, pa.ListType):
            path, inner = f"{path}[]", inner.value_type
        if isinstance(inner, pa.StructType):
            yield from _fields(inner, f"{path}.")


def _facts(field: pa.Field) -> tuple[str, ...]:
    facts = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return (_type(field.type), facts.get("unit", ""), facts.get("doc", ""), facts.get("source", ""))


def _type(kind: pa.DataType) -> str:
    if isinstance(kind, pa.ListType):
        return f"list of {_type(kind.value_type)}"
    return "struct" if isinstance(kind, pa.StructType) else str(kind)


def _table(table: str) -> str:
    body = [(f"`{field.name}`", *_facts(field)) for field in SCHEMAS[table]]
    return "\n".join([f"## Table `manifests/{table}.parquet`", "", markdown(("column", *_COLUMNS), body), ""])


def _stages(index: Index) -> str:
    body = [(s.name, s.half, s.items, f"`{s.fingerprint}`", ", ".join(s.tables)) for s in index.stages]
    return "\n".join(
        [
            "## Stages",
            "",
            "A fingerprint is a hash of a stage, its parameters and its inputs' fingerprints: equal ones, equal bytes.",
            "",
            markdown(("stage", "half", "items", "fingerprint", "tables"), body),
            "",
        ]
    )


def _shortened(value: Any) -> Any:
    """The same with long lists and texts cut, and numbers rounded."""
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value[:_ITEMS]] + (["…"] if len(value) > _ITEMS else [])
    if isinstance(value, float):
        return round(value, 3)
    return f"{value[:_LONGEST]}…" if isinstance(value, str) and len(value) > _LONGEST else value
