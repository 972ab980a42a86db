"""Speak the training sentences: mel features as faster-whisper computes them, with every word and phoneme in its place.

A shard is `<index>.npy`, float16 [frames, 80] at 100 Hz, and `<index>.pkl`, a list of `Example` in its order.
Everything about a shard follows from its index.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from pipelines.asr.train.texts import Corpus, plain_words
from synth.tts.engine import SpeechError
from synth.tts.espeak import utter, word_spans
from synth.voices import EMBEDDED, EspeakSettings

SAMPLE_RATE = 16_000
_BANK = {voice.espeak for voice in EMBEDDED.speaking("en") if voice.espeak}
_PAIRS = sorted({(v.base, v.variant) for v in _BANK})
_BASES = sorted({v.base for v in _BANK})
_VARIANTS = sorted({v.variant for v in _BANK})


@dataclass(frozen=True)
class Example:
    """One clip. `frames` of 10 ms; `words` are (text, start, end) in seconds; `phonemes` are (name, start) in
    seconds.
    """

    frames: int
    words: tuple[tuple[str, float, float], ...]
    phonemes: tuple[tuple[str, float], ...]


def draw_voice(rng: np.random.Generator) -> EspeakSettings:
    """Draw voice settings around the bank's, never exactly one of them: those are for measuring."""
    while True:
        if rng.random() < 0.8:
            base, variant = _PAIRS[rng.integers(len(_PAIRS))]
        else:
            base, variant = _BASES[rng.integers(len(_BASES))], _VARIANTS[rng.integers(len(_VARIANTS))]
        voice = EspeakSettings(base, variant, pitch=int(rng.integers(30, 68)), rate=int(rng.integers(145, 194)))
        if voice not in _BANK:
            return voice


def make_shard(corpus: Corpus, out: Path, index: int, size: int, seed: int) -> None:
    """Write shard `index` of `size` examples."""
    rng = np.random.Generator(np.random.PCG64([seed, index]))
    extractor = FeatureExtractor()
    features: list[NDArray[np.float16]] = []
    examples: list[Example] = []
    while len(examples) < size:
        pcm, words, phonemes = _clip(corpus, rng)
        mel = extractor(_degraded(pcm, rng)).T.astype(np.float16)[:-1]
        features.append(mel)
        examples.append(Example(len(mel), words, phonemes))
    np.save(out / f"{index:04d}.tmp.npy", np.concatenate(features))
    (out / f"{index:04d}.tmp.npy").rename(out / f"{index:04d}.npy")
    (out / f"{index:04d}.pkl").write_bytes(pickle.dumps(examples))


_Clip = tuple[NDArray[np.float32], tuple[tuple[str, float, float], ...], tuple[tuple[str, float], ...]]


def _clip(corpus: Corpus, rng: np.random.Generator) -> _Clip:
    """Speak one sentence or (30 %) two or three in a row; 8 % of the clips join several such, 2 % hold no speech.

    8 % of what is spoken stops after a word in the middle.
    """
    kind = rng.random()
    if kind < 0.02:
        return np.zeros(int(rng.uniform(0.3, 12) * SAMPLE_RATE), np.float32), (), ()
    count = int(rng.integers(2, 6)) if kind < 0.10 else 1
    voice = draw_voice(rng)
    parts: list[NDArray[np.float32]] = [_silence(rng, 0.5)]
    words: list[tuple[str, float, float]] = []
    phonemes: list[tuple[str, float]] = []
    for _ in range(count):
        if sum(map(len, parts)) > 18 * SAMPLE_RATE:
            break
        voice = voice if rng.random() < 0.5 else draw_voice(rng)
        at = sum(map(len, parts)) / SAMPLE_RATE
        pcm, said, phones = _spoken(_text(corpus, rng), voice, stop=bool(rng.random() < 0.08), rng=rng)
        words += [(word, at + start, at + end) for word, start, end in said]
        phonemes += [*((name, at + start) for name, start in phones), ("_", at + len(pcm) / SAMPLE_RATE)]
        parts += [pcm, _silence(rng, 0.5 if count == 1 else 1.5)]
    return np.concatenate(parts), tuple(words), tuple(phonemes)


