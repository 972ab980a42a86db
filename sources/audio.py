"""Audio files to samples and back.

`decode` takes bytes, never a path: libsndfile first (9 times faster than the others, reference/peers.md), then PyAV for
what it cannot open (AAC in MP4, AMR, WMA, ...), then the ffmpeg program. The content decides, never the file extension.
Untrusted bytes can name other files (playlists, concat lists): both ffmpegs may read only what they are given.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from typing import Any, Final

import av
import ffmpeg
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from manifests.records import ItemError, Reason

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

MAX_DECODED_BYTES: Final = 8 << 30
"""Largest audio that is decoded, in bytes of float32: 12 h of 48 kHz mono. One file must fit a worker's memory."""

FULL_SCALE_16: Final = 32768
_UNKNOWN_SIZE = 0x7FFFF000  # WAV `data` sizes from here on are a stream writer's placeholder (sox; ffmpeg 0xFFFFFFFF)
_LAKE_CODECS = frozenset({"flac", "mp3", "ogg", "opus"})


class AudioError(ItemError):
    """Audio that cannot be used."""


@dataclass(frozen=True)
class Audio:
    """Decoded audio. `samples`: float32 [channels, frames], 1.0 is full scale. `sample_rate`: Hz."""

    samples: Float32
    sample_rate: int

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Probe:
    """What a file's header says. `codec`: flac, mp3, ogg (Vorbis in Ogg), opus (in Ogg), wav or other, by content.

    `frames` is what the header declares, null where it does not; an MP3's is an estimate.
    """

    codec: str
    sample_rate: int  # Hz
    channels: int
    frames: int | None


def decode(data: bytes, name: str) -> Audio:
    """Decode a whole audio file at its own rate and channels. `name` appears in messages only.

    Raises AudioError: EMPTY_FILE, CORRUPT_AUDIO (nothing opens it, or it is too long for memory), TRUNCATED_AUDIO
    (FLAC or WAV with fewer samples than declared), NO_SAMPLES, NOT_FINITE.
    """
    if not data:
        raise AudioError(Reason.EMPTY_FILE, f"{name} has no bytes")
    audio = _decode_soundfile(data, name) or _decode_pyav(data, name) or _decode_ffmpeg(data, name)
    if audio is None:
        raise AudioError(Reason.CORRUPT_AUDIO, f"{name}: neither libsndfile nor ffmpeg can open it")
    if audio.frames == 0:
        raise AudioError(Reason.NO_SAMPLES, f"{name} is a valid file without a sample")
    # NaN passes through min, infinity is one of the two: no temporary array.
    if not (np.isfinite(audio.samples.min()) and np.isfinite(audio.samples.max())):
        raise AudioError(Reason.NOT_FINITE, f"{name} has samples that are NaN or infinite")
    return audio


def probe(data: bytes, name: str) -> Probe:
    """Codec, rate and channels from the header. Raises AudioError like `decode`, for what cannot be opened."""
    if not data:
        raise AudioError(Reason.EMPTY_FILE, f"{name} has no bytes")
    file = _open_soundfile(data)
    if file is not None:
        with file:
            frames = file.frames if _length_known(file) else None
            return Probe(_soundfile_codec(file), file.samplerate, file.channels, frames)
    container = _open_pyav(data)
    if container is not None:
        with container:
            stream = container.streams.audio[0]
            return Probe(_pyav_codec(container), stream.rate, stream.codec_context.channels, None)
    audio = decode(data, name)
    return Probe("other", audio.sample_rate, audio.channels, audio.frames)


def keeps_own_bytes(codec: str) -> bool:
    """Whether a whole file of this codec goes into the lake as it is (of any bit depth); others become 16-bit FLAC."""
    return codec in _LAKE_CODECS


def resample(audio: Audio, rate: int) -> Audio:
    """Resample every channel to `rate` Hz (soxr HQ: passband to 0.91 of the lower Nyquist frequency)."""
    if rate == audio.sample_rate:
        return audio
    if audio.channels == 1:
        samples = soxr.resample(audio.samples[0], audio.sample_rate, rate, quality="HQ")[None]
    else:
        samples = soxr.resample(audio.samples.T, audio.sample_rate, rate, quality="HQ").T
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), rate)


def mono(audio: Audio) -> Float32:
    """Mean of the channels, float32 [frames]."""
    samples: Float32 = audio.samples[0] if audio.channels == 1 else audio.samples.mean(axis=0, dtype=np.float32)
    return samples


def to_int16(audio: Audio) -> Int16:
    """Samples rounded to 16 bits, clipped to full scale: int16 [channels, frames]."""
    scaled = audio.samples * np.float32(FULL_SCALE_16)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -FULL_SCALE_16, FULL_SCALE_16 - 1, out=scaled)
    return scaled.astype(np.int16)


def quantize16(audio: Audio) -> Audio:
    """What a 16-bit file of this audio decodes to."""
    return Audio(to_int16(audio).astype(np.float32) / np.float32(FULL_SCALE_16), audio.sample_rate)


