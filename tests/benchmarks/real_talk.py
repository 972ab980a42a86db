"""Conversations of real speech whose truth is known to the sample: planned and rendered by the simulator, out of
stretches of read speech; and the lines on which they are heard."""

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from turnmill.manifests.audio import Audio, Float32, mono_at, quantize16, read
from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn, generator
from turnmill.synth.acoustics import Acoustics
from turnmill.synth.acoustics.codecs import transmit
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import LogNormal
from turnmill.synth.duplex.lengths import IPU_GAP
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.planning.spoken import LineWord, SpokenLine
from turnmill.synth.duplex.rendering.render import shaped
from turnmill.synth.duplex.talk.turn_taking import Intervals, ipus
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.energy import active_level, frame_power, islands
from turnmill.synth.script import Interaction, write_script
from turnmill.synth.tts.engines.espeak import ESPEAK

LEVEL = -23.0  # dBFS of active speech
PAUSE = LogNormal(median=0.6, sigma=0.45, low=0.25, high=4.0)  # away from 200 ms, where a pause begins to be one
TALK = Interaction(barge_in=0.0, hesitation=0.0, silence_timeout=0.0, balance=0.0)
"""Nothing but turns and backchannels."""
LONGEST_NOD = RATE * 4 // 5
TURNS = 24
LEAK_DB, NOISE_DB, QUIET_DB = -14.0, -5.0, -40.0

_GLOBS = ("LibriSpeech/*/*/*/*.flac", "VCTK-Corpus-0.92/*/*/*.flac", "LJSpeech-1.1/*/*.wav")
_BACKGROUND_DB = -36.0  # of the quietest 3 % of frames against active speech, at most: else no bound is exact
_SHORTEST = RATE // 4
_LEAST = 7 * RATE  # of one speaker
_WORD_S = 0.3
_CLAUSE = 6  # words

Stretches = Sequence[Float32]


@dataclass(frozen=True)
class Conversation:
    """`stems`: float32 [2, samples] at 24 kHz; `truth`: the inter-pausal units of each."""

    name: str
    stems: Float32
    truth: tuple[Intervals, Intervals]

    @property
    def seconds(self) -> float:
        return self.stems.shape[1] / RATE


@functools.cache
def stretches(shared: Path) -> dict[str, list[Float32]]:
    """By speaker: speech without 200 ms of silence in it, by the rule of `synth.energy`, at one level."""
    found: dict[str, list[Float32]] = {}
    for path in sorted(path for pattern in _GLOBS for path in shared.glob(pattern)):
        pcm = mono_at(read(path.read_bytes(), path.name).sound, RATE, path.name)
        level = active_level(pcm)
        if level is None or 10 * np.log10(np.quantile(frame_power(pcm), 0.03) + 1e-12) > level + _BACKGROUND_DB:
            continue
        speaker = path.name.split("-")[0].split("_")[0]
        for start, end in islands(pcm, level - 30, IPU_GAP):
            if end - start > _SHORTEST:
                louder = np.float32(10 ** ((LEVEL - level) / 20))
                found.setdefault(speaker, []).append(pcm[start:end] * louder)
    return {name: speech for name, speech in found.items() if sum(map(len, speech)) > _LEAST}


