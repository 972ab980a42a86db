"""What a recipe says of the rewrite: tasks, model, endpoint, limits and prices."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from turnmill.synth.http import HOST_FACTS, EndpointParams

TaskName = Literal["spoken", "emotion", "style_request", "function_call", "interruptions", "backchannels"]

# These speak of the words of a turn, so nothing may change the words after them.
_OF_THE_WORDS = frozenset({"interruptions", "backchannels"})

REWRITE_HOST_FACTS = HOST_FACTS | {"price_prompt", "price_completion"}
"""The parameters that no rewritten dialogue depends on: they stay out of fingerprints."""


class RewriteParams(EndpointParams):
    """The rewrite of a text half. What the user pays for is bounded: `tries` requests of `max_tokens` per dialogue and
    task."""

    where: ClassVar[str] = "script.rewrite"

    tasks: tuple[TaskName, ...] = Field(min_length=1, description="in order; interruptions and backchannels last")
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=4096, ge=16, description="the most tokens of one answer")
    tries: int = Field(default=3, ge=1, le=10, description="answers asked for until one is usable")
    price_prompt: float | None = Field(default=None, ge=0, description="per million prompt tokens, in any currency")
    price_completion: float | None = Field(default=None, ge=0, description="per million completion tokens")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks: one of them is named twice; name it once")
        of_words = [task in _OF_THE_WORDS for task in self.tasks]
        if of_words != sorted(of_words):
            raise ValueError("tasks: interruptions and backchannels speak of the words of a turn; put them last")
        return self

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """In the currency of the prices; None where a price is not given."""
        if self.price_prompt is None or self.price_completion is None:
            return None
        return (prompt_tokens * self.price_prompt + completion_tokens * self.price_completion) / 1e6
