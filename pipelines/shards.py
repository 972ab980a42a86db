"""The samples of the dialogue shards, read as any WebDataset reader would, and damage told in sentences."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from turnmill.manifests.audio import Audio, AudioError, decode, to_int16
from turnmill.manifests.samples import DIALOGUE, parsed, problem
from turnmill.manifests.tar import samples_in

EXTENSIONS = ("flac", "user.flac", "json")
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading labels raises where a value of the JSON is of another type or range."""


class DamageError(Exception):
    """A sample, or a part of the tables, that cannot be used: one sentence."""


@dataclass(frozen=True)
class Held:
    """A sample of a shard: extension -> bytes of its members (empty where they were not wanted), the byte at which its
    first member begins and its length, and the names of members that no sample has."""

    key: str
    members: Mapping[str, bytes]
    offset: int
    size: int
    unknown: tuple[str, ...]


def read_samples(file: BinaryIO, wanted: Callable[[str], bool] = lambda _: True, start: int = 0) -> Iterator[Held]:
    """The samples of a shard from the member that begins at byte `start`, read as any WebDataset reader would.

    Members of samples that are not `wanted`, by key, are passed over. Raises tarfile.TarError where the shard breaks
    off.
    """
    file.seek(start)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for key, group in samples_in(tar):
            members: dict[str, bytes] = {}
            unknown: list[str] = []
            for member in group:
                extension = member.name.partition(".")[2]
                if extension not in EXTENSIONS or extension in members or not member.isreg():
                    unknown.append(member.name)
                    continue
                extracted = tar.extractfile(member) if wanted(key) else None
                members[extension] = b"" if extracted is None else extracted.read()
            yield Held(key, members, group[0].offset_data, group[0].size, tuple(unknown))


def labels_of(held: Held) -> dict[str, Any]:
    """A sample's JSON. Raises DamageError."""
    if "json" not in held.members:
        raise DamageError("it has no .json")
    try:
        labels = parsed(held.members["json"])
    except ValueError as error:
        raise DamageError(f"its .json is not JSON: {first_line(error)}") from error
    wrong = problem(labels, DIALOGUE)
    if wrong is not None:
        raise DamageError(f"its .json is not that of a dialogue: {wrong}")
    found: dict[str, Any] = labels
    return found


def audio_of(held: Held, extension: str, labels: Mapping[str, Any]) -> Audio:
    """A member decoded, at the rate of the labels. Raises DamageError, also where it decodes to something else than was
    encoded: FLAC's STREAMINFO ends with the MD5 of the samples (RFC 9639, 8.2)."""
    data, name = held.members.get(extension), f"its .{extension}"
    if data is None:
        raise DamageError(f"it has no .{extension}")
    if data[:4] != b"fLaC":
        raise DamageError(f"{name} is not a FLAC file")
    try:
        audio = decode(data, name)
    except AudioError as error:
        raise DamageError(error.detail) from error
    interleaved = np.ascontiguousarray(to_int16(audio).T, dtype="<i2")
    if hashlib.md5(interleaved.data, usedforsecurity=False).digest() != data[26:42]:
        raise DamageError(f"{name} is broken: it does not decode to the samples it was made of")
    if audio.sample_rate != labels.get("sample_rate"):
        raise DamageError(f"{name} has {audio.sample_rate} Hz, its .json says {labels.get('sample_rate')!r}")
    return audio


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
