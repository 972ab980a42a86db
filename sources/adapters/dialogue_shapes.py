"""The shapes that corpora write dialogues in, and the turns they hold.

- a list under `messages`, `turns`, `conversations`, `conversation`, `dialogue` or `data`: objects (`role`, `speaker` or
  `from`; `content`, `text` or `value`, a string or parts of type text; `emotion` where known), or strings that
  alternate and begin with the user; those of system and developer before them are left out
- the same keys, `text` or `plain_text` with one string that names its speakers: "User: ... Assistant: ..."
- `chat` of MOSS-003: turn_1, turn_2 ... each with Human, Commands, Tool Responses and MOSS
- a pair: `instruction` (with `input`), `prompt`, `question` or `query`; `output`, `response`, `answer`, `answers` or
  `completion`; before it the pairs of `history`

What a tool was asked and what it answered is the following turn's `tool`; nobody speaks it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from turnmill.manifests.identify import language_found
from turnmill.manifests.languages import language_tag
from turnmill.manifests.records import Reason, TextTurn, ToolCall

_TURN_KEYS: Final = ("messages", "turns", "conversations", "conversation", "dialogue", "data")
_STRING_KEYS: Final = (*_TURN_KEYS, "chat", "text", "plain_text")
_ROLE_KEYS: Final = ("role", "speaker", "from")
_TEXT_KEYS: Final = ("content", "text", "value")
_QUESTION_KEYS: Final = ("instruction", "prompt", "question", "query")
_ANSWER_KEYS: Final = ("output", "response", "answer", "answers", "completion")
_LANGUAGE_KEYS: Final = ("language", "lang")

_ROLES: Final = {
    **dict.fromkeys(("user", "human", "prompter", "用户"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "ai", "moss", "助手"), "assistant"),
}
_UNHEARD: Final = frozenset({"system", "developer"})
_CALLS: Final = frozenset({"function_call", "tool_call"})
_OBSERVATIONS: Final = frozenset({"observation", "tool", "function", "tool_response"})

# "User:", "### Human:", "[MOSS]:", "<|Human|>:", "用户：" and the like, written as names are: not "the user:".
_NAMES: Final = "User|USER|Human|HUMAN|Prompter|用户|Assistant|ASSISTANT|助手|MOSS|ChatGPT|GPT|Bot|BOT|AI"
_MARK: Final = re.compile(
    r"(?:(?P<line>^)[ \t]*|(?<=[\s>。.!?！？])|(?=#))(?:#{1,6}[ \t]*)?(?:<\||\[|\*\*)?"
    rf"(?P<role>{_NAMES})(?:\|>|\]|\*\*)?[ \t]?[:：](?:\*\*)?",
    re.MULTILINE,
)
_ENDED: Final = re.compile(r"[.!?>…。！？][\"'”’)]?\s*\Z")
_MOSS_TURN: Final = re.compile(r"turn_(\d{1,6})")
_MOSS_HEAD: Final = re.compile(r"<\|(?:Human|Inner Thoughts|Commands|Results|MOSS)\|>\s*[:：]")
_END: Final = re.compile(r"(?:<e(?:oh|ot|oc|or|om|oa)>|</?s>|<\|endoftext\|>)$")
_CITATION: Final = re.compile(r"[ \t]?(?:<sup>\s*(?:<\|\d+\|>[\s,，]*)*</sup>|<\|\d+\|>)")

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
_LATIN_WORD: Final = re.compile("[A-Za-z\u00c0-\u024f]+")


class NoDialogue(Exception):
    """A row that holds no dialogue: the reason of its reject, and what is said after its place."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Said(NamedTuple):
    """A turn as written. `call`: of a tool, that an assistant's message makes itself."""

    role: str
    text: str
    emotion: str | None = None
    call: str | None = None


def turns_of(row: Any) -> tuple[TextTurn, ...]:
    """The turns of a row of JSON, in which user and assistant alternate.

    Raises NoDialogue: BAD_ROW, EMPTY_DIALOGUE, UNKNOWN_ROLE, ONE_SPEAKER, ROLE_ORDER.
    """
    said = list(_said(row))
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


def _said(row: Any) -> Iterator[_Said]:
    if not isinstance(row, dict):
        raise NoDialogue(Reason.BAD_ROW, "is not an object")
    key = next((key for key in _TURN_KEYS if isinstance(row.get(key), list)), None)
    if key is not None:
        return _listed(key, row[key])
    if isinstance(row.get("chat"), dict):
        return _moss(row["chat"])
    question = next((key for key in _QUESTION_KEYS if key in row), None)
    answer = next((key for key in _ANSWER_KEYS if key in row), None)
    if question is not None and answer is not None:
        return _pair(row, question, answer)
    key = next((key for key in _STRING_KEYS if isinstance(row.get(key), str)), None)
    if key is not None:
        return _named(key, row[key])
    found = next((key for key in (*_TURN_KEYS, "chat") if key in row), None)
    if found is not None:
        raise NoDialogue(Reason.BAD_ROW, f"has {found} that is neither a list of turns nor a text with its speakers")
    raise NoDialogue(
        Reason.BAD_ROW,
        f"has none of {', '.join(_TURN_KEYS)}, chat, and no question ({', '.join(_QUESTION_KEYS)}) with its answer",
    )


