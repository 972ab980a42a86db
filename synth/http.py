"""One OpenAI-compatible endpoint over plain HTTP: bounded in time and size, retried while that may help.

What can go wrong:
UsageError  the endpoint refuses every request: its address, the model or the key is wrong
Failing     the endpoint is not there, or goes on failing: the same request may succeed later
Refused     the endpoint refuses this one request, e.g. as too long for the model
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from pydantic import ConfigDict, Field, SecretStr, model_validator

from manifests.errors import TurnmillError, UsageError
from manifests.params import Params

_FIRST_WAIT_S = 0.5  # before the first retry; doubled before each further one
_LONGEST_WAIT_S = 120.0  # an endpoint that asks for more has shut us out
_PASSING = frozenset({408, 425, 429})  # and all from 500 on
_OF_ALL_REQUESTS = frozenset({401, 403, 404, 405})  # a wrong key or address, whatever is asked


class EndpointParams(Params):
    """Where an endpoint is and how it is asked. None of it changes what it answers, but for `model`."""

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


class _Fault(Exception):
    """A failure that may pass. `wait` is the seconds that the endpoint asks for."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class Endpoint:
    """POSTs JSON to `path` under the endpoint's address; threads may share it.

    `where` is the recipe's key of the parameters, for sentences; `largest` the most bytes of an answer. Raises
    UsageError for a key that is not there.
    """

    def __init__(
        self,
        params: EndpointParams,
        path: str,
        where: str,
        largest: int,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._params, self._where, self._largest, self._sleep = params, where, largest, sleep
        self._url = f"{params.base_url.rstrip('/')}/{path}"
        self._host = urlsplit(params.base_url).netloc
        self._key = _key(params, where)
        headers = {"Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        limits = httpx2.Limits(max_connections=params.concurrency)
        self._client = httpx2.Client(headers=headers, timeout=params.timeout_s, limits=limits)

    def post(self, request: Mapping[str, Any], check: Callable[[bytes], str | None] = lambda _: None) -> bytes:
        """The body of the answer. `check` says in a sentence what is wrong with one that is not what was asked for,
        None where it is right; a wrong one is asked for again."""
        attempt = 0
        while True:
            try:
                data = self._ask(request)
                wrong = check(data)
                if wrong is None:
                    return data
                raise _Fault(wrong)
            except _Fault as fault:
                if attempt == self._params.retries:
                    raise Failing(
                        f"the endpoint {self._host} failed {attempt + 1} times in a row, the last time: {fault}; "
                        f"when that is mended, run the same command again, it goes on where it was"
                    ) from fault
                wait = _FIRST_WAIT_S * 2**attempt if fault.wait is None else fault.wait
                self._sleep(min(wait, _LONGEST_WAIT_S))
                attempt += 1

    def _ask(self, request: Mapping[str, Any]) -> bytes:
        deadline = time.monotonic() + self._params.timeout_s
        try:
            with self._client.stream("POST", self._url, json=request) as response:
                data = self._read(response, deadline)
        except httpx2.TimeoutException as error:
            raise self._late() from error
        except httpx2.RequestError as error:
            raise _Fault(f"{type(error).__name__}: {self._without_key(str(error))}") from error
        if response.status_code == 200:
            return data
        raise self._failure(response, self._without_key(data.decode("utf-8", "replace")))

    def _read(self, response: httpx2.Response, deadline: float) -> bytes:
        """The body; a fault where it is too large, or comes in drops for longer than an answer may take."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._largest:
                raise _Fault(f"its answer is larger than {self._largest >> 20} MiB")
            if time.monotonic() > deadline:
                raise self._late()
        return bytes(body)

    def _late(self) -> _Fault:
        return _Fault(f"no whole answer in {self._params.timeout_s:g} s ({self._where}.timeout_s)")

    def _without_key(self, text: str) -> str:
        """An endpoint may send back what it was sent; the key goes no further."""
        return text if self._key is None else text.replace(self._key.get_secret_value(), "***")

    def _failure(self, response: httpx2.Response, body: str) -> Exception:
        status, params = response.status_code, self._params
        said = f"HTTP {status}: {' '.join(body.split())[:200]}" if body.strip() else f"HTTP {status}"
        if status in _PASSING or status >= 500:
            return _Fault(said, _retry_after(response.headers.get("Retry-After")))
        if status in (401, 403):
            key = "wants a key" if self._key is None else f"refuses the key of {params.api_key_env}"
            fix = f"set {self._where}.api_key_env to the name of a variable with a key that may use {params.model}"
            return UsageError(f"the endpoint {self._host} {key} (HTTP {status}): {fix}")
        if status in _OF_ALL_REQUESTS or 300 <= status < 400:
            fix = f"check {self._where}.model, and that {self._where}.base_url ends in /v1"
            return UsageError(f"the endpoint {self._host} does not know {params.model} or {self._url} ({said}): {fix}")
        return Refused(f"the endpoint refuses the request ({said})")


def _key(params: EndpointParams, where: str) -> SecretStr | None:
    if params.api_key_env is None:
        return None
    key = os.environ.get(params.api_key_env, "").strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError(
            f"{where}.api_key_env: the environment variable {params.api_key_env} holds no key; "
            f"export it, or set {where}.api_key_env=null for an endpoint without keys"
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
