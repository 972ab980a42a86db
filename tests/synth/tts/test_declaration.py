"""An engine is its own module and one line: whatever tells of engines derives from its declaration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.declared import EMBEDDED, ENGINES

ROOT = Path(__file__).parents[3]

ENGINE = """
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.voices import Voice, named


class BeepParams(Params):
    pitch: float = Field(default=440.0, gt=0, description="Hz")
    machine: str = Field(description="where it beeps")


class BeepEngine:
    sample_rate = 24_000

    def __init__(self, params: BeepParams, voices: Mapping[str, Voice]) -> None:
        self._params = params

    @property
    def identity(self) -> str:
        return f"beep {self._params.pitch}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        time = np.arange(24_000) / 24_000
        tone = np.sin(2 * np.pi * self._params.pitch * time).astype(np.float32)
        return [Speech(tone, self.sample_rate, None) for _ in lines]


DECLARATION = Declaration(
    name="beep",
    role="beeps",
    choice="which beeps",
    make=BeepEngine,
    params=BeepParams,
    host_facts=("machine",),
    secret=True,
    named=named,
    languages=("en",),
    states_times=False,
    examine=lambda: "a loudspeaker",
    limit="It only beeps.",
)
"""

USE = """
from pathlib import Path

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.bank import bank
from turnmill.pipelines.doctor import examine
from turnmill.pipelines.keys import keys
from turnmill.pipelines.loading import load
from turnmill.pipelines.stages.speak import Speak
from turnmill.synth.speech import Line


def refused(*settings):
    try:
        recipe = load(Path("pipelines/recipes/dialogues.yaml"), ["speak.engine=beep", *settings])
        bank("beep", (), cloned=recipe.voices is not None, names=recipe.voice_names)
    except UsageError as error:
        return str(error)


licence = "{spdx: CC0-1.0, redistribute: true, commercial: true}"
names = "voice_names={assistants: [a], train: [b], valid: [c], test: [d], licence: " + licence
beep = "speak.beep={machine: HERE, pitch: 880}"
settings = ["speak.engine=beep", beep, names + "}", "speak.align.method=proportional"]
recipe = load(Path("pipelines/recipes/dialogues.yaml"), settings)
assert "HERE" not in recipe.yaml() and "pitch: 880" in recipe.yaml()
voices = bank("beep", (), cloned=False, names=recipe.voice_names).fixed
stage = Speak(recipe.speak, voices)
stage.check()
assert stage.identity()["engine"] == "beep 880.0" and stage.identity()["aligner"]
assert "beep" in stage.host_params
assert len(recipe.speak.make(voices.voices).synthesize([Line("l", "hello", "a", "en", 0)])[0].pcm) == 24_000
assert "speak.beep" in [key.name for key in keys("speak")] and "'beep', which beeps" in keys("speak")[0].meaning
assert ("beep", True, "a loudspeaker") in [(f.engine, f.runs, f.detail) for f in examine()]
assert "the engine 'beep' needs its own key: speak.beep" in refused(names + "}")
assert "clones no voices" in refused(beep, "voices={from: /nowhere}")
assert "beep speaks en, not 'fr'" in refused(beep, names + ", languages: [fr]}")
assert "SECRET" not in refused(beep.replace("880", "SECRET"))
assert "set speak.engine=beep" in refused(beep, "speak.engine=espeak")
"""


def test_an_engine_is_added_by_its_module_and_a_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "synth", tmp_path / "synth", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("manifests", "sources", "dashboards", "pipelines"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "turnmill").mkdir()
    shutil.copy(ROOT / "turnmill" / "__init__.py", tmp_path / "turnmill")
    (tmp_path / "synth" / "tts" / "engines" / "beep.py").write_text(ENGINE)
    declared = tmp_path / "synth" / "tts" / "declared.py"
    text = declared.read_text().replace("engines import cosyvoice", "engines import beep, cosyvoice")
    declared.write_text(text.replace("    http.DECLARATION,\n", "    http.DECLARATION,\n    beep.DECLARATION,\n"))
    told = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("declared", ENGINES.values(), ids=ENGINES)
def test_a_declaration_is_whole(declared: Declaration) -> None:
    keys = declared.params.model_fields.keys()
    assert {*declared.models, *declared.folders, *declared.host_facts} <= keys
    assert declared.choice or not declared.leads
    assert declared.leads or declared.beside
    assert not declared.can_be_tried or declared.fix
    voices = declared.bank.voices.values() if declared.bank else ()
    assert all(type(voice.settings) is declared.settings for voice in voices)
    assert {voice.language for voice in voices} <= {*(declared.languages or ())}
    assert {voice.name for voice in voices} <= EMBEDDED.keys()


def test_no_engine_loads_what_is_heavy_or_gpl_before_it_is_asked_for() -> None:
    heavy = ("torch", "onnxruntime", "espeakng_loader", "misaki", "huggingface_hub", "cosyvoice")
    found = f"import sys, turnmill.synth.tts.choice; print(*(set({heavy}) & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", found], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
