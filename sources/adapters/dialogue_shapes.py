"""The shapes that corpora write dialogues in, and the turns they hold.

- a list under `messages`, `turns`, `conversations`, `conversation`, `dialogue`, `data` or `log`, or a string that is
  one in JSON: objects (`role`, `speaker` or `from`; `content`, `text`, `value` or `utterance`, a string or parts of
  type text; `emotion` where known), or strings, and objects of `log`, that alternate and begin with the user; those
  of system and developer before them are left out
- the same keys, `text` or `plain_text` with one string that names its speakers: "User: ... Assistant: ..."
- `chat` of MOSS-003: turn_1, turn_2 ... each with Human, Commands, Tool Responses and MOSS
- `prompt` that is a message with `replies`: see `dialogue_trees`
- a pair: `instruction` (with `input`), `prompt`, `question` or `query`; `output`, `response`, `answer`, `answers` or
  `completion`, a text, the first of several, or the `value` of an object with aliases; before it the pairs of `history`
- rows of one group: a tree of messages that name their parents, a pair each, or a message each

What a tool was asked and what it answered is the following turn's `tool`; nobody speaks it. `Shape` is what a corpus
says of its own shape beside that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from turnmill.manifests.identify import language_found
from turnmill.manifests.languages import language_tag
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, TextTurn, ToolCall
from turnmill.sources.adapters.dialogue_rows import GROUP
from turnmill.sources.adapters.dialogue_said import ROLES, NoDialogue, Said
from turnmill.sources.adapters.dialogue_strings import marked, named, names_speaker, separated, unended
from turnmill.sources.adapters.dialogue_trees import flat, nested
from turnmill.sources.adapters.json_values import listed

_LOG: Final = "log"
_TURN_KEYS: Final = ("messages", "turns", "conversations", "conversation", "dialogue", "data", _LOG)
_STRING_KEYS: Final = (*_TURN_KEYS, "chat", "text", "plain_text")
_ROLE_KEYS: Final = ("role", "speaker", "from")
_TEXT_KEYS: Final = ("content", "text", "value", "utterance")
_QUESTION_KEYS: Final = ("instruction", "prompt", "question", "query")
_ANSWER_KEYS: Final = ("output", "response", "answer", "answers", "completion")
_LANGUAGE_KEYS: Final = ("language", "lang")
_TREE_KEYS: Final = ("message_id", "parent_id", "rank", "deleted", "review_result", "emotion")
_KEYS: Final = frozenset(
    (
        *("id", "scenario", "input", "history"),
        *_STRING_KEYS,
        *_ROLE_KEYS,
        *_TEXT_KEYS,
        *_QUESTION_KEYS,
        *_ANSWER_KEYS,
        *_LANGUAGE_KEYS,
        *_TREE_KEYS,
    )
)
"""All that is looked for in a row."""

_UNHEARD: Final = frozenset({"system", "developer"})
_CALLS: Final = frozenset({"function_call", "tool_call"})
_OBSERVATIONS: Final = frozenset({"observation", "tool", "function", "tool_response"})

_MOSS_TURN: Final = re.compile(r"turn_(\d{1,6})")
_MOSS_HEAD: Final = re.compile(r"<\|(?:Human|Inner Thoughts|Commands|Results|MOSS)\|>\s*[:：]")
_CITATION: Final = re.compile(r"[ \t]?(?:<sup>\s*(?:<\|\d+\|>[\s,，]*)*</sup>|<\|\d+\|>)")

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
_LATIN_WORD: Final = re.compile("[A-Za-z\u00c0-\u024f]+")


Speaker = Literal["user", "assistant"]


class Shape(Params):
    """How a corpus writes its dialogues, where its keys do not tell."""

    fields: dict[str, str] = Field(
        default={}, description="key that is looked for -> that of the corpus, or the way to it: `answer.value`"
    )
    roles: dict[str, Speaker] = Field(default={}, description="what it calls a speaker -> user or assistant")
    markers: dict[str, Speaker] = Field(
        default={}, description="what begins a turn in a text, character for character -> who speaks it"
    )
    separator: str | None = Field(
        default=None, min_length=1, description="what ends each turn in a text, whose speakers alternate"
    )
    history: bool = Field(default=False, description="a question may hold the turns before it, with their speakers")
    strip: tuple[str, ...] = Field(default=(), description="tokens that are taken out of its texts")

    @field_validator("fields")
    @classmethod
    def _are_looked_for(cls, fields: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(fields.keys() - _KEYS):
            raise ValueError(f"nothing looks for {unknown[0]!r}: known are {', '.join(sorted(_KEYS))}")
        return fields

    @field_validator("markers", "strip")
    @classmethod
    def _are_something(cls, tokens: Any) -> Any:
        if "" in tokens:
            raise ValueError("an empty text stands everywhere: leave it out")
        return tokens

    @property
    def keys(self) -> frozenset[str]:
        """The keys of a row that may be looked at."""
        return _KEYS | {way.split(".")[0] for way in self.fields.values()}

    def id_of(self, row: Any) -> str | None:
        """The id that a row states."""
        own = _at(row, self.fields.get("id", "id"))
        return str(own) if isinstance(own, str | int) and own != "" else None

    def spelled(self, row: Any) -> Any:
        """A row with the keys that are looked for."""
        if not isinstance(row, dict) or not self.fields:
            return row
        return {**row, **{key: _at(row, way) for key, way in self.fields.items()}}


def _at(row: Any, way: str) -> Any:
    for key in way.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def turns_of(row: Any, shape: Shape = Shape()) -> tuple[TextTurn, ...]:  # noqa: B008  # it cannot be changed
    """The turns of a row of JSON, in which user and assistant alternate.

    Raises NoDialogue: BAD_ROW, EMPTY_DIALOGUE, UNKNOWN_ROLE, ONE_SPEAKER, ROLE_ORDER.
    """
    said = [_stripped(turn, shape) for turn in _said(row, shape)]
    while said and said[0].role.lower() in _UNHEARD:
        said = said[1:]
    if not said:
        raise NoDialogue(Reason.EMPTY_DIALOGUE, "has no turn")
    turns = tuple(_turns(said))
    _check_order([turn.role for turn in turns])
    return turns


def language_of(row: Mapping[str, Any], turns: tuple[TextTurn, ...], default: str) -> str:
    """The row's own word; else the language that its texts are plainly in (`manifests.identify`); else zh where Chinese
    characters outnumber Latin words, without kana, and `default` where they do not.

    Raises NoDialogue for a word that is no language tag.
    """
    own = next((row[key] for key in _LANGUAGE_KEYS if isinstance(row.get(key), str) and row[key].strip()), None)
    if own is not None:
        try:
            return language_tag(own)
        except ValueError as error:
            raise NoDialogue(Reason.BAD_ROW, f"has the language {error}") from error
    text = "\n".join(turn.text for turn in turns)
    return language_found(text, "zh" if _is_chinese(text) else default)


def _is_chinese(text: str) -> bool:
    return len(_HAN.findall(text)) > len(_LATIN_WORD.findall(text)) and not _KANA.search(text)


def _stripped(said: Said, shape: Shape) -> Said:
    """As it is spoken: without tokens, by a role that is known."""
    text = said.text
    for token in shape.strip:
        text = text.replace(token, "")
    role = shape.roles.get(said.role, said.role)
    if role == said.role and text == said.text:
        return said
    return said._replace(role=role, text=text if text == said.text else text.strip())


def _said(row: Any, shape: Shape) -> Iterator[Said]:
    if not isinstance(row, dict):
        raise NoDialogue(Reason.BAD_ROW, "is not an object")
    if GROUP in row:
        return _of_group(row[GROUP], shape)
    for key in _TURN_KEYS:
        if (turns := _turns_at(row, key)) is not None:
            return _listed(key, turns)
    if isinstance(row.get("chat"), dict):
        return _moss(row["chat"])
    if isinstance(row.get("prompt"), dict):
        return iter(nested(row["prompt"]))
    question = next((key for key in _QUESTION_KEYS if key in row), None)
    answer = next((key for key in _ANSWER_KEYS if key in row), None)
    if question is not None and answer is not None:
        return _pair(row, question, answer, shape)
    key = next((key for key in _STRING_KEYS if isinstance(row.get(key), str)), "")
    if key:
        return _in_string(key, row[key], shape)
    raise _shapeless(row)


def _turns_at(row: dict[str, Any], key: str) -> list[Any] | None:
    value = row.get(key)
    return listed(value) if isinstance(value, str) else value if isinstance(value, list) else None


def _of_group(rows: list[dict[str, Any]], shape: Shape) -> Iterator[Said]:
    if "parent_id" in rows[0]:
        return iter(flat(rows))
    if any(key in rows[0] for key in _QUESTION_KEYS):  # a round each; the last tells all before it, where it tells any
        return chain.from_iterable(_said(shape.spelled(row), shape) for row in (rows[-1:] if shape.history else rows))
    return _listed("its group", rows)


def _in_string(key: str, text: str, shape: Shape) -> Iterator[Said]:
    if shape.separator is not None:
        return separated(text, shape.separator)
    return marked(key, text, shape.markers) if shape.markers else named(key, text)


def _shapeless(row: dict[str, Any]) -> NoDialogue:
    found = next((key for key in (*_TURN_KEYS, "chat") if key in row), None)
    if found is not None:
        detail = f"has {found} that is neither a list of turns nor a text with its speakers"
    else:
        asked = ", ".join(_QUESTION_KEYS)
        detail = f"has none of {', '.join(_TURN_KEYS)}, chat, and no question ({asked}) with its answer"
    return NoDialogue(Reason.BAD_ROW, detail)


def _listed(key: str, turns: list[Any]) -> Iterator[Said]:
    for index, turn in enumerate(turns):
        if isinstance(turn, str):
            yield Said(_alternating(index), turn)
            continue
        message = turn if isinstance(turn, dict) else {}
        role = next((message[k] for k in _ROLE_KEYS if k in message), _alternating(index) if key == _LOG else None)
        text = next((message[k] for k in _TEXT_KEYS if k in message), None)
        call = _calls_of(message)
        text = "" if text is None and call is not None else _text_of(text)
        if not isinstance(role, str) or not isinstance(text, str):
            raise NoDialogue(Reason.BAD_ROW, f"has turn {index} of {key} without a role and a text")
        emotion = message.get("emotion")
        yield Said(role.strip(), text, emotion.strip() or None if isinstance(emotion, str) else None, call)


def _alternating(index: int) -> str:
    return ("user", "assistant")[index % 2]


def _text_of(content: Any) -> Any:
    """The text of parts that all are text, as OpenAI's chat format may have them; anything else as it is."""
    if not isinstance(content, list) or not content:
        return content
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    return "\n".join(texts) if len(texts) == len(parts) else content


