"""Names made from table columns: `{dir}/{id}.flac`, `{id|split('-')|0}`.

Between braces stands a variable, then filters: `split('x')`, an index into the pieces (may be negative),
`lower`, `upper`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated

from pydantic import AfterValidator

_FIELD = re.compile(r"\{([^{}]*)\}")
_FILTER = re.compile(r"(?P<case>lower|upper)|split\('(?P<separator>[^']+)'\)|(?P<index>-?\d+)")
_STEP = re.compile(r"\|((?:split\('[^']+'\)|[^|'])+)")
_VARIABLE = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True)
class _Field:
    variable: str
    filters: tuple[re.Match[str], ...]

    def render(self, values: Mapping[str, str]) -> str:
        """Raises LookupError for a missing variable or piece."""
        value = values[self.variable]
        pieces: list[str] = [value]
        for step in self.filters:
            if step["separator"]:
                pieces = value.split(step["separator"])
            elif step["index"]:
                value = pieces[int(step["index"])]
            else:
                value = value.lower() if step["case"] == "lower" else value.upper()
        return value


@dataclass(frozen=True)
class Template:
    """A parsed template: literal texts and fields in turn."""

    text: str
    parts: tuple[str | _Field, ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        return frozenset(part.variable for part in self.parts if isinstance(part, _Field))

    def render(self, values: Mapping[str, str]) -> str:
        """Raises LookupError when a variable, or a piece asked for by index, is not there."""
        return "".join(part if isinstance(part, str) else part.render(values) for part in self.parts)

    def match(self, text: str) -> dict[str, str]:
        """The variables that would render to `text`; empty where it does not match or a filter hides them.

        `dir` matches any number of folders, every other variable one name.
        """
        pattern, groups = "", []
        for part in self.parts:
            if isinstance(part, str):
                pattern += re.escape(part)
            elif part.filters or part.variable in groups:
                return {}
            else:
                groups.append(part.variable)
                pattern += "(.*)" if part.variable == "dir" else "([^/]*)"
        found = re.fullmatch(pattern, text, re.DOTALL)
        return dict(zip(groups, found.groups(), strict=True)) if found else {}


@cache
def parse(text: str) -> Template:
    """Raises ValueError for a filter that does not exist or a stray brace."""
    parts: list[str | _Field] = []
    position = 0
    for field in _FIELD.finditer(text):
        literal = text[position : field.start()]
        parts += [literal] if literal else []
        parts.append(_parse_field(field[1], text))
        position = field.end()
    rest = text[position:]
    if any(brace in literal for literal in [*parts, rest] if isinstance(literal, str) for brace in "{}"):
        raise ValueError(f"{text!r} has a brace without its partner")
    return Template(text, (*parts, rest) if rest else tuple(parts))


def _parse_field(field: str, text: str) -> _Field:
    variable = _VARIABLE.match(field)
    steps = list(_STEP.finditer(field, variable.end())) if variable else []
    filters = [_FILTER.fullmatch(step[1]) for step in steps]
    used = (variable.end() if variable else 0) + sum(len(step[0]) for step in steps)
    known = tuple(step for step in filters if step)
    if not variable or used != len(field) or len(known) != len(filters):
        raise ValueError(f"{text!r}: {{{field}}} is not a variable with filters split('x'), a number, lower or upper")
    return _Field(variable[0], known)


def _checked(text: str) -> str:
    parse(text)
    return text


TemplateText = Annotated[str, AfterValidator(_checked)]
"""A string field of a catalogue entry that must be a valid template."""
