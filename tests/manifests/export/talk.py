"""A dialogue in which all happens that a chat has to hold or leave out, and its sound."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.manifests.conftest import sample_of
from tests.manifests.export.conftest import (
    BACKCHANNEL,
    EVENT,
    RATE,
    Output,
    dialogue,
    make_output,
    turn,
    voices,
    words,
    write_shard,
)
from turnmill.manifests.audio import Audio
from turnmill.manifests.samples import DIALOGUE

SECONDS = 11.5
NOISE = (6.8, 7.0)  # s, on the user's channel and not on the clean stem
WHITE = (16 / 24) ** 0.5
"""What white noise at 24 kHz keeps of its level at 16 kHz."""
_TOOL = {"call": '{"name":"find","arguments":{"what":"park"}}', "observation": '{"place":"river"}', "after": 3}


def _event(kind: str, start: float, end: float, **values: Any) -> dict[str, Any]:
    return sample_of(EVENT, channel=1, start=start, end=end, words=[]) | {"kind": kind} | values


def rich(name: str) -> dict[str, Any]:
    """The assistant greets, mishears and is corrected, calls a tool and is denied; the user asks in two turns, stops
    the assistant, and is not answered at the end. A noise and a word of the user's fall into answers."""
    told = dialogue(name) | {"duration": SECONDS}
    turns = [
        turn(0, "assistant", 0.1, 0.6, "hello"),
        turn(1, "user", 0.8, 1.4, "where is it"),
        turn(2, "assistant", 1.7, 3.0, "the bank is", "the bank is by the church"),
        turn(3, "user", 2.8, 3.8, "no where is the park"),
        turn(4, "assistant", 4.0, 5.6, "let me see it is by the", "let me see it is by the river"),
        turn(5, "user", 5.4, 6.4, "no which park"),
        turn(6, "assistant", 6.6, 7.4, "the big one"),
        turn(7, "user", 7.5, 7.8, "and when"),
        turn(8, "user", 8.0, 8.5, "today"),
        turn(9, "assistant", 8.8, 9.6, "it opens at", "it opens at nine"),
        turn(10, "user", 9.4, 9.9, "stop"),
        turn(11, "assistant", 10.1, 10.4, "okay"),
        turn(12, "user", 10.6, 11.0, "and"),
    ]
    turns[2]["misheard"] = True
    turns[4] |= {"emotion": "joy", "tool": _TOOL}
    nod = {"speaker": "user", "channel": 1, "start": 4.8, "end": 5.0, "text": "mhm", "target_turn": 4}
    return told | {
        "turns": turns,
        "backchannels": [sample_of(BACKCHANNEL, words=words("mhm", 4.8, 5.0)) | nod],
        "events": [
            _event("barge_in", 2.8, 3.8, turn=3, target_turn=2, intent="correct"),
            _event("barge_in", 5.4, 6.4, turn=5, target_turn=4, intent="denial"),
            _event("noise_burst", *NOISE, target_turn=6),
            _event("cough", 7.85, 7.95),
            _event("barge_in", 9.4, 9.9, turn=10, target_turn=9, intent="cancel"),
        ],
    }


def make_talks(folder: Path, d1: dict[str, Any] | None = None) -> Output:
    """An output with the dialogue as d1, whose clean stem has half its level, and one in which the user changes the
    topic as d2."""
    output = make_output(folder)
    other = dialogue("d2")
    other["events"][0] |= {"turn": 2, "target_turn": 1, "intent": "topic"}
    told = {"d1": d1 or rich("d1"), "d2": other}
    sounds = {key: voices(each, seed) for seed, (key, each) in enumerate(told.items())}
    burst = slice(*(round(time * RATE) for time in NOISE))
    if d1 is None:
        sounds["d1"][1, burst] = np.random.default_rng(9).normal(0, 0.2, burst.stop - burst.start)
    audio = {key: Audio(samples, RATE) for key, samples in sounds.items()}
    write_shard(output.store, "shards/fc/dialogues-train-000000.tar", told, DIALOGUE, audio)
    return Output(output.store, told, sounds)


def level(samples: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def moved(folder: Path, to: Path) -> Path:
    """The folder at another place, and nothing left where it was."""
    shutil.move(folder, to)
    return to
