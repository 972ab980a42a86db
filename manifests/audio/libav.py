"""What libsndfile cannot read (AAC, AMR, WMA, MP4, Matroska, ...): PyAV over the libraries of FFmpeg.

Untrusted bytes can name other files (playlists, concat lists): it may read only what it is given.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np

from turnmill.manifests.audio.errors import library, pulled
from turnmill.manifests.audio.sound import Float32, Stream
from turnmill.manifests.records import Reason

WHO = "FFmpeg"
_WHOLE_LENGTH = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf", "tta", "ape", "wv"})
_FROM_ZERO = frozenset({"matroska,webm", "asf"})  # their length is the time of their end, also where they start later


def _opened(file: BinaryIO) -> "av.container.InputContainer | None":
    """Null for what it does not open, and for files without audio that it can decode."""
    file.seek(0)
    try:
        container: av.container.InputContainer = av.open(
            file, options={"protocol_whitelist": "none"}, metadata_errors="replace", mode="r"
        )
    except av.FFmpegError:
        return None
    # An unknown codec gives a stream without a decoder.
    if not container.streams.audio or container.streams.audio[0].codec_context is None:
        container.close()
        return None
    return container


def _declared_seconds(container: "av.container.InputContainer") -> float | None:
    """The length that the container's header states, where it states one of its only stream."""
    if container.format.name not in _WHOLE_LENGTH or len(container.streams) != 1 or container.duration is None:
        return None
    start = max(container.start_time or 0, 0) if container.format.name in _FROM_ZERO else 0
    return float((container.duration - start) / av.time_base)


def stream(file: BinaryIO, name: str) -> Stream | None:
    """Null where FFmpeg does not open the file; its samples raise AudioError(CORRUPT_AUDIO) as `name`.

    A change of rate or layout on the way is followed: what comes later is brought to the first frame's.
    """
    with library(WHO, name, Reason.CORRUPT_AUDIO):
        container = _opened(file)
        if container is None:
            return None
        track = container.streams.audio[0]
        if track.codec_context.name == "flac":
            track.codec_context.options = {"err_detect": "crccheck+explode"}  # damage is no sound
        seconds = _declared_seconds(container)
        decoded = container.decode(track)
    frames = pulled(decoded, WHO, name, Reason.CORRUPT_AUDIO)
    try:
        first = next(frames, None)
    except BaseException:
        container.close()
        raise
    if first is None:
        container.close()
        return None
    rate, channels = first.sample_rate, first.layout.nb_channels
    return Stream(
        rate, channels, None if seconds is None else round(seconds * rate), _samples(container, first, frames, name)
    )


def _samples(
    container: "av.container.InputContainer", first: Any, frames: Iterator[Any], name: str
) -> Iterator[Float32]:
    layout, rate = first.layout, first.sample_rate
    shape: Any = None
    resampler: Any = None

    def planar(frame: Any) -> list[Float32]:
        with library(WHO, name, Reason.CORRUPT_AUDIO):
            return [np.asarray(part.to_ndarray(), dtype=np.float32) for part in resampler.resample(frame)]

    with container:
        frame: Any = first
        while frame is not None:
            now = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
            if now != shape:
                if resampler is not None:
                    yield from planar(None)
                with library(WHO, name, Reason.CORRUPT_AUDIO):
                    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
                shape = now
            yield from planar(frame)
            frame = next(frames, None)
        yield from planar(None)
