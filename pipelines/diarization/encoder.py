"""The speaker encoder of Resemblyzer (GE2E, arXiv 1710.10467): a voice as 256 numbers, alike for one speaker.

The weights are Resemblyzer's. The front end is ours, and gives what `VoiceEncoder.embed_utterance` gives: the package
imports a VAD and a name of scipy that new environments lack.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from turnmill.manifests.audio import library
from turnmill.manifests.records import Reason
from turnmill.pipelines.device import Batch

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
_COMPARED: Final = 2_000  # partials of a clip, at most, that are compared with each other: 26 minutes
_BLOCK: Final = 1 << 20  # samples
_WHO: Final = "Resemblyzer"


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
        self.batch = Batch(_AT_ONCE, "stretches")
        self.to(device)

    def to(self, device: Any) -> None:
        self.device = device
        self._lstm.to(device)
        self._linear.to(device)

    def embed(self, clips: Sequence[Float32], name: str = "the audio") -> list[Voiceprint]:
        """The voice of each clip, float32 [samples] at 16 kHz, of any length but 0; no clip is copied.

        Raises AudioError(MODEL_FAILED) as `name` where the model fails, or gives no numbers; MemoryError where one
        stretch of 1.6 s takes more than there is.
        """
        starts = [_starts(len(clip)) for clip in clips]
        mels = (mel for clip, first in zip(clips, starts, strict=True) for mel in _partials(clip, first))
        partials = np.concatenate(list(self._encoded(mels, name)))
        ends = np.cumsum([len(first) for first in starts])
        return [_voiceprint(each) for each in np.split(partials, ends[:-1])]

    def _encoded(self, mels: Iterator[Float32], name: str) -> Iterator[Float32]:
        while some := list(islice(mels, _AT_ONCE)):
            yield from self.batch.fit(partial(self._in_parts, np.stack(some), name))

    def _in_parts(self, mels: Float32, name: str, at_once: int) -> list[Float32]:
        return [self._forward(mels[at : at + at_once], name) for at in range(0, len(mels), at_once)]

    def _forward(self, mels: Float32, name: str) -> Float32:
        """float32 [n, 160, 40] -> [n, 256], each of length 1."""
        import torch

        with library(_WHO, name, Reason.MODEL_FAILED):
            with torch.inference_mode():
                _, (hidden, _) = self._lstm(torch.from_numpy(mels).to(self.device))
                raw: Float32 = torch.relu(self._linear(hidden[-1])).cpu().numpy()
            if not np.isfinite(raw).all():
                raise ValueError("it gave numbers that are not finite")
        return _unit(raw)


def spread(partials: Float32) -> float:
    """How far a clip is from one voice: 1 less the cosine of the two largest groups that its partials, float32
    [n, 256], divide into, of two or more each; 0 where there are no two. 0 to 1. Of a clip of more than 26 minutes some
    partials are compared, evenly spread."""
    partials = partials[:: -(-len(partials) // _COMPARED)]
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


def _gain(pcm: Float32) -> np.float32:
    """What brings faint audio to `_LEVEL`."""
    blocks = (pcm[at : at + _BLOCK] for at in range(0, len(pcm), _BLOCK))
    rms = (sum(float(np.square(block, dtype=np.float64).sum()) for block in blocks) / len(pcm)) ** 0.5
    return np.float32(1 if rms == 0 or rms >= _LEVEL else _LEVEL / rms)


def _starts(samples: int) -> list[int]:
    """First frames of the partials of so many samples."""
    frames = -(-(samples + 1) // _HOP)
    starts = list(range(0, max(1, frames - _PARTIAL + _STEP + 1), _STEP))
    covered = (samples - starts[-1] * _HOP) / (_PARTIAL * _HOP)
    return starts[:-1] if covered < _COVERAGE and len(starts) > 1 else starts


def _partials(pcm: Float32, starts: Sequence[int]) -> Iterator[Float32]:
    """Mel spectra, float32 [160, 40], of the partials of a clip, with zeros around it."""
    gain, end = _gain(pcm), min(len(pcm), (starts[-1] + _PARTIAL) * _HOP)
    for start in starts:
        first = start * _HOP - _WINDOW // 2
        heard = pcm[max(0, first) : min(end, first + (_PARTIAL - 1) * _HOP + _WINDOW)]
        window = np.zeros((_PARTIAL - 1) * _HOP + _WINDOW, np.float32)
        before = max(0, -first)
        window[before : before + len(heard)] = heard * gain
        yield _mel(window)


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
