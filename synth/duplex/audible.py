"""What makes an interruption audible as one (docs/turn-taking.md): bounds by which it is planned, and checked."""

from collections.abc import Iterator, Sequence
from typing import Final

from turnmill.manifests.records import Intent
from turnmill.synth.channels import RATE

BOTH_VOICES: Final = RATE * 3 // 10
"""From the user's onset to the assistant's stop both sound for so many samples, the silences of either not counted."""

IN_SPEECH: Final = RATE // 50
"""The assistant sounds for so many samples on either side of the user's onset."""

Spans = Sequence[tuple[int, int]]


def words_before(intent: Intent) -> int:
    """Words of the assistant's turn that are heard before the user begins: what is to be stopped one need not hear."""
    return 1 if intent == "cancel" else 3


def common(one: Spans, other: Spans) -> Iterator[tuple[int, int]]:
    """Where two lists of disjoint [start, end), each in order, have something in common, in order."""
    for start, end in one:
        for first, last in other:
            if first < end and start < last:
                yield max(start, first), min(end, last)
