"""Longer, random runs of the property tests and of every fuzz_*.py beside this file, which share the minutes equally.

python tests/fuzz [--minutes 10]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ADVICE = """
What was found becomes an example, so that `make test` finds it from now on:
- a property: put @example(...) with the arguments of the "Falsifying example" above its @given, then mend the code
- a script: run it again with the same --seed and --only NUMBER, and make the bytes it prints a parameter of a test"""


def properties(minutes: float) -> bool:
    """The property tests, from a new seed each time, until the time is over; whether they held."""
    until = time.monotonic() + 60 * minutes
    held, passes = True, 0
    while held and time.monotonic() < until:
        seed = random.SystemRandom().randrange(2**32)
        command = [sys.executable, "-m", "pytest", "-m", "hypothesis", "-x", "-q", f"--hypothesis-seed={seed}"]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"HYPOTHESIS_PROFILE": "fuzz"})
        try:
            held = process.wait(max(1.0, until - time.monotonic())) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # pytest says what it has done, and ends
            held = process.wait() in (0, 2)
        passes += 1
    print(f"fuzz: {passes} passes of the property tests, {'nothing' if held else 'something'} found", flush=True)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    scripts = sorted(HERE.glob("fuzz_*.py"))
    share = options.minutes / (len(scripts) + 1)
    held = [properties(share)]
    for script in scripts:
        seed = str(random.SystemRandom().randrange(2**32))
        command = [sys.executable, str(script), "--minutes", str(share), "--seed", seed, "--mutants", "1000000"]
        print(f"fuzz: {script.name} --seed {seed}", flush=True)
        held.append(subprocess.run(command, cwd=ROOT, check=False).returncode == 0)
    if not all(held):
        print(ADVICE)
        sys.exit(1)


if __name__ == "__main__":
    main()
