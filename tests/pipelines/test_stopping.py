"""A signal ends a command where it can be ended."""

import os
import signal
from collections.abc import Callable

import pytest

from turnmill.pipelines.stopping import Stopped, held, stoppable


def met(number: signal.Signals, then: Callable[[], None]) -> None:
    """A signal comes in a held block, which goes on."""
    with stoppable(), held():
        os.kill(os.getpid(), number)
        then()


def fail() -> None:
    raise ImportError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_held_block_stops_at_its_end(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # what starts in the background ignores Ctrl-C
    done: list[str] = []
    try:
        with pytest.raises(Stopped):
            met(number, lambda: done.append("went on"))
    finally:
        signal.signal(number, before)
    assert done == ["went on"]


def test_a_signal_is_not_lost_where_the_held_block_fails() -> None:
    with pytest.raises(Stopped):
        met(signal.SIGTERM, fail)


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable(), held():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
