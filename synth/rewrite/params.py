"""What a recipe says of the rewrite: tasks, model, endpoint, limits and prices."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from turnmill.synth.chat.params import ChatParams

TaskName = Literal["spoken", "emotion", "style_request", "function_call", "interruptions", "backchannels"]

# These speak of the words of a turn, so nothing may change the words after them.
_OF_THE_WORDS = frozenset({"interruptions", "backchannels"})


class RewriteParams(ChatParams):
    """The rewrite of a text half. What the user pays for is bounded: `tries` requests of `max_tokens` per dialogue and
    task."""

    where: ClassVar[str] = "script.rewrite"

    tasks: tuple[TaskName, ...] = Field(min_length=1, description="in order; interruptions and backchannels last")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks: one of them is named twice; name it once")
        of_words = [task in _OF_THE_WORDS for task in self.tasks]
        if of_words != sorted(of_words):
            raise ValueError("tasks: interruptions and backchannels speak of the words of a turn; put them last")
        return self
