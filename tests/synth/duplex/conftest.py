"""Dialogues to simulate: spoken by espeak, and as tone bursts whose word times are exact by construction."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifests.records import Licence, Reject, TextDialogue, TextTurn
from synth.acoustics import Noise
from synth.duplex import RATE
from synth.duplex.labels import dump, sample_json
from synth.duplex.planner import plan_timeline
from synth.duplex.render import Rendered, render
from synth.duplex.spoken import SpokenLine, measure
from synth.duplex.timeline import Timeline
from synth.duplex.timing import Timing
from synth.script import Interaction, Script, write_script
from synth.tts.engine import Line, Speech, Word

TEXTS = Path(__file__).parents[3] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
LICENCE = Licence("CC0-1.0", True, True)


@dataclass(frozen=True)
class Spoken:
    """A script with its speech, and what is made of it."""

    script: Script
    pcm: dict[str, NDArray[np.float32]]
    lines: dict[str, SpokenLine]

    def plan(self, seed: int = 0, noise: Noise | None = None, timing: Timing | None = None) -> Timeline:
        timeline = plan_timeline(self.script, self.lines, timing or Timing(), noise, seed)
        assert not isinstance(timeline, Reject)
        return timeline

    def written(self, timeline: Timeline) -> "Written":
        rendered = render(timeline, self.pcm, {})
        sample = json.loads(dump(sample_json(self.script, timeline, rendered.gain_db)))
        return Written(timeline, rendered, sample, to_16_bit(rendered.channels), to_16_bit(rendered.user_clean))


@dataclass(frozen=True)
class Written:
    """A rendered dialogue as it comes out of its files."""

    timeline: Timeline
    rendered: Rendered
    sample: dict[str, Any]
    audio: NDArray[np.float32]
    clean: NDArray[np.float32]


def to_16_bit(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    return (np.clip(np.round(audio * 32_768), -32_768, 32_767) / 32_768).astype(np.float32)


def text_dialogue(name: str, texts: list[str]) -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue(name, turns, "en", "tests", LICENCE, "test")


def speak_bursts(line: Line) -> Speech:
    """Each word 60 ms of tone per letter; 20 ms between words, 260 ms after punctuation: so exact that labels can be
    equal."""
    tone, at, pieces, words = 140 + 20 * (line.seed % 7), 0.03, [np.zeros(720)], []
    for text in line.text.split():
        n_samples = round(0.06 * len(text) * RATE)
        pieces.append(0.3 * np.sin(2 * np.pi * tone * (np.arange(n_samples) + 0.5) / RATE))
        words.append(Word(text, at, at + n_samples / RATE))
        pause = 0.26 if text[-1] in ",.?!" else 0.02
        pieces.append(np.zeros(round(pause * RATE)))
        at = sum(map(len, pieces)) / RATE
    return Speech(np.concatenate(pieces).astype(np.float32), RATE, tuple(words))


def speak_script(script: Script, speech: Callable[[list[Line]], list[Speech]]) -> Spoken:
    said = dict(zip([line.id for line in script.lines], speech(script.engine_lines()), strict=True))
    pcm = {line: found.pcm for line, found in said.items()}
    lines = {line: measured for line, found in said.items() if (measured := measure(found.pcm, found.words))}
    assert lines.keys() == pcm.keys()
    return Spoken(script, pcm, lines)


def bursts(dialogue: TextDialogue, interaction: Interaction, seed: int = 0) -> Spoken:
    script = write_script(dialogue, interaction, "anna", ["bella", "carl"], seed)
    return speak_script(script, lambda lines: [speak_bursts(line) for line in lines])


LIVELY = Interaction(barge_in=0.5, backchannels_per_minute=8, hesitation=0.5)


@pytest.fixture(scope="session")
def spoken() -> list[Spoken]:
    """Twelve of the project's dialogues, lively, spoken by espeak."""
    pytest.importorskip("espeakng_loader")
    from synth.tts.espeak import EspeakEngine
    from synth.voices import ASSISTANT_VOICE, voices_for

    engine = EspeakEngine()
    found = []
    for row in map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines()[::7]):
        dialogue = text_dialogue(row["id"], [message["content"] for message in row["messages"]])
        script = write_script(dialogue, LIVELY, ASSISTANT_VOICE, voices_for("train"), 3)
        found.append(speak_script(script, engine.synthesize))  # type: ignore[arg-type]
    return found
