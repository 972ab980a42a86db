"""Proof that the measure of speech holds on a telephone, and that a preset fitted through it is that of the talk.

    python tests/benchmarks/prove_presence.py [CONVERSATIONS]

Conversations (20) are planned and rendered by the simulator with the preset `telephone`, out of real speech: the
utterances of LibriSpeech, VCTK and LJSpeech whose background is 36 dB and more below their speech, divided into
stretches without 200 ms of silence. So it is known to the sample where each channel speaks. Each conversation is heard
  clean     16 kHz
  mu-law    G.711, band of the telephone, 8 kHz
  gsm       GSM 06.10, 8 kHz
  quiet     8 kHz, speech at -40 dBFS, 16 bit
  noise     recorded noise 5 dB below the speech, 16 kHz: another on each channel
  leakage   each channel heard in the other at -14 dB after 20 ms, 8 kHz

Per condition: precision and recall of frames of 10 ms, silences below 200 ms belonging to speech in both, but for 50 ms
around each bound of the truth; errors of bounds; the same of bare Silero VAD; and `fit` of all of them: each number
beside its 90 % interval, the preset's, and what the exact times give.

Then hand times: AMI and the telephone sample of pyannote.audio, pauses below 0.75 s bridged in both, for annotators
marked utterances; what is found in noise, and the cost beside bare Silero VAD (CPU time).

Bars: precision and recall at least .9 in each condition and of the hand times; each number of the preset within its
interval; at least .95 of the bare library's rate. Exit status 1 where one is missed.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from real_talk import PAUSE, Conversation, conditions, conversation, room_tone, stretches

from turnmill.manifests.audio import Audio, mono_at, read
from turnmill.pipelines.fitting import recording
from turnmill.sources.measure import quality
from turnmill.sources.presence import RATE as NARROW
from turnmill.sources.presence import Segments, speech
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.talk.fit import Recording, fit, intervals, measure_turns, same_talk
from turnmill.synth.duplex.timing import timing

SHARED = Path(__file__).parents[3] / "shared" / "data"
PRESET = "telephone"
BAR, RATE_BAR = 0.9, 0.95
COLLAR, BRIDGE, UTTERANCE = 0.05, 0.2, 0.75
_HZ = 100  # frames a second


@dataclass
class Score:
    """Frames of truth and of what was found, and the errors of bounds in seconds."""

    both: int = 0
    found: int = 0
    true: int = 0
    errors: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def precision(self) -> float:
        return self.both / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.both / max(self.true, 1)

    def add(self, truth: Segments, found: Segments, seconds: float, gap: float = BRIDGE) -> None:
        truth, found = bridged(truth, gap), bridged(found, gap)
        used = ~frames([(edge - COLLAR, edge + COLLAR) for span in truth for edge in span], seconds)
        said, heard = frames(truth, seconds) & used, frames(found, seconds) & used
        self.both += int((said & heard).sum())
        self.found += int(heard.sum())
        self.true += int(said.sum())
        for side, errors in enumerate(self.errors):
            edges = np.array([span[side] for span in found])
            for span in truth:
                nearest = edges[np.argmin(np.abs(edges - span[side]))] - span[side] if len(edges) else math.inf
                if abs(nearest) < 0.3:
                    errors.append(float(nearest))

    def __str__(self) -> str:
        bounds = [f"{1000 * np.median(errors):+4.0f}" if errors else "   -" for errors in self.errors]
        return f"precision {self.precision:.3f}  recall {self.recall:.3f}  bounds {bounds[0]}, {bounds[1]} ms"

    @property
    def good(self) -> bool:
        return min(self.precision, self.recall) >= BAR


def bridged(spans: Segments, gap: float) -> Segments:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] < gap - 1e-9:
            start, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((start, end))
    return tuple(joined)


def frames(spans: Sequence[tuple[float, float]], seconds: float) -> np.ndarray:
    found = np.zeros(math.ceil(seconds * _HZ), bool)
    for start, end in spans:
        found[max(round(start * _HZ), 0) : max(round(end * _HZ), 0)] = True
    return found


def bare(pcm: np.ndarray) -> Segments:
    """Silero VAD as the library has it, of 16 kHz."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    found = get_speech_timestamps(pcm, VadOptions(min_silence_duration_ms=200, speech_pad_ms=30), NARROW)
    return tuple((span["start"] / NARROW, span["end"] / NARROW) for span in found)


def narrow(audio: Audio, channel: int) -> np.ndarray:
    return mono_at(Audio(audio.samples[channel : channel + 1], audio.sample_rate), NARROW, "bench")


def sounds(pattern: str) -> list[Path]:
    return sorted(SHARED.glob(pattern))


def load(path: Path, rate: int) -> np.ndarray:
    return mono_at(read(path.read_bytes(), path.name).sound, rate, path.name)


def seconds_of(spans: np.ndarray) -> Segments:
    return tuple((start / RATE, end / RATE) for start, end in spans.tolist())


def named(preset: str) -> dict[str, float]:
    """The numbers of a preset as `fit` names them; pauses are those of the lines."""
    transfer = timing(preset).user_to_assistant
    shapes = {"gap": transfer.gap, "overlap": transfer.overlap, "pause": PAUSE}
    numbers = {f"{key}.{part}": getattr(shape, part) for key, shape in shapes.items() for part in ("median", "sigma")}
    return {"p_overlap": transfer.p_overlap} | numbers


