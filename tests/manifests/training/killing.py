"""Trainings as processes that are killed in the middle of an epoch, and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import turnmill

SCRIPT = Path(__file__).with_name("train.py")


@dataclass(frozen=True)
class Job:
    """A process of `train.py`: where it writes, and after how many samples it is killed."""

    log: Path
    stop: int
    environment: Mapping[str, int]

    def start(self, out: str, workers: int, stop: int, options: Mapping[str, Any]) -> "subprocess.Popen[bytes]":
        path = os.pathsep.join([str(Path(turnmill.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        words = [out, str(self.log), str(workers), str(stop), json.dumps(options)]
        environment = {name: str(value) for name, value in self.environment.items()}
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), *words],
            env=os.environ | environment | {"PYTHONPATH": path},
            start_new_session=True,
        )

    def keys(self) -> list[str]:
        """What it was given, as far as it wrote it."""
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        told = [json.loads(line)["keys"] for line in lines]
        return [key for keys in told for key in ([keys] if isinstance(keys, str) else keys)]


def killed_and_resumed(out: str, jobs: Sequence[Job], workers: int, options: Mapping[str, Any]) -> list[str]:
    """All that the jobs were given in an epoch, in whose middle they and their workers are killed (kill -9)."""
    running = [job.start(out, workers, job.stop, options) for job in jobs]
    deadline = time.monotonic() + 120
    while not all(_lines(job) == job.stop for job in jobs) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [process.poll() for process in running] == [None] * len(running)
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    before = [job.keys() for job in jobs]
    for process in [job.start(out, workers, 0, options) for job in jobs]:
        assert process.wait(timeout=120) == 0
    after = [job.keys() for job in jobs]
    assert all(len(all_keys) > len(keys) > 0 for all_keys, keys in zip(after, before, strict=True))
    return [key for keys in after for key in keys]


def _lines(job: Job) -> int:
    return job.log.read_text("utf-8").count("\n") if job.log.exists() else 0
