"""pyannote.audio's diarization pipeline from models that are at hand. Imports torch: load it by `pipeline.load`."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyannote.audio import Audio, Model
from pyannote.audio.core.inference import BaseInference
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import AgglomerativeClustering

from turnmill.pipelines.diarization.encoder import DIMENSION, SAMPLE_RATE, Encoder

_LEAST: Final = 24_000  # samples of one speaker alone that a voice is told from


class Voices(BaseInference):  # type: ignore[misc]  # moved to a device with the models of its pipeline
    """The encoder as pyannote.audio calls a speaker embedding."""

    sample_rate: Final = SAMPLE_RATE
    dimension: Final = DIMENSION
    metric: Final = "cosine"
    min_num_samples: Final = _LEAST

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def to(self, device: Any) -> "Voices":
        self._encoder.to(device)
        return self

    def __call__(self, waveforms: Any, masks: Any) -> NDArray[np.float32]:
        """Voices float32 [B, 256] in float32 [B, 1, N] where masks [B, F] are 1; NaN where that is too little."""
        waves, chosen = waveforms[:, 0].numpy(), masks.numpy() > 0.5
        places = np.arange(waves.shape[1]) * chosen.shape[1] // waves.shape[1]
        alone = [wave[mask[places]] for wave, mask in zip(waves, chosen, strict=True)]
        enough = [place for place, pcm in enumerate(alone) if len(pcm) >= _LEAST]
        voices = np.full((len(alone), DIMENSION), np.nan, np.float32)
        if enough:
            voices[enough] = [each.whole for each in self._encoder.embed([alone[place] for place in enough])]
        return voices


class Assembled(SpeakerDiarization):  # type: ignore[misc]  # pyannote.audio's, which names the Hub for what it is not given
    """Its base, built without an embedding of the Hub's, and given one with a clustering that needs no PLDA."""

    def __init__(self, segmentation: Model, encoder: Encoder, plda: Any) -> None:
        super().__init__(
            legacy=True,
            segmentation=segmentation,
            embedding_exclude_overlap=True,
            plda=plda,
            clustering="OracleClustering",  # the one that it loads no embedding for
        )
        self._embedding = Voices(encoder)
        self._audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")
        self.klustering = "AgglomerativeClustering"
        self.clustering = AgglomerativeClustering(metric=Voices.metric)
        self._expects_num_speakers = False

    def default_parameters(self) -> Mapping[str, Any]:
        raise NotImplementedError
