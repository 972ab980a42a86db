"""Recordings of noise and of rooms that the user gives: checked once, listed by each worker, read when needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import stable_hash
from turnmill.synth.acoustics.plan import WHITE
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

MOST_NOISE_S = 60.0
"""What is read of a noise file: its first minute."""
MOST_ROOM_S = 2.0
"""What is kept of an impulse response, from the direct path on."""
LEAST_NOISE_S = 0.5
"""A shorter noise would buzz when it is repeated."""

NOISE = "noise"
"""The category of a noise that lies in no folder inside the one that was given, or was given alone."""

_HELD = 16  # recordings in memory, of all categories: at most 92 MB
_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64"}


@dataclass(frozen=True)
class Pools:
    """`noises`: by category and name, float32 mono [samples] at 24 kHz, not silent. `rooms`: by name, float32 impulse
    responses [samples] at 24 kHz, whose direct path is sample 0 and has the value 1."""

    noises: Mapping[str, Mapping[str, Float32]] = field(default_factory=dict)
    rooms: Mapping[str, Float32] = field(default_factory=dict)


class Recordings(Mapping[str, Float32]):
    """Recordings by name, each read by `opened` from its source when it is asked for."""

    def __init__(self, sources: Mapping[str, "_Source"], opened: Callable[["_Source"], Float32]) -> None:
        self._sources, self._opened = dict(sources), opened

    def __getitem__(self, name: str) -> Float32:
        return self._opened(self._sources[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def load_pools(noise: Sequence[Path] = (), rooms: Sequence[Path] = ()) -> Pools:
    """Pools from folders (searched to any depth) and single files, of any rate and channel count that libsndfile opens.

    The category of a noise is the folder that it lies in, as seen from the one given (`animals/dogs`), or else `noise`;
    its channels are mixed. An impulse response of several channels is several rooms, `name#1`, `name#2`, ... Nothing
    is decoded here (`check_pools` does that); the last 16 recordings that were asked for are held.

    UsageError names: a folder without audio files, two files of one name in one category (or two rooms of one name),
    an impulse response that cannot be read.
    """
    noises: dict[str, dict[str, _Source]] = {}
    for category, path in _noise_files(noise):
        _add(noises.setdefault(category, {}), path.name, _Noise(path), f"noise: two files of the category {category!r}")
    if WHITE in noises:
        raise UsageError(f"noise: a category cannot be named {WHITE!r}, which is noise without a recording; rename it")
    responses: dict[str, _Source] = {}
    for path in _room_files(rooms):
        for name, channel in _channels(path):
            _add(responses, name, _Response(path, channel), "rooms: two files")
    opened = lru_cache(_HELD)(_opened)
    return Pools({key: Recordings(noises[key], opened) for key in sorted(noises)}, Recordings(responses, opened))


def check_pools(noise: Sequence[Path] = (), rooms: Sequence[Path] = ()) -> Pools:
    """`load_pools`, after decoding once of each file what would be used.

    UsageError also names: a file that cannot be read, is silent or broken, a noise shorter than 0.5 s.
    """
    pools = load_pools(noise, rooms)
    for _, path in _noise_files(noise):
        _check_noise(path)
    for path in _room_files(rooms):
        for _, channel in _channels(path):
            _Response(path, channel)()
    return pools


def divided(pools: Pools, seed: int) -> dict[str, Pools]:
    """The pools of train, valid and test: no recording is in two, so that no model is tested on noise that it was
    trained on. A tenth each, at least one, for valid and test; of fewer than three recordings all are for train."""
    noises = _dealt({(c, name): [(c, name)] for c, names in pools.noises.items() for name in names}, seed)
    files: dict[_Item, list[_Item]] = {}
    for name in pools.rooms:  # the channels of a file are of one room
        files.setdefault(("rooms", name.split("#")[0]), []).append(("rooms", name))
    rooms = _dealt(files, seed)
    found = {}
    for split in ("train", "valid", "test"):
        categories = dict.fromkeys(category for category, _ in noises[split])
        chosen = {c: _Chosen(pools.noises[c], [n for other, n in noises[split] if other == c]) for c in categories}
        found[split] = Pools(chosen, _Chosen(pools.rooms, [name for _, name in rooms[split]]))
    return found


_Item = tuple[str, str]  # category and name


def _dealt(files: Mapping[_Item, Sequence[_Item]], seed: int) -> dict[str, list[_Item]]:
    """The recordings of each split: those of a file together."""
    ordered = sorted(files, key=lambda file: stable_hash(seed, "pool", *file))
    held = max(len(files) // 10, 1) if len(files) >= 3 else 0
    dealt = {"train": ordered[2 * held :], "valid": ordered[:held], "test": ordered[held : 2 * held]}
    return {split: sorted(item for file in chosen for item in files[file]) for split, chosen in dealt.items()}


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
    """The files that `load_pools` lists, each with a name that tells nothing of the host: what it is, its category, its
    own name. UsageError names a folder without audio files."""
    named = [(f"noise/{category}/{path.name}", path) for category, path in _noise_files(noise)]
    return named + [(f"rooms/{path.name}", path) for path in _room_files(rooms)]


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


_Source = _Noise | _Response


def _opened(source: _Source) -> Float32:
    recording = source()
    recording.flags.writeable = False
    return recording


def _noise_files(roots: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each with its category. It is told by the path as given: where a link leads, and what lies above, is the host's
    affair and must not get into labels."""
    found = []
    for root in roots:
        for path in _audio_files(root, "noise"):
            inside = path.relative_to(root).parent.as_posix()
            found.append((NOISE if inside == "." else inside, path))
    return found


def _room_files(roots: Sequence[Path]) -> list[Path]:
    return [path for root in roots for path in _audio_files(root, "rooms")]


def _audio_files(root: Path, key: str) -> list[Path]:
    found = sorted(file for file in root.rglob("*") if _is_audio(file)) if root.is_dir() else [root]
    if not found:
        raise UsageError(f"{key}: the folder {root} has no audio files; put some there or leave it out")
    return found


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()


def _add(named: dict[str, _Source], name: str, source: _Source, two: str) -> None:
    if name in named:
        raise UsageError(f"{two} are named {name!r}; rename one")
    named[name] = source


def _check_noise(path: Path) -> None:
    audio, rate = _read(path, "noise", MOST_NOISE_S)
    if len(audio) < LEAST_NOISE_S * rate or not np.isfinite(audio).all() or not audio.mean(axis=1).any():
        raise UsageError(
            f"noise: {path} is silent, broken or shorter than {LEAST_NOISE_S} s; remove it from the noise folder"
        )


def _channels(path: Path) -> list[tuple[str, int]]:
    with _file(path, "rooms") as file:
        channels = int(file.channels)
    return [(path.name, 0)] if channels == 1 else [(f"{path.name}#{n + 1}", n) for n in range(channels)]


def _read(path: Path, key: str, most_s: float) -> tuple[Float32, int]:
    with _file(path, key) as file:
        frames: Float32 = file.read(round(most_s * file.samplerate), dtype="float32", always_2d=True)
        return frames, int(file.samplerate)


@contextmanager
def _file(path: Path, key: str) -> Iterator[soundfile.SoundFile]:
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(f"{key}: {path} cannot be read ({error}); remove it from the {key} files") from error


def _resampled(mono: Float32, rate: int) -> Float32:
    return np.ascontiguousarray(soxr.resample(mono, rate, RATE, quality="HQ"), dtype=np.float32)
