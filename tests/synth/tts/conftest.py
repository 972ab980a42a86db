"""A fake checkout of CosyVoice, its models, and a voice with a real recording."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from tests.synth.tts import cosyvoice_fake
from turnmill.manifests.records import Licence
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, CosyVoiceParams
from turnmill.synth.voices import Prompt, Voice

PROMPT_TEXT = "I have lived in this town for 12 years and I like it."
LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)


def flac(seconds: float = 4.0, rate: int = 24_000, gain: float = 0.3, channels: int = 1) -> bytes:
    """A hum that swells and fades three times a second, as FLAC; of several channels, on the last."""
    time = np.arange(round(seconds * rate)) / rate
    pcm = gain * np.sin(2 * np.pi * 180 * time) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time))
    buffer = io.BytesIO()
    silent = np.zeros((len(pcm), channels - 1))
    soundfile.write(buffer, np.column_stack([silent, pcm]), rate, format="FLAC")
    return buffer.getvalue()


def cloned(name: str = "ann", language: str = "en", recording: bytes | None = None, text: str = PROMPT_TEXT) -> Voice:
    """A voice with a recording."""
    return Voice(name, language, None, "female", LICENCE, prompt=Prompt(recording or flac(), text))


class Fake:
    """The fake package: what was asked of it, and engines that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = cosyvoice_fake.write_checkout(folder / "CosyVoice")

    def model(self, generation: int) -> Path:
        folder = self.folder / f"model{generation}"
        return folder if folder.exists() else cosyvoice_fake.write_model(folder, generation)

    def engine(self, generation: int = 2, voices: tuple[Voice, ...] = (), **settings: object) -> CosyVoiceEngine:
        given = {"model": str(self.model(generation)), "repo": str(self.checkout)} | settings
        voices = voices or (cloned(),)
        return CosyVoiceEngine(CosyVoiceParams.model_validate(given), {voice.name: voice for voice in voices})

    @property
    def package(self) -> ModuleType:
        """The imported fake; its lists are there before the engine imports it."""
        import importlib

        if str(self.checkout) not in sys.path:
            sys.path.insert(0, str(self.checkout))
        return importlib.import_module("cosyvoice.cli.cosyvoice")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """The fake in a folder of its own; what the process had imported of the real package is there again afterwards."""
    monkeypatch.delenv("COSYVOICE_REPO", raising=False)
    elsewhere = [p for p in sys.path if not any((Path(p) / name).is_dir() for name in ("cosyvoice/cli", "matcha"))]
    monkeypatch.setattr(sys, "path", [str(cosyvoice_fake.write_stubs(tmp_path / "stubs")), *elsewhere])
    for name in _of_the_package():
        monkeypatch.delitem(sys.modules, name)
    yield Fake(tmp_path)
    for name in _of_the_package():
        del sys.modules[name]


def _of_the_package() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in {"cosyvoice", "matcha", *cosyvoice_fake.STUBS}]
