"""One OpenAI-compatible endpoint over plain HTTP: bounded in time and size, retried while that may help.

What can go wrong:
UsageError  the endpoint refuses every request: its address, the model, the key or a parameter is wrong
Failing     the endpoint is not there, or goes on failing: the same request may succeed later
Refused     the endpoint refuses this one request, e.g. as too long for the model
"""

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import ConfigDict, Field, SecretStr, field_serializer, model_validator

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.params import Params

_FIRST_WAIT_S = 1.0  # before the first retry; doubled before each further one
_LONGEST_WAIT_S = 120.0  # an endpoint that asks for more has shut us out
_PASSING = frozenset({408, 425, 429})  # and all from 500 on
# How endpoints say that a 400 or 422 is about this request, and not about all of them: too long, filtered, or about the
# one field that is a line's own. Any other would reject whole datasets for a mistake in the recipe.
_OF_ONE_REQUEST = re.compile(
    r"context.?(?:length|window|size)|too.(?:long|large|many.tokens)|longer than|maximum length"
    r"|content.?(?:filter|management|policy)"
    r"""|"param":\s*"input"|\["body",\s*"input\"""",
    re.I,
)

Read = TypeVar("Read")


class EndpointParams(Params):
    """Where an endpoint is and how it is asked. None of it changes what it answers, but for `model`."""

    where: ClassVar[str]
    """The recipe's key of these parameters, for sentences."""

    # A key that was pasted where it does not belong must not be shown: the checks below speak of keys, never of values.
    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(description="of the endpoint, up to and with its /v1, e.g. http://localhost:8000/v1")
    model: str = Field(min_length=1, description="the endpoint's name of the model")
    api_key_env: str | None = Field(
        default=None, description="NAME of the environment variable that holds the key; null: no key is sent"
    )
    timeout_s: float = Field(default=120.0, gt=0, description="seconds that one answer may take")
    retries: int = Field(default=5, ge=0, le=20, description="after failures that may pass, ever longer apart")
    concurrency: int = Field(default=8, ge=1, le=256, description="requests at a time, of one worker")

    @property
    def model_name(self) -> str:
        """The model's name as results tell it: a server may know it by its path there (vLLM does)."""
        path = PurePosixPath(self.model)
        return path.name if self.model.startswith(("/", "~", "./", "../")) and path.name else self.model

    @field_serializer("model")
    def _by_name(self, _: str) -> str:
        return self.model_name

    @model_validator(mode="after")
    def _sound(self) -> Self:
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("base_url: write it as http(s)://HOST/v1")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("base_url: has a user, a query or a fragment; a key goes into the variable of api_key_env")
        if self.api_key_env is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.api_key_env):
            raise ValueError("api_key_env: is the NAME of an environment variable such as OPENAI_API_KEY, not the key")
        return self


HOST_FACTS = frozenset(EndpointParams.model_fields) - {"model"}
"""The parameters that no answer depends on: they stay out of fingerprints."""


class Failing(TurnmillError):
    """The endpoint is not there, or went on failing."""


class Refused(Exception):
    """A request that the endpoint will not answer, while it may answer others; a sentence."""


