"""What the lake holds of a sound: 16-bit FLAC, and the hash of its samples."""

import hashlib
import io
import struct
from typing import BinaryIO

import numpy as np
import soundfile

from turnmill.manifests.audio.errors import AudioError, library
from turnmill.manifests.audio.sound import MAX_CHANNELS, RATES, Audio, Sound, block_to_int16
from turnmill.manifests.records import Reason


def check_shape(sample_rate: int, channels: int, name: str) -> None:
    """`sample_rate`: Hz. Raises AudioError for what the lake cannot hold: TOO_MANY_CHANNELS, UNSUPPORTED_RATE."""
    if channels > MAX_CHANNELS:
        detail = f"{name} has {channels} channels; the lake holds up to {MAX_CHANNELS}: split it"
        raise AudioError(Reason.TOO_MANY_CHANNELS, detail)
    if sample_rate not in RATES:
        detail = f"{name} has {sample_rate} Hz; the lake holds {RATES[0]} to {RATES[-1]} Hz: resample it"
        raise AudioError(Reason.UNSUPPORTED_RATE, detail)


def write_flac(sound: Sound, file: BinaryIO, name: str) -> None:
    """Write a sound as 16-bit FLAC, block by block. Raises AudioError for what the lake cannot hold."""
    check_shape(sound.sample_rate, sound.channels, name)
    with library("libsndfile", name, Reason.CORRUPT_AUDIO):
        flac = soundfile.SoundFile(file, "w", sound.sample_rate, sound.channels, "PCM_16", format="FLAC")
    with flac:
        for block in sound.blocks():
            samples = np.ascontiguousarray(block_to_int16(block).T)
            with library("libsndfile", name, Reason.CORRUPT_AUDIO):
                flac.write(samples)


def encode_flac(audio: Audio, name: str = "the audio") -> bytes:
    """16-bit FLAC; `decode(encode_flac(a), "")` equals `quantize16(a)`. Raises AudioError like `write_flac`."""
    file = io.BytesIO()
    write_flac(audio, file, name)
    return file.getvalue()


def pcm_hash(sound: Sound) -> str:
    """Hex blake2b-128 of the interleaved 16-bit little-endian samples, then rate and channel count."""
    digest = hashlib.blake2b(digest_size=16)
    for block in sound.blocks():
        digest.update(np.ascontiguousarray(block_to_int16(block).T, dtype="<i2").data)
    digest.update(struct.pack("<II", sound.sample_rate, sound.channels))
    return digest.hexdigest()
