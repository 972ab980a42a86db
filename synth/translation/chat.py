"""Translation by a language model behind an OpenAI-compatible endpoint."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from pydantic import Field

from turnmill.synth.chat.answers import Strict, Text, Unusable, parsed
from turnmill.synth.chat.asker import Ask, Asker
from turnmill.synth.chat.cache import Cache
from turnmill.synth.chat.params import CHAT_HOST_FACTS, ChatParams
from turnmill.synth.chat.prompt import prompt
from turnmill.synth.http import Refused
from turnmill.synth.translation.translator import Source, Translated, Untranslated, flaw

_PROMPT: Final = prompt("turnmill.synth.translation", "translate")
_ROUNDS: Final = 8  # requests of each thread between two looks at the progress


class ChatTranslatorParams(ChatParams):
    """A language model that translates. `tries` requests of `max_tokens` a text are the most that is paid for."""

    where: ClassVar[str] = "translate.chat"

    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=1024, ge=16, description="the most tokens of one answer")


class _Answer(Strict):
    translation: Text


class ChatTranslator:
    """`synth.translation.translator.Translator`. Answers are kept in `cache`."""

    def __init__(
        self, params: ChatTranslatorParams, to: str, cache: Cache, sleep: Callable[[float], object] | None = None
    ) -> None:
        self.name = params.model_name
        self.at_once = _ROUNDS * params.concurrency
        self._to = to
        self._asker = Asker(params, cache, sleep)

    def translate(self, sources: Sequence[Source]) -> list[Translated | Untranslated]:
        """Raises as `Asker.each`."""
        return self._asker.each(sources, self._one)

    def _one(self, ask: Ask, source: Source) -> Translated | Untranslated:
        values = {
            "source": "whatever language it is in" if source.language is None else _called(source.language),
            "target": _called(self._to),
            "text": source.text,
        }
        try:
            return ask(partial(_PROMPT.messages, values), partial(self._read, source))
        except (Refused, Unusable) as error:
            return Untranslated(str(error))

    def _read(self, source: Source, answer: str) -> Translated:
        said = " ".join(parsed(answer, _Answer).translation.split())
        if why := flaw(source.text, said, self._to):
            raise Unusable(why)
        return Translated(said)


def identity(params: ChatTranslatorParams) -> Mapping[str, Any]:
    """What its translations depend on: not where the model is served, nor how fast."""
    return params.model_dump(mode="json", exclude=set(CHAT_HOST_FACTS)) | {"prompt": _PROMPT.digest}


def _called(tag: str) -> str:
    return f"the language of the BCP 47 tag {tag}"
