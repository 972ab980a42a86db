"""Many dialogues through the tasks of a recipe, a bounded number at a time, each answer paid for once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.synth.http import Refused
from turnmill.synth.intents import IntentMix
from turnmill.synth.rewrite.answers import Unusable
from turnmill.synth.rewrite.cache import Cache, answer_key, kept_answer
from turnmill.synth.rewrite.client import Answer, ChatEndpoint, Message
from turnmill.synth.rewrite.params import REWRITE_HOST_FACTS, RewriteParams, TaskName
from turnmill.synth.rewrite.prompt import estimate_tokens, prompt
from turnmill.synth.rewrite.tasks import Task, tasks_by_name


@dataclass(frozen=True)
class Usage:
    """What one answer took, usable or not, in tokens as the endpoint counts them; None where it does not."""

    task: TaskName
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True)
class Rewritten:
    """A dialogue after all tasks, or why there is none, and a row for each answer that was asked for on the way."""

    dialogue: TextDialogue | Reject
    usage: tuple[Usage, ...]


_INTENTS = IntentMix()


class Rewriter:
    """Rewrites dialogues as `params` say, with interruptions of the shares `intents`; `cache` keeps the answers, and
    must be safe to share among threads.

    `sleep` is called with the seconds to wait before a failed request is repeated.
    """

    def __init__(
        self,
        params: RewriteParams,
        cache: Cache,
        sleep: Callable[[float], object] | None = None,
        intents: IntentMix = _INTENTS,
    ) -> None:
        self._params = params
        self._tasks = tasks_by_name(intents)
        self._cache = cache
        self._sleep = sleep
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def rewrite(self, dialogues: Sequence[TextDialogue], tell: Callable[[], None] = lambda: None) -> list[Rewritten]:
        """One result per dialogue, in order; `tell` is called as each comes. A dialogue for which no usable answer came
        is a reject.

        Raises UsageError for a key, model or address that the endpoint refuses, TurnmillError for an endpoint that does
        not work. Answers that came before are in the cache, so the same call goes on where this one stopped.
        """
        with (
            ChatEndpoint(self._params, self._sleep) as endpoint,
            ThreadPoolExecutor(self._params.concurrency, "rewrite") as pool,
        ):
            try:
                futures = [pool.submit(self._one, endpoint, dialogue) for dialogue in dialogues]
                for future in futures:
                    future.add_done_callback(lambda _: tell())
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                return [future.result() for future in futures]
            finally:  # after an error or Ctrl-C the requests under way end, and no other begins
                endpoint.stop()
                pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, endpoint: ChatEndpoint, dialogue: TextDialogue) -> Rewritten:
        usage: list[Usage] = []
        for name in self._params.tasks:
            changed = self._task(endpoint, self._tasks[name], dialogue, usage)
            if isinstance(changed, Reject):
                return Rewritten(changed, tuple(usage))
            dialogue = changed
        return Rewritten(dialogue, tuple(usage))

    def _task(
        self, endpoint: ChatEndpoint, task: Task, dialogue: TextDialogue, usage: list[Usage]
    ) -> TextDialogue | Reject:
        values = asked(task, dialogue)
        if values is None:
            return dialogue
        refused: str | None = None
        for attempt in range(1, self._params.tries + 1):
            try:
                answer = self._answer(endpoint, prompt(task.name).messages(values, refused), attempt)
            except Refused as error:
                return Reject(Reason.REWRITE_FAILED, f"{task.name}: {error}", uid=dialogue.id)
            usage.append(Usage(task.name, self._params.model_name, answer.prompt_tokens, answer.completion_tokens))
            try:
                if answer.finish_reason == "length":
                    raise Unusable("it was cut off at max_tokens")
                return task.read(dialogue, answer.text)
            except Unusable as error:
                refused = str(error)
        tries = f"{self._params.tries} answers" if self._params.tries > 1 else "the answer"
        detail = f"{task.name}: {tries} of {self._params.model_name} could not be used, the last one because {refused}"
        return Reject(Reason.REWRITE_FAILED, detail, uid=dialogue.id)

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
        """Two dialogues of the same words get one answer, as they would from the cache of an earlier run."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            yield


def asked(task: Task, dialogue: TextDialogue) -> dict[str, str] | None:
    """What a task asks about a dialogue; None for one without turns, or with an empty one, which no script takes."""
    if not dialogue.turns or not all(turn.text.strip() for turn in dialogue.turns):
        return None
    return task.ask(dialogue)


def identity(params: RewriteParams) -> dict[str, Any]:
    """What rewritten dialogues depend on, for a stage's fingerprint: not where the model is served, nor how fast."""
    said = params.model_dump(mode="json", exclude=set(REWRITE_HOST_FACTS))
    return said | {"prompts": {task: prompt(task).digest for task in params.tasks}}


def estimate(dialogue: TextDialogue, params: RewriteParams, intents: IntentMix) -> tuple[Usage, ...]:
    """About what a dialogue will take, one answer a task: nothing is sent.

    Prompt tokens are those of the prompts about the dialogue as it is (`estimate_tokens`); an answer is taken to be as
    long as the dialogue.
    """
    rows, tasks = [], tasks_by_name(intents)
    for name in params.tasks:
        values = asked(tasks[name], dialogue)
        if values is not None:
            sent = sum(estimate_tokens(message["content"]) for message in prompt(name).messages(values))
            rows.append(Usage(name, params.model_name, sent, estimate_tokens(values["dialogue"])))
    return tuple(rows)
