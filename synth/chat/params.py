"""What a recipe says of a language model that is asked: model, endpoint, limits and prices."""

from pydantic import Field

from turnmill.synth.http import HOST_FACTS, EndpointParams

CHAT_HOST_FACTS = HOST_FACTS | {"price_prompt", "price_completion"}
"""The parameters that no answer depends on: they stay out of fingerprints."""


class ChatParams(EndpointParams):
    """What the user pays for is bounded: `tries` requests of `max_tokens` for each thing that is asked."""

    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=4096, ge=16, description="the most tokens of one answer")
    tries: int = Field(default=3, ge=1, le=10, description="answers asked for until one is usable")
    price_prompt: float | None = Field(default=None, ge=0, description="per million prompt tokens, in any currency")
    price_completion: float | None = Field(default=None, ge=0, description="per million completion tokens")

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """In the currency of the prices; None where a price is not given."""
        if self.price_prompt is None or self.price_completion is None:
            return None
        return (prompt_tokens * self.price_prompt + completion_tokens * self.price_completion) / 1e6
