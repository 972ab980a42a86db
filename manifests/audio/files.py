"""Files to sounds: which decoder reads one, whether it read all of it, and what the lake may keep of it."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import BinaryIO, Final

import numpy as np

from turnmill.manifests.audio import libav, libsndfile, program, tags
from turnmill.manifests.audio.count import Extent, count
from turnmill.manifests.audio.encode import check_shape
from turnmill.manifests.audio.errors import AudioError
from turnmill.manifests.audio.frames import flac_links
from turnmill.manifests.audio.mix import Mix, resampled
from turnmill.manifests.audio.sound import Audio, Float32, LongSound, Sound, Stream, gathered, in_blocks, is_short
from turnmill.manifests.audio.spool import Spooled, append
from turnmill.manifests.audio.views import Bytes, size_of, told, view
from turnmill.manifests.records import Reason

MAX_DECODED_BYTES: Final = 8 << 30
"""Largest audio that `decode` holds in memory, in bytes of float32: 12 h of 48 kHz mono."""

MAX_SECONDS: Final = 100 * 3600
"""Longest recording: what is longer was not recorded, but is a few bytes that a damaged header stretches."""

LAKE_CODECS: Final = frozenset({"flac", "mp3", "ogg", "opus"})

_HEADER_SLACK_S: Final = 0.3
"""How far a header's length may be off what is decoded: delays, and the last block of a codec."""

_READ_AHEAD: Final = 1 << 16
"""Bytes that a decoder may have read and not needed: libFLAC 8,192."""

_LFS: Final = b"version https://git-lfs.github.com/spec/"

Decoder = Callable[[BinaryIO, str], Stream | None]
_DECODERS: Final[tuple[Decoder, ...]] = (libsndfile.stream, libav.stream, program.stream)


@dataclass(frozen=True)
class Recording:
    """A file as it was read. `codec`: flac, mp3, ogg (Vorbis in Ogg), opus (in Ogg), wav or other, by content.

    `keeps_own_bytes`: the lake may hold the file as it is (of any bit depth), for every reader finds the same in it;
    of others it holds what was decoded, as 16-bit FLAC.
    """

    sound: Audio | LongSound
    codec: str
    keeps_own_bytes: bool


def decode(source: bytes | BinaryIO, name: str) -> Audio:
    """A whole audio file in memory, at its own rate and channels: see `read`.

    Raises AudioError also for what would be more than MAX_DECODED_BYTES (CORRUPT_AUDIO).
    """
    sound = read(source, name).sound
    if isinstance(sound, Audio):
        return sound
    if sound.frames * sound.channels * 4 > MAX_DECODED_BYTES:
        limit = MAX_DECODED_BYTES >> 30
        detail = f"{name} holds more than {limit} GiB of decoded samples, too much for what is done here: split it"
        raise AudioError(Reason.CORRUPT_AUDIO, detail)
    return gathered(sound.blocks(), sound.channels, sound.sample_rate)


def read(source: bytes | BinaryIO, name: str, spool: BinaryIO | None = None) -> Recording:
    """Decode a file to its end, at its own rate and channels. `name` appears in messages only; a file has to stay open
    while the sound is used. `spool`: a file that what is long is kept in, of 16 bits, for the clips that are cut from
    it; without, it is decoded again each time it is used.

    Raises AudioError: EMPTY_FILE, CORRUPT_AUDIO (nothing opens it), TRUNCATED_AUDIO (it breaks off, or holds less than
    it declares), NO_SAMPLES, NOT_FINITE, TOO_MANY_CHANNELS, UNSUPPORTED_RATE; OSError where the system cannot read it.
    """
    if isinstance(source, bytes | io.BytesIO):
        return _read(io.BytesIO(source) if isinstance(source, bytes) else source, name, spool)
    file = view([(source, 0, size_of(source))])
    with told(file):
        return _read(file, name, spool)


def _read(file: BinaryIO, name: str, spool: BinaryIO | None = None) -> Recording:
    start, end = tags.bare(Bytes(file))
    if (start, end) != (0, size_of(file)):
        found = _read(view([(file, start, end - start)]), name, spool)
        return replace(found, keeps_own_bytes=found.keeps_own_bytes and start == 0)  # not all skip what is in front
    extent = _whole(file, name)
    if len(extent.links) > 1:
        return Recording(_joined(file, extent.links, name, spool), "other", False)
    if extent.truth:
        file = view(
            [piece if isinstance(piece, bytes) else (file, piece[0], piece[1] - piece[0]) for piece in extent.truth]
        )
    sound, quick = _decoded(file, extent, name, spool)
    if extent.codec == "flac":
        # Joined files of one length look like one: another may begin where the decoder stopped.
        unread = file.tell() - _READ_AHEAD
        links = flac_links(Bytes(file), unread)
        if len(links) > 1:
            return Recording(_joined(file, links, name, spool), "other", False)
    return Recording(sound, extent.codec, quick and extent.plain and extent.codec in LAKE_CODECS)


def _unopened(file: BinaryIO, name: str) -> AudioError:
    file.seek(0)
    if file.read(len(_LFS)) == _LFS:
        detail = (
            f"{name} is what Git LFS leaves in place of a file: run `git lfs pull` in the clone, a zip has only these"
        )
        return AudioError(Reason.CORRUPT_AUDIO, detail)
    return AudioError(Reason.CORRUPT_AUDIO, f"{name}: neither libsndfile nor ffmpeg can open it")


def _whole(file: BinaryIO, name: str) -> Extent:
    if size_of(file) == 0:
        raise AudioError(Reason.EMPTY_FILE, f"{name} has no bytes")
    extent = count(file)
    if extent.cut:
        raise AudioError(Reason.TRUNCATED_AUDIO, f"{name} breaks off: {extent.cut}")
    return extent


