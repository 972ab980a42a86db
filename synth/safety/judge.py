"""Whether a dialogue is safe, by whoever a recipe asks."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.synth.http import HOST_FACTS, Refused, api_key
from turnmill.synth.safety import classifier
from turnmill.synth.safety.moderation import moderated
from turnmill.synth.safety.params import CATEGORIES, Category, SafetyParams
from turnmill.synth.tags import without_tags

GET_IT: Final = "pip install 'turnmill[safety]'"
MISSED: Final = (
    "safety: the classifier is not installed, so only the terms of script.limits.unsafe_terms are filtered, and hate, "
    f"sexual content, violence and instructions in other words are kept: {GET_IT}"
)


class Safety:
    """Judges dialogues as `params` say, beside the lexicon of `synth.text`. Raises UsageError where the classifier is
    asked for and not installed, or the endpoint's key is not there."""

    def __init__(self, params: SafetyParams) -> None:
        if params.classifier and not classifier.installed():
            raise UsageError(f"script.safety.classifier: {classifier.PACKAGE} is not installed: {GET_IT}")
        self._params = params
        self._classifies = params.classifier is not False and classifier.installed()
        if params.moderation is not None:
            api_key(params.moderation)

    @property
    def missed(self) -> str | None:
        """What is not found for want of the classifier; None where it is there or not wanted."""
        return MISSED if self._params.classifier is None and not self._classifies else None

    @property
    def identity(self) -> Mapping[str, Any]:
        """What its judgement depends on."""
        asked = self._params.moderation
        return {
            "thresholds": self._params.thresholds.model_dump(),
            "classifier": classifier.identity() if self._classifies else None,
            "moderation": asked and asked.model_dump(mode="json", exclude=set(HOST_FACTS)),
        }

    def judge(self, dialogue: TextDialogue) -> TextDialogue | Reject:
        """The dialogue where it is safe, else a reject that names the first turn that is not, its category and its
        score. What it is about is not repeated.

        Raises UsageError for an endpoint that refuses every request, Failing for one that does not work.
        """
        texts = [without_tags(turn.text) for turn in dialogue.turns]
        found = self._first("classifier", [_classified(text) for text in texts] if self._classifies else [])
        if found is None and self._params.moderation is not None:
            try:
                found = self._first("endpoint", moderated(self._params.moderation, texts))
            except Refused as error:
                return Reject(Reason.UNSAFE_TOPIC, f"nobody could judge it: {error}", uid=dialogue.id)
        return dialogue if found is None else Reject(Reason.UNSAFE_TOPIC, found, uid=dialogue.id)

    def _first(self, by: str, turns: Sequence[Mapping[Category, float]]) -> str | None:
        for index, scores in enumerate(turns):
            found = self._unsafe(scores)
            if found is not None:
                category, score, threshold = found
                return f"turn {index} is {category}: {score:.2f} by the {by}; thresholds.{category} is {threshold:g}"
        return None

    def _unsafe(self, scores: Mapping[Category, float]) -> tuple[Category, float, float] | None:
        """The category that is most over its threshold, with its score and that."""
        over = []
        for category, score in scores.items():
            threshold = self._params.thresholds.of(category)
            if threshold is not None and score >= threshold:
                over.append((score - threshold, category, score, threshold))
        return max(over)[1:] if over else None


@lru_cache(maxsize=4096)  # the same short turns come again and again, and a rewritten dialogue is judged twice
def _classified(text: str) -> Mapping[Category, float]:
    """Of the likeliest category how likely it is that the text is of any: one text may be of two."""
    found = classifier.scores([text])[0]
    return {CATEGORIES[int(found.argmax())]: float(found.sum())}