def _calls_of(message: dict[str, Any]) -> str | None:
    """The `tool_calls` or `function_call` of an assistant's message, as OpenAI's chat format has them."""
    calls = message.get("tool_calls") or message.get("function_call")
    if not calls:
        return None
    functions = [call.get("function", call) if isinstance(call, dict) else call for call in _as_list(calls)]
    return "\n".join(function if isinstance(function, str) else json.dumps(function) for function in functions)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _moss(chat: dict[str, Any]) -> Iterator[Said]:
    """Turns of MOSS-003, without their tags, thoughts and citations; the plugin's commands are a call."""
    numbers = {key: _MOSS_TURN.fullmatch(key) for key in chat}
    if unknown := [key for key, match in numbers.items() if match is None]:
        raise NoDialogue(Reason.BAD_ROW, f"has {unknown[0][:40]!r} in chat, which is not turn_1, turn_2 ...")
    for key in sorted(chat, key=lambda key: int(key.removeprefix("turn_"))):
        turn = chat[key]
        human, moss = (_untagged(turn, name) for name in ("Human", "MOSS"))
        if human is None or moss is None:
            raise NoDialogue(Reason.BAD_ROW, f"has {key} of chat without the texts Human and MOSS")
        yield Said("user", human)
        call, observation = (_untagged(turn, name) or "" for name in ("Commands", "Tool Responses"))
        if call not in ("", "None"):
            yield Said("tool_call", call)
            yield Said("observation", "" if observation == "None" else observation)
        yield Said("assistant", _CITATION.sub("", moss))


