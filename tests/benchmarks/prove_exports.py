"""Every format of an export over an output: what went in, what was written, what was dropped and why.

    python tests/benchmarks/prove_exports.py OUT TO [--where "id IN (SELECT id FROM dialogues ORDER BY id LIMIT 500)"]

Exit status 1 where a sample of the training shards has no item in a format, an item is there twice, or more than 2 % of
the items are dropped. Formats of the half that OUT has are made; TO is an empty folder, and stays.
"""

import argparse
import sys
from pathlib import Path

import duckdb

import turnmill
from turnmill.manifests.errors import UsageError
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profile import Drop
from turnmill.manifests.export.profiles import PROFILES
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import opened

AT_MOST = 0.02
NO_ITEM = [drop.value for drop in Drop if drop.of_no_item]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("to")
    parser.add_argument("--where", default="true")
    asked = parser.parse_args()
    missed = False
    for half, items in HALVES.items():
        profiles = [profile for profile in PROFILES.values() if profile.half == half]
        try:
            export(opened(asked.out), profiles, asked.to, where=asked.where)
        except UsageError as error:
            print(f"{half}: {error}")
            continue
        query = (
            f"SELECT uid FROM {items.samples} WHERE uid IN (SELECT {items.key} FROM {items.view} WHERE {asked.where})"
        )
        samples = {row["uid"] for row in turnmill.open_dataset(asked.out).sql(query).to_pylist()}
        print(f"{half}: {len(samples)} samples")
        for profile in profiles:
            parts = str(Path(asked.to, "items", profile.name, "*.parquet"))
            rows = duckdb.sql(f"SELECT item, \"drop\" FROM read_parquet('{parts}')").fetchall()
            names, told = [name for name, _ in rows], [drop for _, drop in rows if drop not in NO_ITEM]
            without = samples - {name.rpartition("#")[0] or name for name in names} - set(names)
            dropped = [drop for drop in told if drop is not None]
            share = len(dropped) / max(len(told), 1)
            reasons = ", ".join(f"{drop} {dropped.count(drop)}" for drop in sorted(set(dropped)))
            twice, none = len(names) - len(set(names)), len(rows) - len(told)
            wrong = bool(without) or twice > 0 or share > AT_MOST
            missed |= wrong
            written = len(told) - len(dropped)
            print(
                f"{profile.name:18} {len(told):6} items = {written:6} written + {len(dropped):4} dropped "
                f"({share:.1%} {reasons}), {none} no items; {len(without)} samples without, {twice} twice"
                f"{'  MISSED' if wrong else ''}"
            )
    sys.exit(missed)


if __name__ == "__main__":
    main()
