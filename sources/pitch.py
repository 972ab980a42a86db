"""How high a voice is, and how it moves: the pitch of speech, by SwiftF0 (arXiv 2508.18440, MIT).

It is a network of 14,386 parameters that comes with its package, on onnxruntime, 90 times as fast as the sound on one
core. dataspeech uses penn for the same, which needs torch; Praat and its bindings are under the GPL.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from turnmill.manifests.audio import Float32, library
from turnmill.manifests.records import Reason

SAMPLE_RATE: Final = 16_000  # Hz, of what is heard
LOWEST_HZ, HIGHEST_HZ = 50.0, 600.0  # of a speaking voice: creak below it, a child's shout above
_VOICED: Final = 0.5  # its confidence in a frame of 16 ms, which it is calibrated for
_LEAST_FRAMES: Final = 12  # 0.2 s of voice, below which there is no mean


@dataclass(frozen=True)
class Pitch:
    """`mean_hz`: over voiced frames of 16 ms; `deviation_hz`: their standard deviation."""

    mean_hz: float
    deviation_hz: float


class PitchTracker:
    """On one thread, so that the same sound gives the same pitch whatever the machine."""

    def __init__(self) -> None:
        from swift_f0 import SwiftF0

        self._model = SwiftF0(threads=1, spin=False)

    def contour(self, samples: Float32, name: str) -> Float32:
        """The pitch in Hz of each frame of 16 ms of float32 [samples] at 16 kHz, the first around its start; NaN where
        there is no voice. Raises AudioError as `name` where the model fails."""
        with library("SwiftF0", name, Reason.MODEL_FAILED):
            found = self._model.detect(samples, SAMPLE_RATE, LOWEST_HZ, HIGHEST_HZ)
        return np.where(found.confidence >= _VOICED, found.pitch_hz, np.nan).astype(np.float32)

    def pitch(self, samples: Float32, name: str) -> Pitch | None:
        """Of float32 [samples] at 16 kHz; None where less than 0.2 s of voice is heard. Raises as `contour`."""
        contour = self.contour(samples, name) if len(samples) else np.zeros(0, np.float32)
        voiced = contour[~np.isnan(contour)].astype(np.float64)
        if len(voiced) < _LEAST_FRAMES:
            return None
        return Pitch(float(voiced.mean()), float(voiced.std()))
