"""Answers that were paid for, kept, so that the same question is never asked twice."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from turnmill.manifests.records import stable_hash
from turnmill.manifests.store import Store
from turnmill.synth.chat.client import Answer, Message
from turnmill.synth.chat.params import ChatParams


class Cache(Protocol):
    """Texts by key. Threads may share it."""

    def get(self, key: str) -> str | None:
        """What was put under the key; None where nothing was."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep a text: whole or not at all."""
        ...


@dataclass(frozen=True)
class StoreCache:
    """A cache in the dataset folder: one file per answer, `cache/<name>/<aa>/<key>.json`."""

    store: Store
    name: str

    def get(self, key: str) -> str | None:
        try:
            return self.store.read(self._file(key)).decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def put(self, key: str, text: str) -> None:
        self.store.write(self._file(key), text.encode())

    def _file(self, key: str) -> str:
        return f"cache/{self.name}/{key[:2]}/{key}.json"


def answer_key(params: ChatParams, messages: Sequence[Message], attempt: int) -> str:
    """Hex of what an answer depends on, `attempt` counted from 0. Not the endpoint: a model keeps its name wherever it
    is served."""
    said = json.dumps(
        [params.model_name, params.temperature, params.max_tokens, attempt, list(messages)], sort_keys=True
    )
    return stable_hash(said, size=20)


def kept_answer(cache: Cache, key: str) -> Answer | None:
    """The answer under a key; None where there is none, or none that can be read: then it is asked for again."""
    text = cache.get(key)
    if text is None:
        return None
    try:
        return Answer.model_validate_json(text)
    except ValidationError:
        return None
