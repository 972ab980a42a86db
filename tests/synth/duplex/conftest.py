"""Dialogues to simulate: spoken by espeak, and as tone bursts whose word times are exact by construction."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.synth.lines import engine_lines
from turnmill.manifests.records import Intent, Licence, Reject, TextDialogue, TextTurn
from turnmill.manifests.samples import DIALOGUE, to_json
from turnmill.synth.acoustics import WHITE, Acoustics, AcousticsParams, Background, Pools, draw_acoustics
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.planning.planner import Acoustic, plan_timeline
from turnmill.synth.duplex.rendering.labels import sample_json
from turnmill.synth.duplex.rendering.material import Material, spoken_material, with_sounds
from turnmill.synth.duplex.rendering.render import Rendered, render
from turnmill.synth.duplex.timeline import Timeline
from turnmill.synth.duplex.timing import Timing, timing
from turnmill.synth.intents import INTENTS, Balance
from turnmill.synth.script import IntentMix, Interaction, Script, write_script
from turnmill.synth.speech import Line, Speech, Word
from turnmill.synth.tts.engines.espeak import ESPEAK

TEXTS = Path(__file__).parents[3] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
LICENCE = Licence("CC0-1.0", True, True)
ASSISTANT_PRESET = timing()


def dry(_: int) -> Acoustics:
    """Nothing happens to the user's channel."""
    return Acoustics()


def white(snr_db: float, seed: int = 0) -> Acoustic:
    """Steady white noise and nothing else."""
    return lambda n_samples: Acoustics(noise=Background(WHITE, WHITE, seed, snr_db, ((0, n_samples),)))


def anything(seed: int, name: str) -> Acoustic:
    """Whatever the default parameters draw."""
    return lambda n_samples: draw_acoustics(AcousticsParams(), Pools(), seed, name, n_samples)


@dataclass(frozen=True)
class Spoken:
    """A script with its speech, and what is made of it."""

    script: Script
    material: Material

    def plan(self, seed: int = 0, acoustics: Acoustic = dry, timing: Timing = ASSISTANT_PRESET) -> Timeline:
        timeline = plan_timeline(self.script, self.material.lines, timing, acoustics, seed)
        assert not isinstance(timeline, Reject)
        return timeline

    def written(self, timeline: Timeline) -> "Written":
        rendered = render(timeline, self.material.pcm, Pools())
        sample = json.loads(to_json(sample_json(self.script, timeline, rendered.fitted, self.script.id), DIALOGUE))
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
    said = dict(zip([line.id for line in script.lines], speech(engine_lines(script)), strict=True))
    material = spoken_material(script, {line: (found.pcm, found.words or ()) for line, found in said.items()})
    assert material.lines.keys() == said.keys()
    return Spoken(*with_sounds(script, material, Pools(), script.seed))


def bursts(dialogue: TextDialogue, interaction: Interaction, seed: int = 0) -> Spoken:
    script = write_script(dialogue, interaction, ESPEAK, "train", seed)
    return speak_script(script, lambda lines: [speak_bursts(line) for line in lines])


def only(*intents: Intent) -> IntentMix:
    """The same of each of these kinds of interruption, and no other."""
    return IntentMix.model_validate({intent: float(intent in intents) for intent in INTENTS})


TOLD = [
    "My neighbor has a boat in the old harbor. Every summer he takes us out to the islands, and we stay until the sun "
    "goes down. This year he sold it to a school, and nobody knows how we get there now.",
    "There is a ferry from the pier, which leaves every hour until six.",
]
QUIET = Interaction(
    barge_in=0, backchannels_per_minute=0, assistant_backchannels_per_minute=0, hesitation=0, silence_timeout=0
)
LIVELY = Interaction(
    barge_in=0.4,
    backchannels_per_minute=4,
    assistant_backchannels_per_minute=16,
    balance=3,
    hesitation=0.5,
    silence_timeout=0.3,
    resume=0.7,
)


@pytest.fixture(scope="session")
def spoken() -> list[Spoken]:
    """Some of the project's dialogues and one whose user tells something, lively, spoken by espeak."""
    pytest.importorskip("espeakng_loader")
    from turnmill.synth.tts.engines.espeak import EspeakEngine

    engine = EspeakEngine(ESPEAK.voices)
    rows = map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines()[::2])
    texts = {row["id"]: [message["content"] for message in row["messages"]] for row in rows}
    dialogues = [text_dialogue(name, said) for name, said in {**texts, "told": TOLD}.items()]
    balance = Balance(LIVELY.intents, np.random.default_rng(3))
    scripts = [write_script(item, LIVELY, ESPEAK, "train", 3, dialogues, balance) for item in dialogues]
    return [speak_script(script, engine.synthesize) for script in scripts]  # type: ignore[arg-type]
