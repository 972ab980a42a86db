"""Parameter classes: frozen, typed, range-checked; an unknown key is an error. How what people write becomes one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Self, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from turnmill.manifests import flaws
from turnmill.manifests.errors import UsageError
from turnmill.manifests.licences import contradiction, spelled
from turnmill.manifests.records import Licence

_Model = TypeVar("_Model", bound=BaseModel)
YAML: Final = (".yaml", ".yml")
_KEY: Final = "[key]"  # how pydantic says that it means the key of a mapping
_MERGE: Final = "tag:yaml.org,2002:merge"  # YAML's `<<`, whose keys others may replace


class Params(BaseModel):
    """The base of every parameter class. A number is finite: neither NaN nor infinity is in a range."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class LicenceStatement(Params):
    """What the user states of their own recordings or texts, in place of the catalogue's entry."""

    spdx: Annotated[str, AfterValidator(spelled)]
    """SPDX identifier or expression, or LicenseRef-... where it has none."""
    redistribute: bool
    """May be given to others; what may not is not published."""
    commercial: bool
    """May be used for money."""
    derivatives: bool = True
    """May be changed; speech of a text, and of a cloned voice, is a change."""

    @model_validator(mode="after")
    def _is_what_the_licence_says(self) -> Self:
        if wrong := contradiction(self.licence):
            raise ValueError(wrong)
        return self

    @property
    def licence(self) -> Licence:
        return Licence(self.spdx, self.redistribute, self.commercial, self.derivatives)


class _Loader(yaml.SafeLoader):
    """YAML of which nothing is dropped in silence: a key that stands twice in a mapping is an error."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, _ in node.value:  # as written: later PyYAML puts in here what `<<` names
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                first = keys.setdefault((key.tag, key.value), key)
                if first is not key:
                    said = (
                        f"the key {flaws.short(repr(key.value))} is there already, in line {first.start_mark.line + 1}"
                    )
                    raise yaml.MarkedYAMLError(problem=f"{said}: keep one", problem_mark=key.start_mark)
        return node


def parsed(text: str) -> Any:
    """What YAML says. Raises yaml.YAMLError, and no other error."""
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
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
        raise UsageError(f"{where}: {what} is a mapping of keys to values, this is {flaws.kind_of(found)}")
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
    placed = ((_place(model, [part for part in flaws.place(each) if part not in tags]), each) for each in problems)
    grouped = groupby(placed, key=lambda pair: pair[0])  # of a value that may be of several kinds, a problem for each
    told = (_sentences(place, [each for _, each in group], secret) for place, group in grouped)
    raise UsageError("; ".join(f"{where}: {said}" for sentences in told for said in sentences))


@dataclass(frozen=True)
class _Place:
    """Where a problem is: the keys to it, those that are legal where the last of them is, and those below that;
    `of_key`: it is the last key itself, in a mapping whose keys are not all legal."""

    keys: tuple[str, ...]
    known: tuple[str, ...]
    below: tuple[str, ...]
    of_key: bool


def _sentences(place: _Place, problems: Sequence[Mapping[str, Any]], secret: Collection[str]) -> Iterator[str]:
    """What is wrong at one place."""
    key = f"{'.'.join(place.keys)}: " if place.keys else ""
    hidden = not set(secret).isdisjoint(place.keys)
    kinds = [flaws.kind(problem, place.below) for problem in problems]
    if all(kinds):
        shown = "" if hidden else flaws.given(problems[0]["input"], whole=True)
        yield f"{key}must be {' or '.join(dict.fromkeys(filter(None, kinds)))}{shown}"
        return
    for problem in problems:
        if problem["type"] == "extra_forbidden":
            yield f"{key}{flaws.unknown(place.keys[-1], place.known)}"
        elif place.of_key and (legal := flaws.quoted(problem, "expected")):
            yield f"{key}{flaws.unknown(place.keys[-1], legal)}"
        else:
            yield f"{key}{flaws.sentence(problem)}{'' if hidden else flaws.given(problem['input'], whole=False)}"


def _place(model: type[BaseModel], path: Sequence[str]) -> _Place:
    """The place of a path, which has the tags and kinds of unions among its keys, and says where it means a key."""
    keys: list[str] = []
    known: list[str] = []
    here, below = [model], [model]
    labels: Mapping[str, Sequence[type[BaseModel]]] | None = {}  # that may come next; null: any
    for part in path:
        if labels is None or part in labels:
            below = list(labels[part]) if labels else below
            here = below or here
            labels = {}
        elif part != _KEY:
            keys.append(part)
            fields = {name: field for one in here for name, field in _fields(one).items()}
            known, labels = list(fields), {}
            if part in fields:  # else a place in a list, or no key
                below = list(_models(fields[part].annotation))
                here, labels = below or here, _labels(fields[part], below)
    return _Place(tuple(keys), tuple(known), tuple(name for one in below for name in _fields(one)), _KEY in path[-1:])


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a parameter class by their keys."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _labels(field: FieldInfo, models: Sequence[type[BaseModel]]) -> Mapping[str, Sequence[type[BaseModel]]] | None:
    """What pydantic puts behind the key of a value that may be of several kinds: the tag that tells them apart, with
    the parameters that it means; null for names of its own."""
    if isinstance(field.discriminator, str):
        tags = {one: get_args(one.model_fields[field.discriminator].annotation) for one in models}
        return {tag: [one] for one, names in tags.items() for tag in names}
    several = isinstance(field.annotation, UnionType) or get_origin(field.annotation) is Union
    return None if several and len(set(get_args(field.annotation)) - {NoneType}) > 1 else {}


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The parameter classes that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
