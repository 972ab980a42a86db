"""Chat completions of an OpenAI-compatible endpoint: the request, and what is read of the answer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict

from pydantic import BaseModel, Field, ValidationError

from turnmill.manifests.params import Params
from turnmill.synth.chat.params import ChatParams
from turnmill.synth.http import Endpoint, Failing, Fault

_LARGEST = 4 << 20  # bytes of an answer: a hundred times what a dialogue of an hour needs


class Message(TypedDict):
    role: str
    content: str


class Answer(Params):
    """What a model wrote. `finish_reason` "length" says that it was cut off; counts are None where an endpoint gives
    none."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


class _ChatMessage(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _ChatMessage
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """The part of the format that is read."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class ChatEndpoint(Endpoint):
    """The endpoint of `params`; threads may share it."""

    def __init__(self, params: ChatParams, sleep: Callable[[float], object] | None = None) -> None:
        super().__init__(params, "chat/completions", _LARGEST, sleep)
        self._asked = {"model": params.model, "temperature": params.temperature, "max_tokens": params.max_tokens}

    def complete(self, messages: Sequence[Message]) -> Answer:
        """One answer to the messages, as the parameters want it. What ends it for one thread ends it for all."""
        try:
            return self.post({**self._asked, "messages": messages}, partial(_answer, self._params.where))
        except Failing as error:
            self.stop(error)
            raise


def _answer(where: str, body: bytes) -> Answer:
    try:
        completion = _Completion.model_validate_json(body.decode("utf-8", "replace"))
    except ValidationError as error:
        raise Fault(f"its answer is no chat completion; does {where}.base_url end in /v1?") from error
    choice, usage = completion.choices[0], completion.usage or _Usage()
    return Answer(
        text=choice.message.content or "",
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )
