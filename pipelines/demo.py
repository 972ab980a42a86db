"""The demo speech corpus: sentences of this project spoken by its own embedded voices, with faults planted on purpose.

In LJSpeech layout, so that it goes through the same adapter as a real corpus. `faults.json` beside it says what was
planted, by clip, so that anyone can compare it with what the pipeline found.
"""

import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import stable_hash
from turnmill.synth.speech import Line, SpeechError
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine

SENTENCES = Path(__file__).parent / "recipes" / "quickstart" / "sentences.txt"
VERSION = 2  # of what is done to the sentences below
LANGUAGE = "en"
BANK = HIBARI.speaking(LANGUAGE)
PAUSE_S = 0.3  # between the sentences of the over-long clip

# Places in the list of sentences. Five wrong transcripts: each of these clips carries the text of the next of them.
WRONG_TEXT = (17, 38, 59, 80, 98)
DUPLICATES = {11: 10, 67: 66}  # clip -> the clip before it in the order of names too, whose bytes and text it repeats
CLIPPED, SILENT, TRUNCATED, ZERO_BYTES, OVER_LONG = 44, 73, 86, 12, 55


def make_demo_corpus(root: Path) -> None:
    """Speak the corpus into `root`, or do nothing if it is there; a part-made one is made again.

    Raises TurnmillError when a sentence cannot be spoken.
    """
    sentences = SENTENCES.read_text("utf-8").splitlines()
    made_from = stable_hash(VERSION, *sentences, *BANK)
    if (root / made_from).exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    (root / "wavs").mkdir(parents=True)
    names = [f"{speaker(index)}-{index:04d}" for index in range(len(sentences))]
    spoken = speak(sentences)
    texts = list(sentences)
    for index, following in zip(WRONG_TEXT, (*WRONG_TEXT[1:], WRONG_TEXT[0]), strict=True):
        texts[index] = sentences[following]
    for copy, original in DUPLICATES.items():
        spoken[copy], texts[copy] = spoken[original], texts[original]
    spoken[CLIPPED] = np.clip(8 * spoken[CLIPPED], -1, 1)
    spoken[SILENT] = np.zeros_like(spoken[SILENT])
    spoken[OVER_LONG], texts[OVER_LONG] = over_long(spoken, sentences)
    for index, (name, pcm) in enumerate(zip(names, spoken, strict=True)):
        data = wav(pcm)
        if index == TRUNCATED:
            data = data[: len(data) // 2]
        (root / "wavs" / f"{name}.wav").write_bytes(b"" if index == ZERO_BYTES else data)
    rows = (f"{name}|{text}|{text}\n" for name, text in zip(names, texts, strict=True))
    (root / "metadata.csv").write_text("".join(rows), "utf-8")
    (root / "faults.json").write_text(json.dumps(faults(names), indent=1), "utf-8")
    (root / made_from).touch()  # comes last: says that the corpus is whole, and what it was made from


def faults(names: list[str]) -> Mapping[str, list[str]]:
    return {
        "wrong_text": [names[index] for index in WRONG_TEXT],
        "duplicate": [names[index] for index in DUPLICATES],
        "clipped": [names[CLIPPED]],
        "silent": [names[SILENT]],
        "truncated": [names[TRUNCATED]],
        "zero_bytes": [names[ZERO_BYTES]],
        "over_long": [names[OVER_LONG]],
    }


def speaker(index: int) -> str:
    """The voice's own name, the part after its engine."""
    return BANK[index % len(BANK)].name.rsplit("-", 1)[-1]


def speak(sentences: list[str]) -> list[NDArray[np.float32]]:
    """Each sentence in its voice, mono float32 at the engine's rate."""
    lines = [Line(f"demo#{i}", text, BANK[i % len(BANK)].name, LANGUAGE, i) for i, text in enumerate(sentences)]
    spoken: list[NDArray[np.float32]] = []
    for line, speech in zip(lines, HibariEngine(HIBARI.voices).synthesize(lines), strict=True):
        if isinstance(speech, SpeechError):
            raise TurnmillError(f"{SENTENCES}: line {line.id} cannot be spoken: {speech.detail}")
        spoken.append(speech.pcm)
    return spoken


def over_long(spoken: list[NDArray[np.float32]], sentences: list[str]) -> tuple[NDArray[np.float32], str]:
    """More than 30 s of one voice: every sentence that voice has, one after the other."""
    mine = [index for index in range(len(sentences)) if speaker(index) == speaker(OVER_LONG)]
    pause = np.zeros(round(PAUSE_S * RATE), np.float32)
    pcm = np.concatenate([part for index in mine for part in (spoken[index], pause)])
    return pcm, " ".join(sentences[index] for index in mine)


RATE = HibariEngine.sample_rate


def wav(pcm: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
