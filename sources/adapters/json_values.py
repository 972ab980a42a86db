"""JSON, read so that nothing depends on where the reader is called, and nothing is taken that no table takes."""

import json
import re
from typing import Any, Final

from turnmill.sources.adapters.lines import utf8

_DEEPEST: Final = 100  # brackets within brackets of a row that is read
_BRACKET: Final = re.compile(r'[][{}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # or a string, which may hold some
_ESCAPED: Final = re.compile("[\ud800-\udfff]")
TOO_DEEP: Final = f"is nested more than {_DEEPEST} deep"


AS_WRITTEN: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
"""Reads numbers as texts."""


def parsed(data: bytes, decoder: json.JSONDecoder) -> tuple[Any, str | None]:
    """The value that bytes are as JSON, and what is wrong with them."""
    text = ""
    try:
        text = utf8(data)
        value = decoder.decode(text)
    except UnicodeDecodeError as error:
        return None, f"is not UTF-8: {error.reason} at byte {error.start}"
    except (ValueError, RecursionError) as error:
        return None, why_unread(error, text, 0)
    return value, flaw(text, value)


def why_unread(error: ValueError | RecursionError, text: str, first: int) -> str:
    """What the parser says that began at a place of a text. Where rows are nested deep it gives up at a depth that
    depends on its caller's, so of those nothing else is said."""
    if isinstance(error, RecursionError):
        return TOO_DEEP
    if not isinstance(error, json.JSONDecodeError):  # at a place that it does not tell
        return TOO_DEEP if is_deep(text[first:]) else f"is not JSON: {error}"
    if is_deep(text[first : error.pos]):
        return TOO_DEEP
    return f"is not JSON: {error.msg} at character {error.pos - first + 1}"


def is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > _DEEPEST:
            return True
    return False


def flaw(text: str, value: Any) -> str | None:
    """What no table, hash or recogniser can take: bytes that are not UTF-8 (as surrogates), and half a UTF-16 pair,
    which is legal JSON. Nor are deep rows read, for how deep Python's parser goes depends on where it is called."""
    if is_deep(text):
        return TOO_DEEP
    if not text.isascii() and _ESCAPED.search(text):
        return "is not UTF-8"
    try:
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    return None


def listed(text: str) -> list[Any] | None:
    """The list that a string is, as JSON; null where it is none."""
    if not text.lstrip().startswith("[") or is_deep(text):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and flaw(text, value) is None else None
