"""Measure a model on speech that its training never saw: `python -m pipelines.asr.train.evaluate [MODEL]
[--sequential]`.

The held-out sentences and all that the quickstart recipe speaks, by every voice of the bank in turn, through the 24
kHz of a dataset.
"""

import argparse
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from pipelines.asr.errors import errors
from pipelines.asr.recognizer import Recognizer, Transcript
from pipelines.asr.train.texts import held_out
from pipelines.asr.windows import SAMPLE_RATE, Clip
from pipelines.asr.words import Word
from synth.tts.engine import Line, Speech
from synth.tts.espeak import EspeakEngine
from synth.voices import EMBEDDED

ACCEPTED = 0.35  # a transcript with a greater word error rate counts as wrong


@dataclass(frozen=True)
class Spoken:
    """A text, its speech at 24 kHz with exact word times, and the 16 kHz clip that the model hears."""

    text: str
    speech: Speech
    clip: NDArray[np.float32]


def main() -> None:
    """Print one JSON line per set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="embedded")
    parser.add_argument(
        "--sequential", action="store_true", help="WhisperModel.transcribe with timestamps, clip by clip"
    )
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="measure every n-th text only")
    options = parser.parse_args()
    recognizer = Recognizer(options.model, beam_size=options.beam)
    for name, texts in held_out().items():
        spoken = speak(texts[:: options.every])
        started = time.monotonic()
        if options.sequential:
            heard = [_sequential(recognizer, item.clip, options.beam) for item in spoken]
        else:
            heard = recognizer.transcribe([Clip(item.clip, language="en") for item in spoken])
        print(json.dumps({"set": name, **report(spoken, heard), "seconds": time.monotonic() - started}), flush=True)


def speak(texts: list[str]) -> list[Spoken]:
    """Speak each text with the next English voice of the bank."""
    voices = [voice.name for voice in EMBEDDED.speaking("en")]
    lines = [Line(str(n), text, voices[n % len(voices)], "en", 0) for n, text in enumerate(texts)]
    spoken = []
    for text, speech in zip(texts, EspeakEngine(EMBEDDED.voices).synthesize(lines), strict=True):
        if isinstance(speech, Speech):
            clip = soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE).astype(np.float32)
            spoken.append(Spoken(text, speech, clip))
    return spoken


def report(spoken: list[Spoken], heard: list[Transcript]) -> dict[str, Any]:
    """Give the word error rate, how far word starts are off where the words are right, and how wrong transcripts
    stand out.

    `wrong_caught` is the share of transcripts of another text, and `right_lost` that of the clip's own, with a rate
    over `ACCEPTED`.
    """
    found = [errors(item.text, t.text) for item, t in zip(spoken, heard, strict=True)]
    rates = np.array([each.rate for each in found])
    shifted = [*spoken[1:], spoken[0]]
    wrong = np.array([errors(item.text, t.text).rate for item, t in zip(shifted, heard, strict=True)])
    offs = np.array([off for item, t in zip(spoken, heard, strict=True) for off in _start_errors(item, t)])
    return {
        "clips": len(spoken),
        "wer": sum(each.count for each in found) / sum(each.total for each in found),
        "exact": float((rates == 0).mean()),
        "right_lost": float((rates > ACCEPTED).mean()),
        "wrong_caught": float((wrong > ACCEPTED).mean()),
        "start_error_median_s": float(np.median(np.abs(offs))) if offs.size else None,
        "start_error_p90_s": float(np.percentile(np.abs(offs), 90)) if offs.size else None,
        "start_bias_s": float(np.median(offs)) if offs.size else None,
        "avg_logprob": float(np.mean([t.avg_logprob for t in heard if t.avg_logprob is not None])),
        "audio_s": sum(len(item.clip) for item in spoken) / SAMPLE_RATE,
    }


def _start_errors(item: Spoken, transcript: Transcript) -> list[float]:
    words = item.speech.words or ()
    if errors(item.text, transcript.text).count or len(words) != len(transcript.words):
        return []
    return [heard.start - said.start for heard, said in zip(transcript.words, words, strict=True)]


def _sequential(recognizer: Recognizer, clip: NDArray[np.float32], beam: int) -> Transcript:
    found, info = recognizer.model.transcribe(clip, language="en", beam_size=beam, word_timestamps=True)
    segments = list(found)
    words = tuple(
        Word(word.word.strip(), word.start, word.end, word.probability) for s in segments for word in s.words or []
    )
    text = re.sub(r"\s+", " ", " ".join(s.text for s in segments)).strip()
    scores = [s.avg_logprob for s in segments] or [0.0]
    silence = [s.no_speech_prob for s in segments] or [1.0]
    ratio = max((s.compression_ratio for s in segments), default=0.0)
    return Transcript(text, info.language, None, float(np.mean(scores)), min(silence), ratio, words, (), 0)


if __name__ == "__main__":
    main()