class Fault(Exception):
    """A failure that may pass; a clause. `wait` is the seconds that the endpoint asks for."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class Endpoint:
    """POSTs JSON to `path` under the endpoint's address; threads may share it.

    `largest` is the most bytes of an answer. `sleep` is called with the seconds before a request is repeated; the
    default wakes up when `stop` is called. Raises UsageError for a key that is not there.
    """

    def __init__(
        self, params: EndpointParams, path: str, largest: int, sleep: Callable[[float], object] | None = None
    ) -> None:
        self._params, self._path, self._largest = params, path, largest
        self._host = urlsplit(params.base_url).netloc
        self._key = api_key(params)
        self._answered = 0
        self._stopped = threading.Event()
        self._why = TurnmillError(f"the endpoint {self._host} is not asked any more")
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

    def stop(self, why: TurnmillError | None = None) -> None:
        """Begin no further request: from now on `post` raises `why` in every thread, also in those that wait."""
        if why is not None:
            self._why = why
        self._stopped.set()

    def post(self, request: Mapping[str, Any], read: Callable[[bytes], Read]) -> Read:
        """What `read` makes of the body of the answer; where it raises Fault the request is repeated.

        An error of all requests ends it for all threads.
        """
        attempt, before = 0, self._answered
        while not self._stopped.is_set():
            try:
                answer = read(self._ask(request))
                self._answered += 1
                return answer
            except Fault as fault:
                if attempt == self._params.retries and self._answered > before:
                    raise Refused(f"the endpoint fails at this request and answers others ({fault})") from fault
                if attempt == self._params.retries:
                    raise Failing(
                        f"the endpoint {self._host} failed {attempt + 1} times in a row, the last time: {fault}; "
                        f"when that is mended, run the same command again, it goes on where it was"
                    ) from fault
                wait = _FIRST_WAIT_S * 2**attempt if fault.wait is None else fault.wait
                self._sleep(min(wait, _LONGEST_WAIT_S))
                attempt += 1
            except UsageError as error:
                self.stop(error)
                raise
        raise self._why

    def _ask(self, request: Mapping[str, Any]) -> bytes:
        url = f"{self._params.base_url.rstrip('/')}/{self._path}"
        deadline = time.monotonic() + self._params.timeout_s
        try:
            with self._client.stream("POST", url, json=request) as response:
                data = self._without_key(self._read(response, deadline))
        except httpx2.TimeoutException as error:
            raise self._late() from error
        except httpx2.RequestError as error:
            said = self._without_key(str(error).encode()).decode()
            raise Fault(f"{type(error).__name__}: {said}") from error
        if response.status_code == 200:
            return data
        raise self._failure(response, data.decode("utf-8", "replace"))

    def _read(self, response: httpx2.Response, deadline: float) -> bytes:
        """The body; a fault where it is too large, or comes in drops for longer than an answer may take."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._largest:
                raise Fault(f"its answer is larger than {self._largest >> 20} MiB")
            if time.monotonic() > deadline:
                raise self._late()
        return bytes(body)

    def _late(self) -> Fault:
        return Fault(f"no whole answer in {self._params.timeout_s:g} s ({self._params.where}.timeout_s)")

    def _without_key(self, data: bytes) -> bytes:
        """An endpoint may send back what it was sent; the key goes no further."""
        return data if self._key is None else data.replace(self._key.get_secret_value().encode(), b"***")

    def _failure(self, response: httpx2.Response, body: str) -> Exception:
        status, params = response.status_code, self._params
        words = " ".join(body.split())[:200]
        said = f"HTTP {status}: {words}" if words else f"HTTP {status}"
        if status in _PASSING or status >= 500:
            return Fault(said, _retry_after(response.headers.get("Retry-After")))
        of_one = status in (400, 422) and (self._answered > 0 or _OF_ONE_REQUEST.search(body))
        if status == 413 or of_one:  # an endpoint that has answered others takes requests like these
            return Refused(f"the endpoint refuses the request ({said})")
        says = f"; it says: {words}" if words else ""
        if status in (401, 403) and params.api_key_env is None:
            problem = "wants a key"
            fix = f"set {params.where}.api_key_env to the name of the environment variable that holds your key"
        elif status in (401, 403):
            problem, says = f"refuses the key of {params.api_key_env}", ""  # what it says may have a part of the key
            fix = f"export one that may use {params.model}, or name its variable in {params.where}.api_key_env"
        elif status in (404, 405) or 300 <= status < 400:
            problem = f"knows no model {params.model}"
            fix = f"check {params.where}.model, and whether {params.where}.base_url ends where /{self._path} begins"
        else:
            problem, fix = "takes no request like this", f"mend {params.where}.*"
        return UsageError(f"the endpoint {self._host} {problem} (HTTP {status}): {fix}{says}")


def api_key(params: EndpointParams) -> SecretStr | None:
    """The key that `api_key_env` names, None where it names none. Raises UsageError where the variable has no key."""
    if params.api_key_env is None:
        return None
    key = os.environ.get(params.api_key_env, "").strip()
    if not key:
        raise UsageError(
            f"{params.where}.api_key_env: the environment variable {params.api_key_env} is not set; "
            f"export it, or set {params.where}.api_key_env=null for an endpoint without keys"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError(
            f"{params.where}.api_key_env: what the environment variable {params.api_key_env} holds is no key "
            f"(it has spaces or characters outside ASCII); export the key alone"
        )
    return SecretStr(key)


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
