"""emotion: what each clip sounds like someone feels, by a classifier of the user's."""

import math
from collections.abc import Mapping
from typing import Any, Final, Protocol

from pydantic import Field

from turnmill.manifests.emotions import emotion_named
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason
from turnmill.pipelines.stage import Row
from turnmill.pipelines.stages.listen import SAMPLE_RATE, Listen, Pcm
from turnmill.sources import plugged

_KEY: Final = "emotion.classifier"


class Classifier(Protocol):
    """What a recipe names as `module:function`."""

    def __call__(self, samples: Pcm, sample_rate: int) -> Mapping[str, float]:
        """Probabilities by label, of `samples`, float32 [frames], at 16,000 Hz. The same samples must give the same."""


class EmotionParams(Params):
    classifier: str = Field(
        description="a function of yours that tells emotions, as module:function (docs/audio.md); importable on every "
        "worker"
    )


class HeardEmotion(Listen):
    name = "emotion"
    tables = ("emotions",)

    params: EmotionParams
    loaded: Classifier | None

    def identity(self) -> Mapping[str, str]:
        return {"classifier": plugged.digest(self.params.classifier, _KEY)}

    def check_here(self) -> None:
        plugged.load(self.params.classifier, _KEY)

    def setup(self) -> None:
        self.loaded = self.loaded or plugged.load(self.params.classifier, _KEY)

    @property
    def model(self) -> str:
        return _KEY

    def row(self, clip: Row, pcm: Pcm) -> Row:
        probabilities = self._told(clip["uid"], pcm)
        label = max(sorted(probabilities), key=probabilities.__getitem__)
        return {
            "uid": clip["uid"],
            "heard_emotion": emotion_named(label),
            "heard_emotion_label": label,
            "heard_emotion_prob": probabilities[label],
            "emotion_probs": [{"label": each, "prob": probabilities[each]} for each in sorted(probabilities)],
            "emotion_classifier": self.params.classifier,
        }

    def _told(self, uid: str, pcm: Pcm) -> Mapping[str, float]:
        """Raises ItemError for what a classifier raises, and for what is no probabilities."""
        assert self.loaded is not None
        try:
            told: Any = self.loaded(pcm.copy(), SAMPLE_RATE)
        except Exception as error:  # whatever a classifier of the user's raises is the item's reject
            raise ItemError(Reason.MODEL_FAILED, f"{uid}: {_KEY} raised {type(error).__name__}: {error}") from error
        try:
            found = {str(label): float(probability) for label, probability in told.items()}
        except (AttributeError, TypeError, ValueError):
            found = {}
        if not found or not all(math.isfinite(each) and 0 <= each <= 1 for each in found.values()):
            raise ItemError(Reason.MODEL_FAILED, f"{uid}: {_KEY} gave {told!r:.80}, not probabilities by label")
        return found
