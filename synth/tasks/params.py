"""What a recipe says of the tasks."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from turnmill.manifests.params import Params

Task = Literal["emotion", "style_request", "function_call"]
TASKS: tuple[Task, ...] = get_args(Task)


class TaskShares(Params):
    """Shares of the dialogues that are given a task by templates, one each at most (docs/dialogues.md)."""

    emotion: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the user feels something, by the text or by a turn more; the answer is in tune",
    )
    style_request: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the user asks for an emotion, rate, loudness or dialect that the voices perform, and gets it",
    )
    function_call: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the user asks for what takes a call: weather, timer, arithmetic and others",
    )

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError(
                "emotion, style_request and function_call are shares of the same dialogues: at most 1 together"
            )
        return self

    @property
    def shares(self) -> dict[Task, float]:
        """By task."""
        return {task: getattr(self, task) for task in TASKS}
