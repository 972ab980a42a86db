"""What a model has to answer, task by task, and the checks that every text of an answer passes."""

import json
import re
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from turnmill.manifests.emotions import Emotion
from turnmill.manifests.records import Intent
from turnmill.synth.tokens import tokens

# Reasoning models think aloud first; many models fence JSON although they are told not to.
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[\w-]*\s*\n(.*?)\n\s*```", re.DOTALL)
# Nothing of this can be said.
_MARKUP = re.compile(r"[\r\n`|{}\[\]]|\*\*|https?://|^\s*(?:[-*•#]+|\d+[.)])\s|</?[a-zA-Z][^<>]*>")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


class Unusable(ValueError):
    """An answer that does not do what was asked; a clause that tells the model and the user why."""


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Emotion = Annotated[Emotion, BeforeValidator(_lower)]


class _Strict(BaseModel):
    """No key but those that were asked for, and no number in the clothes of a string."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SaidTurn(_Strict):
    role: str
    text: Text


class FeltTurn(SaidTurn):
    emotion: _Emotion


class Spoken(_Strict):
    turns: list[SaidTurn]


class Felt(_Strict):
    turns: list[FeltTurn]


class Call(_Strict):
    name: str = Field(pattern=r"^[A-Za-z_]\w{0,63}$")
    arguments: dict[str, JsonValue]


class Requested(_Strict):
    request: Text
    answer: Text


class Called(_Strict):
    turns: list[SaidTurn]
    turn: int
    filler: Text
    call: Call
    observation: dict[str, JsonValue] = Field(min_length=1)


class Interrupting(_Strict):
    turn: int
    intent: Intent
    text: Text
    answer: Text | None


class Interrupted(_Strict):
    interruptions: list[Interrupting]


class NoddedTurn(_Strict):
    turn: int
    after: list[int]


class Nodded(_Strict):
    turns: list[NoddedTurn]


Schema = TypeVar("Schema", bound=_Strict)


def parsed(text: str, schema: type[Schema]) -> Schema:
    """The answer as its schema says, out of its code fence where it has one. Raises Unusable."""
    bare = _THOUGHT.sub("", text).strip()
    if not bare:
        raise Unusable("it is empty")
    if not bare.startswith("{") and (fenced := _FENCED.search(bare)):
        bare = fenced[1]
    try:
        return schema.model_validate_json(bare)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Unusable(f"{where}: {problem['msg']}" if where else problem["msg"]) from error


def check_spoken(text: str, most: int, where: str) -> None:
    """Raises Unusable for a text without words, of more than `most` tokens, or with markup."""
    if not any(c.isalnum() for c in text):
        raise Unusable(f"{where} has no words")
    if (count := len(tokens(text))) > most:
        raise Unusable(f"{where} has {count} words, more than {most}")
    if mark := _MARKUP.search(text):
        raise Unusable(f"{where} has {mark[0].strip() or 'a line break'!r}, which cannot be spoken")


def has_cjk(text: str) -> bool:
    """Whether any of it is Chinese or Japanese."""
    return bool(_CJK.search(text))


def compact(value: JsonValue) -> str:
    """JSON on one line. Raises Unusable for numbers that JSON does not have."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise Unusable(f"it has a number that JSON does not have ({error})") from error
