"""Written dialogues to check."""

from typing import Any

import pytest

from tests.synth.duplex.conftest import (
    Spoken,
    Written,
    white,
)
from turnmill.synth.acoustics import Acoustics, Echo
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.checking.check import Report
from turnmill.synth.duplex.checking.sample import BESIDE

SNR_DB = 18.0


@pytest.fixture(scope="module")
def interrupted(spoken: list[Spoken]) -> Written:
    """A dialogue with noise in which the user barges in once and the assistant stops in the middle of a word."""
    for item in spoken:
        for seed in range(4):
            written = item.written(item.plan(seed, white(SNR_DB, seed)))
            if sum(event["kind"] == "barge_in" for event in written.sample["events"]) == 1:
                params = event_of(written.sample, "barge_in")
                plain = not BESIDE & {event["kind"] for event in written.sample["events"]}
                if params["cut_word"] and params["intent"] != "cancel" and plain:
                    return written
    raise AssertionError("no dialogue has a barge-in")


@pytest.fixture(scope="module")
def nodding(spoken: list[Spoken]) -> Written:
    """A dialogue without noise, with a backchannel and a hesitation."""
    for item in spoken:
        for seed in range(8):
            written = item.written(item.plan(seed))
            kinds = {event["kind"] for event in written.sample["events"]}
            if {"user_backchannel", "hesitation"} <= kinds and not kinds & BESIDE:
                return written
    raise AssertionError("no dialogue has both")


def failed(report: Report) -> set[str]:
    return {violation.check for violation in report.violations}


def event_of(sample: dict[str, Any], kind: str) -> dict[str, Any]:
    event: dict[str, Any] = next(event for event in sample["events"] if event["kind"] == kind)
    return event


@pytest.fixture(scope="module")
def echoing(spoken: list[Spoken]) -> Written:
    """A dialogue with an echo."""
    item = spoken[0]
    return item.written(item.plan(1, lambda _: Acoustics(echo=Echo(0.1, RATE // 5))))


def with_event(spoken: list[Spoken], kind: str, **params: Any) -> Written:
    """A dialogue with such an event, without acoustics."""
    for item in spoken:
        for seed in range(6):
            timeline = item.plan(seed)
            for event in timeline.events:
                if event.kind == kind and params.items() <= event.params.items():
                    return item.written(timeline)
    raise AssertionError(f"no dialogue has {kind} {params}")