def prove_condition(name: str, heard: Sequence[tuple[Conversation, Audio]], exact: Mapping[str, float]) -> bool:
    ours, theirs = Score(), Score()
    recordings = []
    for talk, audio in heard:
        if same_talk(audio.samples, audio.sample_rate):
            print(f"  {talk.name} is refused: one talk on both channels")
            continue
        found = recording(audio, talk.name)
        recordings.append(found)
        for channel in range(2):
            truth = seconds_of(talk.truth[channel])
            ours.add(truth, seconds_of(found.channels[channel]), talk.seconds)
            theirs.add(truth, bare(narrow(audio, channel)), talk.seconds)
    good = ours.good and len(recordings) == len(heard)
    print(f"{name}\n  ours    {ours}{'' if ours.good else '  MISSED'}\n  bare    {theirs}")
    leaks = [one.leak_db for one in recordings if one.leak_db is not None]
    print(f"  cross-talk said of {len(leaks)}" + (f", median {np.median(leaks):.1f} dB" if leaks else ""))
    measured, sure = fit(measure_turns(recordings)).named(), intervals(recordings, name)
    for key, value in named(PRESET).items():
        low, high = sure[key]
        held = low <= value <= high
        good &= held
        print(
            f"  {key:15}{measured[key]:7.3f} ({low:.3f} to {high:.3f})  preset {value:.3f}  exact times "
            f"{exact[key]:.3f}{'' if held else '  MISSED'}"
        )
    return good


def prove_hand_times() -> bool:
    """RTTM and STM."""
    rows = [line.split() for path in sounds("ami-sample/*.rttm") for line in path.read_text().splitlines()]
    times = {(row[1], "rttm"): list[tuple[float, float]]() for row in rows}
    for row in rows:
        times[row[1], "rttm"].append((float(row[3]), float(row[3]) + float(row[4])))
    stm = [line.split() for line in (SHARED / "ami-sample/sample.stm").read_text().splitlines() if line.strip()]
    times["sample", "stm"] = [(float(row[3]), float(row[4])) for row in stm]
    good = True
    print("hand times (utterances)")
    for (name, kind), spans in times.items():
        pcm = load(SHARED / f"ami-sample/{name}.wav", NARROW)[: 30 * NARROW]
        ours, theirs = Score(), Score()
        ours.add(tuple(spans), speech(pcm, NARROW), 30, UTTERANCE)
        theirs.add(tuple(spans), bare(pcm), 30, UTTERANCE)
        good &= ours.good
        print(f"  {name} {kind:5} ours {ours}{'' if ours.good else '  MISSED'}\n{'':14} bare {theirs}")
    return good


def show_false_alarms() -> None:
    print("share of what is no speech that is found to be some: ours, bare")
    kinds = {path.name: f"ESC-10/{path.name}/*" for path in sounds("ESC-10/*")}
    for kind, pattern in {**kinds, "noise": "noise/*", "rir": "rir/*"}.items():
        pcm = [load(path, NARROW) for path in sounds(pattern)]
        total = sum(map(len, pcm)) / NARROW
        shares = [
            sum(e - s for one in pcm for s, e in hear(one)) / total for hear in (lambda x: speech(x, NARROW), bare)
        ]
        print(f"  {kind:16}{total:6.0f} s  {shares[0]:.3f}  {shares[1]:.3f}")
    at = np.arange(20 * NARROW) / NARROW
    chord = sum(np.sin(2 * np.pi * hz * at) * (1 + np.sin(2 * np.pi * 2 * at)) for hz in (220, 277.2, 329.6)) / 12
    print(f"  {'chord':16}{20:6} s  {sum(e - s for s, e in speech(chord.astype(np.float32), NARROW)) / 20:.3f}")


def show_cost(heard: Sequence[tuple[Conversation, Audio]]) -> bool:
    """CPU time of `quality` of one channel at 16 kHz and of presence, against the bare library."""
    pcm = [narrow(audio, 0) for _, audio in heard[:6]]
    works: dict[str, Callable[[np.ndarray], object]] = {
        "bare": bare,
        "presence": lambda x: speech(x, NARROW),
        "quality": lambda x: quality(Audio(x[None], NARROW)),
    }
    best = dict.fromkeys(works, math.inf)
    for _ in range(5):
        for name, work in works.items():
            begun = time.process_time()
            for one in pcm:
                work(one)
            best[name] = min(best[name], time.process_time() - begun)
    seconds = sum(map(len, pcm)) / NARROW
    for name, spent in best.items():
        print(f"{name:9}{seconds / spent:6.0f} x real time, {best['bare'] / spent:.3f} of bare Silero VAD")
    return best["bare"] / best["presence"] >= RATE_BAR


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("needs the recordings of the development workplace (../shared/data)")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    timed = timing(PRESET)
    talks = [conversation(SHARED, f"talk {n}", timed) for n in range(count)]
    truths = [Recording(talk.name, talk.truth, talk.seconds) for talk in talks]
    exact = fit(measure_turns(truths)).named()
    minutes = sum(talk.seconds for talk in talks) / 60
    print(f"{count} conversations of {len(stretches(SHARED))} speakers, {minutes:.0f} min, preset {PRESET}")
    good = True
    for name, condition in conditions(
        [load(path, RATE) for path in sounds("noise/*") if "_bg" not in path.name]
    ).items():
        heard = [(talk, condition(room_tone(talk.stems, talk.name), n)) for n, talk in enumerate(talks)]
        good &= prove_condition(name, heard, exact)
        if name == "clean":
            good &= show_cost(heard)
    good &= prove_hand_times()
    show_false_alarms()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
