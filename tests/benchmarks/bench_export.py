"""An export of an output against tar, which copies the same bytes: rate and memory.

    python tests/benchmarks/bench_export.py OUT [--format moshi,lhotse] [--where CONDITION] [--rounds 3]

The command that a user types, in one process, and `tar` of what it wrote, in turn. The memory is that of the export of
all and of about a tenth of the items, chosen by hash.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


def timed(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of a command that has to succeed, and the MB that it held at most."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--format", default="moshi,lhotse")
    parser.add_argument("--where", default="true")
    parser.add_argument("--key", default="id", help="of an item: id of a dialogue, uid of a clip")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    export = [sys.executable, "-m", "turnmill.pipelines.cli", "export", asked.out, "--format", asked.format]
    export += ["--workers", "1"]
    tenth = f"({asked.where}) AND hash({asked.key}) % 10 = 0"
    with tempfile.TemporaryDirectory() as scratch:
        ratios = []
        for number in range(asked.rounds):
            to, copy = Path(scratch, "to"), Path(scratch, "copy.tar")
            seconds, held = timed([*export, "--to", str(to), "--where", asked.where])
            size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file()) / 1e6
            copied, _ = timed(["tar", "--create", "--file", str(copy), "--directory", scratch, "to"])
            shutil.rmtree(to)
            copy.unlink()
            few_seconds, few_held = timed([*export, "--to", str(to), "--where", tenth])
            shutil.rmtree(to)
            ratios.append(copied / seconds)
            print(
                f"round {number}: {size:,.0f} MB in {seconds:.1f} s ({held:.0f} MB held), tar {copied:.1f} s, "
                f"ratio {copied / seconds:.2f}; a tenth {few_seconds:.1f} s ({few_held:.0f} MB held)"
            )
        print(f"export against tar: {statistics.median(ratios):.2f} of its rate")


if __name__ == "__main__":
    main()
