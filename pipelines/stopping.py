"""Ctrl-C and SIGTERM end a command the same way: what is half-done is cleaned up, one sentence says how to go on, and
the exit status is 128 + the signal."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from turnmill.manifests.terminal import tell

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SENTENCE = "turnmill: stopped; run the same command again to go on where it was"
_PATIENCE_S = 3.0
_LONGEST_S = 20.0  # for cleaning up


class Stopped(BaseException):
    """A signal asked the command to stop. No Exception, for nothing on the way may take it for a failure of its own."""


class Stop:
    """The last signal that came, or None. One within a few seconds of another is passed over: some supervisors send it
    twice, and cleaning up takes a second or two."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._came = -math.inf
        self._noticed = threading.Event()
        self.ended = threading.Event()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self._noticed.set()
        now = time.monotonic()
        if now - self._came > _PATIENCE_S:
            self.signal, self._came = signal.Signals(number), now
            raise Stopped

    def watch(self, arrivals: int) -> None:
        """End the process where the main thread does not come to notice a signal (its number is a byte of the file
        `arrivals`), or to an end: a library may be busy for hours, as DuckDB with a query. What that leaves
        half-written, the next run removes."""
        while arrived := os.read(arrivals, 1):
            if arrived[0] in SIGNALS and not (self._noticed.wait(_PATIENCE_S) and self.ended.wait(_LONGEST_S)):
                tell(SENTENCE, error=True)
                os._exit(128 + arrived[0])


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Raise Stopped in the main thread when a signal comes inside the block. Where another error comes out of the block
    and `signal` is set, the signal is its cause: DuckDB, for one, makes an error of its own of whatever interrupts it.
    """
    stop = Stop()
    # What was ignored when the command began (as nohup and `&` in scripts do) stays so.
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    arrivals, arriving = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(arrivals, True)
    woken = signal.set_wakeup_fd(arriving, warn_on_full_buffer=False)
    watcher = threading.Thread(target=stop.watch, args=(arrivals,), daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        stop.ended.set()
        signal.set_wakeup_fd(woken)
        os.close(arriving)  # which ends the watcher
        watcher.join()
        os.close(arrivals)
        _set(before)


@contextmanager
def held() -> Iterator[None]:
    """For a block that may not be broken off, as the import of a compiled module, which may swallow what is raised in
    it: signals that come are handled at its end."""
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    came: list[int] = []
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        _set(before)
        for late in came:
            os.kill(os.getpid(), late)


@contextmanager
def keeping_handlers() -> Iterator[None]:
    """For a block that starts Ray, which handles SIGTERM its own way: the handlers from before are back after it. A
    signal that Ray met meanwhile, as it exits then, goes to them."""
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    met = False
    try:
        yield
    except SystemExit:
        met = True
    finally:
        _set(before)
    if met:
        os.kill(os.getpid(), signal.SIGTERM)


def _set(handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