def _untagged(turn: Any, name: str) -> str | None:
    text = turn.get(name) if isinstance(turn, dict) else None
    if not isinstance(text, str):
        return None
    text = text.strip()
    head = _MOSS_HEAD.match(text)
    return unended(text[head.end() :] if head else text).strip()


def _pair(row: dict[str, Any], question: str, answer: str, shape: Shape) -> Iterator[Said]:
    for earlier in row.get("history") or () if isinstance(row.get("history"), list | None) else (None,):
        if not isinstance(earlier, list) or len(earlier) != 2 or not all(isinstance(text, str) for text in earlier):
            raise NoDialogue(Reason.BAD_ROW, "has history that is not a list of pairs of texts")
        yield Said("user", earlier[0])
        yield Said("assistant", earlier[1])
    asked, told = row[question], _first(row[answer])
    if not isinstance(asked, str) or not isinstance(told, str):
        raise NoDialogue(Reason.BAD_ROW, f"has {question} and {answer} that are not both texts")
    given = row.get("input") if question == "instruction" else None
    asked = f"{asked}\n{given}" if isinstance(given, str) and given.strip() else asked
    yield from _with_history(question, asked, shape)
    yield Said("assistant", told)


def _first(answers: Any) -> Any:
    """The answer of several that are right."""
    if isinstance(answers, dict):
        return answers.get("value")
    return answers[0] if isinstance(answers, list) and answers else answers


