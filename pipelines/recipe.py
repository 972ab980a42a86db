"""A recipe: one YAML file that names corpora, texts, stages and selections. Checked whole before anything starts."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from manifests.errors import UsageError
from manifests.params import LicenceStatement, Params
from manifests.records import stable_hash
from pipelines.asr.recognizer import model_name
from pipelines.stages.card import CardParams
from pipelines.stages.ingest import IngestParams
from pipelines.stages.plan import ShardParams
from pipelines.stages.quality import QualityParams
from pipelines.stages.script import ScriptParams
from pipelines.stages.select import Predicate
from pipelines.stages.simulate import SimulateParams
from pipelines.stages.speak import SpeakParams
from pipelines.stages.transcribe import TranscribeParams
from pipelines.stages.verify import VerifyParams

_PATHS = ("root", "texts")


class Recipe(Params):
    """A run, whole. With `corpus` it has a speech half, with `texts` a dialogue half; it has at least one.

    Of quality, transcribe and verify, those that the recipe names run; the other stages of a half always do.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(
        default=None, ge=1, description="workers a stage; null: one a core. Never changes the result"
    )
    corpus: str | None = Field(default=None, description="name in the catalogue: `turnmill sources` lists them")
    root: Path | None = Field(default=None, description="folder of the corpus")
    texts: Path | None = Field(default=None, description="file of text dialogues: .jsonl, .jsonl.gz or .json")
    licence: LicenceStatement | None = Field(default=None, description="licence of your own recordings or texts")

    ingest: IngestParams = IngestParams()
    quality: QualityParams | None = None
    transcribe: TranscribeParams | None = None
    select: tuple[Predicate, ...] = ()

    script: ScriptParams = ScriptParams()
    speak: SpeakParams = SpeakParams()
    simulate: SimulateParams = SimulateParams()
    verify: VerifyParams | None = None
    select_dialogues: tuple[Predicate, ...] = ()

    shard: ShardParams = ShardParams()
    card: CardParams = CardParams()

    @model_validator(mode="after")
    def _has_a_half(self) -> "Recipe":
        if self.corpus is None and self.texts is None:
            raise ValueError("names neither `corpus` nor `texts`: set one of them, e.g. --set texts=FILE.jsonl")
        for predicates in (self.select, self.select_dialogues):
            names = [predicate.name for predicate in predicates]
            if len(names) != len(set(names)):
                raise ValueError("two predicates of one selection have the same name; rename one")
        return self

    @property
    def identity(self) -> str:
        """What an output folder belongs to: another recipe or another corpus may not write into it."""
        sources = [self.corpus, self.texts and self.texts.name]
        return f"{self.name} ({', '.join(source for source in sources if source)})"

    @property
    def hash(self) -> str:
        """Of everything that the result depends on: not the number of workers, nor where the sources lie."""
        return stable_hash(self.yaml())

    def yaml(self) -> str:
        """The resolved recipe for the card and the output folder: files by name, no path of this host."""
        resolved = self.model_dump(mode="json", exclude={"workers", "root"}, exclude_none=True)
        if self.texts is not None:
            resolved["texts"] = self.texts.name
        if self.transcribe is not None:
            resolved["transcribe"]["model"] = model_name(self.transcribe.model)
        resolved["simulate"]["noise_files"] = [path.name for path in self.simulate.noise_files]
        return yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)


def load(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `a.b=c` settings; values are YAML. Raises UsageError naming file, key and fix.

    Paths in the file are relative to the file, those in settings to the current folder.
    """
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no such recipe; name a YAML file, e.g. one of pipelines/recipes/"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a recipe: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: a recipe is a mapping of keys to values, this is {type(raw).__name__}")
    for key in _PATHS:
        if isinstance(raw.get(key), str):
            raw[key] = str(path.parent.absolute() / Path(raw[key]).expanduser())
    noise = raw["simulate"].get("noise_files") if isinstance(raw.get("simulate"), dict) else None
    if isinstance(noise, list):
        raw["simulate"]["noise_files"] = [str(path.parent.absolute() / str(file)) for file in noise]
    for setting in settings:
        _apply(raw, setting)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise UsageError("; ".join(_sentence(path, problem) for problem in error.errors())) from error


def _apply(raw: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: write it as key=value, e.g. --set transcribe.model=embedded")
    value = _path_value(text) if key in _PATHS else _yaml_value(setting, text)
    *parents, last = key.split(".")
    target = raw
    for parent in parents:
        child = target.setdefault(parent, {})
        if child is None:
            child = target[parent] = {}
        if not isinstance(child, dict):
            raise UsageError(f"--set {setting}: '{parent}' has no keys below it")
        target = child
    target[last] = value


def _path_value(text: str) -> str | None:
    """A path is taken as it is written: `my #1 set` and `2024_01` mean something else in YAML."""
    return None if text in ("", "null", "~") else str(Path(text).expanduser().absolute())


def _yaml_value(setting: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {setting}: the value is not valid YAML: {' '.join(str(error).split())}") from error


def _sentence(path: Path, problem: Mapping[str, Any]) -> str:
    keys = [str(part) for part in problem["loc"]]
    where = f"{path}: {'.'.join(keys)}" if keys else f"{path}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _known(keys[:-1]), n=1)
        return f"{where}: unknown key" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {message[0].lower()}{message[1:]}{shown}"


def _known(keys: Sequence[str]) -> list[str]:
    """Keys that are legal below a path of keys."""
    model: type[BaseModel] = Recipe
    for key in keys:
        field = model.model_fields.get(key)
        if field is None:
            return list(Predicate.model_fields)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            continue
        model = below[0]
    return list(model.model_fields)
