"""The last to be asked: the ffmpeg program, fed by its standard input. No path, so no name of the user's, is on its
command line, and it may read nothing but its pipe."""

import shutil
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import ffmpeg
import imageio_ffmpeg
import numpy as np

from turnmill.manifests.audio.errors import AudioError, library
from turnmill.manifests.audio.sound import BLOCK, Stream
from turnmill.manifests.records import Reason

WHO = "the ffmpeg program"
_HEADER = 24  # bytes of an AU header: what it says lies in the first six words


def stream(file: BinaryIO, name: str) -> Stream | None:
    """Null where ffmpeg does not open the file; its samples raise AudioError(CORRUPT_AUDIO) as `name`."""
    samples = _samples(file, name)
    shape = next(samples, None)
    if shape is None:
        return None
    rate, channels = (int(value) for value in shape)
    return Stream(rate, channels, None, samples)


def _samples(file: BinaryIO, name: str) -> Iterator[Any]:
    """Rate and channels, then the samples: float32 [channels, n]."""
    with _running(file, name) as process:
        header = process.stdout.read(_HEADER)
        if len(header) < _HEADER:
            return
        _, offset, _, _, rate, channels = struct.unpack(">4s5I", header)
        process.stdout.read(offset - _HEADER)
        yield rate, channels
        while data := process.stdout.read(BLOCK * channels * 4):
            frames = len(data) // (channels * 4)
            samples = np.frombuffer(data, ">f4", frames * channels).reshape(frames, channels)
            yield np.ascontiguousarray(samples.T, dtype=np.float32)
        if process.wait() != 0:
            raise AudioError(Reason.CORRUPT_AUDIO, f"{name}: {WHO} cannot decode it to its end")


@contextmanager
def _running(file: BinaryIO, name: str) -> Iterator[Any]:
    command = ffmpeg.input("pipe:0", protocol_whitelist="pipe").output(
        "pipe:1", format="au", acodec="pcm_f32be", map="0:a:0", loglevel="quiet"
    )
    with library(WHO, name, Reason.CORRUPT_AUDIO):
        process = command.global_args("-xerror").run_async(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), pipe_stdin=True, pipe_stdout=True
        )
    file.seek(0)

    def feed() -> None:
        with suppress(BrokenPipeError), process.stdin:
            shutil.copyfileobj(file, process.stdin, 1 << 20)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        yield process
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
        feeder.join()