def _listed(key: str, turns: list[Any]) -> Iterator[_Said]:
    for index, turn in enumerate(turns):
        if isinstance(turn, str):
            yield _Said(("user", "assistant")[index % 2], turn)
            continue
        message = turn if isinstance(turn, dict) else {}
        role = next((message[k] for k in _ROLE_KEYS if k in message), None)
        text = next((message[k] for k in _TEXT_KEYS if k in message), None)
        call = _calls_of(message)
        text = "" if text is None and call is not None else _text_of(text)
        if not isinstance(role, str) or not isinstance(text, str):
            raise NoDialogue(Reason.BAD_ROW, f"has turn {index} of {key} without a role and a text")
        emotion = message.get("emotion")
        yield _Said(role.strip(), text, emotion.strip() or None if isinstance(emotion, str) else None, call)


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


def _named(key: str, text: str) -> Iterator[_Said]:
    """Turns of one text that names its speakers; where names begin lines, only those that do count, else only two."""
    marks = list(_MARK.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        raise NoDialogue(Reason.BAD_ROW, f"has {key} that does not begin with the name of a speaker, as in 'User: ...'")
    if any(mark["line"] is not None for mark in marks[1:]):
        marks = [mark for index, mark in enumerate(marks) if index == 0 or mark["line"] is not None]
    else:
        marks = _of_two(marks)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield _Said(mark["role"], _END.sub("", text[mark.end() : end].rstrip()).strip())


def _of_two(marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """The marks of the first speaker and of one other, with whom it alternates: of several, the one whose name stands
    least within sentences, then the least of a word."""
    first = marks[0]["role"]
    others = {mark["role"] for mark in marks if _ROLES[mark["role"].lower()] != _ROLES[first.lower()]}
    within = Counter(mark["role"] for mark in marks if not _ENDED.search(mark.string, 0, mark.start()))
    ranked = sorted(others, key=lambda other: (within[other], _NAMES.split("|").index(other)))
    pairs = ([mark for mark in marks if mark["role"] in (first, other)] for other in ranked)
    return next((pair for pair in pairs if all(one["role"] != two["role"] for one, two in pairwise(pair))), marks)


def _moss(chat: dict[str, Any]) -> Iterator[_Said]:
    """Turns of MOSS-003, without their tags, thoughts and citations; the plugin's commands are a call."""
    numbers = {key: _MOSS_TURN.fullmatch(key) for key in chat}
    if unknown := [key for key, match in numbers.items() if match is None]:
        raise NoDialogue(Reason.BAD_ROW, f"has {unknown[0][:40]!r} in chat, which is not turn_1, turn_2 ...")
    for key in sorted(chat, key=lambda key: int(key.removeprefix("turn_"))):
        turn = chat[key]
        human, moss = (_untagged(turn, name) for name in ("Human", "MOSS"))
        if human is None or moss is None:
            raise NoDialogue(Reason.BAD_ROW, f"has {key} of chat without the texts Human and MOSS")
        yield _Said("user", human)
        call, observation = (_untagged(turn, name) or "" for name in ("Commands", "Tool Responses"))
        if call not in ("", "None"):
            yield _Said("tool_call", call)
            yield _Said("observation", "" if observation == "None" else observation)
        yield _Said("assistant", _CITATION.sub("", moss))


def _untagged(turn: Any, name: str) -> str | None:
    text = turn.get(name) if isinstance(turn, dict) else None
    if not isinstance(text, str):
        return None
    text = text.strip()
    head = _MOSS_HEAD.match(text)
    return _END.sub("", text[head.end() :] if head else text).strip()


def _pair(row: dict[str, Any], question: str, answer: str) -> Iterator[_Said]:
    for earlier in row.get("history") or () if isinstance(row.get("history"), list | None) else (None,):
        if not isinstance(earlier, list) or len(earlier) != 2 or not all(isinstance(text, str) for text in earlier):
            raise NoDialogue(Reason.BAD_ROW, "has history that is not a list of pairs of texts")
        yield _Said("user", earlier[0])
        yield _Said("assistant", earlier[1])
    answers = row[answer]
    asked, told = row[question], answers[0] if isinstance(answers, list) and answers else answers
    if not isinstance(asked, str) or not isinstance(told, str):
        raise NoDialogue(Reason.BAD_ROW, f"has {question} and {answer} that are not both texts")
    given = row.get("input") if question == "instruction" else None
    yield _Said("user", f"{asked}\n{given}" if isinstance(given, str) and given.strip() else asked)
    yield _Said("assistant", told)


def _turns(said: list[_Said]) -> Iterator[TextTurn]:
    """The turns that are spoken; what is between them of tools goes to the next, which must be the assistant's."""
    calls: list[str] = []
    seen: list[str] = []
    for role, text, emotion, call in said:
        name = role.lower()
        calls += [text] if name in _CALLS else [] if call is None else [call]
        seen += [text] if name in _OBSERVATIONS else []
        if name in _CALLS or name in _OBSERVATIONS or (call is not None and not text.strip()):
            continue
        if name not in _ROLES:
            raise NoDialogue(Reason.UNKNOWN_ROLE, f"has the role {role[:40]!r}, known are {', '.join(_ROLES)}")
        turn = TextTurn(_ROLES[name], text, emotion)
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
