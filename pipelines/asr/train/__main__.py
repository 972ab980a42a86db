"""Train the embedded recogniser: `python -m pipelines.asr.train --minutes 80 --out DIR`. README.md says what it takes
and gives.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from pipelines.asr.train.training import SHARD, speak, train


def main() -> None:
    """Speak the training sentences (shards that are there are kept), train for the minutes given, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True, help="how long to train, after the speech is made")
    parser.add_argument("--out", type=Path, required=True, help="folder for the speech, the checkpoints and the model")
    parser.add_argument("--shards", type=int, default=24, help=f"how many times {SHARD} sentences to speak")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cache = options.out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.threads) as pool:
        list(pool.map(speak, [cache] * options.shards, range(options.shards)))
    (options.out / "rendezvous").unlink(missing_ok=True)  # of a run that was stopped
    torch.multiprocessing.spawn(train, (options.threads, cache, options.out, options.minutes), nprocs=options.threads)


if __name__ == "__main__":
    main()
