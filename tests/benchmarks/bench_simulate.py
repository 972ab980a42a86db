"""Simulation on one core: hours of two-channel audio per hour, with noise, and what `verify` finds in 500 dialogues.

    python tests/benchmarks/bench_simulate.py [DIALOGUES]

The lines are spoken once by espeak; each take of a dialogue is planned and rendered anew. Bars: 100 hours per hour, no
violation, onset error median <= 10 ms and p99 <= 30 ms. Exit status 1 where one is missed.
"""

import io
import json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from manifests.records import Licence, Reject, TextDialogue, TextTurn
from synth.acoustics import NoiseParams, draw_noise
from synth.duplex import RATE
from synth.duplex.labels import dump, sample_json
from synth.duplex.planner import plan_timeline
from synth.duplex.render import render
from synth.duplex.spoken import SpokenLine, measure
from synth.duplex.timing import Timing
from synth.duplex.verify import check
from synth.script import Interaction, Script, write_script
from synth.tts.engine import SpeechError
from synth.tts.espeak import EspeakEngine
from synth.voices import ASSISTANT_VOICE, voices_for

TEXTS = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
BAR = 100.0
NOISE = NoiseParams(probability=1.0)


@dataclass(frozen=True)
class Spoken:
    script: Script
    pcm: dict[str, NDArray[np.float32]]
    lines: dict[str, SpokenLine]


@dataclass
class Figures:
    """Seconds of CPU per step, seconds of audio, and what was found."""

    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    audio_s: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    violations: list[str] = field(default_factory=list)
    onset_ms: list[float] = field(default_factory=list)
    offset_ms: list[float] = field(default_factory=list)
    snr_db: list[float] = field(default_factory=list)


def speak() -> list[Spoken]:
    engine, spoken = EspeakEngine(), []
    for row in map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines()):
        turns = tuple(TextTurn(message["role"], message["content"]) for message in row["messages"])
        dialogue = TextDialogue(row["id"], turns, "en", "quickstart", Licence("CC0-1.0", True, True))
        script = write_script(dialogue, Interaction(), ASSISTANT_VOICE, voices_for("train"), 1)
        pcm, lines = {}, {}
        for line, speech in zip(script.lines, engine.synthesize(script.engine_lines()), strict=True):
            if isinstance(speech, SpeechError):
                raise speech
            measured = measure(speech.pcm, speech.words)
            if measured is not None:
                pcm[line.id], lines[line.id] = speech.pcm, measured
        spoken.append(Spoken(script, pcm, lines))
    return spoken


def simulate(item: Spoken, seed: int, figures: Figures) -> None:
    clock = time.process_time
    started = clock()
    noise = draw_noise(NOISE, [], seed, item.script.id)
    timeline = plan_timeline(item.script, item.lines, Timing(), noise, seed)
    assert not isinstance(timeline, Reject)
    rendered = render(timeline, item.pcm, {})
    sample = dump(sample_json(item.script, timeline, rendered.gain_db))
    figures.cpu["plan, render, label"] += clock() - started

    started = clock()
    files = [io.BytesIO(), io.BytesIO()]
    for file, audio in zip(files, (rendered.channels.T, rendered.user_clean), strict=True):
        soundfile.write(file, audio, RATE, format="FLAC", subtype="PCM_16")
    figures.cpu["FLAC of both files"] += clock() - started

    audio, clean = (soundfile.read(io.BytesIO(file.getvalue()), dtype="float32", always_2d=True)[0].T for file in files)
    started = clock()
    report = check(json.loads(sample), audio, clean[0])
    figures.cpu["verify, decoded"] += clock() - started

    figures.audio_s += timeline.n_samples / RATE
    figures.events.update(event.kind for event in timeline.events)
    figures.unplaced.update(f"{entry.kind}: {entry.why}" for entry in timeline.unplaced)
    figures.checks += report.checks
    figures.violations += [
        f"{item.script.id} take {seed}: {found.check}: {found.detail}" for found in report.violations
    ]
    figures.onset_ms += report.onset_error_ms
    figures.offset_ms += report.offset_error_ms
    figures.snr_db += [] if report.snr_error_db is None else [report.snr_error_db]


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    spoken, figures = speak(), Figures()
    for n in range(wanted):
        simulate(spoken[n % len(spoken)], n // len(spoken), figures)
    print(f"{wanted} dialogues, {figures.audio_s / 3600:.2f} h of two channels, all with noise")
    for step, seconds in figures.cpu.items():
        print(f"  {step:22} {figures.audio_s / seconds:8.0f} hours per hour of one core")
    print(f"  events {dict(figures.events)}; left out {dict(figures.unplaced)}")
    for name, errors, unit in (
        ("onset", figures.onset_ms, "ms"),
        ("offset", figures.offset_ms, "ms"),
        ("SNR", figures.snr_db, "dB"),
    ):
        median, p99, most = np.percentile(np.abs(errors), [50, 99, 100])
        print(f"  {name} error: median {median:.3f}, p99 {p99:.3f}, largest {most:.3f} {unit}")
    print(f"  {figures.checks} checks, {len(figures.violations)} violations")
    for violation in figures.violations[:10]:
        print(f"    {violation}")
    rate = figures.audio_s / figures.cpu["plan, render, label"]
    onset = np.percentile(np.abs(figures.onset_ms), [50, 99])
    return 0 if rate >= BAR and not figures.violations and onset[0] <= 10 and onset[1] <= 30 else 1


if __name__ == "__main__":
    sys.exit(main())
