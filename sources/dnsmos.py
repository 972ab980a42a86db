"""How good speech sounds, by DNSMOS (arXiv 2010.15258, 2110.01763): opinion scores from 1 to 5, as people would give.

The weights are those of Microsoft's package `speechmos` (MIT), which wants librosa and more, and runs where they are
not. What goes into them is as there: 16 kHz, windows of 9.01 s every second, of which a score is the mean; a shorter
sound is repeated, by doubling, until it fills one. P.835 scores speech, background and both by the samples, P.808 by a
log mel spectrogram: 321-sample Hann windows every 10 ms, 120 mels by Slaney, 80 dB below its loudest bin at most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from turnmill.manifests.audio import Float32, Sound, library, mixed, mono_resampled
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.manifests.records import Reason

_RATE: Final = 16000  # Hz
_WINDOW: Final = 144_160  # samples: 9.01 s
_HOP: Final = _RATE
_NEXT: Final = 10 * _RATE
_UNSEEN: Final = 160  # samples at the end of a window that P.808 is not shown
_FFT, _FFT_HOP, _MELS = 321, 160, 120
_RANGE_DB: Final = 80.0

_P835, _P808 = "sig_bak_ovr.onnx", "model_v8.onnx"
_FITTED: Final = (  # polynomials from the model's outputs to scores, highest power first
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)

SPEECHMOS: Final = Packaged(
    "dnsmos",
    ("speechmos==0.0.1.1",),
    {name: (f"speechmos/dnsmos_models/{name}",) for name in (_P835, _P808)},
    {
        _P835: "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
        _P808: "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
    },
)


def model_folder() -> Path:
    """Where the models lie. Raises ModelUnavailable where they are not installed, or not what they were."""
    folder = SPEECHMOS.folder
    if folder is None:
        raise ModelUnavailable("dnsmos: DNSMOS is not installed: pip install 'turnmill[dnsmos]'")
    return folder


@dataclass(frozen=True)
class Scores:
    """Mean opinion scores: of the speech, the background and the whole (P.835), and of the whole (P.808)."""

    sig: float
    bak: float
    ovrl: float
    p808: float


class Scorer:
    """DNSMOS on one thread. Raises ModelUnavailable."""

    def __init__(self, folder: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._p835: Any = InferenceSession(folder / _P835, options, providers=["CPUExecutionProvider"])
        self._p808: Any = InferenceSession(folder / _P808, options, providers=["CPUExecutionProvider"])

    def scores(self, sound: Sound, name: str) -> Scores:
        """Of all channels as one (`manifests.audio.mix`). Raises AudioError as `name` where a model or the resampler
        fails."""
        return self._scores(mixed(sound), sound.sample_rate, name)

    def channel_scores(self, sound: Sound, name: str) -> list[Scores]:
        """Of each channel by itself. Raises AudioError as `scores`."""

        def alone(channel: int) -> Iterator[Float32]:
            return (block[channel] for block in sound.blocks())

        return [self._scores(alone(channel), sound.sample_rate, name) for channel in range(sound.channels)]

    def _scores(self, blocks: Iterable[Float32], sample_rate: int, name: str) -> Scores:
        mono = mono_resampled(blocks, sample_rate, _RATE, name)
        with library("DNSMOS", name, Reason.MEASURE_FAILED):
            found = np.array([self._of(window) for window in windows(mono)])
        return Scores(*(round(float(score), 3) for score in found.mean(axis=0)))

    def _of(self, window: Float32) -> list[float]:
        (raw,) = self._p835.run(None, {"input_1": window[None]})
        (p808,) = self._p808.run(None, {"input_1": log_mel(window[:-_UNSEEN])[None]})
        told = (np.polyval(fitted, float(out)) for fitted, out in zip(_FITTED, raw[0], strict=True))
        return [*map(float, told), float(p808[0, 0])]


def windows(mono: Iterable[Float32]) -> Iterator[Float32]:
    """The windows of a sound of 16 kHz, float32 [n] by [n]: float32 [144,160] each, at least one. As in the package,
    one after the first needs 10 s of sound from its start; what is left then is not heard."""
    held, needed = np.zeros(0, np.float32), _WINDOW
    for block in mono:
        held = np.concatenate([held, block])
        while len(held) >= needed:
            yield held[:_WINDOW]
            held, needed = held[_HOP:], _NEXT
    if needed == _WINDOW:
        whole = held if len(held) else np.zeros(1, np.float32)  # a resampler may leave nothing of a sample
        while len(whole) < _WINDOW:
            whole = np.concatenate([whole, whole])
        yield from windows([whole])


def log_mel(samples: Float32) -> Float32:
    """As `librosa.feature.melspectrogram` and `power_to_db` have it, and (dB + 40) / 40:
    float32 [ceil(n / 160), 120]."""
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_FFT_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * _HANN))).astype(np.float32) @ _MEL
    level = 10 * np.log10(np.maximum(power, 1e-10))
    relative = np.maximum(level - level.max(), -_RANGE_DB)
    scaled: Float32 = ((relative + 40) / 40).astype(np.float32)
    return scaled


def _mel_matrix() -> Float32:
    """Slaney's triangles of equal area, evenly spaced on his mel scale (linear to 1 kHz, logarithmic above) up to half
    the rate: float32 [161, 120]."""
    top = 15 + np.log(_RATE / 2 / 1000) / np.log(6.4) * 27
    mels = np.linspace(0, top, _MELS + 2)
    hertz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    bins = np.fft.rfftfreq(_FFT, 1 / _RATE)[:, None]
    rising = (bins - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    falling = (hertz[2:] - bins) / (hertz[2:] - hertz[1:-1])
    triangles: Float32 = (np.maximum(0, np.minimum(rising, falling)) * 2 / (hertz[2:] - hertz[:-2])).astype(np.float32)
    return triangles


_MEL: Final = _mel_matrix()
_HANN: Final = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
