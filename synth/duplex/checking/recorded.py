"""What can be checked of a recorded dialogue beside that its labels agree with each other: that words and events lie
where their turns do, and that each channel is louder where it is said to speak.

Its times were measured, and there is no truth to hold them against.
"""

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.channels import ASSISTANT, USER
from turnmill.synth.duplex.checking.evidence import labelled_items
from turnmill.synth.duplex.checking.sample import Sample, Words
from turnmill.synth.duplex.checking.tally import Tally
from turnmill.synth.duplex.timeline import SAID


def check_recorded(labels: Sample, audio: NDArray[np.float32], tally: Tally) -> int:
    """Check labels against audio, float32 [2, samples]. Returns the overlap that they say, in samples."""
    for turn in labels.turns:
        _in_order(turn.words, turn.start, turn.end, f"turn {turn.index}", tally)
    for event in labels.events:
        if event.kind in SAID:
            _in_order(event.words, event.start, event.end, f"{event.kind} at {event.start} samples", tally)
    _starts(labels, tally)
    speaks = np.zeros(audio.shape, np.bool_)
    for item in labelled_items(labels):
        speaks[item.channel, item.start : item.end] = True
    for channel in (ASSISTANT, USER):
        inside, outside = audio[channel][speaks[channel]], audio[channel][~speaks[channel]]
        louder = not len(inside) or not len(outside) or _power(inside) > _power(outside)
        tally.expect(louder, "audible", f"channel {channel} is not louder where it is said to speak")
    return int(speaks.all(axis=0).sum())


def _in_order(words: Words, start: int, end: int, name: str, tally: Tally) -> None:
    times = [start, *(time for _, first, last in words for time in (first, last)), end]
    tally.expect(times == sorted(times), "words", f"{name}: a word is out of order or outside what was said")


def _starts(labels: Sample, tally: Tally) -> None:
    """How a turn begins agrees with where the turn before it ends."""
    for event in labels.events:
        turn, target = labels.turn(event.turn), labels.turn(event.target_turn)
        if turn is None or target is None:
            continue
        if event.kind in ("turn_shift", "silence_timeout"):
            holds = event.start == target.end <= turn.start <= event.end
        else:
            holds = event.start == turn.start < target.end
        tally.expect(holds, "event", f"the {event.kind} of turn {turn.index} is not where the turns say")
        if event.kind == "barge_in":
            late = event.latency == event.stop - event.start and event.stop == target.end
            tally.expect(late, "yield", f"turn {target.index} does not end where the barge-in says")


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.square(samples, dtype=np.float64).mean())
