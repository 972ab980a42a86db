"""Parameter classes: frozen, typed, range-checked; an unknown key is an error. How what people write becomes one."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence
from turnmill.manifests.urls import redacted

_Model = TypeVar("_Model", bound=BaseModel)
YAML: Final = (".yaml", ".yml")
_SHOWN: Final = 200  # characters of a value that an error repeats
_KEY: Final = "[key]"  # how pydantic says that it means the key of a mapping
_QUOTED: Final = re.compile(r"'([^']*)'")


class Params(BaseModel):
    """The base of every parameter class. A number is finite: neither NaN nor infinity is in a range."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class LicenceStatement(Params):
    """What the user states of their own recordings or texts, in place of the catalogue's entry."""

    spdx: str = Field(min_length=1)
    """SPDX identifier, or LicenseRef-... where it has none."""
    redistribute: bool
    """May be given to others; what may not is not published."""
    commercial: bool
    """May be used for money."""
    derivatives: bool = True
    """May be changed; speech of a text, and of a cloned voice, is a change."""

    @property
    def licence(self) -> Licence:
        return Licence(self.spdx, self.redistribute, self.commercial, self.derivatives)


def parsed(text: str) -> Any:
    """What YAML says. Raises yaml.YAMLError, and no other error."""
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise yaml.MarkedYAMLError(problem="it is nested too deeply") from error
    except ValueError as error:  # what PyYAML takes for a date or a number, and is none
        raise yaml.MarkedYAMLError(problem=f"a value that looks like a date or number is none: {error}") from error


def flaw(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the text around it, which may hold a key."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it cannot be read"
    return problem if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def mapping(text: str, where: str, what: str) -> dict[str, Any]:
    """The keys and values of a YAML text. Raises UsageError, beginning with `where`, for one that has none; `what` it
    is, as people call it."""
    try:
        found = parsed(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: is not valid YAML: {flaw(error)}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{where}: {what} is a mapping of keys to values, this is {type(found).__name__}")
    return found


def names_file(word: str) -> bool:
    """Whether a word that may be a name is a YAML file's path: it ends in .yaml or .yml, or has a folder in it."""
    return word.endswith(YAML) or "/" in word


def validated(
    model: type[_Model], data: Any, where: str, tags: Collection[str] = (), secret: Collection[str] = ()
) -> _Model:
    """Data as a model. `tags`: names that the model gives to the forms of a value that has several, which are no keys.
    Of what stands below a key of `secret` an error does not repeat the value.

    Raises UsageError with a sentence for each thing that is wrong, which begins with `where` and the key.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors()
    # Raised out here, without it: what pydantic's error holds of its frames, no garbage collector finds.
    raise UsageError("; ".join(_sentence(model, where, problem, tags, secret) for problem in problems))


def _sentence(
    model: type[BaseModel], where: str, problem: Mapping[str, Any], tags: Collection[str], secret: Collection[str]
) -> str:
    keys, known = _keys(model, [str(part) for part in problem["loc"] if part not in tags])
    place = f"{where}: {'.'.join(keys)}" if keys else where
    if problem["type"] == "extra_forbidden":
        return f"{place}: {_unknown(keys[-1], known)}"
    if keys[-1:] == [_KEY] and "expected" in problem.get("ctx", {}):
        keys.pop()
        return f"{where}: {'.'.join(keys)}: {_unknown(keys[-1], _QUOTED.findall(problem['ctx']['expected']))}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    told = isinstance(given, str | int | float | bool) and set(secret).isdisjoint(keys)
    shown = f" (given: {_short(redacted(repr(given)))})" if told else ""
    return f"{place}: {message[0].lower()}{message[1:]}{shown}"


def _unknown(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return "unknown key" + (f"; did you mean '{near[0]}'?" if near else "; remove it")


def _short(shown: str) -> str:
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ..."


def _keys(model: type[BaseModel], path: Sequence[str]) -> tuple[list[str], list[str]]:
    """The keys of a path, without the tags of unions that stand in it, and those that are legal where the last is."""
    keys: list[str] = []
    here = [model]
    tag: str | None = None  # of the union that the last key is
    for part in path:
        if tag is not None:
            here = [one for one in here if part in get_args(one.model_fields[tag].annotation)] or here
            tag = None
            continue
        keys.append(part)
        known = [name for one in here for name in one.model_fields]
        field = next((one.model_fields[part] for one in here if part in one.model_fields), None)
        if field is not None:  # else a place in a list, or no key
            here, tag = list(_models(field.annotation)) or here, _tag(field)
    return keys, known if keys else []


def _tag(field: FieldInfo) -> str | None:
    return field.discriminator if isinstance(field.discriminator, str) else None


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The parameter classes that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
