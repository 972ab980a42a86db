"""What a model has to answer, task by task, and the checks that every text of an answer passes."""

import json
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from turnmill.manifests.emotions import Emotion
from turnmill.manifests.records import Intent
from turnmill.synth.chat.answers import Strict, Text, Unusable
from turnmill.synth.tokens import tokens

# Nothing of this can be said.
_MARKUP = re.compile(r"[\r\n`|{}\[\]]|\*\*|https?://|^\s*(?:[-*•#]+|\d+[.)])\s|</?[a-zA-Z][^<>]*>")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


_Emotion = Annotated[Emotion, BeforeValidator(_lower)]


class SaidTurn(Strict):
    role: str
    text: Text


class FeltTurn(SaidTurn):
    emotion: _Emotion


class Spoken(Strict):
    turns: list[SaidTurn]


class Felt(Strict):
    turns: list[FeltTurn]


class Call(Strict):
    name: str = Field(pattern=r"^[A-Za-z_]\w{0,63}$")
    arguments: dict[str, JsonValue]


class Requested(Strict):
    request: Text
    answer: Text


class Called(Strict):
    turns: list[SaidTurn]
    turn: int
    filler: Text
    call: Call
    observation: dict[str, JsonValue] = Field(min_length=1)


class Interrupting(Strict):
    turn: int
    intent: Intent
    text: Text
    answer: Text | None


class Interrupted(Strict):
    interruptions: list[Interrupting]


class NoddedTurn(Strict):
    turn: int
    after: list[int]


class Nodded(Strict):
    turns: list[NoddedTurn]


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
