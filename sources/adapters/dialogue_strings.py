"""Dialogues written as one string, that names its speakers or marks where each ends."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from turnmill.manifests.records import Reason
from turnmill.sources.adapters.dialogue_said import ROLES, NoDialogue, Said

# "User:", "### Human:", "[MOSS]:", "<|Human|>:", "用户：" and the like, written as names are: not "the user:".
_NAMES: Final = "User|USER|Human|HUMAN|Prompter|用户|Assistant|ASSISTANT|助手|MOSS|ChatGPT|GPT|Bot|BOT|AI"
_MARK: Final = re.compile(
    r"(?:(?P<line>^)[ \t]*|(?<=[\s>。.!?！？])|(?=#))(?:#{1,6}[ \t]*)?(?:<\||\[|\*\*)?"
    rf"(?P<role>{_NAMES})(?:\|>|\]|\*\*)?[ \t]?[:：](?:\*\*)?",
    re.MULTILINE,
)
_ENDED: Final = re.compile(r"[.!?>…。！？][\"'”’)]?\s*\Z")
_END: Final = re.compile(r"(?:<e(?:oh|ot|oc|or|om|oa)>|</?s>|<\|endoftext\|>)$")


def unended(text: str) -> str:
    """Without the token that says that it ends."""
    return _END.sub("", text)


def marked(key: str, text: str, markers: Mapping[str, str]) -> Iterator[Said]:
    """Turns of a text in which each begins with one of the markers, role by marker; a blank line may go before."""
    pattern = "|".join(map(re.escape, sorted(markers, key=len, reverse=True)))
    marks = list(re.finditer(pattern, text))
    if not marks or text[: marks[0].start()].strip():
        shown = " or ".join(map(repr, markers))
        raise NoDialogue(Reason.BAD_ROW, f"has {key} that does not begin with {shown}")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield Said(markers[mark[0]], unended(text[mark.end() : end].rstrip()).strip())


def separated(text: str, separator: str) -> Iterator[Said]:
    """Turns of two that alternate, of whom the user begins, each of which ends with the separator."""
    turns = [turn.strip() for turn in text.split(separator)]
    for index, turn in enumerate(turns if turns[-1] else turns[:-1]):
        yield Said(("user", "assistant")[index % 2], turn)


def named(key: str, text: str) -> Iterator[Said]:
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
        yield Said(mark["role"], unended(text[mark.end() : end].rstrip()).strip())


def names_speaker(text: str) -> bool:
    """Whether a text begins with the name of a speaker."""
    return _MARK.match(text.lstrip()) is not None


def _of_two(marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """The marks of the first speaker and of one other, with whom it alternates: of several, the one whose name stands
    least within sentences, then the least of a word."""
    first = marks[0]["role"]
    others = {mark["role"] for mark in marks if ROLES[mark["role"].lower()] != ROLES[first.lower()]}
    within = Counter(mark["role"] for mark in marks if not _ENDED.search(mark.string, 0, mark.start()))
    ranked = sorted(others, key=lambda other: (within[other], _NAMES.split("|").index(other)))
    pairs = ([mark for mark in marks if mark["role"] in (first, other)] for other in ranked)
    return next((pair for pair in pairs if all(one["role"] != two["role"] for one, two in pairwise(pair))), marks)