def _decoded(file: BinaryIO, extent: Extent, name: str, spool: BinaryIO | None) -> tuple[Audio | LongSound, bool]:
    """The sound by the first decoder that reads all of the file, and whether the quick one found what was counted.

    Where no bytes were counted, all is the most that a decoder knows of from the header; the next has to find it too.
    """
    failures: list[AudioError] = []
    expected, slack = extent.seconds, extent.slack
    for decoder in _DECODERS:
        stream = None
        try:
            stream = decoder(file, name)
            if stream is None:
                continue
            check_shape(stream.sample_rate, stream.channels, name)
            if extent.seconds is None and stream.frames is not None:
                expected, slack = max(expected or 0.0, stream.frames / stream.sample_rate), _HEADER_SLACK_S
            again = partial(_again, decoder, file, name)
            sound = _taken(stream, again, name, spool)
        except AudioError as error:
            if error.reason is not Reason.CORRUPT_AUDIO:
                raise
            # What has a length and ends before it is cut, or damaged on the way: nobody can tell these apart.
            if stream is not None and expected is not None:
                said = error.detail.removeprefix(f"{name}: ")
                detail = f"{name} breaks off before the {expected:.3f} s that it states ({said})"
                error = AudioError(Reason.TRUNCATED_AUDIO, detail)
            failures.append(error)
            continue
        if expected is None or abs(sound.duration - expected) <= slack + 1e-6:
            return sound, decoder is libsndfile.stream
        if sound.duration > expected and decoder is not libsndfile.stream:
            return sound, False
        detail = f"{name} holds {sound.duration:.3f} s of {expected:.3f} s"
        failures.append(AudioError(Reason.TRUNCATED_AUDIO, detail))
    raise failures[0] if failures else _unopened(file, name)


def _again(decoder: Decoder, file: BinaryIO, name: str) -> Iterator[Float32]:
    own = view([(file, 0, size_of(file))])  # with a place of its own: one may wait on its way
    with told(file):
        stream = decoder(own, name)
        if stream is None:
            raise AudioError(Reason.CORRUPT_AUDIO, f"{name} changed while it was read")
        yield from stream.samples


def _taken(
    stream: Stream, again: Callable[[], Iterator[Float32]], name: str, spool: BinaryIO | None
) -> Audio | LongSound:
    """A stream to its end: in memory where it is short, else in a spool, or as what is decoded again. Raises
    AudioError."""
    held: list[Float32] = []
    frames = 0
    if spool is not None:
        spool.seek(0)  # the decoder before this one may have begun
    for block in stream.samples:
        # NaN passes through min, infinity is one of the two: no temporary array.
        if not (np.isfinite(block.min(initial=0)) and np.isfinite(block.max(initial=0))):
            raise AudioError(Reason.NOT_FINITE, f"{name} has samples that are NaN or infinite")
        frames += block.shape[1]
        if frames > MAX_SECONDS * stream.sample_rate:
            detail = f"{name} holds more than {MAX_SECONDS // 3600} h at {stream.sample_rate} Hz: split it first"
            raise AudioError(Reason.CORRUPT_AUDIO, detail)
        held.append(block)
        if not is_short(frames, stream.channels):
            if spool is not None:
                append(spool, held)
            held.clear()
    if frames == 0:
        raise AudioError(Reason.NO_SAMPLES, f"{name} is a valid file without a sample")
    if is_short(frames, stream.channels):
        return gathered(held, stream.channels, stream.sample_rate)
    if spool is not None:
        return Spooled(stream.sample_rate, stream.channels, frames, again, name, spool)
    return LongSound(stream.sample_rate, stream.channels, frames, again, name)


def _joined(file: BinaryIO, links: tuple[tuple[int, int], ...], name: str, spool: BinaryIO | None) -> Audio | LongSound:
    """Files that were joined are decoded one by one, each brought to the rate and channels of the first."""

    def stream() -> Stream:
        parts = _parts(file, links, name)
        first = next(parts, None)
        if first is None:
            raise AudioError(Reason.NO_SAMPLES, f"{name} is a valid file without a sample")
        samples = chain.from_iterable(
            _like(part, first.sample_rate, first.channels, name) for part in chain([first], parts)
        )
        return Stream(first.sample_rate, first.channels, None, in_blocks(samples))

    def again() -> Iterator[Float32]:
        with told(file):
            yield from stream().samples

    return _taken(stream(), again, name, spool)


def _parts(file: BinaryIO, links: tuple[tuple[int, int], ...], name: str) -> Iterator[Sound]:
    """The sounds of joined files, those without a sample left out."""
    waiting = list(reversed(links))
    while waiting:
        start, end = waiting.pop()
        part = view([(file, start, end - start)])
        further = count(part).links
        if len(further) > 1:
            waiting += [(start + first, start + last) for first, last in reversed(further)]
            continue
        try:
            yield _read(part, name).sound
        except AudioError as error:
            if error.reason is not Reason.NO_SAMPLES:
                raise


def _like(sound: Sound, rate: int, channels: int, name: str) -> Iterator[Float32]:
    """A sound's samples at another rate and with other channels: one becomes all of them, all become their mean."""
    if sound.channels != channels and 1 not in (sound.channels, channels):
        detail = f"{name} turns from {channels} channels to {sound.channels} on the way: split it"
        raise AudioError(Reason.CORRUPT_AUDIO, detail)
    for block in resampled(sound.blocks(), sound.channels, sound.sample_rate, rate, name):
        if len(block) == channels:
            yield block
        else:
            yield Mix()(block)[None] if channels == 1 else np.repeat(block, channels, axis=0)
