"""The CosyVoice engine against the bare package: same model, same lines, same seeds, one process.

The bare loop is what the package's own examples come to when each voice is cached (`add_zero_shot_spk`): seed, call,
join the chunks. The engine does the same behind its checks. A second bare loop reads the recording for each line, as
the examples do. In turn, medians; on a miniature model with random weights unless --model names another.

    COSYVOICE_REPO=../CosyVoice OMP_NUM_THREADS=1 python tests/benchmarks/bench_cosyvoice.py [--rounds 5] [--lines 6]
        [--generation 2] [--model FOLDER]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.synth.tts import cosyvoice_miniature  # noqa: E402
from tests.synth.tts.conftest import cloned  # noqa: E402
from turnmill.synth.speech import Line, Speech  # noqa: E402
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, CosyVoiceParams, engine  # noqa: E402
from turnmill.synth.tts.engines.cosyvoice.prompts import wav_file  # noqa: E402

TEXT = "I would like to go there on the {}th of May."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=6)
    parser.add_argument("--generation", type=int, choices=(2, 3), default=2)
    parser.add_argument("--model")
    options = parser.parse_args()
    if "COSYVOICE_REPO" not in os.environ:
        raise SystemExit("skipped: needs a checkout of CosyVoice: set COSYVOICE_REPO")
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if model is None:
            model = str(Path(folder) / "model")
            script = [sys.executable, cosyvoice_miniature.__file__, model, str(options.generation)]
            subprocess.run(script, check=True, capture_output=True)
        compare(model, options.lines, options.rounds)


def compare(model: str, count: int, rounds: int) -> None:
    """Print the lines spoken a minute by each, and their ratio in each round."""
    voice = cloned()
    ours = CosyVoiceEngine(CosyVoiceParams(model=model), {voice.name: voice})
    lines = [Line(str(index), TEXT.format(index + 4), voice.name, "en", index) for index in range(count)]
    seeds: list[int] = []
    seed_all = engine.seed_all
    engine.seed_all = lambda seed: (seeds.append(seed), seed_all(seed))[1]  # type: ignore[assignment]
    spoken = ours.synthesize(lines)  # loads the model and learns the seeds
    engine.seed_all = seed_all
    assert all(isinstance(result, Speech) for result in spoken)
    assert len(seeds) == len(lines)
    bare: Any = ours._model
    system = "You are a helpful assistant.<|endofprompt|>" if "cosyvoice3" in ours.identity else ""
    prompt = system + voice.prompt.text  # type: ignore[union-attr]
    prompt = bare.frontend.text_normalize(prompt, split=False)

    with wav_file(voice.prompt, voice.name) as wav:  # type: ignore[arg-type]
        bare.add_zero_shot_spk(prompt, wav, "bare")

        def speak(text: str, seed: int, cached: bool) -> np.ndarray:
            seed_all(seed)
            given = ("", "", "bare") if cached else (prompt, wav, "")
            return np.concatenate([c["tts_speech"].numpy()[0] for c in bare.inference_zero_shot(text, *given)])

        def bare_line(index: int, cached: bool) -> np.ndarray:
            return speak(lines[index].text, seeds[index], cached)

        arms: dict[str, Callable[[int], object]] = {
            "ours": lambda index: ours.synthesize([lines[index]]),
            "bare, cached speaker": lambda index: bare_line(index, True),
            "bare, recording read each time": lambda index: bare_line(index, False),
        }
        for index, mine in enumerate(spoken):
            assert isinstance(mine, Speech)
            assert np.array_equal(mine.pcm, np.clip(bare_line(index, True), -1, 1))
        wall: dict[str, list[float]] = {name: [] for name in arms}
        cpu: dict[str, list[float]] = {name: [] for name in arms}
        for turn in range(rounds):
            for name in arms:
                wall[name].append(0.0)
                cpu[name].append(0.0)
            for index in range(count):  # line by line, so that a busy machine is as busy for each
                for name in list(arms)[:: 1 if (turn + index) % 2 else -1]:
                    started = time.perf_counter(), time.process_time()
                    arms[name](index)
                    wall[name][-1] += time.perf_counter() - started[0]
                    cpu[name][-1] += time.process_time() - started[1]
    for name in arms:
        rate, seconds = 60 * count / statistics.median(wall[name]), statistics.median(cpu[name]) / count
        print(f"{name:>30}: {rate:6.1f} lines a minute, {seconds:.3f} s of CPU a line")
    for name in list(arms)[1:]:
        by_clock, by_cpu = (_ratio(times[name], times["ours"]) for times in (wall, cpu))
        print(f"ours over {name}: {by_clock} in lines a minute, {by_cpu} in lines by CPU time")


def _ratio(theirs: list[float], ours: list[float]) -> str:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


if __name__ == "__main__":
    main()
