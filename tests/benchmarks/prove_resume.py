"""Kill the quickstart with SIGKILL, its whole process group, at random moments; run it again; compare every byte.

    python tests/benchmarks/prove_resume.py [--kills 8] [--seed 0] [--recipe pipelines/recipes/quickstart.yaml]

Also compares an undisturbed run with another folder and with one worker. Exit status 1 when any file differs.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.conftest import tree_hashes  # noqa: E402  # tests are not installed


def start(recipe: Path, out: Path, *settings: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(recipe), "--out", str(out)]
    command += [word for setting in settings for word in ("--set", setting)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise SystemExit(f"the run ended with {process.returncode}")


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", type=Path, default=ROOT / "pipelines" / "recipes" / "quickstart.yaml")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        undisturbed = Path(scratch) / "undisturbed"
        started = time.monotonic()
        finish(start(options.recipe, undisturbed))
        length = time.monotonic() - started
        wanted = tree_hashes(undisturbed)
        print(f"undisturbed: {length:.0f} s, {len(wanted)} files", flush=True)
        for name, setting in (
            ("another folder", ()),
            ("one worker", ("workers=1",)),
            ("three workers", ("workers=3",)),
        ):
            out = Path(scratch) / name
            finish(start(options.recipe, out, *setting))
            failed += report(name, differences(wanted, tree_hashes(out)))
            shutil.rmtree(out)
        number = 0
        while number < options.kills:
            out = Path(scratch) / f"kill {number}"
            process = start(options.recipe, out)
            moment = rng.uniform(0.05, 0.95) * length
            time.sleep(moment)
            ended = process.poll() is not None  # the machine was quicker this time: not a kill, draw another moment
            if not ended:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                before = len(tree_hashes(out)) if out.exists() else 0
                finish(start(options.recipe, out))
                name = f"kill {number} at {moment:.1f} s with {before} files"
                failed += report(name, differences(wanted, tree_hashes(out)))
                number += 1
            shutil.rmtree(out, ignore_errors=True)
    sys.exit(1 if failed else 0)


def report(name: str, different: list[str]) -> int:
    print(f"{name}: " + ("equal" if not different else f"{len(different)} differ, first {different[0]}"), flush=True)
    return bool(different)


if __name__ == "__main__":
    main()