def _text(corpus: Corpus, rng: np.random.Generator) -> str:
    count = 1 if rng.random() < 0.7 else int(rng.integers(2, 4))
    return " ".join(corpus.draw(rng) for _ in range(count))


def _spoken(text: str, voice: EspeakSettings, stop: bool, rng: np.random.Generator) -> _Clip:
    try:
        utterance = utter(text, voice)
    except SpeechError:
        return np.zeros(0, np.float32), (), ()
    rate = 22_050
    spans = word_spans(text, utterance, voice)
    if not spans:
        return np.zeros(0, np.float32), (), ()
    if stop:
        spans = spans[: int(rng.integers(1, len(spans) + 1))]
    first, last = max(spans[0].start - 660, 0), min(spans[-1].end + 660, len(utterance.pcm))
    words: list[tuple[str, float, float]] = []
    for span in spans:
        plain = plain_words(span.text)
        # "well-known" is one token of the text and two words to the model.
        edges = np.linspace(span.start - first, span.end - first, len(plain) + 1) / rate
        words += [(word, float(a), float(b)) for word, a, b in zip(plain, edges[:-1], edges[1:], strict=True)]
    phonemes = tuple(
        (p.name.strip("',%=|"), (p.start - first) / rate)
        for p in utterance.phonemes
        if first <= p.start < spans[-1].end
    )
    pcm = utterance.pcm[first:last].astype(np.float32) / 32_768
    if stop:
        pcm = pcm[: spans[-1].end - first]
    return soxr.resample(pcm, rate, SAMPLE_RATE).astype(np.float32), tuple(words), phonemes


def _silence(rng: np.random.Generator, longest_s: float) -> NDArray[np.float32]:
    seconds = rng.uniform(0, longest_s) if rng.random() < 0.5 else rng.uniform(0, 0.06)
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def _degraded(pcm: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Add a room (12 %), a telephone band (8 %) and noise (35 %, 10-35 dB), then a gain (-18 to +3 dB) and 16 bits."""
    if not len(pcm):
        pcm = np.zeros(SAMPLE_RATE // 2, np.float32)
    if rng.random() < 0.12:
        decay = np.exp(-np.arange(3_200) / (SAMPLE_RATE * rng.uniform(0.01, 0.05)))
        tail = rng.standard_normal(3_200) * decay * 0.1 * rng.uniform(0.2, 1.0)
        tail[0] = 1.0
        pcm = _filtered(pcm, np.fft.rfft(tail, 1 << (len(pcm) + 3_200).bit_length()))
    if rng.random() < 0.08:
        pcm = soxr.resample(soxr.resample(pcm, SAMPLE_RATE, 8_000), 8_000, SAMPLE_RATE).astype(np.float32)
    if rng.random() < 0.35 or not pcm.any():
        noise = rng.standard_normal(len(pcm)).astype(np.float32)
        size = 1 << len(pcm).bit_length()
        hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
        noise = _filtered(noise, np.maximum(hz, 50) ** -rng.uniform(0, 1.0))
        level = float(np.sqrt(np.mean(pcm**2))) if pcm.any() else 0.05
        pcm = pcm + noise * (level * 10 ** (-rng.uniform(10, 35) / 20) / (float(np.std(noise)) + 1e-9))
    pcm = pcm * 10 ** (rng.uniform(-18, 3) / 20)
    return (np.round(np.clip(pcm, -1, 1) * 32_767) / 32_768).astype(np.float32)


def _filtered(
    pcm: NDArray[np.float32], response: NDArray[np.complexfloating] | NDArray[np.float64]
) -> NDArray[np.float32]:
    size = 2 * (len(response) - 1)
    return np.fft.irfft(np.fft.rfft(pcm, size) * response, size)[: len(pcm)].astype(np.float32)
