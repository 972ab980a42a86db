"""Proof that the recipe's verdicts find planted faults, and lose few good clips.

    python tests/benchmarks/prove_quality.py [CLIPS]

Clips (400) are made of real speech, the utterances of LibriSpeech, VCTK and LJSpeech in a drawn order, the same in
every run. A fifth is left as it is, the others get one fault each, as many of each kind:
  clipped       so loud that 0.5 to 5 % of the samples are cut off
  upsampled     brought to 8 or 11 kHz, then stored at 16, 24 or 48 kHz
  narrow        stored at 8 kHz, as a telephone's
  noisy         recorded noise 0 or 10 dB below the speech
  noise         a sound of ESC-10 or a background, without speech
  music         a tune of plucked strings over chords, without speech (no recorded music lies here)
  two speakers  utterances of two speakers, one after the other
  reverberant   in a room of ../shared/data/rir whose clarity C50 is below 10 dB
  offset        a constant of 3 to 20 % of full scale
  quiet         brought to -50 to -62 dBFS
  silence       a converter's noise, or nothing
Utterances that have an offset of 1 % as they were released are not drawn. Some are noisy as released: those whose SNR
by WADA, which shares nothing with our measures, is below 20 dB. Clips of these are told apart where noise is judged.
What rooms the utterances have counts against the verdicts. DNSMOS is slow: it scores the first 10 s of clean, noisy and
reverberant clips, and no_noise is judged on these.
A verdict is a select line of the recipe `speech`; those that need packages of their own are lines of docs/audio.md. Of
each: how many clips of its faults it removes (recall), how many of what it removes have one of its faults (precision;
clips without speech are judged by what is to find them), and every miss by name.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import soxr
from numpy.random import Generator
from scipy.signal import fftconvolve

from turnmill.manifests.audio import Audio, mono_at, quantize16, read
from turnmill.manifests.records import Reject
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.sources.dnsmos import SPEECHMOS, Scorer
from turnmill.sources.sound_tags import YAMNET, Tagger

SHARED = Path(__file__).parents[3] / "shared" / "data"
RATE: Final = 16_000
BAR: Final = 0.95
SPEECH = (
    "LibriSpeech/test-other/*/*/*.flac",
    "LibriSpeech/train-clean-100/*/*/*.flac",
    "VCTK-Corpus-0.92/wav48*/*/*.flac",
    "LJSpeech-1.1/wavs/*.wav",
)
FAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "speech": ("noise", "music", "silence"),
    "clean": ("clipped",),
    "steady": ("offset",),
    "loud": ("quiet", "silence"),
    "wide": ("upsampled",),
    "full_band": ("narrow", "upsampled"),
    "background": ("noisy",),
    "no_noise": ("noisy",),
    "dry": ("reverberant",),
    "no_music": ("music",),
    "one_speaker": ("two speakers",),
}
"""By verdict, the faults that it is to find."""
SPEECHLESS: Final = frozenset({"noise", "music", "silence"})
OF_NOISE: Final = frozenset({"background", "no_noise"})
"""Verdicts that are judged on utterances without noise of their own."""
SCORED: Final = frozenset({"clean", "noisy", "reverberant"})
"""What DNSMOS is asked of."""
QUIET_DB: Final = 20.0
"""SNR from which on an utterance is without noise."""
MORE: Final = {
    "full_band": "bandwidth_hz > 6500",
    "no_music": "music < 0.5",
    "no_noise": "dnsmos_bak IS NULL OR dnsmos_bak > 3.15",
    "one_speaker": "one_speaker IS NOT FALSE",
}
"""Lines of docs/audio.md."""


@dataclass(frozen=True)
class Clip:
    name: str
    kind: str
    audio: Audio
    quiet: bool
    """Whether what it is made of was without noise as it was released."""


def sounds(*patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(SHARED.glob(pattern))]


def load(path: Path) -> Audio:
    sound = read(path.read_bytes(), path.name).sound
    assert isinstance(sound, Audio)
    return Audio(sound.samples[:1], sound.sample_rate)


def at(audio: Audio, rate: int) -> np.ndarray:
    return mono_at(audio, rate, "bench")


def speaker(path: Path) -> str:
    return "LJ" if path.stem.startswith("LJ") else path.stem.replace("_", "-").split("-")[0]


def level(samples: np.ndarray) -> float:
    """Root mean square of what sounds."""
    power = np.square(samples[: len(samples) // 160 * 160].astype(float)).reshape(-1, 160).mean(axis=1)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean()))


def peakedness(samples: np.ndarray) -> float:
    """The logarithm of the mean amplitude over its geometric mean: noise lowers it."""
    amplitude = np.abs(samples - samples.mean()) + 1e-7
    return float(np.log(amplitude.mean()) - np.log(amplitude).mean())


@cache
def peakedness_at(snr_db: float) -> float:
    """Of speech in white noise, by WADA (Kim and Stern, Interspeech 2008): amplitudes of speech are gamma distributed,
    of shape 0.4."""
    draw = np.random.Generator(np.random.PCG64(0))
    speech = draw.gamma(0.4, 1, 400_000) * draw.choice([-1, 1], 400_000)
    noise = draw.standard_normal(400_000) * np.sqrt(np.mean(np.square(speech)))
    return peakedness(speech + noise * 10 ** (-snr_db / 20))


def is_quiet(audio: Audio) -> bool:
    return peakedness(audio.samples[0].astype(float)) >= peakedness_at(QUIET_DB)


def clipped(audio: Audio, draw: Generator) -> Audio:
    limit = np.quantile(np.abs(audio.samples), 1 - draw.uniform(0.005, 0.05))
    return Audio(np.clip(audio.samples / limit, -1, 1) * np.float32(0.98), audio.sample_rate)


def upsampled(audio: Audio, draw: Generator) -> Audio:
    low, stored = int(draw.choice([8000, 11_025])), int(draw.choice([16_000, 24_000, 48_000]))
    narrow = soxr.resample(audio.samples[0], audio.sample_rate, low)
    return Audio(soxr.resample(narrow, low, stored)[None], stored)


def narrow(audio: Audio, _: Generator) -> Audio:
    return Audio(soxr.resample(audio.samples[0], audio.sample_rate, 8000)[None], 8000)


def noisy(audio: Audio, draw: Generator) -> Audio:
    speech = at(audio, RATE)
    files = [path for path in sounds("noise/*") if "_bg" not in path.name]
    noise = np.resize(at(load(files[int(draw.integers(len(files)))]), RATE), len(speech))
    noise = np.roll(noise, int(draw.integers(len(noise))))
    gain = level(speech) / float(np.sqrt(np.mean(np.square(noise.astype(float)))) + 1e-9)
    return Audio((speech + noise * np.float32(gain * 10 ** (-float(draw.choice([0, 10])) / 20)))[None] / 2, RATE)


def noise(_: Audio, draw: Generator) -> Audio:
    files = sounds("ESC-10/*/*", "noise/*")
    return load(files[int(draw.integers(len(files)))])


def music(_: Audio, draw: Generator) -> Audio:
    """Eight seconds of eighths over a chord that changes every two seconds."""
    scale = 110 * 2 ** (np.array([0, 2, 3, 5, 7, 8, 10, 12, 14, 15]) / 12) * draw.uniform(0.8, 1.5)
    tune = np.zeros(9 * RATE)
    for number in range(32):
        tune[number * RATE // 4 :][:RATE] += plucked(2 * float(draw.choice(scale)), draw)
        if number % 8 == 0:
            for hz in (scale[0], scale[2], scale[4]):
                tune[number * RATE // 4 :][: 2 * RATE] += 0.7 * np.resize(plucked(float(hz), draw, 2), 2 * RATE)
    return Audio((0.1 * tune[None, : 8 * RATE]).astype(np.float32), RATE)


def plucked(hz: float, draw: Generator, seconds: int = 1) -> np.ndarray:
    """A string, by Karplus and Strong."""
    ring = draw.uniform(-1, 1, round(RATE / hz))
    made: list[np.ndarray] = []
    while len(made) * len(ring) < seconds * RATE:
        made.append(ring)
        ring = 0.498 * (ring + np.roll(ring, -1))
    return np.concatenate(made)[: seconds * RATE]


@cache
def rooms() -> list[np.ndarray]:
    """Impulse responses at 16 kHz whose clarity, the first 50 ms over the rest, is below 10 dB, and that last."""
    found = []
    for path in sounds("rir/*"):
        impulse = at(load(path), RATE)
        power = np.square(impulse[int(np.argmax(np.abs(impulse))) :].astype(float))
        if len(impulse) > RATE // 2 and power[:800].sum() < 10 * power[800:].sum():
            found.append(impulse)
    return found


def reverberant(audio: Audio, draw: Generator) -> Audio:
    speech = at(audio, RATE)
    wet = fftconvolve(speech, rooms()[int(draw.integers(len(rooms())))])[: len(speech)]
    return Audio((wet * (level(speech) / level(wet)))[None].astype(np.float32), RATE)


def offset(audio: Audio, draw: Generator) -> Audio:
    constant = np.float32(draw.uniform(0.03, 0.2) * draw.choice([-1, 1]))
    return Audio(audio.samples * np.float32(0.7) + constant, audio.sample_rate)


def quiet(audio: Audio, draw: Generator) -> Audio:
    rms = float(np.sqrt(np.mean(np.square(audio.samples))))
    return Audio(audio.samples * np.float32(10 ** (draw.uniform(-62, -50) / 20) / rms), audio.sample_rate)


def silence(_: Audio, draw: Generator) -> Audio:
    hiss = draw.standard_normal((1, 5 * RATE)) * draw.choice([0, 2e-5, 1e-4])
    return Audio(hiss.astype(np.float32), RATE)


MADE: Final[Mapping[str, Callable[[Audio, Generator], Audio]]] = {
    "clipped": clipped,
    "upsampled": upsampled,
    "narrow": narrow,
    "noisy": noisy,
    "noise": noise,
    "music": music,
    "reverberant": reverberant,
    "offset": offset,
    "quiet": quiet,
    "silence": silence,
}


def planted(count: int) -> Iterator[Clip]:
    kinds = [*MADE, "two speakers"]
    clean = count // 5
    each = [kinds[number % len(kinds)] for number in range(count - clean)]
    paths = [path for path in sounds(*SPEECH) if abs(float(load(path).samples.mean())) < 0.01]
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(paths))
    for number, kind in enumerate(["clean"] * clean + each):
        path = paths[int(order[number % len(order)])]
        draw = np.random.Generator(np.random.PCG64(number))
        audio = load(path)
        name, calm = f"{number:03d} {path.stem}", is_quiet(audio)
        if kind == "two speakers":
            others = [other for other in paths if speaker(other) != speaker(path)]
            other = others[int(draw.integers(len(others)))]
            calm = calm and is_quiet(load(other))
            parts = [at(one, RATE)[: 8 * RATE] for one in (audio, load(other))]
            parts = [part / np.float32(level(part)) * np.float32(0.05) for part in parts]
            audio, name = Audio(np.concatenate(parts)[None], RATE), f"{name}, {other.stem}"
        elif kind != "clean":
            audio = MADE[kind](audio, draw)
        yield Clip(name, kind, quantize16(Audio(np.clip(audio.samples, -1, 1), audio.sample_rate)), calm)


def measured(clips: Sequence[Clip]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row of all labels of each clip, and the verdicts that cannot be tried here."""
    stage = Quality(QualityParams())
    tagger = Tagger(YAMNET.folder) if YAMNET.folder else None
    scorer = Scorer(SPEECHMOS.folder) if SPEECHMOS.folder else None
    embed, lacking = encoder(), []
    rows = []
    for clip in clips:
        row = stage.label(clip.name, clip.audio)
        assert not isinstance(row, Reject)
        row |= {"kind": clip.kind, "duration": clip.audio.duration, "quiet": clip.quiet}
        row |= {"music": None, "one_speaker": None, "dnsmos_bak": None}
        if tagger:
            row["music"] = tagger.tags(clip.audio, clip.name).music
        if scorer and clip.kind in SCORED:
            begun = Audio(clip.audio.samples[:, : 10 * clip.audio.sample_rate - 20], clip.audio.sample_rate)
            row["dnsmos_bak"] = scorer.scores(begun, clip.name).bak
        if embed:
            row["one_speaker"] = embed(at(clip.audio, RATE), row["segments"])
        rows.append(row)
    lacking += [] if tagger else ["no_music"]
    lacking += [] if scorer else ["no_noise"]
    lacking += [] if embed else ["one_speaker"]
    return rows, lacking


