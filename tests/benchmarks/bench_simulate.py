"""Simulation on one core, and what `verify` finds: every event, every augmentation, from real texts.

    python tests/benchmarks/bench_simulate.py [DIALOGUES] [TEXTS ...]

TEXTS are files of dialogues (any shape that `sources` reads); by default the quickstart's. Each dialogue is spoken once
by espeak and simulated as often as the number wants. Bars: 300 hours of two channels per hour of one core clean, 60
with every augmentation; no violation; onset error median <= 5 ms and p99 <= 20 ms; SNR within 0.5 dB, echo gain within
5 %, its delay within 1 ms. Exit status 1 where one is missed.
"""

import io
import json
import resource
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.synth.lines import engine_lines
from turnmill.manifests.records import Reject, TextDialogue
from turnmill.manifests.samples import DIALOGUE, to_json
from turnmill.sources.catalogue import load
from turnmill.synth.acoustics import AcousticsParams, Pools, draw_acoustics
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.rendering.labels import sample_json
from turnmill.synth.duplex.rendering.material import Material, spoken_material, with_sounds
from turnmill.synth.duplex.rendering.render import render
from turnmill.synth.duplex.timing import timing
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.speech import SpeechError
from turnmill.synth.text import TextLimits, speakable
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

TEXTS = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
LIVELY = Interaction(
    barge_in=0.35,
    backchannels_per_minute=3,
    assistant_backchannels_per_minute=6,
    balance=1.5,
    hesitation=0.4,
    silence_timeout=0.05,
)
NONE = {"noise", "room", "echo", "gain", "clipping", "codec", "packet_loss"}
CLEAN = AcousticsParams.model_validate({effect: {"probability": 0.0} for effect in NONE})
EVERYTHING = AcousticsParams.model_validate({effect: {"probability": 1.0} for effect in NONE})
USUAL = AcousticsParams()
PRESETS = ("assistant", "telephone", "video_call")
BARS = {"clean": 300.0, "everything": 60.0}
_SPOKEN_AT_MOST = 1200


@dataclass(frozen=True)
class Spoken:
    script: Script
    material: Material


@dataclass
class Figures:
    """Seconds of CPU per step, seconds of audio, and what was found."""

    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    audio_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    events: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    violations: list[str] = field(default_factory=list)
    onset_ms: list[float] = field(default_factory=list)
    offset_ms: list[float] = field(default_factory=list)
    snr_db: list[float] = field(default_factory=list)
    echo_gain: list[float] = field(default_factory=list)
    echo_delay_ms: list[float] = field(default_factory=list)

    def spend(self, step: str, started: float, audio_s: float) -> None:
        self.cpu[step] += cpu() - started
        self.audio_s[step] += audio_s


