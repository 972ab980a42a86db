"""Whether two outputs of one recipe, by two versions of Turnmill, are the same data.

    python tests/benchmarks/prove_same.py BEFORE AFTER

Every table of BEFORE must be in AFTER with the same rows, but for columns that AFTER has besides; every audio file of
the lake and of the training shards must be the same bytes, in the same order, and every label that BEFORE has. When
runs were made, at which fingerprints, is set apart.
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

APART = {"runs"}  # it tells times


def tables(out: Path) -> dict[str, list[dict[str, Any]]]:
    """By table, its rows at the current fingerprints."""
    current = {
        (table, stage["fingerprint"])
        for stage in json.loads((out / "index.json").read_text())["stages"]
        for table in (*stage["tables"], "rejects", "passed_over")
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(out.glob("*/*/*.parquet")):
        table, fingerprint = path.parts[-3:-1]
        if (table, fingerprint) in current:
            found.setdefault(table, []).extend(pq.read_table(path).to_pylist())
    return found


def members(out: Path, folder: str) -> Iterator[tuple[str, str, bytes]]:
    """(tar, member, bytes) of all tars below a folder."""
    for path in sorted(out.glob(f"{folder}/**/*.tar"), key=lambda path: (path.parts[-3], path.name)):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                yield f"{path.parts[-3]}/{path.name}", member.name, file.read() if file else b""


def narrowed(new: Any, old: Any) -> Any:
    """`new` with the keys that `old` has, at every depth."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: narrowed(new[key], value) if key in new else "it has no such key" for key, value in old.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [narrowed(*pair) for pair in zip(new, old, strict=True)]
    return new


def compared(before: Path, after: Path) -> list[str]:
    """Sentences on what differs; prints what was compared."""
    wrong = []
    old, new = tables(before), tables(after)
    for table in sorted(old.keys() - APART):
        rows, found = old[table], new.get(table, [])
        extra = sorted(set().union(*found) - set().union(*rows)) if found and rows else []
        ordered = [sorted((narrowed(f, rows[0]) for f in some), key=repr) for some in (rows, found)]
        same = ordered[0] == ordered[1]
        print(f"{table}: {len(rows)} rows {'equal' if same else 'DIFFERENT'}" + (f", and {extra}" if extra else ""))
        wrong += [] if same else [table]
    for folder in ("audio", "shards"):
        pairs = list(zip(members(before, folder), members(after, folder), strict=False))
        counts = [sum(1 for _ in members(out, folder)) for out in (before, after)]
        size = 0
        for (tar, name, data), (_, other, there) in pairs:
            size += len(data)
            labels = name.endswith(".json")
            same = narrowed(json.loads(there), json.loads(data)) == json.loads(data) if labels else data == there
            if name != other or not same:
                wrong.append(f"{folder}: {tar}: {name}")
        print(f"{folder}: {counts[0]} and {counts[1]} members, {size:,} bytes compared")
        wrong += [f"{folder}: another number of members"] if counts[0] != counts[1] else []
    return wrong


if __name__ == "__main__":
    found = compared(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found) or "the same data")
    sys.exit(bool(found))
