"""200 clips that make a recogniser invent words: silence, noise, music, breath, sounds, speech run backwards, speech
whose beginning is cut off, and speech before a long silence. Of each it is known what is said in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from turnmill.manifests.audio import decode, mono_at

RATE = 16_000  # Hz
Pcm = NDArray[np.float32]


@dataclass(frozen=True)
class Bait:
    """Float32 [samples] at 16 kHz; `text` is all that can be heard in it."""

    name: str
    pcm: Pcm
    text: str = ""

    @property
    def kind(self) -> str:
        return self.name.rsplit("-", 1)[0]


def baits(data: Path) -> list[Bait]:
    """The clips, the same each time; `data` is ../shared/data."""
    count: Counter[str] = Counter()
    found = []
    for kind, pcm, text in _all(data):
        found.append(Bait(f"{kind}-{count[kind]}", pcm.astype(np.float32), text))
        count[kind] += 1
    return found


def _all(data: Path) -> Iterator[tuple[str, Pcm, str]]:
    rng = np.random.default_rng(0)
    for seconds in (0.05, 0.3, 1, 2, 5, 10, 20, 28, 60):
        yield "silence", np.zeros(int(seconds * RATE), np.float32), ""
    for level in (1e-4, 1e-3, 1e-2, 0.1):
        for seconds in (1.5, 8):
            white = rng.standard_normal(int(seconds * RATE))
            yield "white", white * level, ""
            yield "brown", np.cumsum(white) * level / 100, ""
    for hz in (50, 60, 120, 440, 1000):
        yield "hum", tone(10, hz, 2 * hz, 3 * hz), ""
    yield from (("music", music, "") for music in _music(rng))
    yield from (("breath", _breath(rng, seconds), "") for seconds in (2, 3, 5, 8, 12, 20) for _ in range(3))
    yield from (("voice", _voice(rng, seconds), "") for seconds in (1, 2, 4, 8) for _ in range(3))  # no words: "mmm"
    for folder in sorted((data / "ESC-10").iterdir()):
        for path in sorted(folder.iterdir())[:7]:
            yield "esc", narrow(path), ""
    for path in sorted((data / "noise").iterdir()):
        pcm = narrow(path)
        yield "recorded", pcm[: 10 * RATE], ""
        yield "recorded", pcm[-3 * RATE :], ""
    spoken = list(_spoken(data))
    for pcm, _ in spoken[:8]:
        yield "backwards", pcm[::-1], ""
    for pcm, text in spoken[8:32]:
        yield "clipped", pcm[int(rng.uniform(0.15, 0.6) * len(pcm)) :], text
    for number, (pcm, text) in enumerate(spoken[32:44]):
        quiet = np.zeros(20 * RATE) if number % 2 else rng.standard_normal(20 * RATE) * 1e-3
        yield "tail", np.concatenate([pcm, quiet]), text


def tone(seconds: float, *hz: float) -> Pcm:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * f * time) for f in hz) * 0.1 / len(hz), np.float32)


def narrow(path: Path) -> Pcm:
    return mono_at(decode(path.read_bytes(), path.name), RATE, path.name)


def _spoken(data: Path) -> Iterator[tuple[Pcm, str]]:
    """Of LibriSpeech test-other, every other clip."""
    lines = [
        (file.parent, *line.split(" ", 1))
        for file in sorted((data / "LibriSpeech" / "test-other").rglob("*.trans.txt"))
        for line in file.read_text("utf-8").splitlines()
    ]
    for folder, name, text in lines[::2]:
        yield narrow(folder / f"{name}.flac"), text


def _music(rng: np.random.Generator) -> Iterator[Pcm]:
    """Chords, melodies with vibrato, and drums."""
    for root in (110, 147, 196, 262):
        chords = [tone(0.5, *(root * 2 ** ((k % 5 + n) / 12) for n in (0, 4, 7))) for k in range(20)]
        yield np.concatenate(chords)
        notes = []
        for step in rng.integers(0, 12, 24):
            time = np.arange(RATE // 3) / RATE
            pitch = root * 2 ** (step / 12) * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time))
            wave = sum(np.sin(n * 2 * np.pi * np.cumsum(pitch) / RATE) / n for n in range(1, 8))
            notes.append(wave * np.hanning(len(time)) * 0.1)
        yield np.concatenate(notes)
        beat = rng.standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / (root * 8)) * 0.2
        yield np.tile(beat, 16)


def _breath(rng: np.random.Generator, seconds: int) -> Pcm:
    """Noise of a breath's band that swells and falls every second or two."""
    noise = sosfilt(butter(2, [400, 3000], "band", fs=RATE, output="sos"), rng.standard_normal(seconds * RATE))
    time = np.arange(seconds * RATE) / RATE
    return np.asarray(noise * np.clip(np.sin(2 * np.pi * rng.uniform(0.4, 0.8) * time), 0, 1) ** 2 * 0.1, np.float32)


def _voice(rng: np.random.Generator, seconds: int) -> Pcm:
    """A voiced hum with a wandering pitch, through one vowel's formants."""
    time = np.arange(seconds * RATE) / RATE
    pitch = rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * time))
    wave = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / RATE))
    low, high = rng.uniform(200, 400), rng.uniform(700, 1100)
    return np.asarray(sosfilt(butter(2, [low, high], "band", fs=RATE, output="sos"), wave) * 0.1, np.float32)
