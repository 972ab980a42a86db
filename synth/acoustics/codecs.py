"""What a transmission does to speech: encoded and decoded by ffmpeg, through pipes."""

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import generator
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

_PROBE_S = 2.0
_MOST_DELAY = RATE // 4
_PAD = RATE // 10  # coded after the end, so that no codec keeps the last samples for itself


@dataclass(frozen=True)
class Codec:
    """ffmpeg's names. `rate` in Hz is that of the transmission, `band` its high-pass and low-pass in Hz (ITU-T G.712
    for the telephone); `raw` says that the stream has no header, so that its decoder must be told the rate."""

    rate: int
    encoder: str
    container: str
    bitrate: str | None = None
    band: tuple[int, int] | None = None
    raw: bool = False
    options: dict[str, Any] = field(default_factory=dict)


_TELEPHONE = (300, 3400)

CODECS: dict[str, Codec] = {
    "g711_mulaw": Codec(8000, "pcm_mulaw", "mulaw", band=_TELEPHONE, raw=True),
    "g711_alaw": Codec(8000, "pcm_alaw", "alaw", band=_TELEPHONE, raw=True),
    "amr_nb": Codec(8000, "libopencore_amrnb", "amr", "12.2k", band=_TELEPHONE),
    "g722": Codec(16_000, "g722", "g722"),
    "opus": Codec(24_000, "libopus", "ogg", "12k", options={"application": "voip", "compression_level": 5}),
    "mp3": Codec(24_000, "libmp3lame", "mp3", "24k"),
    "narrowband": Codec(8000, "pcm_s16le", "s16le", band=_TELEPHONE, raw=True),
}
"""By name; ffmpeg decodes GSM full rate but does not encode it, AMR is what mobile telephones use now."""


def transmit(name: str, pcm: Float32) -> Float32:
    """Float32 [samples] as long as `pcm`: through the codec and back to 24 kHz, its delay removed to the sample.

    UsageError where this ffmpeg lacks the codec, or the packages that bring and call ffmpeg are not installed.
    """
    return _there_and_back(name, pcm, _delay(name))


@functools.cache
def _delay(name: str) -> int:
    """The delay of a codec in samples, measured once a process: versions of encoders differ in it."""
    n_samples = round(_PROBE_S * RATE)
    probe = generator(0, "codec", "delay").standard_normal(n_samples)
    spectrum = scipy.fft.rfft(probe, 2 * n_samples)
    frequency = scipy.fft.rfftfreq(2 * n_samples, 1 / RATE)
    spectrum *= (frequency > 400) & (frequency < 3000)
    # Voice-like in level and in its swell, so that a codec for speech does not take it for noise and smooth it.
    probe = scipy.fft.irfft(spectrum)[:n_samples] * (1 + np.sin(2 * np.pi * 4 * np.arange(n_samples) / RATE))
    probe *= 0.1 / probe.std()
    back = _there_and_back(name, probe.astype(np.float32), 0)
    match = scipy.fft.irfft(scipy.fft.rfft(back, 2 * n_samples) * np.conj(scipy.fft.rfft(probe, 2 * n_samples)))
    lags = np.concatenate((match[-_MOST_DELAY:], match[:_MOST_DELAY]))
    return int(np.argmax(lags)) - _MOST_DELAY


def _there_and_back(name: str, pcm: Float32, delay: int) -> Float32:
    ffmpeg, _ = _packages()
    codec = CODECS[name]
    stream = ffmpeg.input("pipe:0", format="f32le", ar=RATE, ac=1)
    if codec.band:
        stream = stream.filter("highpass", f=codec.band[0]).filter("lowpass", f=codec.band[1])
    bitrate = {"audio_bitrate": codec.bitrate} if codec.bitrate else {}
    coded = ffmpeg.output(
        stream, "pipe:1", format=codec.container, acodec=codec.encoder, ar=codec.rate, **bitrate, **codec.options
    )
    end = np.zeros(_PAD + max(delay, 0), np.float32)
    sent = _run(coded, np.concatenate((pcm, end)).astype("<f4", copy=False).tobytes(), name)
    rate = {"ar": codec.rate, "ac": 1} if codec.raw else {}
    decoded = ffmpeg.input("pipe:0", format=codec.container, **rate).output("pipe:1", format="f32le", ar=RATE, ac=1)
    back = np.frombuffer(_run(decoded, sent, name), "<f4").astype(np.float32, copy=False)
    if delay < 0:
        back = np.concatenate((np.zeros(-delay, np.float32), back))
    back = back[max(delay, 0) :][: len(pcm)]
    return np.concatenate((back, np.zeros(len(pcm) - len(back), np.float32)))


def _run(stream: Any, data: bytes, name: str) -> bytes:
    ffmpeg, imageio_ffmpeg = _packages()
    program = imageio_ffmpeg.get_ffmpeg_exe()
    try:
        out, _ = stream.global_args("-loglevel", "error", "-threads", "1").run(
            cmd=program, input=data, capture_stdout=True, capture_stderr=True
        )
    except ffmpeg.Error as error:
        why = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UsageError(
            f"codec.kinds: {program} cannot do {name} ({' '.join(why)}); leave it out or use imageio-ffmpeg's own"
        ) from error
    sound: bytes = out
    return sound


def _packages() -> tuple[Any, Any]:
    try:
        import ffmpeg
        import imageio_ffmpeg
    except ImportError as error:
        raise UsageError(
            "simulate.acoustics.codec needs the packages ffmpeg-python and imageio-ffmpeg: "
            "pip install ffmpeg-python imageio-ffmpeg"
        ) from error
    return ffmpeg, imageio_ffmpeg
