"""What a recipe says of safety: what is filtered, from which score on, and who is asked."""

from typing import ClassVar, Final, Literal, get_args

from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.synth.http import EndpointParams

Category = Literal["hate", "harassment", "sexual", "violence", "self_harm", "illegal"]
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)


class Thresholds(Params):
    """The score (0 to 1) from which on a turn is unsafe, by category; null: the category is kept."""

    hate: float | None = Field(default=0.5, ge=0, le=1, description="against people for what they are")
    harassment: float | None = Field(default=0.5, ge=0, le=1, description="insults, threats, stalking, blackmail")
    sexual: float | None = Field(default=0.5, ge=0, le=1, description="sexual content about people; minors")
    violence: float | None = Field(default=0.5, ge=0, le=1, description="wishes, plans and ways to hurt others")
    self_harm: float | None = Field(default=0.5, ge=0, le=1, description="its encouragement and ways; not prevention")
    illegal: float | None = Field(default=0.5, ge=0, le=1, description="ways to weapons, drugs, theft and fraud")

    def of(self, category: str) -> float | None:
        threshold: float | None = getattr(self, category)
        return threshold


class ModerationParams(EndpointParams):
    """An OpenAI-compatible endpoint (/v1/moderations) that is asked of each dialogue that the others let pass."""

    where: ClassVar[str] = "script.safety.moderation"


class SafetyParams(Params):
    classifier: bool | None = Field(
        default=None,
        description="judge each turn by a classifier over a sentence embedding (the extra `safety`, 91 MB, about 20 ms "
        "a turn); null: where that is installed, else the terms of limits.unsafe_terms alone",
    )
    thresholds: Thresholds = Thresholds()
    moderation: ModerationParams | None = None
