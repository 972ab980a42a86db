"""Trains for one epoch as far as a loader can tell: `train.py OUT LOG WORKERS STOP OPTIONS` writes a line for each
sample or batch that it was given, with the state behind it, and begins behind the last line that is there. After STOP
of them it waits to be killed.

With WORKERS it is torch's DataLoader that reads, and the state is that of what came last; with none it reads itself, as
one of the processes that RANK and WORKER in its environment say.
"""

import json
import os
import signal
import sys
from pathlib import Path

import turnmill

out, log, workers, stop, options = sys.argv[1], Path(sys.argv[2]), *map(json.loads, sys.argv[3:])
loader = turnmill.loader(out, **options)
done = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
if done:
    loader.load_state_dict(done[-1]["state"])
given = loader
if workers:
    from torch.utils.data import DataLoader

    given = DataLoader(loader, batch_size=None, num_workers=workers)
if not done or done[-1]["state"]["epoch"] == 0:
    with log.open("a", encoding="utf-8") as file:
        for number, sample in enumerate(given, 1):
            state = sample["state"] if workers else loader.state_dict()
            file.write(json.dumps({"keys": sample["key"], "state": state}) + "\n")
            file.flush()
            os.fsync(file.fileno())
            if number == stop:
                signal.pause()
