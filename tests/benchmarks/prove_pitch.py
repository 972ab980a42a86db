"""Pitch against what is known: harmonic tones, and the voices of hibari, whose model says the pitch of each frame.

python tests/benchmarks/prove_pitch.py
"""

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soxr

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.sources.test_pitch import tone
from turnmill.sources.pitch import SAMPLE_RATE, PitchTracker
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.espeak import DECLARATION as ESPEAK
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine, engine

LINES = (
    "The morning train leaves at seven, and nobody knew the way home.",
    "Would you put the kettle on, please, and call me when it boils?",
    "Bread needs time and a warm room, and a good deal of patience.",
)
FRAME_S = 0.0125  # of hibari
VOICED_HZ = 40.0  # below it a frame of hibari has no pulses
GROSS = 0.2  # of the pitch: an error of an octave, say


@contextmanager
def rendered() -> Iterator[list[tuple[engine.Pcm, engine.Pcm]]]:
    """Collects the sound of each sentence, before its silences are cut, and the pitch that hibari gives its frames."""
    seen: list[tuple[engine.Pcm, engine.Pcm]] = []
    pitches: list[engine.Pcm] = []
    render, pitched = engine._render, engine._pitched

    def keep_pitch(f0: engine.Pcm, speaker: engine.PseudoSpeaker) -> engine.Pcm:
        pitches.append(pitched(f0, speaker))
        return pitches[-1]

    def keep(*given: Any) -> Any:
        pcm, edges = render(*given)
        seen.append((pcm, pitches[-1]))
        return pcm, edges

    engine._render, engine._pitched = keep, keep_pitch  # type: ignore[assignment]
    try:
        yield seen
    finally:
        engine._render, engine._pitched = render, pitched


def main() -> None:
    tracker = PitchTracker()
    worst = 0.0
    for hz in range(60, 560, 10):
        found = tracker.pitch(tone(hz), str(hz))
        assert found is not None
        worst = max(worst, abs(found.mean_hz / hz - 1))
    print(f"tones of 60 to 550 Hz: the mean is off by at most {100 * worst:.2f} %")
    voices = [name for name in HIBARI.voices if name != "hibari-heart"]  # which is not pitched anew
    speaker = HibariEngine(HIBARI.voices)
    errors: list[float] = []
    means: list[float] = []
    gross = unvoiced = frames = 0
    seconds = spent = 0.0
    for name in voices:
        with rendered() as seen:
            speaker.synthesize([Line(str(n), text, name, "en", 0) for n, text in enumerate(LINES)])
        for pcm, said in seen:
            samples = soxr.resample(pcm, speaker.sample_rate, SAMPLE_RATE)
            began = time.process_time()
            heard = tracker.contour(samples, "speech")
            spent, seconds = spent + time.process_time() - began, seconds + len(samples) / SAMPLE_RATE
            places = np.clip(
                (np.arange(len(heard)) * 256 / SAMPLE_RATE / FRAME_S).round().astype(int), 0, len(said) - 1
            )
            true = said[places]
            both = (true > VOICED_HZ) & ~np.isnan(heard)
            off = np.abs(heard[both] / true[both] - 1)
            frames, gross = frames + len(off), gross + int((off > GROSS).sum())
            unvoiced += int(((true > VOICED_HZ) & np.isnan(heard)).sum())
            errors += off[off <= GROSS].tolist()
            means.append(abs(heard[both].mean() / true[both].mean() - 1))
    print(
        f"hibari, {len(voices)} voices, {frames} voiced frames: median error {100 * statistics.median(errors):.2f} %, "
        f"gross (over {GROSS:.0%}) {gross / frames:.2%}, taken for unvoiced {unvoiced / (frames + unvoiced):.1%}; "
        f"mean of a line off by {statistics.median(means):.2%} (median), {max(means):.2%} at most"
    )
    print(f"{seconds / spent:.0f} times as fast as the sound, on one core")
    assert ESPEAK.bank is not None
    for name, voice in ESPEAK.bank.voices.items():
        if voice.language == "en":
            (speech,) = ESPEAK.make(ESPEAK.params(), ESPEAK.bank.voices).synthesize(
                [Line("0", LINES[0], name, "en", 0)]
            )
            assert isinstance(speech, Speech)
            found = tracker.pitch(soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE), "speech")
            assert found is not None
            print(f"  {name} ({voice.gender}): {found.mean_hz:.0f} Hz, deviation {found.deviation_hz:.0f}")


if __name__ == "__main__":
    main()