def encoder() -> Callable[[np.ndarray, Sequence[Mapping[str, float]]], bool | None] | None:
    """Tells whether the speech of a clip is one voice, as `speakers` does; None without torch or the weights."""
    from turnmill.manifests.errors import UsageError
    from turnmill.pipelines.diarization.models import ENCODER, check_installed, weights
    from turnmill.pipelines.stages.listen import in_samples
    from turnmill.pipelines.stages.speakers import LEAST_S, ONE_VOICE

    try:
        check_installed("speakers", "torch")
        file = weights(ENCODER)
    except UsageError as error:
        print(f"one_speaker is not tried: {error}")
        return None
    from turnmill.pipelines.diarization.encoder import Encoder, spread

    model = Encoder(file)

    def one(pcm: np.ndarray, segments: Sequence[Mapping[str, float]]) -> bool | None:
        speech = np.concatenate([pcm[:0], *(pcm[start:end] for start, end in in_samples(segments))])
        return spread(model.embed([speech])[0].partials) <= ONE_VOICE if len(speech) >= LEAST_S * RATE else None

    return one


def verdicts() -> dict[str, str]:
    """By name, the line of the recipe, or of docs/audio.md."""
    lines = {predicate.name: predicate.keep for predicate in load_recipe("speech", {"root": str(SHARED)}).select}
    return {name: lines.get(name, MORE.get(name, "")) for name in FAULTS}


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("needs the recordings of the development workplace (../shared/data)")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rows, lacking = measured(list(planted(count)))
    connection = duckdb.connect()
    connection.register("clips", pa.Table.from_pylist(rows))
    good, removed = True, dict[str, set[str]]()
    kinds = {row["uid"]: row["kind"] for row in rows}
    for verdict, keep in verdicts().items():
        if verdict in lacking:
            continue
        removed[verdict] = {
            uid for (uid,) in connection.execute(f"SELECT uid FROM clips WHERE ({keep}) IS NOT TRUE").fetchall()
        }
        apart = SPEECHLESS if SPEECHLESS.isdisjoint(FAULTS[verdict]) else frozenset()
        noisy = {row["uid"] for row in rows if verdict in OF_NOISE and not row["quiet"]}
        found = {uid for uid in removed[verdict] - noisy if kinds[uid] not in apart}
        meant = {uid for uid, kind in kinds.items() if kind in FAULTS[verdict]} - noisy
        precision, recall = (len(found & meant) / max(len(total), 1) for total in (found, meant))
        good &= min(precision, recall) >= BAR
        print(f"{verdict:17} precision {precision:.3f}  recall {recall:.3f}  ({len(meant)} planted)  {keep}")
        if noisy:
            print(f"    of {len(noisy)} clips that were noisy as released it removes {len(noisy & removed[verdict])}")
        for what, uids in (("lost", found - meant), ("missed", meant - found)):
            for uid in sorted(uids):
                print(f"    {what:7}{kinds[uid]:13}{uid}")
    clean = [uid for uid, kind in kinds.items() if kind == "clean"]
    told = {name: found for name, found in removed.items() if name not in MORE}
    lost = [uid for uid in clean if any(uid in found for found in told.values())]
    print(f"good clips lost by the recipe: {len(lost)} of {len(clean)}: {', '.join(lost)}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
