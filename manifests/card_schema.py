"""SCHEMA.md beside the card: every field of a sample, every column of a table, and the stages that made them."""

import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from turnmill.manifests.card_sections import markdown
from turnmill.manifests.index import Index
from turnmill.manifests.published import Config, filled_tables, first_sample, table_path
from turnmill.manifests.samples import SAMPLES, TARGET
from turnmill.manifests.schema import EVENT_KINDS, HALVES, TABLES
from turnmill.manifests.store import Store

_COLUMNS = ("type", "unit", "meaning", "from")
_LONGEST = 160  # characters of a text that are shown
_ITEMS = 2  # of a list


def schema(store: Store, index: Index, connection: duckdb.DuckDBPyConnection, configs: Sequence[Config]) -> str:
    """The file as Markdown."""
    intro = (
        "Times are seconds from the start of the sample's audio; intervals are [start, end). What does not apply "
        "is null. A clip is known by its `uid`, a dialogue by its `id`, which other tables call `dialogue` or `uid`; "
        "`key` of `clip_samples` and `dialogue_samples` is the key of its files."
    )
    parts = ["# What every field means", "", intro, ""]
    for half in dict.fromkeys(config.half for config in configs):
        config = next(config for config in configs if config.half == half)
        parts += [_sample(store, config, connection)]
    tables = filled_tables(connection)
    if "events" in tables:
        parts += ["## Kinds of events", "", markdown(("kind", "what happens"), EVENT_KINDS.items()), ""]
    parts += [_table(table) for table in tables]
    parts += [_stages(index)]
    return "\n".join(parts)


def _sample(store: Store, config: Config, connection: duckdb.DuckDBPyConnection) -> str:
    names, sample = first_sample(store, *_telling(config, connection))
    shortened = json.dumps(_shortened(sample), indent=2, ensure_ascii=False)
    body = [(f"`{path}`", *facts) for path, facts in fields(SAMPLES[config.half])]
    return "\n".join(
        [
            f"## A sample of `{config.half}`",
            "",
            *(f"- `.{member}`: {_audio(member, config.half)}" for member in config.members[:-1]),
            f"- `.json`: the fields below. The files of this sample are `{'`, `'.join(names)}`.",
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


def _audio(member: str, half: str) -> str:
    if member == "user.flac":
        return "one channel: the user's voice before room, noise, echo and line; as long as the other, 24 kHz"
    if member == TARGET:
        return "one channel: the translation of what is said, spoken in the voice of the clip; 24 kHz, 16 bit"
    if half == "dialogue":
        return "two channels: 0 the assistant, 1 the user as a microphone hears it; 24 kHz, 16 bit"
    return "the clip, with the rate and the channels of its source"


def _telling(config: Config, connection: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """The shard, and the first byte in it, of a sample in which much happens: of most kinds of events."""
    table = HALVES[config.half].samples
    kinds = "(SELECT dialogue AS uid, count(DISTINCT kind) AS kinds FROM events GROUP BY dialogue)"
    row = connection.execute(
        f"""SELECT shard, "offset" FROM {table} LEFT JOIN {kinds} USING (uid) WHERE codec = ?
            ORDER BY coalesce(kinds, 0) DESC, shard, "offset" LIMIT 1""",
        [config.codec],
    ).fetchone()
    assert row is not None  # a config has samples
    folder = next(config.shards).name.rpartition("/")[0]
    return f"{folder}/{row[0]}", row[1] - tarfile.BLOCKSIZE


def fields(kind: pa.DataType, before: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """(path, facts) of every field of a struct, those inside it after it."""
    for field in kind:
        path, inner = f"{before}{field.name}", field.type
        yield path, _facts(field)
        while isinstance(inner, pa.ListType):
            path, inner = f"{path}[]", inner.value_type
        if isinstance(inner, pa.StructType):
            yield from fields(inner, f"{path}.")


def _facts(field: pa.Field) -> tuple[str, ...]:
    facts = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return (_type(field.type), facts.get("unit", ""), facts.get("doc", ""), facts.get("source", ""))


def _type(kind: pa.DataType) -> str:
    if isinstance(kind, pa.ListType):
        return f"list of {_type(kind.value_type)}"
    return "struct" if isinstance(kind, pa.StructType) else str(kind)


def _table(table: str) -> str:
    body = [(f"`{field.name}`", *_facts(field)) for field in TABLES[table].fields]
    return "\n".join([f"## Table `{table_path(table)}`", "", markdown(("column", *_COLUMNS), body), ""])


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
        events = all(isinstance(item, dict) and "kind" in item for item in value)
        shown = (sorted(value, key=_nulls) if events else value)[:_ITEMS]
        return [_shortened(item) for item in shown] + (["…"] if len(value) > _ITEMS else [])
    if isinstance(value, float):
        return round(value, 3)
    return f"{value[:_LONGEST]}…" if isinstance(value, str) and len(value) > _LONGEST else value


def _nulls(event: dict[str, Any]) -> int:
    return sum(value is None for value in event.values())
