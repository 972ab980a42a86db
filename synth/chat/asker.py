"""Many things asked of a model, a bounded number at a time, each answer paid for once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from turnmill.synth.chat.answers import Unusable
from turnmill.synth.chat.cache import Cache, answer_key, kept_answer
from turnmill.synth.chat.client import Answer, ChatEndpoint, Message
from turnmill.synth.chat.params import ChatParams

T = TypeVar("T")
Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Ask(Protocol):
    """Asks for one thing until an answer is usable."""

    def __call__(
        self,
        messages: Callable[[str | None], list[Message]],
        read: Callable[[str], T],
        count: Callable[[Answer], object] = lambda _: None,
    ) -> T:
        """What `read` makes of the first answer that it does not raise Unusable for. `messages` is told why the last
        answer was refused; `count` is called with each answer.

        Raises Unusable where none was usable, Refused where the endpoint will not answer this.
        """
        ...


class Asker:
    """Asks the model of `params`; `cache` keeps the answers, and must be safe to share among threads.

    `sleep` is called with the seconds to wait before a failed request is repeated.
    """

    def __init__(self, params: ChatParams, cache: Cache, sleep: Callable[[float], object] | None = None) -> None:
        self._params = params
        self._cache = cache
        self._sleep = sleep
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def each(
        self, things: Sequence[Thing], work: Callable[[Ask, Thing], Result], tell: Callable[[], None] = lambda: None
    ) -> list[Result]:
        """What `work` makes of each thing by asking, in order; `tell` is called as each comes.

        Raises UsageError for a key, model or address that the endpoint refuses, TurnmillError for an endpoint that does
        not work. Answers that came before are in the cache, so the same call goes on where this one stopped.
        """
        with (
            ChatEndpoint(self._params, self._sleep) as endpoint,
            ThreadPoolExecutor(self._params.concurrency, "ask") as pool,
        ):
            ask = partial(self._ask, endpoint)
            try:
                futures = [pool.submit(work, ask, thing) for thing in things]
                for future in futures:
                    future.add_done_callback(lambda _: tell())
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                return [future.result() for future in futures]
            finally:  # after an error or Ctrl-C the requests under way end, and no other begins
                endpoint.stop()
                pool.shutdown(wait=False, cancel_futures=True)

    def _ask(
        self,
        endpoint: ChatEndpoint,
        messages: Callable[[str | None], list[Message]],
        read: Callable[[str], T],
        count: Callable[[Answer], object] = lambda _: None,
    ) -> T:
        refused: str | None = None
        for attempt in range(1, self._params.tries + 1):
            answer = self._answer(endpoint, messages(refused), attempt)
            count(answer)
            try:
                if answer.finish_reason == "length":
                    raise Unusable("it was cut off at max_tokens")
                return read(answer.text)
            except Unusable as error:
                refused = str(error)
        tries = f"{self._params.tries} answers" if self._params.tries > 1 else "the answer"
        raise Unusable(f"{tries} of {self._params.model_name} could not be used, the last one because {refused}")

    def _answer(self, endpoint: ChatEndpoint, messages: Sequence[Message], attempt: int) -> Answer:
        key = answer_key(self._params, messages, attempt)
        with self._alone(key):
            answer = kept_answer(self._cache, key)
            if answer is None:
                answer = endpoint.complete(messages)
                self._cache.put(key, answer.model_dump_json())
        return answer

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Two things of the same words get one answer, as they would from the cache of an earlier run."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            yield
