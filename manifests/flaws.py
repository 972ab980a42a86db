"""What pydantic finds wrong with a value, in words that need no Python: `must be a whole number (given: 'soon')`."""

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from turnmill.manifests.urls import redacted

_SHOWN: Final = 200  # characters of a value that an error repeats
_LISTED: Final = 8  # keys of a mapping that an error lists
_QUOTED: Final = re.compile(r"'([^']*)'")

_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    "string_type": "text",
    "path_type": "a path",
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "a mapping"),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "a list"),
}
"""By the type of a problem, what a value has to be."""

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "union_tag_not_found": "is missing",
    "invalid_key": "a key must be text: write it in quotes",
    "greater_than": "must be above {gt:.9g}",
    "greater_than_equal": "must be at least {ge:.9g}",
    "less_than": "must be below {lt:.9g}",
    "less_than_equal": "must be at most {le:.9g}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags} (given: {tag!r})",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "too_short": "must have {min_length} or more items",
    "too_long": "must have {max_length} or fewer items",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
}
"""The same of other problems, with what pydantic adds to them."""


def place(problem: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys to what is wrong, with labels of pydantic's own among them."""
    tag = quoted(problem, "discriminator") if str(problem["type"]).startswith("union_tag") else ()
    return (*map(str, problem["loc"]), *tag)


def kind(problem: Mapping[str, Any], below: Sequence[str]) -> str | None:
    """What a value of another kind has to be, such as `a list of mappings with the keys name and keep`; null where the
    kind is right. `below`: the keys that the parameters below it have."""
    found = _KINDS.get(problem["type"])
    if found == "text" and isinstance(problem["input"], bool | int | float | date):
        return "text in quotes"
    if found in ("a mapping", "a list") and 0 < len(below) <= _LISTED:
        *most, last = below
        keys = f"keys {', '.join(most)} and {last}" if most else f"key {last}"
        return f"{found} with the {keys}" if found == "a mapping" else f"a list of mappings with the {keys}"
    return f"{found} of keys to values" if found == "a mapping" else found


def sentence(problem: Mapping[str, Any]) -> str:
    """What is wrong with a value of the right kind."""
    said = _SENTENCES.get(problem["type"])
    if said is not None:
        return said.format(**problem.get("ctx", {}))
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def given(value: Any, *, whole: bool) -> str:
    """What an error adds of the value: a word or number itself; of others, if `whole`, what kind they are."""
    if isinstance(value, str | int | float):
        shown = repr(value).lower() if isinstance(value, bool) else redacted(repr(value))
        return f" (given: {short(shown)})"
    return f" (given: {kind_of(value)})" if whole else ""


def kind_of(value: Any) -> str:
    """What YAML calls a value of this kind."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return "text"
        case bool() | int() | float():
            return "true or false" if isinstance(value, bool) else "a number"
        case date():
            return "a date"
    return type(value).__name__


def unknown(key: str, known: Sequence[str]) -> str:
    """What is said of a key that there is not."""
    near = difflib.get_close_matches(key, known, n=1)
    return "unknown key" + (f"; did you mean '{near[0]}'?" if near else "; remove it")


def quoted(problem: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The words in quotes in what pydantic adds to a problem by that name."""
    return tuple(_QUOTED.findall(problem.get("ctx", {}).get(name, "")))


def short(shown: str) -> str:
    """A value as an error repeats it."""
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ..."