def conversation(shared: Path, name: str, timed: Timing, turns: int = TURNS) -> Conversation:
    """Two of the speakers, by the timing; turns of one, two and more stretches."""
    rng = generator(0, name, "real talk")
    people = stretches(shared)
    one, other = (people[each] for each in rng.choice(sorted(people), 2, replace=False))
    nods = [speech for speaker in people.values() for speech in speaker if len(speech) <= LONGEST_NOD]
    spoken = [_line([part for part in (other, one)[turn % 2] if len(part) > RATE // 2], rng) for turn in range(turns)]
    texts = tuple(
        TextTurn("assistant" if turn % 2 else "user", _text(sum(map(_words, spans))))
        for turn, (_, spans) in enumerate(spoken)
    )
    dialogue = TextDialogue(name, texts, "en", "bench", Licence("CC-BY-4.0", True, True))
    script = write_script(dialogue, TALK, ESPEAK, "train", 0)
    pcm: dict[str, Float32] = {}
    lines: dict[str, SpokenLine] = {}
    for line in script.lines:
        said = _line([nods[rng.integers(len(nods))]], rng, 0.0) if line.role == "backchannel" else spoken[line.turn]
        pcm[line.id] = said[0]
        lines[line.id] = _measured(line.text.split(), *said)
    timeline = plan_timeline(script, lines, timed, lambda _: Acoustics(), 0)
    assert not isinstance(timeline, Reject), timeline
    stems = np.zeros((2, timeline.n_samples), np.float32)
    truth: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for clip in timeline.clips:
        stems[clip.channel, clip.at : clip.end] += shaped(clip, pcm[clip.line].copy())
        heard = ((max(start, clip.start), min(end, clip.stop)) for start, end in lines[clip.line].islands)
        truth[clip.channel].extend((clip.at + s - clip.start, clip.at + e - clip.start) for s, e in heard if s < e)
    first, second = (ipus(np.array(spans, np.int64).reshape(-1, 2)) for spans in truth)
    return Conversation(name, stems, (first, second))


def _line(parts: Stretches, rng: np.random.Generator, p_more: float = 0.5) -> tuple[Float32, list[tuple[int, int]]]:
    """Some of the stretches with pauses between them, and where they are."""
    edge = np.zeros(RATE // 100, np.float32)
    pcm, spans, at = [edge], list[tuple[int, int]](), len(edge)
    while True:
        part = parts[rng.integers(len(parts))]
        pcm.append(part)
        spans.append((at, at + len(part)))
        if rng.random() >= p_more:
            return np.concatenate((*pcm, edge)), spans
        pause = np.zeros(round(PAUSE.draw(rng) * RATE), np.float32)
        pcm.append(pause)
        at = spans[-1][1] + len(pause)


def _words(span: tuple[int, int]) -> int:
    return max(round((span[1] - span[0]) / RATE / _WORD_S), 1)


def _text(count: int) -> str:
    return " ".join(["talk," if n % _CLAUSE == _CLAUSE - 1 else "talk" for n in range(count - 1)] + ["talk."])


def _measured(said: Sequence[str], pcm: Float32, spans: Sequence[tuple[int, int]]) -> SpokenLine:
    """A line whose words are spread evenly over its stretches."""
    words: list[LineWord] = []
    left = list(said)
    for span in spans:
        count = len(left) if span == spans[-1] else min(_words(span), len(left))
        edges = np.round(np.linspace(*span, count + 1)).astype(int)
        words += [LineWord(w, int(s), int(e)) for w, s, e in zip(left[:count], edges, edges[1:], strict=False)]
        left = left[count:]
    level = active_level(pcm)
    assert level is not None
    return SpokenLine(len(pcm), tuple(words), tuple(spans), level, float(20 * np.log10(np.abs(pcm).max())))


def _at(stems: Float32, rate: int, gain_db: float = 0.0) -> Audio:
    narrow = soxr.resample(stems.T, RATE, rate).T * np.float32(10 ** (gain_db / 20))
    return quantize16(Audio(np.ascontiguousarray(narrow, np.float32), rate))


def _gsm(pcm: Float32) -> Float32:
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(pcm, RATE, 8000), 8000, format="WAV", subtype="GSM610")
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0][: len(pcm) * 8000 // RATE]


def _noisy(stems: Float32, noises: Sequence[Float32], first: int) -> Float32:
    level = 10 ** ((LEVEL + NOISE_DB) / 20)
    chosen = [np.resize(noises[(first + k) % len(noises)], stems.shape[1]) for k in range(2)]
    return stems + np.stack([noise * np.float32(level / np.sqrt(np.mean(np.square(noise)))) for noise in chosen])


def _leaky(stems: Float32) -> Float32:
    return stems + np.float32(10 ** (LEAK_DB / 20)) * np.roll(stems[::-1], RATE // 50, axis=1)


def conditions(noises: Sequence[Float32]) -> Mapping[str, Callable[[Float32, int], Audio]]:
    """How stems are heard: float32 [2, samples] at 24 kHz, and which conversation it is, to what arrives. `noises` at
    24 kHz."""
    return {
        "clean": lambda stems, _: _at(stems, 16000),
        "mu-law": lambda stems, _: _at(np.stack([transmit("g711_mulaw", channel) for channel in stems]), 8000),
        "gsm": lambda stems, _: Audio(np.stack([_gsm(channel) for channel in stems]), 8000),
        "quiet": lambda stems, _: _at(stems, 8000, QUIET_DB - LEVEL),
        "noise": lambda stems, n: _at(_noisy(stems, noises, 2 * n), 16000),
        "leakage": lambda stems, _: _at(_leaky(stems), 8000),
    }


def room_tone(stems: Float32, name: str) -> Float32:
    """The stems above a converter's noise of -75 dBFS."""
    rng = generator(0, name, "room tone")
    return stems + rng.standard_normal(stems.shape, np.float32) * np.float32(10 ** (-75 / 20))
