"""Samples of a batch in one array each, padded to the longest."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import Float32
from turnmill.manifests.training.clock import Events, Int32, TrainingSample, Words


class TrainingBatch(TypedDict):
    """B samples, as `TrainingSample` has each, behind whose ends audio is 0, word and event -1, the rest False.

    samples, frames: int64 [B], how long each is without what pads it, in samples of the audio and frames of the clock.
    audio: float32 [B, C, samples]. speech, misheard, word, event: [B, C, frames].
    """

    key: list[str]
    split: list[str]
    told: list[Mapping[str, Any]]
    samples: NDArray[np.int64]
    frames: NDArray[np.int64]
    audio: Float32
    sample_rate: int
    words: list[Words]
    events: list[Events]
    speech: NDArray[np.bool_]
    misheard: NDArray[np.bool_]
    word: Int32
    event: Int32
    state: Mapping[str, Any]


def batch_of(samples: Sequence[TrainingSample]) -> TrainingBatch:
    """One batch; its state is that of the last sample."""
    return TrainingBatch(
        key=[one["key"] for one in samples],
        split=[one["split"] for one in samples],
        told=[one["told"] for one in samples],
        samples=np.array([one["audio"].shape[1] for one in samples]),
        frames=np.array([one["speech"].shape[1] for one in samples]),
        audio=_padded([one["audio"] for one in samples], 0),
        sample_rate=samples[0]["sample_rate"],
        words=[one["words"] for one in samples],
        events=[one["events"] for one in samples],
        speech=_padded([one["speech"] for one in samples], False),
        misheard=_padded([one["misheard"] for one in samples], False),
        word=_padded([one["word"] for one in samples], -1),
        event=_padded([one["event"] for one in samples], -1),
        state=samples[-1]["state"],
    )


_Kind = TypeVar("_Kind", bound=np.generic)


def _padded(arrays: Sequence[NDArray[_Kind]], fill: float) -> NDArray[_Kind]:
    """Arrays [C, n] as one, [B, C, longest]."""
    shape = len(arrays), arrays[0].shape[0], max(array.shape[1] for array in arrays)
    padded = np.full(shape, fill, arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[:, : array.shape[1]] = array
    return padded
