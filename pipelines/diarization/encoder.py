"""The speaker encoder of Resemblyzer (GE2E, arXiv 1710.10467): a voice as 256 numbers, alike for one speaker.

The weights are Resemblyzer's. The front end is ours, and gives what `VoiceEncoder.embed_utterance` gives: the package
imports a VAD and a name of scipy that new environments lack.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

Float32 = NDArray[np.float32]

SAMPLE_RATE: Final = 16_000
DIMENSION: Final = 256
PARTIAL_S: Final = 1.6  # that the model hears at once

_MELS: Final = 40
_WINDOW: Final = 400  # samples: 25 ms
_HOP: Final = 160  # samples: 10 ms
_PARTIAL: Final = 160  # frames
_STEP: Final = 77  # frames between the starts of partials: 1.3 of them a second
_COVERAGE: Final = 0.75  # of the last partial that has to be audio and not padding, where there is another
_LEVEL: Final = 10 ** (-30 / 20)  # root mean square that faint audio is brought to: the spectrum is not logarithmic
_GROUP: Final = 2  # partials, 2.4 s, that are told for a voice of their own
_AT_ONCE: Final = 256  # partials in a batch: 40 MB of spectra


@dataclass(frozen=True)
class Voiceprint:
    """float32 [256] of length 1, and of its `partials`, float32 [n, 256] of length 1 each: `_STEP` frames apart."""

    whole: Float32
    partials: Float32


class Encoder:
    """A loaded encoder. `device`: as torch names it."""

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        import torch
        from torch import nn

        self._lstm = nn.LSTM(_MELS, DIMENSION, num_layers=3, batch_first=True)
        self._linear = nn.Linear(DIMENSION, DIMENSION)
        state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        for name, part in (("lstm", self._lstm), ("linear", self._linear)):
            own = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
            part.load_state_dict(own)
            part.eval()
        self.to(device)

    def to(self, device: Any) -> None:
        self.device = device
        self._lstm.to(device)
        self._linear.to(device)

    def embed(self, clips: Sequence[Float32]) -> list[Voiceprint]:
        """The voice of each clip, float32 [samples] at 16 kHz, of any length but 0."""
        levelled = [_levelled(clip) for clip in clips]
        starts = [_starts(len(clip)) for clip in clips]
        mels = (mel for clip, first in zip(levelled, starts, strict=True) for mel in _partials(clip, first))
        partials = np.concatenate(list(self._encoded(mels)))
        ends = np.cumsum([len(first) for first in starts])
        return [_voiceprint(each) for each in np.split(partials, ends[:-1])]

    def _encoded(self, mels: Iterator[Float32]) -> Iterator[Float32]:
        batch: list[Float32] = []
        for mel in mels:
            batch.append(mel)
            if len(batch) == _AT_ONCE:
                yield self._forward(np.stack(batch))
                batch = []
        if batch:
            yield self._forward(np.stack(batch))

    def _forward(self, mels: Float32) -> Float32:
        """float32 [n, 160, 40] -> [n, 256], each of length 1."""
        import torch

        with torch.inference_mode():
            _, (hidden, _) = self._lstm(torch.from_numpy(mels).to(self.device))
            raw: Float32 = torch.relu(self._linear(hidden[-1])).cpu().numpy()
        return _unit(raw)


def spread(partials: Float32) -> float:
    """How far a clip is from one voice: 1 less the cosine of the two largest groups that its partials, float32
    [n, 256], divide into, of two or more each; 0 where there are no two. 0 to 1."""
    if len(partials) < 2 * _GROUP:
        return 0.0
    tree = linkage(partials, "average", metric="cosine")
    for count in range(2, len(partials)):
        labels = fcluster(tree, count, criterion="maxclust")
        sizes = np.bincount(labels)
        first, second = np.argsort(-sizes, kind="stable")[:2]
        if sizes[second] >= _GROUP:
            one, other = (_unit(partials[labels == group].mean(axis=0)) for group in (first, second))
            return max(0.0, 1 - float(one @ other))
    return 0.0


def _voiceprint(partials: Float32) -> Voiceprint:
    return Voiceprint(_unit(partials.mean(axis=0)), partials)


def _unit(vectors: Float32) -> Float32:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Float32 = vectors / np.maximum(length, np.finfo(np.float32).tiny)
    return unit


def _levelled(pcm: Float32) -> Float32:
    rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))
    return pcm if rms == 0 or rms >= _LEVEL else (pcm * np.float32(_LEVEL / rms)).astype(np.float32)


def _starts(samples: int) -> list[int]:
    """First frames of the partials of so many samples."""
    frames = -(-(samples + 1) // _HOP)
    starts = list(range(0, max(1, frames - _PARTIAL + _STEP + 1), _STEP))
    covered = (samples - starts[-1] * _HOP) / (_PARTIAL * _HOP)
    return starts[:-1] if covered < _COVERAGE and len(starts) > 1 else starts


def _partials(pcm: Float32, starts: Sequence[int]) -> Iterator[Float32]:
    """Mel spectra, float32 [160, 40], of the partials of a clip, with zeros around it."""
    side = _WINDOW // 2
    last = (starts[-1] + _PARTIAL) * _HOP
    padded = np.pad(pcm[:last], (side, side + max(0, last - len(pcm))))
    for start in starts:
        first = start * _HOP
        yield _mel(padded[first : first + (_PARTIAL - 1) * _HOP + _WINDOW])


def _mel(pcm: Float32) -> Float32:
    """Power of float32 [samples] in mel bands, [frames, 40], not logarithmic: librosa.feature.melspectrogram."""
    frames = sliding_window_view(pcm, _WINDOW)[::_HOP]
    spectra = scipy.fft.rfft(frames * _hann())
    power: Float32 = spectra.real**2 + spectra.imag**2
    bands: Float32 = power @ _filters()
    return bands


@cache
def _hann() -> Float32:
    window: Float32 = scipy.signal.get_window("hann", _WINDOW).astype(np.float32)
    return window


@cache
def _filters() -> Float32:
    """float32 [201, 40]: bands of Slaney's scale, of equal area."""
    from faster_whisper.feature_extractor import FeatureExtractor

    filters = FeatureExtractor.get_mel_filters(SAMPLE_RATE, _WINDOW, n_mels=_MELS)
    return np.ascontiguousarray(np.asarray(filters, np.float32).T)
