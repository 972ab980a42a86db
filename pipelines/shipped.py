"""The recipes that come with Turnmill, which go by name: `turnmill run speech`."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import YAML, names_file

_FOLDER: Final = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Shipped:
    """A recipe that comes with Turnmill. `summary` is its first line of comment."""

    name: str
    summary: str


def shipped() -> list[Shipped]:
    """All of them, by name."""
    paths = sorted(_FOLDER.glob("*.yaml"))
    return [Shipped(path.stem, path.read_text("utf-8").split("\n", 1)[0].lstrip("# ")) for path in paths]


def recipe_file(word: str) -> Path:
    """The file that `word` means, whatever lies in the current folder: with the ending .yaml or .yml, or a folder in
    it, it is a file's own path, else the name of a recipe that comes with Turnmill. UsageError for a name that none
    has."""
    if names_file(word):
        return Path(word)
    beside = f"; the file of that name is ./{word}" if Path(word).is_file() else ""
    return _named(word, f", or a file, NAME.yaml?{beside}")


def meant(path: Path) -> str:
    """What an error adds of a recipe's file that is not there: the recipe of ours that has its name, or all names."""
    if path.stem in (recipe.name for recipe in shipped()):
        return f"the recipe that comes with Turnmill is `{path.stem}`, without folder and ending"
    return "name a YAML file, or a recipe that comes with Turnmill (`turnmill recipes`)"


def _named(name: str, other: str) -> Path:
    """The file of a recipe of ours. `other`: what an error offers besides near names."""
    known = [recipe.name for recipe in shipped()]
    if name in known:
        return _FOLDER / f"{name}.yaml"
    near = difflib.get_close_matches(Path(name).stem, known, n=3) or known
    raise UsageError(f"no recipe is called {name!r}: did you mean {', '.join(near)}{other}")


def told(recipe: Path) -> str:
    """What people call a recipe's file."""
    return recipe.stem if recipe.parent == _FOLDER else str(recipe)


def beside(recipe: Path, name: str) -> Path:
    """A file that a recipe names: relative to the recipe. One that a shipped recipe does not bring is the user's, and
    relative to the current folder."""
    there = recipe.parent.absolute() / name
    return Path(name).absolute() if recipe.parent == _FOLDER and not there.exists() else there


def copy_recipe(name: str, to: Path) -> list[Path]:
    """Copy a shipped recipe to a file, and the files that it brings to the same places beside it; what was written.

    Never overwrites: UsageError where a file is there, but for one that the recipe brings and that has the same bytes.
    """
    if to.suffix not in YAML:
        raise UsageError(f"{to}: a recipe's file ends in .yaml, by which `turnmill run` knows it from a name")
    source = _named(
        name, f"? `turnmill init NAME {name}` copies one to that file" if Path(name).suffix in YAML else "?"
    )
    files = {to: source.read_bytes()}
    files |= {to.parent / each: (_FOLDER / each).read_bytes() for each in _brought(source)}
    there = {path for path in files if path.exists()}
    for path in sorted(there):
        if path == to or path.read_bytes() != files[path]:
            elsewhere = "" if path == to else " in another folder"
            raise UsageError(f"{path} is there already, and is not overwritten: name another FILE{elsewhere}")
    for path in files.keys() - there:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path])
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}): name another FILE") from error
    return sorted(files.keys() - there)


def _brought(recipe: Path) -> Iterator[str]:
    """The files beside a shipped recipe that it names."""
    for text in _texts(yaml.safe_load(recipe.read_text("utf-8"))):
        if "/" in text and (_FOLDER / text).is_file():
            yield text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
