"""The floor transfer offsets of a dialogue, drawn together: turns differ in how long an overlap they can bear, and the
longest ones go to turns that can. Drawn one by one they would have to be cut short, and the dialogue would no longer
have the offsets of its preset."""

from collections.abc import Sequence

import numpy as np

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.timing import FloorTransfer

OWN_GAP = RATE // 5
"""Least silence between two turns of one speaker in samples: below it they would be one IPU."""

_SHARE = 0.6  # of a turn that the next may cover: the rest is for the overlap with the one before


def longest_overlap(before: int, turn: int) -> int:
    """How much of a turn of `before` samples its successor of `turn` samples can overlap, so that both reach beyond."""
    return max(min(round(_SHARE * (before - OWN_GAP)), turn - OWN_GAP), 0)


def draw_offset(transfer: FloorTransfer, effect: float, effect_sigma: float, rng: np.random.Generator) -> int:
    """One floor transfer offset in samples, negative for an overlap; never 0."""
    overlaps = rng.random() < transfer.p_overlap
    law = transfer.overlap if overlaps else transfer.gap
    length = max(round(law.draw(rng, effect, effect_sigma) * RATE), 1)
    return -length if overlaps else length


def assigned(offsets: Sequence[int], limits: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Give each transfer one of the offsets: the longest overlaps first, each to a transfer drawn among those whose
    limit bears it. Where none does, the one with the highest limit takes what it can."""
    free = list(range(len(limits)))
    given = [0] * len(limits)
    for offset in sorted(offsets):
        able = [n for n in free if -offset <= limits[n]]
        chosen = able[int(rng.integers(len(able)))] if able else max(free, key=lambda n: (limits[n], -n))
        free.remove(chosen)
        # Where nothing can overlap, the parties just meet.
        given[chosen] = max(offset, -limits[chosen]) or 1
    return given
