"""What a recipe says of the rewrite: tasks, model, endpoint, limits and prices."""

import os
import re
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, model_validator

from manifests.errors import UsageError
from manifests.params import Params

TaskName = Literal["spoken", "emotion", "function_call", "interruptions", "backchannels"]
TASKS: tuple[TaskName, ...] = get_args(TaskName)

# These speak of the words of a turn, so nothing may change the words after them.
_OF_THE_WORDS = frozenset({"interruptions", "backchannels"})


class RewriteParams(Params):
    """The rewrite of a text half. What the user pays for is bounded: `tries` requests of `max_tokens` per dialogue and
    task."""

    # A key that was pasted where it does not belong must not be shown: the checks below speak of keys, never of values.
    model_config = ConfigDict(hide_input_in_errors=True)

    tasks: tuple[TaskName, ...] = Field(min_length=1, description="in order; interruptions and backchannels last")
    base_url: str = Field(description="of the endpoint, up to and with its /v1, e.g. http://localhost:8000/v1")
    model: str = Field(min_length=1, description="the endpoint's name of the model")
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=4096, ge=16, description="the most tokens of one answer")
    timeout_s: float = Field(default=120.0, gt=0, description="seconds that one answer may take")
    tries: int = Field(default=3, ge=1, le=10, description="answers asked for until one is usable")
    concurrency: int = Field(default=8, ge=1, le=256, description="requests at a time")
    api_key_env: str | None = Field(
        default=None, description="NAME of the environment variable that holds the key; null: no key is sent"
    )
    price_prompt: float | None = Field(default=None, ge=0, description="per million prompt tokens, in any currency")
    price_completion: float | None = Field(default=None, ge=0, description="per million completion tokens")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks: one of them is named twice; name it once")
        of_words = [task in _OF_THE_WORDS for task in self.tasks]
        if of_words != sorted(of_words):
            raise ValueError("tasks: interruptions and backchannels speak of the words of a turn; put them last")
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("base_url: write it as http(s)://HOST/v1")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("base_url: has a user, a query or a fragment; a key goes into the variable of api_key_env")
        if self.api_key_env is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.api_key_env):
            raise ValueError("api_key_env: is the NAME of an environment variable such as OPENAI_API_KEY, not the key")
        return self

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """In the currency of the prices; None where a price is not given."""
        if self.price_prompt is None or self.price_completion is None:
            return None
        return (prompt_tokens * self.price_prompt + completion_tokens * self.price_completion) / 1e6


def api_key(params: RewriteParams) -> SecretStr | None:
    """The key that `api_key_env` names, None where it names none. Raises UsageError where the variable has no key."""
    if params.api_key_env is None:
        return None
    key = os.environ.get(params.api_key_env, "").strip()
    if not key:
        raise UsageError(
            f"rewrite.api_key_env: the environment variable {params.api_key_env} is not set; "
            f"export it, or set rewrite.api_key_env=null for an endpoint without keys"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError(
            f"rewrite.api_key_env: what the environment variable {params.api_key_env} holds is no key "
            f"(it has spaces or characters outside ASCII); export the key alone"
        )
    return SecretStr(key)
