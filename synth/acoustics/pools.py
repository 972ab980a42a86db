"""Recordings of noise and of rooms that the user gives: listed and checked at once, read when they are needed."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from manifests.errors import UsageError
from manifests.records import stable_hash
from synth.acoustics.plan import WHITE
from synth.duplex import RATE

Float32 = NDArray[np.float32]

MOST_NOISE_S = 60.0
"""What is read of a noise file: its first minute."""
MOST_ROOM_S = 2.0
"""What is kept of an impulse response, from the direct path on."""
LEAST_NOISE_S = 0.5
"""A shorter noise would buzz when it is repeated."""

_HELD = 16  # recordings in memory: of noise at most 92 MB
_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64"}


@dataclass(frozen=True)
class Pools:
    """`noises`: by category and name, float32 mono [samples] at 24 kHz, not silent. `rooms`: by name, float32 impulse
    responses [samples] at 24 kHz, whose direct path is sample 0 and has the value 1."""

    noises: Mapping[str, Mapping[str, Float32]] = field(default_factory=dict)
    rooms: Mapping[str, Float32] = field(default_factory=dict)


class Recordings(Mapping[str, Float32]):
    """Recordings by name, each read by its `reader` when it is asked for; the last 16 are held."""

    def __init__(self, readers: Mapping[str, Callable[[], Float32]]) -> None:
        self._readers = dict(readers)
        self._held: OrderedDict[str, Float32] = OrderedDict()

    def __getitem__(self, name: str) -> Float32:
        if name not in self._held:
            recording = self._readers[name]()
            recording.flags.writeable = False
            self._held[name] = recording
        self._held.move_to_end(name)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def load_pools(noise: Sequence[Path] = (), rooms: Sequence[Path] = ()) -> Pools:
    """Pools from folders (searched to any depth) and single files, of any rate and channel count that libsndfile opens.

    The category of a noise is the name of the folder that it lies in; its channels are mixed. An impulse response of
    several channels is several rooms, `name#1`, `name#2`, ... Every file is decoded once here, and none is kept.

    UsageError names: a folder without audio files, a file that cannot be read, is silent or broken, a noise shorter
    than 0.5 s, two files of one name in one category (or two rooms of one name).
    """
    noises: dict[str, dict[str, Callable[[], Float32]]] = {}
    for path in _audio_files(noise, "noise"):
        named = noises.setdefault(_category(path), {})
        _refuse_second(path.name, named, "noise")
        _check_noise(path)
        named[path.name] = _Noise(path)
    if WHITE in noises:
        raise UsageError(f"noise: a category cannot be named {WHITE!r}, which is noise without a recording; rename it")
    responses: dict[str, Callable[[], Float32]] = {}
    for path in _audio_files(rooms, "rooms"):
        for name, channel in _channels(path):
            _refuse_second(name, responses, "rooms")
            responses[name] = _Response(path, channel)
            responses[name]()
    return Pools({category: Recordings(noises[category]) for category in sorted(noises)}, Recordings(responses))


def divided(pools: Pools, seed: int) -> dict[str, Pools]:
    """The pools of train, valid and test: no recording is in two, so that no model is tested on noise that it was
    trained on. A tenth each, at least one, for valid and test; of fewer than three recordings all are for train."""
    noises = _dealt([(category, name) for category, names in pools.noises.items() for name in names], seed)
    rooms = _dealt([("rooms", name) for name in pools.rooms], seed)
    found = {}
    for split in ("train", "valid", "test"):
        categories = dict.fromkeys(category for category, _ in noises[split])
        chosen = {c: _Chosen(pools.noises[c], [n for other, n in noises[split] if other == c]) for c in categories}
        found[split] = Pools(chosen, _Chosen(pools.rooms, [name for _, name in rooms[split]]))
    return found


def _dealt(items: Sequence[tuple[str, str]], seed: int) -> dict[str, list[tuple[str, str]]]:
    ordered = sorted(items, key=lambda item: stable_hash(seed, "pool", *item))
    held = max(len(items) // 10, 1) if len(items) >= 3 else 0
    valid, test, train = ordered[:held], ordered[held : 2 * held], ordered[2 * held :]
    return {"train": sorted(train), "valid": sorted(valid), "test": sorted(test)}


class _Chosen(Mapping[str, Float32]):
    """Some of the recordings of another mapping."""

    def __init__(self, recordings: Mapping[str, Float32], names: Sequence[str]) -> None:
        self._recordings, self._names = recordings, dict.fromkeys(names)

    def __getitem__(self, name: str) -> Float32:
        if name not in self._names:
            raise KeyError(name)
        return self._recordings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def pool_files(noise: Sequence[Path] = (), rooms: Sequence[Path] = ()) -> list[tuple[str, Path]]:
    """The files that `load_pools` reads, each with a name that tells nothing of the host: what it is, its category, its
    own name. UsageError names a folder without audio files."""
    named = [(f"noise/{_category(path)}/{path.name}", path) for path in _audio_files(noise, "noise")]
    return named + [(f"rooms/{path.name}", path) for path in _audio_files(rooms, "rooms")]


def aligned_response(response: Float32, name: str) -> Float32:
    """An impulse response [samples] at 24 kHz from its direct path (the strongest sample) on, scaled to 1 there, of at
    most 2 s, and cut where less than a millionth of its energy is left. UsageError where it is silent."""
    peak = int(np.argmax(np.abs(response))) if response.size else 0
    if not response.size or response[peak] == 0 or not np.isfinite(response).all():
        raise UsageError(f"rooms: {name} is silent or broken; remove it from the impulse responses")
    kept = response[peak : peak + round(MOST_ROOM_S * RATE)].astype(np.float64) / response[peak]
    left = np.cumsum(np.square(kept)[::-1])[::-1]
    audible = int(np.flatnonzero(left >= left[0] * 1e-6)[-1]) + 1
    trimmed: Float32 = kept[:audible].astype(np.float32)
    return trimmed


@dataclass(frozen=True)
class _Noise:
    path: Path

    def __call__(self) -> Float32:
        audio, rate = _read(self.path, "noise", MOST_NOISE_S)
        return _resampled(audio.mean(axis=1), rate)


@dataclass(frozen=True)
class _Response:
    path: Path
    channel: int

    def __call__(self) -> Float32:
        audio, rate = _read(self.path, "rooms", MOST_ROOM_S * 2)
        return aligned_response(_resampled(audio[:, self.channel], rate), str(self.path))


def _audio_files(paths: Sequence[Path], key: str) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.rglob("*") if _is_audio(file)) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"{key}: the folder {path} has no audio files; put some there or leave it out")
        found += inside
    return found


def _category(path: Path) -> str:
    return path.resolve().parent.name


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()


def _refuse_second(name: str, named: Mapping[str, object], key: str) -> None:
    if name in named:
        raise UsageError(f"{key}: two files are named {name!r}; rename one")


def _check_noise(path: Path) -> None:
    audio, rate = _read(path, "noise", MOST_NOISE_S)
    if len(audio) < LEAST_NOISE_S * rate or not np.isfinite(audio).all() or not audio.mean(axis=1).any():
        raise UsageError(
            f"noise: {path} is silent, broken or shorter than {LEAST_NOISE_S} s; remove it from the noise folder"
        )


def _channels(path: Path) -> list[tuple[str, int]]:
    audio, _ = _read(path, "rooms", MOST_ROOM_S * 2)
    channels = audio.shape[1]
    return [(path.name, 0)] if channels == 1 else [(f"{path.name}#{n + 1}", n) for n in range(channels)]


def _read(path: Path, key: str, most_s: float) -> tuple[Float32, int]:
    try:
        with soundfile.SoundFile(path) as file:
            frames: Float32 = file.read(round(most_s * file.samplerate), dtype="float32", always_2d=True)
            return frames, int(file.samplerate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(f"{key}: {path} cannot be read ({error}); remove it from the {key} files") from error


def _resampled(mono: Float32, rate: int) -> Float32:
    return np.ascontiguousarray(soxr.resample(mono, rate, RATE, quality="HQ"), dtype=np.float32)
