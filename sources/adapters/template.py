"""Names and texts made from table columns: `{dir}/{id}.flac`, `{id|split('-')|0}`, `{track|pad(6)|[:3]}`.

Between braces stands a variable, then what is done with its value, one step after the other:

    split('x'), split()    the pieces between x, or between spaces
    -1, [:3], [::2]        one of the pieces; some of the pieces, or of the characters of a text
    join('x')              the pieces as one text
    lower, upper, nfkc     in another spelling (nfkc: full-width letters as the common ones)
    strip('x'), replace('x', 'y'), removeprefix('x')
    pad(6)                 with zeros before it, six characters
    stem, name, up         of a path: its last part without, and with, its ending; the folder that it is in
    or('x')                x where it is empty, or there is no such column
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator

_FIELD: Final = re.compile(r"\{((?:[^{}']|'[^']*')*)\}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][\w.-]*")
_STEP: Final = re.compile(r"\|((?:'[^']*'|[^|'])+)")
_CALL: Final = re.compile(r"(?P<name>[a-z]+)(?:\((?P<arguments>[^()']*|(?:'[^']*'(?:, *)?)+)\))?")
_INDEX: Final = re.compile(r"-?\d+")
_SLICE: Final = re.compile(r"\[(-?\d*):(-?\d*)(?::(-?\d+))?\]")
_WIDEST: Final = 100  # that a number is padded to
_QUOTED: Final = re.compile(r"'([^']*)'")

_Value = str | Sequence[str]
_Step = Callable[[_Value], _Value]


@dataclass(frozen=True)
class _Field:
    variable: str
    steps: tuple[_Step, ...]
    may_lack: bool = False

    def value(self, values: Mapping[str, Any]) -> _Value:
        """Raises LookupError for a missing variable or piece."""
        value: _Value = values.get(self.variable, "") if self.may_lack else values[self.variable]
        for step in self.steps:
            value = step(value)
        return value


@dataclass(frozen=True)
class Template:
    """A parsed template: literal texts and fields in turn."""

    text: str
    parts: tuple[str | _Field, ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        return frozenset(part.variable for part in self.parts if isinstance(part, _Field))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The variables without which it cannot be rendered."""
        return frozenset(part.variable for part in self.parts if isinstance(part, _Field) and not part.may_lack)

    def value(self, values: Mapping[str, Any]) -> str | Sequence[str]:
        """The text that it stands for, or the pieces, of a field alone that ends with some. Raises LookupError."""
        if len(self.parts) == 1 and isinstance(self.parts[0], _Field):
            return self.parts[0].value(values)
        return self.render(values)

    def render(self, values: Mapping[str, Any]) -> str:
        """Raises LookupError when a variable, or a piece asked for by index, is not there."""
        if self._plain is not None:
            form, variables = self._plain
            said = [values[name] for name in variables]
            return form % tuple([value if isinstance(value, str) else _whole(value) for value in said])
        return "".join([part if isinstance(part, str) else _whole(part.value(values)) for part in self.parts])

    def filled(self, values: Mapping[str, str]) -> "Template":
        """The same with the values of some variables in their places."""
        return Template(self.text, tuple([self._filled(part, values) for part in self.parts]))

    def _filled(self, part: str | _Field, values: Mapping[str, str]) -> str | _Field:
        is_known = isinstance(part, _Field) and part.variable in values
        return part if isinstance(part, str) or not is_known else _whole(part.value(values))

    @cached_property
    def _plain(self) -> tuple[str, list[str]] | None:
        """The same for `%`, which is faster, where nothing is done with the values."""
        if any(part.steps for part in self.parts if isinstance(part, _Field)):
            return None
        form = (part.replace("%", "%%") if isinstance(part, str) else "%s" for part in self.parts)
        return "".join(form), [part.variable for part in self.parts if isinstance(part, _Field)]

    def pieces(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The same as texts, one or several. Raises LookupError."""
        return tuple(_listed(self.value(values)))

    def match(self, text: str) -> dict[str, str]:
        """The variables that would render to `text`; empty where it does not match or a step hides them.

        `dir` matches any number of folders, every other variable one name.
        """
        pattern, groups = "", []
        for part in self.parts:
            if isinstance(part, str):
                pattern += re.escape(part)
            elif part.steps or part.variable in groups:
                return {}
            else:
                groups.append(part.variable)
                pattern += "(.*)" if part.variable == "dir" else "([^/]*)"
        found = re.fullmatch(pattern, text, re.DOTALL)
        return dict(zip(groups, found.groups(), strict=True)) if found else {}


def _whole(value: _Value) -> str:
    """A text; pieces that nothing joined with commas, as lists are written."""
    return value if isinstance(value, str) else ", ".join(value)


def _listed(value: _Value) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _on_text(change: Callable[[str], str]) -> _Step:
    """A step that does the same to each piece."""
    return lambda value: change(value) if isinstance(value, str) else [change(piece) for piece in value]


def stem_of(path: str) -> str:
    """The last part of a path without its ending."""
    return posixpath.splitext(posixpath.basename(path))[0]


def _piece(number: int, value: _Value) -> str:
    pieces = _listed(value)
    if not -len(pieces) <= number < len(pieces):
        raise LookupError(f"has no piece {number} in {', '.join(pieces)!r}")
    return pieces[number]


def _split(separator: str = "") -> _Step:
    return lambda value: _whole(value).split(separator or None)


_CALLS: Final[Mapping[str, Callable[..., _Step]]] = {
    "split": _split,
    "join": lambda between: lambda value: between.join(_listed(value)),
    "lower": lambda: _on_text(str.lower),
    "upper": lambda: _on_text(str.upper),
    "nfkc": lambda: _on_text(lambda text: unicodedata.normalize("NFKC", text)),
    "strip": lambda characters="": _on_text(lambda text: text.strip(characters or None)),
    "replace": lambda old, new: _on_text(lambda text: text.replace(old, new)),
    "removeprefix": lambda prefix: _on_text(lambda text: text.removeprefix(prefix)),
    "pad": lambda width: _on_text(lambda text: text.zfill(int(width))),
    "stem": lambda: _on_text(stem_of),
    "name": lambda: _on_text(posixpath.basename),
    "up": lambda: _on_text(lambda path: posixpath.dirname(path) or "."),
    "or": lambda otherwise: lambda value: value or otherwise,
}


@cache
def parse(text: str) -> Template:
    """Raises ValueError for a step that does not exist or a stray brace."""
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
    found = list(_STEP.finditer(field, variable.end())) if variable else []
    used = (variable.end() if variable else 0) + sum(len(step[0]) for step in found)
    try:
        if not variable or used != len(field):
            raise ValueError(field)
        steps = tuple(_parse_step(step[1]) for step in found)
        return _Field(variable[0], steps, any(step[1].startswith("or(") for step in found))
    except (TypeError, ValueError, KeyError) as error:
        known = ", ".join(_CALLS)
        raise ValueError(
            f"{text!r}: {{{field}}} is not a variable and steps: a number, [from:to] or one of {known}"
        ) from error


def _parse_step(step: str) -> _Step:
    """Raises KeyError, TypeError or ValueError for what is none."""
    if _INDEX.fullmatch(step):
        number = int(step)
        return partial(_piece, number)
    if piece := _SLICE.fullmatch(step):
        cut = slice(*(int(bound) if bound else None for bound in piece.groups()))
        if cut.step == 0:
            raise ValueError(step)
        return lambda value: value[cut]
    call = _CALL.fullmatch(step)
    if not call:
        raise ValueError(step)
    given = call["arguments"] or ""
    arguments = _QUOTED.findall(given) if "'" in given else [given] if given else []
    if call["name"] == "pad":
        if int(*arguments) > _WIDEST:
            raise ValueError(step)
    elif given and "'" not in given:
        raise ValueError(step)
    return _CALLS[call["name"]](*arguments)


def _checked(text: str) -> str:
    parse(text)
    return text


TemplateText = Annotated[str, AfterValidator(_checked)]
"""A string field of a catalogue entry that must be a valid template."""


@lru_cache(maxsize=64)  # the rows of a table follow each other
def place_of(path: str) -> Mapping[str, str]:
    """The variables that the path of a table gives: `dir`, its folder, and `stem`."""
    return {"dir": posixpath.dirname(path) or ".", "stem": stem_of(path)}
