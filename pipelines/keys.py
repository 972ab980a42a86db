"""`turnmill keys`: what a recipe may say, from the parameters themselves."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.recipe import Recipe


@dataclass(frozen=True)
class Key:
    """A key of a recipe: its dotted name, its default as YAML would have it, and what it means. `section` has keys
    below it."""

    name: str
    default: str
    meaning: str
    section: bool


def keys(below: str = "") -> list[Key]:
    """The keys directly below one of a recipe, in their order. UsageError, naming near ones, for a section that there
    is not."""
    model: type[BaseModel] = Recipe
    for name in below.split(".") if below else ():
        field = model.model_fields.get(name)
        inner = _model(field) if field else None
        if inner is None:
            raise UsageError(f"a recipe has no section {below!r}{_near(below)}")
        model = inner
    return list(_keys(model, f"{below}." if below else ""))


def _near(name: str) -> str:
    """What was meant instead of a section's name: one that is spelt like it, or that holds a key which is."""
    every = [key for section in ("", *sections()) for key in keys(section)]
    meant = [key.name for key in every if name in (key.name, key.name.rpartition(".")[2])]
    meant = meant or difflib.get_close_matches(name, [key.name for key in every], n=3)
    held = dict.fromkeys(key.name if key.section else key.name.rpartition(".")[0] for key in every if key.name in meant)
    commands = [f"`{f'turnmill keys {section}'.strip()}`" for section in held]
    return f"; did you mean {' or '.join(commands)}?" if commands else ""


def sections(below: str = "") -> Iterator[str]:
    """Names of all keys that have keys below them, each before those inside it."""
    for key in keys(below):
        if key.section:
            yield key.name
            yield from sections(key.name)


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        inner = _model(field)
        meaning = " ".join((field.description or (inner.__doc__ if inner else "") or "").split())
        yield Key(prefix + (field.alias or name), _default(field), meaning, inner is not None)


def _default(field: FieldInfo) -> str:
    """As YAML on one line; what is long, or has sections of its own, only as a sign that it is there."""
    if field.is_required():
        return "required"
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    if isinstance(value, dict) and any(isinstance(part, dict | list) for part in value.values()):
        return "{...}"
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    text = text.strip().removesuffix("...").strip()
    return text if len(text) <= 100 else "{...}"


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The parameters below a key, where it has any."""
    kinds = [field.annotation]
    while kinds:
        kind = kinds.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        kinds += [part for part in get_args(kind) if isinstance(part, type) or get_args(part)]
    return None


def print_keys(below: str, console: Console) -> None:
    """A line per key: name, default, meaning."""
    for key in keys(below):
        console.print(f"[bold]{escape(key.name)}[/]  [dim]{escape(key.default)}[/]", highlight=False, soft_wrap=True)
        if key.meaning:
            console.print(f"    {escape(key.meaning)}", highlight=False, soft_wrap=True)
        if key.section:
            console.print(f"    [green]turnmill keys {escape(key.name)}[/]", highlight=False, soft_wrap=True)
