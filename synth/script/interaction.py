"""How lively a dialogue is: what a recipe says of interruptions, backchannels, hesitations and intrusions."""

from typing import Self

from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.synth.intents import IntentMix


class IntrusionMix(Params):
    """Shares of what sounds on the user's channel and no reason to yield (docs/turn-taking.md); Turnmill's choice."""

    failed_barge_in: float = Field(default=0.25, ge=0)
    noise_burst: float = Field(default=0.2, ge=0)
    cough: float = Field(default=0.15, ge=0)
    side_talk: float = Field(default=0.2, ge=0)
    third_party: float = Field(default=0.2, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("one kind must be above 0; for none of them set balance to 0")
        return self


class Interaction(Params):
    """How lively the talk is. docs/turn-taking.md has the sources of the defaults."""

    barge_in: float = Field(default=0.2, ge=0, le=1)
    """Share of the assistant's turns that the user interrupts, where they are long enough and a kind of `intents` makes
    sense there."""
    intents: IntentMix = IntentMix()
    backchannels_per_minute: float = Field(default=1.5, ge=0, le=16)
    """The user's, per minute of the assistant's speech."""
    assistant_backchannels_per_minute: float = Field(default=1.5, ge=0, le=16)
    """The assistant's, per minute of the user's speech."""
    balance: float = Field(default=0.8, ge=0, le=20)
    """Intrusions per barge-in: with the user's backchannels they are the events at which the assistant keeps the floor,
    of which there should be one to two for each at which it yields."""
    intrusions: IntrusionMix = IntrusionMix()
    resume: float = Field(default=0.3, ge=0, le=1)
    """Share of failed barge-ins at which the assistant stops, and goes on when it is let; Turnmill's choice."""
    hesitation: float = Field(default=0.2, ge=0, le=1)
    """Share of the user's turns with a pause inside, of those in which a clause or a phrase begins after some words."""
    filler: float = Field(default=0.5, ge=0, le=1)
    """Share of hesitations that a filler announces."""
    silence_timeout: float = Field(default=0.02, ge=0, le=1)
    """Share of the assistant's turns that nobody answers, until the assistant speaks again."""