def encode_flac(audio: Audio) -> bytes:
    """16-bit FLAC; `decode(encode_flac(a), "")` equals `quantize16(a)`.

    Raises AudioError(CORRUPT_AUDIO) for what FLAC cannot hold: more than 8 channels, or a rate it has no code for.
    """
    file = io.BytesIO()
    try:
        soundfile.write(file, to_int16(audio).T, audio.sample_rate, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        shape = f"{audio.channels} channels at {audio.sample_rate} Hz"
        raise AudioError(Reason.CORRUPT_AUDIO, f"FLAC cannot hold {shape}: {error}") from error
    return file.getvalue()


def pcm_hash(audio: Audio) -> str:
    """Hex blake2b-128 of the interleaved 16-bit little-endian samples, then rate and channel count."""
    interleaved = np.ascontiguousarray(to_int16(audio).T, dtype="<i2")
    digest = hashlib.blake2b(interleaved.data, digest_size=16)
    digest.update(struct.pack("<II", audio.sample_rate, audio.channels))
    return digest.hexdigest()


def _check_size(samples: int, name: str) -> None:
    if samples * 4 > MAX_DECODED_BYTES:
        limit = MAX_DECODED_BYTES >> 30
        raise AudioError(
            Reason.CORRUPT_AUDIO, f"{name} declares or holds more than {limit} GiB of decoded samples: split it first"
        )


def _open_soundfile(data: bytes) -> soundfile.SoundFile | None:
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError:
        return None


def _length_known(file: soundfile.SoundFile) -> bool:
    return bool(file.frames < 1 << 62)  # libsndfile says 2**63 - 1 for a FLAC that was written to a pipe


def _soundfile_codec(file: soundfile.SoundFile) -> str:
    if file.format == "OGG":
        return {"VORBIS": "ogg", "OPUS": "opus"}.get(file.subtype, "other")
    return {"FLAC": "flac", "MP3": "mp3", "WAV": "wav", "WAVEX": "wav", "RF64": "wav"}.get(file.format, "other")


def _decode_soundfile(data: bytes, name: str) -> Audio | None:
    file = _open_soundfile(data)
    if file is None:
        return None
    with file:
        if not _length_known(file):  # libsndfile fails at the end of such a FLAC
            return None
        codec, declared = _soundfile_codec(file), file.frames
        if codec == "wav":
            _check_wav_length(data, name)
        _check_size(declared * file.channels, name)
        try:
            frames = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                Reason.TRUNCATED_AUDIO, f"{name} breaks off before the {declared} frames it declares"
            ) from error
    if codec == "flac" and len(frames) < declared:
        raise AudioError(Reason.TRUNCATED_AUDIO, f"{name} holds {len(frames)} of the {declared} frames it declares")
    return Audio(np.ascontiguousarray(frames.T), file.samplerate)


def _check_wav_length(data: bytes, name: str) -> None:
    """libsndfile reads a cut WAV as if it were whole: compare the `data` chunk's size with the bytes that are there."""
    position, large_size = 12, None
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if kind == b"ds64" and position + 16 <= len(data):  # RF64 keeps its 64-bit sizes here
            (large_size,) = struct.unpack_from("<Q", data, position + 8)
        if kind == b"data":
            declared = large_size if large_size is not None and size == 0xFFFFFFFF else size
            unknown = size >= _UNKNOWN_SIZE and large_size is None
            if not unknown and declared > len(data) - position:
                raise AudioError(
                    Reason.TRUNCATED_AUDIO, f"{name} holds {len(data) - position} of the {declared} bytes it declares"
                )
            return
        position += size + size % 2


def _open_pyav(data: bytes) -> "av.container.InputContainer | None":
    try:
        container: av.container.InputContainer = av.open(
            io.BytesIO(data), options={"protocol_whitelist": "none"}, metadata_errors="replace", mode="r"
        )
    except av.FFmpegError:
        return None
    # An unknown codec gives a stream without a decoder.
    if not container.streams.audio or container.streams.audio[0].codec_context is None:
        container.close()
        return None
    return container


def _pyav_codec(container: "av.container.InputContainer") -> str:
    codec = container.streams.audio[0].codec_context.name
    known = {("mp3", "mp3float"): "mp3", ("mp3", "mp3"): "mp3", ("flac", "flac"): "flac", ("wav", codec): "wav"}
    known |= {("ogg", "vorbis"): "ogg", ("ogg", "opus"): "opus"}
    return known.get((container.format.name, codec), "other")


def _decode_pyav(data: bytes, name: str) -> Audio | None:
    container = _open_pyav(data)
    if container is None:
        return None
    blocks: list[npt.NDArray[Any]] = []
    total = 0
    with container:
        stream = container.streams.audio[0]
        rate, channels = stream.rate, stream.codec_context.channels
        if container.duration is not None:
            _check_size(int(container.duration / av.time_base * rate * channels), name)
        planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        try:
            for frame in container.decode(stream):
                blocks += [part.to_ndarray() for part in planar.resample(frame)]
                total += frame.samples * channels
                _check_size(total, name)
            blocks += [part.to_ndarray() for part in planar.resample(None)] if blocks else []
        except av.FFmpegError as error:
            seconds = total / channels / rate
            raise AudioError(
                Reason.CORRUPT_AUDIO, f"{name} cannot be decoded after {seconds:.2f} s: {error}"
            ) from error
    samples = np.concatenate(blocks, axis=1) if blocks else np.zeros((channels, 0), np.float32)
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), rate)


def _decode_ffmpeg(data: bytes, name: str) -> Audio | None:
    """The ffmpeg program, fed by its standard input: no path, so no name of the user's, is on its command line."""
    stream = ffmpeg.input("pipe:0", protocol_whitelist="pipe").output(
        "pipe:1", format="au", acodec="pcm_f32be", map="0:a:0", fs=MAX_DECODED_BYTES, loglevel="error"
    )
    try:
        decoded, _ = stream.run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), input=data, capture_stdout=True, capture_stderr=True
        )
    except ffmpeg.Error:
        return None
    _check_size(len(decoded) // 4 + 1, name)
    file = _open_soundfile(decoded)
    if file is None:
        return None
    with file:
        frames = file.read(dtype="float32", always_2d=True)
        return Audio(np.ascontiguousarray(frames.T), file.samplerate)
