"""Who speaks when in a clip, by a pipeline of pyannote.audio, as rows that hold whatever it may give."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import library
from turnmill.manifests.records import Reason
from turnmill.pipelines.device import Batch
from turnmill.pipelines.diarization.pipeline import load

SAMPLE_RATE: Final = 16_000  # that its models hear
BATCHES: Final = {"cpu": 8, "cuda": 32}
"""Windows, and voices in them, that the models are given at once."""

_WHO: Final = "pyannote.audio"


@dataclass(frozen=True)
class Segment:
    """One speaker's speech from `start` to `end`, in seconds from the start of the clip."""

    start: float
    end: float
    speaker: str


class Diarizer:
    """A loaded pipeline. `bounds`: what it is told of the number of speakers. Raises ModelUnavailable."""

    def __init__(self, model: str, device: str, batch_size: int | None, bounds: Mapping[str, int]) -> None:
        self._pipeline = load(model, device)
        self._bounds = bounds
        self.batch = Batch(batch_size or BATCHES[device], "windows")

    def segments(self, pcm: NDArray[np.float32], name: str = "the audio") -> list[Segment]:
        """The segments of float32 [samples] at 16 kHz, by start, end and speaker; none where nobody speaks.

        Raises AudioError(MODEL_FAILED) as `name` where the pipeline fails, or gives something else; MemoryError where
        one window takes more than there is.
        """
        given = self.batch.fit(partial(self._given, pcm, name))
        with library(_WHO, name, Reason.MODEL_FAILED):
            return _read(given, len(pcm) / SAMPLE_RATE)

    def _given(self, pcm: NDArray[np.float32], name: str, at_once: int) -> Any:
        import torch

        self._pipeline.segmentation_batch_size = self._pipeline.embedding_batch_size = at_once
        file = {"waveform": torch.from_numpy(pcm[None]), "sample_rate": SAMPLE_RATE, "uri": name}
        with library(_WHO, name, Reason.MODEL_FAILED):
            return self._pipeline(file, **self._bounds)


def _read(given: Any, duration: float) -> list[Segment]:
    """The segments of an output of pyannote.audio, within the clip. Raises ValueError for another thing."""
    annotation = getattr(given, "speaker_diarization", given)
    if not hasattr(annotation, "itertracks"):
        raise ValueError(f"it gave {type(given).__name__} in place of a diarization")
    found = []
    for span, _, speaker in annotation.itertracks(yield_label=True):
        start, end = float(span.start), float(span.end)
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError("it gave a segment without end")
        start, end = max(start, 0.0), min(end, duration)
        if start < end:
            found.append(Segment(start, end, str(speaker)))
    return sorted(found, key=lambda each: (each.start, each.end, each.speaker))


def overlap_ratio(segments: Sequence[Segment]) -> float:
    """Share of the time with speech in which two or more speak, 0 to 1; 0 where nobody does."""
    edges = sorted([(each.start, 1) for each in segments] + [(each.end, -1) for each in segments])
    speaking, speech, overlap = 0, 0.0, 0.0
    for (here, step), (there, _) in pairwise(edges):
        speaking += step
        speech += there - here if speaking > 0 else 0.0
        overlap += there - here if speaking > 1 else 0.0
    return overlap / speech if speech > 0 else 0.0
