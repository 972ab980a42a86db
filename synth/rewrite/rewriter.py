"""Many dialogues through the tasks of a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.synth.chat.answers import Unusable
from turnmill.synth.chat.asker import Ask, Asker
from turnmill.synth.chat.cache import Cache
from turnmill.synth.chat.client import Answer
from turnmill.synth.chat.params import CHAT_HOST_FACTS
from turnmill.synth.chat.prompt import Prompt, estimate_tokens
from turnmill.synth.chat.prompt import prompt as prompt_of
from turnmill.synth.http import Refused
from turnmill.synth.intents import IntentMix
from turnmill.synth.rewrite.params import RewriteParams, TaskName
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
        self._asker = Asker(params, cache, sleep)

    def rewrite(self, dialogues: Sequence[TextDialogue], tell: Callable[[], None] = lambda: None) -> list[Rewritten]:
        """One result per dialogue, in order; `tell` is called as each comes. A dialogue for which no usable answer came
        is a reject. Raises as `Asker.each`."""
        return self._asker.each(dialogues, self._one, tell)

    def _one(self, ask: Ask, dialogue: TextDialogue) -> Rewritten:
        usage: list[Usage] = []
        for name in self._params.tasks:
            changed = self._task(ask, self._tasks[name], dialogue, usage)
            if isinstance(changed, Reject):
                return Rewritten(changed, tuple(usage))
            dialogue = changed
        return Rewritten(dialogue, tuple(usage))

    def _task(self, ask: Ask, task: Task, dialogue: TextDialogue, usage: list[Usage]) -> TextDialogue | Reject:
        values = asked(task, dialogue)
        if values is None:
            return dialogue

        def count(answer: Answer) -> None:
            usage.append(Usage(task.name, self._params.model_name, answer.prompt_tokens, answer.completion_tokens))

        try:
            return ask(partial(prompt(task.name).messages, values), partial(task.read, dialogue), count)
        except (Refused, Unusable) as error:
            return Reject(Reason.REWRITE_FAILED, f"{task.name}: {error}", uid=dialogue.id)


def prompt(task: TaskName) -> Prompt:
    """The prompt of a task."""
    return prompt_of("turnmill.synth.rewrite", task)


def asked(task: Task, dialogue: TextDialogue) -> dict[str, str] | None:
    """What a task asks about a dialogue; None for one without turns, or with an empty one, which no script takes."""
    if not dialogue.turns or not all(turn.text.strip() for turn in dialogue.turns):
        return None
    return task.ask(dialogue)


def identity(params: RewriteParams) -> dict[str, Any]:
    """What rewritten dialogues depend on, for a stage's fingerprint: not where the model is served, nor how fast."""
    said = params.model_dump(mode="json", exclude=set(CHAT_HOST_FACTS))
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
