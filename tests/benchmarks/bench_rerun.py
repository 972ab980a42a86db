"""A rerun with nothing to do: seconds until it ends, and requests to an object store at 40 and at 400 shards.

    python tests/benchmarks/bench_rerun.py [--files 20000] [--profile]

The corpus is links to a few recordings of 0.2 s, in units of 50. It is ingested and measured once, which takes minutes;
the rerun is timed as the command that a user types, and counted through a filesystem that is not local to Turnmill.
"""

import argparse
import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.counted import COUNTED, counted  # noqa: E402  # tests are not installed
from turnmill.manifests.store import Store  # noqa: E402
from turnmill.pipelines.loading import load  # noqa: E402
from turnmill.pipelines.recipe import Recipe  # noqa: E402
from turnmill.pipelines.run import run  # noqa: E402

UNIT_CLIPS = 50
RECIPE = f"""
name: rerun
corpus: files
ingest: {{unit_clips: {UNIT_CLIPS}, keep_untranscribed: true}}
quality: {{}}
"""


def build(folder: Path, files: int) -> None:
    """So many links to sixteen recordings of noise, 0.2 s each."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    originals = [folder.parent / f"{number}.wav" for number in range(16)]
    for original in originals:
        soundfile.write(original, rng.normal(0, 0.1, 3_200), 16_000)
    for number in range(files):
        os.link(originals[number % len(originals)], folder / f"{number:06d}.wav")


def prepared(folder: Path, files: int) -> tuple[Path, list[str], Recipe]:
    """A finished run: its output, the command that makes it, and its recipe."""
    build(folder / "corpus", files)
    path = folder / "rerun.yaml"
    path.write_text(RECIPE)
    settings = [f"root={folder / 'corpus'}"]
    out = folder / "out"
    command = [
        sys.executable,
        "-m",
        "turnmill.pipelines.cli",
        "run",
        str(path),
        "--set",
        settings[0],
        "--out",
        str(out),
    ]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    print(f"first run of {files} files: {time.perf_counter() - started:.1f} s", flush=True)
    return out, command, load(path, settings)


def requests(recipe: Recipe, out: Path) -> Counter[str]:
    """What a rerun asks of an object store, by kind."""
    with counted() as calls:
        run(recipe, f"{COUNTED}://{out}")
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true", help="print where the rerun spends its time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for files in (options.files // 10, options.files):
            out, command, recipe = prepared(Path(folder) / str(files), files)
            seconds = []
            for _ in range(3):
                started = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
                seconds.append(time.perf_counter() - started)
            names = len(Store(str(out)).names(""))
            calls = requests(recipe, out)
            print(
                f"{files // UNIT_CLIPS} shards, {names} files in the output: the rerun takes "
                f"{min(seconds):.1f} to {max(seconds):.1f} s and {calls.total()} requests {dict(calls)}",
                flush=True,
            )
            if options.profile:
                profile = cProfile.Profile()
                profile.runcall(run, recipe, str(out))
                pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    main()