def _with_history(key: str, text: str, shape: Shape) -> Iterator[Said]:
    """What is said before an answer: the question, and what its text tells before it."""
    if not shape.history or not _begins_with_speaker(text, shape):
        yield Said("user", text)
        return
    said = list(_in_string(key, text, shape))
    if said[-1].text == "" and ROLES.get(said[-1].role.lower()) == "assistant":
        said.pop()  # "... Assistant:", whom the answer follows
    yield from said


def _begins_with_speaker(text: str, shape: Shape) -> bool:
    if shape.markers:
        return text.lstrip().startswith(tuple(marker.strip() for marker in shape.markers))
    return names_speaker(text)


def _turns(said: list[Said]) -> Iterator[TextTurn]:
    """The turns that are spoken; what is between them of tools goes to the next, which must be the assistant's."""
    calls: list[str] = []
    seen: list[str] = []
    for role, text, emotion, call in said:
        name = role.lower()
        calls += [text] if name in _CALLS else [] if call is None else [call]
        seen += [text] if name in _OBSERVATIONS else []
        if name in _CALLS or name in _OBSERVATIONS or (call is not None and not text.strip()):
            continue
        if name not in ROLES:
            raise NoDialogue(Reason.UNKNOWN_ROLE, f"has the role {role[:40]!r}, known are {', '.join(ROLES)}")
        turn = TextTurn(ROLES[name], text, emotion)
        if calls or seen:
            if turn.role == "user":
                raise NoDialogue(Reason.ROLE_ORDER, "has a call of a tool that the user answers")
            turn = replace(turn, tool=ToolCall("\n".join(calls), "\n".join(seen)))
            calls, seen = [], []
        yield turn
    if calls or seen:
        raise NoDialogue(Reason.ROLE_ORDER, "ends with a call of a tool that nobody answers")


def _check_order(roles: list[str]) -> None:
    if len(set(roles)) == 1:
        raise NoDialogue(Reason.ONE_SPEAKER, f"has only turns of the {roles[0]}")
    for index, (one, other) in enumerate(pairwise(roles)):
        if one == other:
            raise NoDialogue(Reason.ROLE_ORDER, f"has two turns of the {one} in a row, {index} and {index + 1}")
