"""Chat completions of an OpenAI-compatible endpoint over plain HTTP, bounded in time and size, retried while that may
help.

What can go wrong:
UsageError     the endpoint refuses every request: its address, the model or the key is wrong
TurnmillError  the endpoint is not there, or goes on failing: the same command goes on later
Refused        the endpoint refuses this one request, e.g. as too long for the model
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self, TypedDict
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, Field, SecretStr, ValidationError

from manifests.errors import TurnmillError, UsageError
from manifests.params import Params
from synth.rewrite.params import RewriteParams, api_key

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before each further request
_LONGEST_WAIT = 120.0  # seconds; an endpoint that asks for more has shut us out
_LARGEST = 4 << 20  # bytes of an answer: a hundred times what a dialogue of an hour needs
_PASSING = frozenset({408, 425, 429})  # and all from 500 on
# How endpoints say that a 400 or 422 is about this request, and not about all of them.
_OF_ONE_REQUEST = re.compile(
    r"context.?(?:length|window|size)|too (?:long|large|many tokens)|content.?(?:filter|management|policy)", re.I
)


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


class Refused(Exception):
    """A request that the endpoint will not answer, while it may answer others; a sentence."""


class _Fault(Exception):
    """A failure that may pass. `wait` is the seconds that the endpoint asks for."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


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


class Endpoint:
    """The endpoint of `params`; threads may share it. Raises UsageError for a key that is not there.

    `sleep` is called with the seconds before a request is repeated; the default wakes up when `stop` is called.
    """

    def __init__(self, params: RewriteParams, sleep: Callable[[float], object] | None = None) -> None:
        self._params = params
        self._host = urlsplit(params.base_url).netloc
        self._key: SecretStr | None = api_key(params)
        self._stopped = threading.Event()
        self._failure = TurnmillError(f"the endpoint {self._host} is not asked any more")
        self._sleep = self._stopped.wait if sleep is None else sleep
        headers = {"Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        limits = httpx2.Limits(max_connections=params.concurrency)
        self._client = httpx2.Client(headers=headers, timeout=params.timeout_s, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def stop(self) -> None:
        """Begin no further request: `complete` raises TurnmillError from now on."""
        self._stopped.set()

    def complete(self, messages: Sequence[Message]) -> Answer:
        """One answer to the messages, as the parameters want it. What ends it for one thread ends it for all."""
        try:
            return self._persistently(messages)
        except TurnmillError as error:
            self._failure = error
            self.stop()
            raise

    def _persistently(self, messages: Sequence[Message]) -> Answer:
        waits = iter(_WAITS)
        while not self._stopped.is_set():
            try:
                return self._ask(messages)
            except _Fault as fault:
                wait = next(waits, None)
                if wait is None:
                    raise TurnmillError(
                        f"the endpoint {self._host} failed {len(_WAITS) + 1} times in a row, the last time: {fault}; "
                        f"its answers so far are kept: run the same command again later, it goes on where it was"
                    ) from fault
                self._sleep(wait if fault.wait is None else min(fault.wait, _LONGEST_WAIT))
        raise self._failure

    def _ask(self, messages: Sequence[Message]) -> Answer:
        params = self._params
        request = {
            "model": params.model,
            "messages": messages,
            "temperature": params.temperature,
            "max_tokens": params.max_tokens,
        }
        url = f"{params.base_url.rstrip('/')}/chat/completions"
        deadline = time.monotonic() + params.timeout_s
        try:
            with self._client.stream("POST", url, json=request) as response:
                data = self._read(response, deadline)
        except httpx2.TimeoutException as error:
            raise self._late() from error
        except httpx2.RequestError as error:
            raise _Fault(f"{type(error).__name__}: {self._without_key(str(error))}") from error
        if response.status_code == 200:
            return _answer(data)
        raise self._error(response, data)

    def _read(self, response: httpx2.Response, deadline: float) -> str:
        """The body; a fault where it is too large, or comes in drops for longer than an answer may take."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LARGEST:
                raise _Fault(f"its answer is larger than {_LARGEST >> 20} MiB")
            if time.monotonic() > deadline:
                raise self._late()
        return self._without_key(body.decode("utf-8", "replace"))

    def _late(self) -> _Fault:
        return _Fault(f"no whole answer in {self._params.timeout_s:g} s (rewrite.timeout_s)")

    def _without_key(self, text: str) -> str:
        """An endpoint may send back what it was sent; the key goes no further."""
        return text if self._key is None else text.replace(self._key.get_secret_value(), "***")

    def _error(self, response: httpx2.Response, body: str) -> Exception:
        status, params = response.status_code, self._params
        said = f"HTTP {status}: {' '.join(body.split())[:200]}" if body.strip() else f"HTTP {status}"
        if status in _PASSING or status >= 500:
            return _Fault(said, _retry_after(response.headers.get("Retry-After")))
        if status == 413 or (status in (400, 422) and _OF_ONE_REQUEST.search(body)):
            return Refused(f"the endpoint refuses the request ({said})")
        if status in (401, 403) and params.api_key_env is None:
            fix = "set rewrite.api_key_env to the name of the environment variable that holds your key"
            return UsageError(f"the endpoint {self._host} wants a key (HTTP {status}): {fix}")
        if status in (401, 403):
            fix = f"export one that may use {params.model}"
            return UsageError(
                f"the endpoint {self._host} refuses the key of {params.api_key_env} (HTTP {status}): {fix}"
            )
        if status == 404:
            fix = "check rewrite.model, and whether rewrite.base_url ends where /chat/completions begins"
            return UsageError(f"the endpoint {self._host} knows no model {params.model} (HTTP 404): {fix}")
        fix = "mend rewrite.* as it says"
        return UsageError(f"the endpoint {self._host} takes no request like this: {fix} ({said})")


def _answer(body: str) -> Answer:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise _Fault("its answer is no chat completion; does rewrite.base_url end in /v1?") from error
    choice, usage = completion.choices[0], completion.usage or _Usage()
    return Answer(
        text=choice.message.content or "",
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds of the header, which gives seconds or a date; None where it is not there or makes no sense."""
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)
