"""A recipe as it is read: from its file, with changes, and with all that it names in full."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import mapping, names_file, validated
from turnmill.manifests.urls import is_url
from turnmill.pipelines.asr.models import folder_of
from turnmill.pipelines.recipe import MODELS, SPEAK, Recipe
from turnmill.pipelines.settings import set_key, setting
from turnmill.pipelines.shipped import beside, meant, recipe_file, told
from turnmill.pipelines.texts import TEXTS_SHAPES
from turnmill.synth.duplex.timing import PRESETS
from turnmill.synth.tts.declared import ENGINES

_PATHS = ("root", "texts")
_INSTEAD = {"corpora": ("corpus", "root"), "corpus": ("corpora",)}  # what a change of a key replaces besides
_ENTRIES = ("corpus", "corpora.corpus", "texts.corpus")
_PATHS_BELOW = ("texts.path", "corpora.root", "simulate.noises", "simulate.rooms", "script.limits.unsafe_terms")
_FOLDERS_OR_NAMES = (
    *map(".".join, MODELS),
    "voices.from",
    *(
        ".".join((*at, name, key))
        for at in SPEAK
        for name, engine in ENGINES.items()
        for key in (*engine.models, *engine.folders)
    ),
)
_SECRET = frozenset(
    {"runtime_env", "rewrite", "moderation", "chat", *(name for name, engine in ENGINES.items() if engine.secret)}
)
"""Below these a key or token may have been pasted in the wrong place: what was given is not repeated."""


def load_recipe(recipe: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe to be run from Python: one that comes with Turnmill by its name, a file, or keys and values as a file
    would have them. `changes` replaces keys, dotted as in `--set`: {"root": "clips", "transcribe.models": ["base"]}.

    Paths in a file are relative to the file, all others to the current folder. Raises UsageError naming key and fix.
    """
    changed = copy.deepcopy(dict(changes or {})).items()
    if isinstance(recipe, Mapping):
        return _finished(_with_paths(copy.deepcopy(dict(recipe)), Path("recipe")), changed, "recipe")
    path = recipe_file(recipe) if isinstance(recipe, str) else recipe
    return _finished(_with_paths(_read(path), path), changed, told(path))


def load(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe's file and apply `a.b=c` settings; values are YAML. Raises UsageError naming file, key and fix.

    Paths in the file are relative to the file, those in settings to the current folder.
    """
    raw = _with_paths(_read(path), path)
    return _finished(raw, (setting(text, _PATHS) for text in settings), told(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such recipe; {meant(path)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a recipe: {error}") from error
    return mapping(text, str(path), "a recipe")


def _with_paths(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """What a recipe says, with what it names relative to its file `path` named in full."""
    below = _PATHS_BELOW if _names_preset(raw) else (*_PATHS_BELOW, "simulate.preset")
    raw = _with_files(raw, (*_PATHS, *below), told(path), lambda text: str(beside(path, str(_expanded(text)))))
    for key in _ENTRIES:
        raw = _changed(raw, key.split("."), lambda text: _entry_file(text, path.parent))
    return raw


def _finished(raw: dict[str, Any], changes: Iterable[tuple[str, Any]], name: str) -> Recipe:
    """The recipe that keys and values make, with changes. `name` is what errors call it."""
    changes = list(changes)
    for other in (other for key, value in changes if value for other in _INSTEAD.get(key, ())):
        raw.pop(other, None)
    for key, value in changes:
        set_key(raw, key, value)
    # Workers run in other folders: what they open is named in full before it travels.
    raw = _with_files(raw, (*_PATHS, *_PATHS_BELOW), name, lambda text: str(_expanded(text).absolute()))
    for key in _ENTRIES:
        raw = _changed(raw, key.split("."), lambda text: _entry_file(text, Path()))
    for key in _FOLDERS_OR_NAMES:
        raw = _changed(raw, key.split("."), _folder_or_name)
    return validated(Recipe, raw, name, tags=TEXTS_SHAPES, secret=_SECRET)


def _with_files(raw: dict[str, Any], keys: Iterable[str], name: str, full: Callable[[str], str]) -> dict[str, Any]:
    """The same with the files and folders under `keys` in full. UsageError for an empty name, which would mean the
    current folder."""

    def changed(text: str, key: str) -> str:
        if not text:
            raise UsageError(f"{name}: {key}: is empty: name a file or folder")
        return text if is_url(text) else full(text)

    for key in keys:
        raw = _changed(raw, key.split("."), partial(changed, key=key))
    return raw


def _names_preset(raw: Mapping[str, Any]) -> bool:
    """Whether the recipe's preset is one of ours; else it is a file."""
    simulate = raw.get("simulate")
    return not isinstance(simulate, dict) or simulate.get("preset", PRESETS[0]) in PRESETS


def _changed(value: Any, keys: Sequence[str], change: Callable[[str], str]) -> Any:
    """A value with the texts under `keys` changed. What is no text is left for validation."""
    if isinstance(value, list):  # a list in a list is no place of a path, and aliases may make it endless
        return [each if isinstance(each, list) else _changed(each, keys, change) for each in value]
    if keys:
        known = isinstance(value, dict) and keys[0] in value
        return {**value, keys[0]: _changed(value[keys[0]], keys[1:], change)} if known else value
    return change(str(value)) if isinstance(value, str | Path) else value


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ of nobody: a name like any other
        return Path(text)


def _entry_file(text: str, beside: Path) -> str:
    """The file of a catalogue entry in full; a name stays one."""
    return str((beside / _expanded(text)).absolute()) if names_file(text) else text


def _folder_or_name(text: str) -> str:
    """A model's or run's folder in full; what is no folder of this machine is the name of a model, or a URL."""
    folder = _expanded(text)
    return str(folder.absolute()) if folder.is_dir() and folder_of(str(folder)) else text
