"""Damaged audio through ingest and quality: each file a clip or a reject, the same in two runs.

    python tests/fuzz/fuzz_audio.py [--mutants 3000] [--seed 0] [--minutes 60] [--only NUMBER] [--keep FOLDER]

Makes sounds in 12 formats, damages copies of them (bytes changed, zeroed, cut out, repeated, inserted; cut off;
joined), and takes each through ingest and quality, twice. Exit status 1 where a file raises, takes more than 60 s,
tells an object's address, or differs between the runs; or where less than 95 % of the files that the ffmpeg program
decodes without a complaint are clips of that length. Files that break off by their own count, where ffmpeg does not
complain, are told apart. `--keep` writes the files that failed to a folder.
"""

import argparse
import hashlib
import io
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.sources.catalogue import load
from turnmill.sources.places import place

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
RATE = 16_000
TIME_LIMIT_S = 60
FORMATS: dict[str, tuple[str, ...]] = {
    "wav": ("-c:a", "pcm_s16le"),
    "flac": ("-c:a", "flac"),
    "mp3": ("-c:a", "libmp3lame", "-q:a", "5"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus", "-b:a", "32k"),
    "m4a": ("-c:a", "aac"),
    "aac": ("-c:a", "aac"),
    "webm": ("-c:a", "libopus", "-b:a", "32k"),
    "aiff": (),
    "au": (),
    "caf": (),
    "amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
}


def sound(seconds: float, channels: int, seed: int) -> bytes:
    """A WAV of noise that comes and goes like syllables."""
    noise = np.random.default_rng(seed).standard_normal((int(seconds * RATE), channels))
    envelope = np.abs(np.sin(np.arange(len(noise)) * (2 * np.pi * 2 / RATE)))[:, None]
    file = io.BytesIO()
    soundfile.write(file, noise * envelope * 0.1, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def encoded(wav: bytes, kind: str, folder: Path) -> bytes:
    path = folder / f"made.{kind}"
    command = [FFMPEG, "-v", "error", "-y", "-i", "pipe:0", *FORMATS[kind], str(path)]
    subprocess.run(command, input=wav, check=True)
    return path.read_bytes()


def ffmpeg_says(data: bytes) -> tuple[float, bool]:
    """(seconds that ffmpeg decodes at 8 kHz, whether it complained)."""
    command = [FFMPEG, "-v", "error", "-i", "pipe:0", "-map", "0:a:0", "-ac", "1", "-ar", "8000", "-f", "s16le"]
    try:
        found = subprocess.run([*command, "pipe:1"], input=data, capture_output=True, timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        return 0.0, True
    return len(found.stdout) / 16000, bool(found.stderr.strip()) or found.returncode != 0 or not found.stdout


def mutant(sounds: list[bytes], draw: random.Random) -> tuple[str, bytes, list[bytes]]:
    """(what was done to it, the bytes, those of each file in it: ffmpeg reads some joined files in part)."""
    data = bytearray(draw.choice(sounds))
    parts: list[bytes] = []

    def place() -> int:
        return draw.choice([draw.randrange(min(len(data), 200)), draw.randrange(len(data))])

    def change() -> None:
        for _ in range(draw.choice([1, 1, 2, 4, 16])):
            data[place()] = draw.randrange(256)

    def number() -> None:
        at = place()
        data[at : at + 4] = draw.choice([bytes(4), b"\xff" * 4, b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f"])

    def zero() -> None:
        at, size = place(), draw.choice([16, 256, 4096])
        data[at : at + size] = bytes(len(data[at : at + size]))

    def drop() -> None:
        at = place()
        del data[at : at + draw.choice([1, 2, 100, 1000])]

    def repeat() -> None:
        at = place()
        data[at:at] = data[at : at + draw.choice([1, 100, 1000])]

    def insert() -> None:
        at = place()
        data[at:at] = draw.randbytes(draw.choice([1, 4, 100, 1000]))

    def cut() -> None:
        del data[draw.randrange(1, len(data)) :]

    def join() -> None:
        parts.extend([bytes(data), draw.choice(sounds)])
        data.extend(parts[1])

    def append() -> None:
        data.extend(draw.choice([bytes(100), draw.randbytes(100), b"TAG" + bytes(125)]))

    done: Callable[[], None] = draw.choice(
        [change, change, change, number, zero, drop, repeat, insert, cut, join, append]
    )
    done()
    return done.__name__, bytes(data), parts or [bytes(data)]


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `seconds` of the clip, null for a reject; `key` is equal for equal results."""

    seconds: float | None
    reason: Reason | None
    key: str
    problem: str = ""


class TimedOutError(BaseException):
    """No exception that anything would catch."""


def _out_of_time(*_: object) -> None:
    raise TimedOutError


class Taker:
    """Takes files one by one through what ingest does with a clip and quality says of it."""

    def __init__(self, folder: Path) -> None:
        entry = load("files")
        self.root = folder
        self.ingest = Ingest(IngestParams(keep_untranscribed=True), entry, entry.licence.licence, place(folder))
        self.quality = Quality(QualityParams())
        self.workspace = Workspace(Store(str(folder / "out")), {"clips": "c", "quality": "q"})

    def take(self, name: str, data: bytes) -> Outcome:
        path = self.root / "corpus" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        shard = Shard("s", "train/0", {"files": [name], "spec": {"split": "train", "audio": [name], "unsafe": []}})
        signal.alarm(TIME_LIMIT_S)
        ingest = Ingest(self.ingest.params, self.ingest.entry, self.ingest.source.licence, path.parent)
        try:
            made, labels = ingest.process_with(
                shard, self.workspace, Guard("ingest"), [(self.quality, Guard("quality"))]
            )
        except TimedOutError:
            return Outcome(None, None, "hang", "takes too long")
        except Exception as error:  # noqa: BLE001  # what this program looks for
            return Outcome(None, None, "raised", f"raises {type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
            path.unlink()
        tar = self.workspace.open_tar("clips", "s")
        with tar:
            stored = hashlib.sha256(tar.read()).hexdigest()
        key = hashlib.sha256(repr((made.tables, made.rejects, labels, stored)).encode()).hexdigest()
        told = [item for item in [*made.rejects, *labels[0]] if isinstance(item, Reject)]
        problem = ""
        for reject in told:
            if reject.reason is Reason.INTERNAL_ERROR:
                problem = f"raises {reject.detail}"
            elif re.search(r"0x[0-9a-fA-F]{5,}|/tmp/|object at", reject.detail) or name not in reject.detail:
                problem = f"tells {reject.detail!r}"
        clips = made.tables["clips"]
        seconds = clips[0]["duration"] if clips else None
        return Outcome(seconds, made.rejects[0].reason if made.rejects else None, key, problem)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="end after so long, with the mutants made until then"
    )
    parser.add_argument("--only", type=int, help="one mutant, with its bytes")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    numbers = range(options.mutants) if options.only is None else [options.only]
    tried = 0
    signal.signal(signal.SIGALRM, _out_of_time)
    started = time.monotonic()
    counts: Counter[str] = Counter()
    failures: list[str] = []
    odd: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wavs = [sound(1.5, 1, 0), sound(2.5, 2, 1)]
        sounds = {kind: [encoded(wav, kind, folder) for wav in wavs] for kind in FORMATS}
        taker = Taker(folder)
        kinds = sorted(FORMATS)
        for number in numbers:
            if time.monotonic() - started > 60 * options.minutes:
                break
            tried += 1
            kind = kinds[number % len(kinds)]
            how, data, parts = mutant(sounds[kind], random.Random(f"{options.seed}/{number}"))
            if options.only is not None:
                print(how, data)
            name = f"{number:05d}-{how}.{kind}"
            first, second = taker.take(name, data), taker.take(name, data)
            problem = first.problem or ("differs between two runs" if first.key != second.key else "")
            counts["clips" if first.seconds is not None else f"rejected: {first.reason}"] += 1
            if problem:
                failures.append(f"{name} {problem}")
                keep(options.keep, name, data)
            lengths = [ffmpeg_says(part) for part in parts]
            if any(complained for _, complained in lengths):
                continue
            length = sum(seconds for seconds, _ in lengths)
            if first.reason is Reason.TRUNCATED_AUDIO and first.seconds is None:
                counts["ffmpeg decodes in silence what breaks off by its own count"] += 1
                odd.append(f"{name}: truncated, ffmpeg {length:.3f} s")
                continue
            counts["ffmpeg decodes without a complaint"] += 1
            if first.seconds is not None and abs(first.seconds - length) <= 0.1 * len(parts):
                counts["of these clips of that length"] += 1
            else:
                odd.append(f"{name}: {first.seconds} {first.reason}, ffmpeg {length:.3f} s")
                keep(options.keep, name, data)
    for line in [*odd, *failures]:
        print(line)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    decoded = counts["ffmpeg decodes without a complaint"]
    share = counts["of these clips of that length"] / decoded if decoded else 1.0
    print(f"{share:.1%} of what ffmpeg decodes without a complaint are clips of that length (bar: 95 %)")
    print(f"{len(failures)} failures in {tried} mutants, seed {options.seed}, {time.monotonic() - started:.0f} s")
    return 1 if failures or share < 0.95 else 0


def keep(folder: Path | None, name: str, data: bytes) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