def cpu() -> float:
    """Seconds of CPU of this process and of the ffmpegs that it ran."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def dialogues(paths: list[Path]) -> list[TextDialogue]:
    """What can be spoken of the files, at a length that is spoken in a moment."""
    entry, limits, found = load("dialogue_text"), TextLimits(max_turn_chars=400, languages=("en", "zh")), []
    for path in paths:
        read = (item for item in entry.corpus(path).items() if isinstance(item, TextDialogue))
        found += [item for item in (speakable(one, limits) for one in read) if isinstance(item, TextDialogue)]
    return found[:_SPOKEN_AT_MOST]


def speak(texts: list[TextDialogue]) -> list[Spoken]:
    engine, spoken = EspeakEngine(ESPEAK.voices), []
    for dialogue in texts:
        script = write_script(dialogue, LIVELY, ESPEAK, "train", 1)
        said = zip(script.lines, engine.synthesize(engine_lines(script)), strict=True)
        lines = {n.id: (s.pcm, s.words or ()) for n, s in said if not isinstance(s, SpeechError)}
        spoken.append(Spoken(script, spoken_material(script, lines)))
    return spoken


def simulate(item: Spoken, take: int, acoustics: AcousticsParams, name: str, figures: Figures) -> None:
    """One take, as the stage makes it: plan, render, labels, two FLAC files; then `verify` on what was written."""
    started = cpu()
    script, material = with_sounds(item.script, item.material, Pools(), take)
    timeline = plan_timeline(
        script,
        material.lines,
        timing(PRESETS[take % len(PRESETS)]),
        lambda n_samples: draw_acoustics(acoustics, Pools(), take, script.id, n_samples),
        take,
    )
    if isinstance(timeline, Reject):
        figures.violations.append(f"{script.id}: {timeline.detail}")
        return
    rendered = render(timeline, material.pcm, Pools())
    sample = to_json(sample_json(script, timeline, rendered.fitted, script.id), DIALOGUE)
    audio_s = timeline.n_samples / RATE
    figures.spend(f"plan, render, label: {name}", started, audio_s)

    files = [io.BytesIO(), io.BytesIO()]
    started = cpu()
    soundfile.write(files[0], rendered.channels.T, RATE, format="FLAC", subtype="PCM_16")
    figures.spend(f"FLAC of the sample: {name}", started, audio_s)
    soundfile.write(files[1], rendered.user_clean, RATE, format="FLAC", subtype="PCM_16")

    audio, clean = (soundfile.read(io.BytesIO(file.getvalue()), dtype="float32", always_2d=True)[0].T for file in files)
    started = cpu()
    report = check(json.loads(sample), audio, clean[0])
    figures.spend(f"verify, decoded: {name}", started, audio_s)

    figures.languages[script.language] += 1
    figures.events.update(_kind(event.kind, event.params) for event in timeline.events)
    figures.unplaced.update(entry.kind for entry in timeline.unplaced)
    figures.checks += report.checks
    figures.violations += [f"{script.id} take {take}: {found.check}: {found.detail}" for found in report.violations]
    figures.onset_ms += report.onset_error_ms
    figures.offset_ms += report.offset_error_ms
    for errors, error in (
        (figures.snr_db, report.snr_error_db),
        (figures.echo_gain, report.echo_gain_error),
        (figures.echo_delay_ms, report.echo_delay_error_ms),
    ):
        errors += [] if error is None else [error]


def _kind(kind: str, params: dict[str, object]) -> str:
    return f"{kind}.{params['intent']}" if "intent" in params else f"{kind}.resumed" if params.get("resumed") else kind


def takes(spoken: list[Spoken], count: int) -> tuple[float, float]:
    """Seconds of CPU per take of one take and of `count`, speech decoded once for all takes of a dialogue."""
    coded = [{name: _flac(pcm) for name, pcm in item.material.pcm.items()} for item in spoken]
    seconds = []
    for number in (1, count):
        started = cpu()
        for item, files in zip(spoken, coded, strict=True):
            pcm = {name: soundfile.read(io.BytesIO(data), dtype="float32")[0] for name, data in files.items()}
            for take in range(number):
                script, material = with_sounds(item.script, Material(pcm, item.material.lines), Pools(), take)
                timeline = plan_timeline(
                    script,
                    material.lines,
                    timing(PRESETS[take % 3]),
                    lambda n, take=take, script=script: draw_acoustics(USUAL, Pools(), take, script.id, n),  # type: ignore[misc]
                    take,
                )
                assert not isinstance(timeline, Reject)
                rendered = render(timeline, material.pcm, Pools())
                _flac(rendered.channels.T)
                _flac(rendered.user_clean)
        seconds.append((cpu() - started) / number / len(spoken))
    return seconds[0], seconds[1]


def _flac(audio: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    texts = dialogues([Path(name) for name in sys.argv[2:]] or [TEXTS])
    spoken, figures = speak(texts), Figures()
    kinds = [("usual", USUAL), ("everything", EVERYTHING), ("clean", CLEAN)]
    for n in range(wanted):
        # Half of the dialogues as the defaults draw them; the others show the two ends.
        name, acoustics = kinds[0] if n % 2 else kinds[1 + n // 2 % 2]
        simulate(spoken[n % len(spoken)], n // len(spoken) + n % 3, acoustics, name, figures)
    hours = sum(value for step, value in figures.audio_s.items() if step.startswith("plan")) / 3600
    print(f"{wanted} dialogues from {len(texts)} texts ({dict(figures.languages)}), {hours:.2f} h of two channels")
    rates = {step: figures.audio_s[step] / seconds for step, seconds in figures.cpu.items()}
    for step, rate in sorted(rates.items()):
        limit = rates[f"FLAC of the sample: {step.split(': ')[1]}"]
        print(f"  {step:34} {rate:8.0f} x real time on one core, {rate / limit:.2f} of the FLAC encoder's")
    print(f"  events {dict(figures.events.most_common())}")
    print(f"  left out {dict(figures.unplaced.most_common())}")
    ok = not figures.violations
    for name, errors, unit, median_bar, most_bar in (
        ("onset", figures.onset_ms, "ms", 5.0, 20.0),
        ("offset", figures.offset_ms, "ms", 5.0, 20.0),
        ("SNR", figures.snr_db, "dB", 0.5, 0.5),
        ("echo gain", figures.echo_gain, "of it", 0.05, 0.05),
        ("echo delay", figures.echo_delay_ms, "ms", 1.0, 1.0),
    ):
        median, p99, most = np.percentile(np.abs(errors or [0.0]), [50, 99, 100])
        print(f"  {name} error, {len(errors)}: median {median:.4f}, p99 {p99:.4f}, largest {most:.4f} {unit}")
        ok &= bool(median <= median_bar and p99 <= most_bar)
    print(f"  {figures.checks} checks, {len(figures.violations)} violations")
    for violation in figures.violations[:10]:
        print(f"    {violation}")
    one, eight = takes(spoken[:40], 8)
    print(f"  takes: {1000 * one:.0f} ms of CPU for one, {1000 * eight:.0f} ms each of eight: {eight / one:.2f}")
    ok &= (
        all(rates.get(f"plan, render, label: {name}", bar) >= bar for name, bar in BARS.items()) and eight <= 1.3 * one
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
