"""A sound as the lake holds it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from turnmill.manifests.audio.encode import encode_flac, write_flac
from turnmill.manifests.audio.files import read
from turnmill.manifests.audio.sound import Audio, LongSound, quantize16


@contextmanager
def as_flac(sound: Audio | LongSound, name: str) -> Iterator[tuple[BinaryIO, Audio | LongSound]]:
    """A sound as 16-bit FLAC, in memory where it is short: the file, and the sound as that decodes; both are there
    while the block runs. Raises AudioError for what the lake cannot hold."""
    if isinstance(sound, Audio):
        quantized = quantize16(sound)
        yield io.BytesIO(encode_flac(quantized, name)), quantized
        return
    with TemporaryFile() as flac:
        write_flac(sound, flac, name)
        yield flac, read(flac, name).sound
