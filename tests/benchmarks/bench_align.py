"""How far found word times are from those that espeak states, for every text of the quickstart in all its voices.

    python tests/benchmarks/bench_align.py [--every N] [--model NAME]

A table: share of words aligned, median and 95th percentile of the error of starts and of ends, speed in seconds of
audio per second of one core; and how many lines are taken for another line's text. Then the share of the time of
`speak` that the quality gate takes.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import turnmill.synth.tts.align
from turnmill.pipelines.asr.locate import Located
from turnmill.synth.speech import Line, Speech
from turnmill.synth.text import spoken_form
from turnmill.synth.tts.align import Aligner, ProportionalAligner, WhisperAligner
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine
from turnmill.synth.tts.gate import GateParams, judge
from turnmill.synth.tts.sphinx import PocketsphinxAligner

QUICKSTART = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart"
MANDARIN = (
    "今天下午三点，我们在图书馆门口见面。",
    "请把灯关掉，然后给妈妈打个电话。",
    "明天早上会下雨，记得带伞。",
    "这家店的面条很好吃，也不贵。",
    "好的，我已经帮你订了两张去上海的火车票，早上九点出发。",
    "你想听轻松的音乐，还是新闻？",
    "对。",
)


@dataclass(frozen=True)
class Spoken:
    line: Line
    speech: Speech

    @property
    def seconds(self) -> float:
        return len(self.speech.pcm) / self.speech.sample_rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every Nth text")
    parser.add_argument("--model", default="tiny.en", help="Whisper model, as in transcribe.models")
    given = parser.parse_args()
    rows = [json.loads(row) for row in (QUICKSTART / "dialogues.jsonl").read_text("utf-8").splitlines()]
    texts = [turn["content"] for row in rows for turn in row["messages"] if isinstance(turn.get("content"), str)]
    texts = [*texts, *(QUICKSTART / "sentences.txt").read_text("utf-8").splitlines()]
    english = speak([spoken_form(text, "en") for text in texts if text.strip()][:: given.every], "en")
    mandarin = speak(MANDARIN * 6, "zh")
    print(
        f"{'aligner':34}{'words':>8}{'start ms: median, p95':>24}{'end ms: median, p95':>22}{'speed':>9}{'fooled':>9}"
    )
    whisper = WhisperAligner(Located(given.model), given.model)
    for name, aligner in (("pocketsphinx", PocketsphinxAligner()), (f"whisper {given.model}", whisper)):
        report(f"en  {name}", aligner, english)
        report(f"en  {name}, not snapped", aligner, english, snap=False)
    report("en  proportional", ProportionalAligner(), english)
    report("zh  proportional", ProportionalAligner(), mandarin)


def speak(texts: Sequence[str], language: str) -> list[Spoken]:
    voices = sorted(name for name, voice in ESPEAK.voices.items() if voice.language == language)
    lines = [Line(str(i), text, voices[i % len(voices)], language, 0) for i, text in enumerate(texts)]
    started = time.process_time()
    results = EspeakEngine(ESPEAK.voices).synthesize(lines)
    spoken = time.process_time() - started
    done = [Spoken(line, s) for line, s in zip(lines, results, strict=True) if isinstance(s, Speech)]
    started = time.process_time()
    verdicts = [judge(item.speech.pcm, item.line.text, language, GateParams()) for item in done]
    judged = time.process_time() - started
    print(
        f"{language}: {len(done)} lines of {len(texts)}, {sum(item.seconds for item in done):.0f} s, "
        f"{len(voices)} voices; the gate passes {sum(verdict.why is None for verdict in verdicts)} of them "
        f"and takes {judged / spoken:.1%} of espeak's time"
    )
    return done


def report(name: str, aligner: Aligner, spoken: Sequence[Spoken], snap: bool = True) -> None:
    kept = turnmill.synth.tts.align.snapped
    if not snap:
        turnmill.synth.tts.align.snapped = lambda spans, _: list(spans)
    errors: list[tuple[float, float]] = []
    started = time.process_time()
    for item in spoken:
        words = aligner.align(item.speech.pcm, item.speech.sample_rate, item.line.text, item.line.language)
        told = item.speech.words or ()
        if words is not None and len(words) == len(told):
            errors += [(a.start - b.start, a.end - b.end) for a, b in zip(words, told, strict=True)]
    seconds = time.process_time() - started
    turnmill.synth.tts.align.snapped = kept
    fooled = [
        aligner.align(a.speech.pcm, a.speech.sample_rate, b.line.text, b.line.language) is not None
        for a, b in zip(spoken[::5], spoken[1::5], strict=False)
        if len(a.line.text) > 20
    ]
    size = 1e3 * np.abs(np.array(errors))
    median, high = np.median(size, axis=0), np.quantile(size, 0.95, axis=0)
    share = len(errors) / sum(len(item.speech.words or ()) for item in spoken)
    speed = sum(item.seconds for item in spoken) / seconds
    print(
        f"{name:34}{share:8.1%}{median[0]:16.1f}{high[0]:8.1f}{median[1]:14.1f}{high[1]:8.1f}{speed:8.0f}x"
        f"{sum(fooled):5}/{len(fooled)}"
    )


if __name__ == "__main__":
    main()
