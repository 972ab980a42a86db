"""What a run costs that the bare work does not: wall time and memory beside a process pool that decodes, measures and
shards the same speech with the same functions.

    python tests/benchmarks/bench_start.py [--rounds 5] [--workers 2] [--before CHECKOUT]

An hour and six minutes of it, in turn, medians: the difference gives the marginal rate, the rest is fixed cost.
`--before` is a checkout of another version, with its environment, to be compared as well.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.bench_curate import RECIPE, Run, build, fresh, turnmill  # tests are not installed

CLI = ("turnmill.pipelines.cli", "pipelines.cli")  # now, and before there was one name


def command_of(checkout: Path) -> list[str]:
    """How another checkout's command line is called."""
    python = checkout / ".venv" / "bin" / "python"
    for module in CLI:
        if not subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
            return ["env", f"PYTHONPATH={checkout}", str(python), "-m", module]
    raise SystemExit(f"{checkout} has no environment with Turnmill")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--before", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "bench.yaml").write_text(RECIPE)
        hours = {name: build(scratch / name, size) for name, size in (("short", 0.1), ("hour", 1.0))}
        runs: dict[tuple[str, str], list[Run]] = {}
        for _ in range(options.rounds):
            for name in hours:
                for who, command in contestants(scratch, name, options).items():
                    run = fresh(scratch, command)
                    runs.setdefault((who, name), []).append(run)
                    print(f"{who:>8} {name:>5}: {run.seconds:6.1f} s, {run.all_gib:.2f} GiB", flush=True)
        report(hours, runs)


def contestants(scratch: Path, name: str, options: argparse.Namespace) -> dict[str, list[str]]:
    ours = turnmill(scratch, name, options.workers)
    bench = str(Path(__file__).with_name("bench_curate.py"))
    where = [str(scratch / name), str(scratch / "out")]
    found = {"turnmill": ours}
    if options.before:
        found["before"] = [*command_of(options.before), *ours[3:]]
    return found | {"pool": [sys.executable, bench, "--workers", str(options.workers), "--pool", *where]}


def report(hours: dict[str, float], runs: dict[tuple[str, str], list[Run]]) -> None:
    rates = {}
    for who in dict.fromkeys(who for who, _ in runs):
        short, hour = (statistics.median(run.seconds for run in runs[who, name]) for name in hours)
        rates[who] = (hours["hour"] - hours["short"]) * 3600 / (hour - short)
        fixed = hour - hours["hour"] * 3600 / rates[who]
        memory = statistics.median(run.all_gib for run in runs[who, "hour"])
        print(f"{who:>8}: fixed {fixed:.1f} s, {rates[who]:.0f} x real time, {memory:.2f} GiB of all processes")
    for who in rates:
        print(f"marginal rate of {who} over the pool's: {rates[who] / rates['pool']:.2f}")


if __name__ == "__main__":
    main()
