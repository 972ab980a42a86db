"""A recipe: one YAML file that names corpora, texts, stages and selections. Checked whole before anything starts."""

import copy
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import stable_hash
from turnmill.pipelines.asr.models import folder_of, model_name
from turnmill.pipelines.bank import VoiceNames
from turnmill.pipelines.shipped import beside, recipe_file, told
from turnmill.pipelines.stages.card import CardParams
from turnmill.pipelines.stages.ingest import IngestParams
from turnmill.pipelines.stages.plan import ShardParams
from turnmill.pipelines.stages.quality import QualityParams
from turnmill.pipelines.stages.script import ScriptParams
from turnmill.pipelines.stages.select import Predicate
from turnmill.pipelines.stages.simulate import SimulateParams
from turnmill.pipelines.stages.speak import SpeakParams
from turnmill.pipelines.stages.transcribe import TranscribeParams
from turnmill.pipelines.stages.verify import VerifyParams
from turnmill.pipelines.stages.voices import VoicesParams
from turnmill.pipelines.texts import TextFile
from turnmill.pipelines.watch import TimeLimit
from turnmill.synth.duplex.timing import PRESETS
from turnmill.synth.http import HOST_FACTS
from turnmill.synth.rewrite.params import REWRITE_HOST_FACTS

_PATHS = ("root", "texts")
_PATHS_BELOW = ("texts.path", "simulate.noises", "simulate.rooms", "script.limits.unsafe_terms")
_FOLDERS_OR_NAMES = (
    "transcribe.model",
    "speak.recognise",
    "speak.align.model",
    "speak.kokoro.model",
    "speak.cosyvoice.model",
    "speak.cosyvoice.repo",
    "verify.recognise",
    "voices.from",
)
_SPEECH_KEYS = ("root", "ingest", "quality", "transcribe", "select")
_DIALOGUE_KEYS = ("voices", "voice_names", "script", "speak", "simulate", "verify", "select_dialogues", "pricing")

_SECRET = frozenset({"runtime_env", "http", "rewrite", "cosyvoice"})
"""Below these a key or token may have been pasted in the wrong place: what was given is not repeated."""

_ONE, _SEVERAL = "one file", "several files"  # what errors would say of `texts`, which is told by its shape


class PricingParams(Params):
    """What `--dry-run` reckons with. It changes nothing of a result."""

    real_time_factor: float = Field(
        default=0.05,
        gt=0,
        description="GPU seconds per second of speech: the planning figure of one L20-class GPU (docs/engines.md)",
    )


class Recipe(Params):
    """A run, whole. With `corpus` it has a speech half, with `texts` a dialogue half; it has at least one.

    Of quality, transcribe and verify, those that the recipe names run; the other stages of a half always do.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Of the dataset, and of its folder, out/NAME."""
    seed: int = Field(default=0, ge=0)
    """Of all that is drawn: same recipe, input and seed, same bytes."""
    workers: int | None = Field(
        default=None, ge=1, description="workers a stage; null: one a core. Never changes the result"
    )
    time_limit: TimeLimit = TimeLimit()
    corpus: str | None = Field(default=None, description="name in the catalogue: `turnmill sources` lists them")
    root: Path | None = Field(default=None, description="folder of the corpus")
    texts: (
        Annotated[
            Annotated[Path, Tag(_ONE)] | Annotated[tuple[TextFile, ...], Tag(_SEVERAL)],
            Discriminator(lambda texts: _SEVERAL if isinstance(texts, list | tuple) else _ONE),
        ]
        | None
    ) = Field(default=None, description="file of text dialogues (.jsonl, .jsonl.gz or .json), or a list of them")
    licence: LicenceStatement | None = Field(default=None, description="licence of your own recordings or texts")

    ingest: IngestParams = IngestParams()
    """How a corpus is read."""
    quality: QualityParams | None = None
    transcribe: TranscribeParams | None = None
    """What Whisper hears in each clip, and how far that is from its text; null: it is not asked."""
    select: tuple[Predicate, ...] = ()
    """Which clips are kept: a list of {name, keep}, SQL conditions over the view clips_all, in order."""

    voices: VoicesParams | None = Field(default=None, description="a bank from another run; null: the engine's own")
    voice_names: VoiceNames | None = Field(default=None, description="voices that the engine knows by name")
    script: ScriptParams = ScriptParams()
    """What can be spoken, and who says what to whom."""
    speak: SpeakParams = SpeakParams()
    """The engine, and how good a spoken line has to be."""
    simulate: SimulateParams = SimulateParams()
    """When the lines are heard, and what the user's microphone and line add."""
    verify: VerifyParams | None = None
    select_dialogues: tuple[Predicate, ...] = ()
    """Which dialogues are kept, as in `select`, over the view dialogues_all."""

    shard: ShardParams = ShardParams()
    """Splits, and what is in a training shard."""
    card: CardParams = CardParams()
    """What the dataset card says."""
    pricing: PricingParams = PricingParams()

    @model_validator(mode="after")
    def _has_a_half(self) -> "Recipe":
        if self.corpus is None and not self.texts:
            raise ValueError("names neither `corpus` nor `texts`: set one of them, e.g. --set texts=FILE.jsonl")
        for key, predicates in (("select", self.select), ("select_dialogues", self.select_dialogues)):
            names = [predicate.name for predicate in predicates]
            if len(names) != len(set(names)):
                raise ValueError(f"two predicates of `{key}` have the same name; rename one")
        files = [file.name for file in self.texts] if isinstance(self.texts, tuple) else []
        if len(files) != len(set(files)):
            raise ValueError("two files of `texts` have the same name; rename one")
        return self

    @model_validator(mode="after")
    def _says_nothing_of_the_other_half(self) -> "Recipe":
        """What would be ignored is refused; `null` and an empty list say nothing."""
        halves = (("corpus", "clips", _SPEECH_KEYS), ("texts", "dialogues", _DIALOGUE_KEYS))
        for source, items, keys in halves:
            if getattr(self, source):
                continue
            said = [key for key in keys if key in self.model_fields_set and getattr(self, key) not in (None, ())]
            if said:
                other = {"select": "select_dialogues", "select_dialogues": "select"}.get(said[0])
                instead = f", or name it `{other}`" if other else ""
                raise ValueError(
                    f"`{said[0]}` is of {items}, and the recipe has no `{source}`: remove it, set `{source}`{instead}"
                )
        return self

    @model_validator(mode="after")
    def _hears_where_speech_is(self) -> "Recipe":
        if self.transcribe is not None and self.quality is None:
            raise ValueError("`transcribe` hears what `quality` finds to be speech: add `quality: {}`")
        return self

    @property
    def identity(self) -> str:
        """What an output folder belongs to: another recipe or another corpus may not write into it."""
        texts = (self.texts,) if isinstance(self.texts, Path) else self.texts or ()
        sources = [self.corpus, *(text.name for text in texts)]
        return f"{self.name} ({', '.join(source for source in sources if source)})"

    @property
    def hash(self) -> str:
        """Of everything that the result depends on: not the number of workers, nor where the sources lie."""
        return stable_hash(self.yaml())

    def yaml(self) -> str:
        """The resolved recipe for the card and the output folder: files by name, no path of this host."""
        resolved = self.model_dump(mode="json", exclude={"workers", "root", "pricing", "time_limit"}, exclude_none=True)
        if isinstance(self.texts, Path):
            resolved["texts"] = self.texts.name
        for file in resolved["texts"] if isinstance(self.texts, tuple) else ():
            file["path"] = Path(file["path"]).name
        if self.transcribe is not None:
            resolved["transcribe"]["model"] = model_name(self.transcribe.model)
        simulate = resolved["simulate"]
        simulate["preset"] = Path(self.simulate.preset).name  # its parameters are under `timing`
        for key in ("noises", "rooms"):
            simulate[key] = [Path(path).name for path in simulate[key]]
        if self.voices is not None:
            resolved["voices"]["from"] = Path(self.voices.source).name
        _without_host(resolved)
        return yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)


def _without_host(resolved: dict[str, Any]) -> None:
    """Models by name, and nothing of where they lie, are served or run, how they are asked, and what they cost."""
    speak, rewrite = resolved["speak"], resolved["script"].get("rewrite", {})
    for section, key in ((speak, "recognise"), (speak["align"], "model"), (resolved.get("verify", {}), "recognise")):
        if key in section:
            section[key] = model_name(section[key])
    if "kokoro" in speak:
        speak["kokoro"]["model"] = model_name(speak["kokoro"]["model"])
    for key in ("runtime_env", "gpus", "cpus"):
        speak.pop(key, None)
    cosyvoice = speak.get("cosyvoice", {})
    cosyvoice.pop("repo", None)
    if "model" in cosyvoice:
        cosyvoice["model"] = model_name(cosyvoice["model"])
    for endpoint, facts in ((speak.get("http", {}), HOST_FACTS), (rewrite, REWRITE_HOST_FACTS)):
        for key in facts:
            endpoint.pop(key, None)


def load_recipe(recipe: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe to be run from Python: one that comes with Turnmill by its name, a file, or keys and values as a file
    would have them. `changes` replaces keys, dotted as in `--set`: {"root": "clips", "transcribe.model": "base"}.

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
    return _finished(raw, map(_setting, settings), told(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = _parsed(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no such recipe; name a YAML file, or one that comes with Turnmill (`turnmill recipes`)"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a recipe: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not valid YAML: {_flaw(error)}") from error
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: a recipe is a mapping of keys to values, this is {type(raw).__name__}")
    return raw


def _with_paths(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """What a recipe says, with what it names relative to its file `path` named in full."""
    below = _PATHS_BELOW if _names_preset(raw) else (*_PATHS_BELOW, "simulate.preset")
    for key in (*_PATHS, *below):
        raw = _changed(raw, key.split("."), lambda text: str(beside(path, str(_expanded(text)))))
    return raw


def _finished(raw: dict[str, Any], changes: Iterable[tuple[str, Any]], name: str) -> Recipe:
    """The recipe that keys and values make, with changes. `name` is what errors call it."""
    for key, value in changes:
        _set(raw, key, value)
    # Workers run in other folders: what they open is named in full before it travels.
    for key in (*_PATHS, *_PATHS_BELOW):
        raw = _changed(raw, key.split("."), lambda text: str(_expanded(text).absolute()))
    for key in _FOLDERS_OR_NAMES:
        raw = _changed(raw, key.split("."), _folder_or_name)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        problems = error.errors()
    # Raised out here, without it: what pydantic's error holds of its frames, no garbage collector finds.
    raise UsageError("; ".join(_sentence(name, problem) for problem in problems))


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


def _folder_or_name(text: str) -> str:
    """A model's or run's folder in full; what is no folder of this machine is the name of a model, or a URL."""
    folder = _expanded(text)
    return str(folder.absolute()) if folder.is_dir() and folder_of(str(folder)) else text


def _setting(setting: str) -> tuple[str, Any]:
    """The key and the value of a text `a.b=c`."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: write it as key=value, e.g. --set transcribe.model=base")
    return key, _path_value(text) if key in _PATHS else _yaml_value(setting, text)


def _set(raw: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    target = raw
    for parent in parents:
        child = target.setdefault(parent, {})
        if child is None:
            child = target[parent] = {}
        if not isinstance(child, dict):
            raise UsageError(f"--set {key}: '{parent}' has no keys below it")
        target = child
    target[last] = value


def _path_value(text: str) -> str | None:
    """A path is taken as it is written: `my #1 set` and `2024_01` mean something else in YAML."""
    return None if text in ("", "null", "~") else text


def _parsed(text: str) -> Any:
    """YAML. Raises yaml.YAMLError."""
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise yaml.MarkedYAMLError(problem="it is nested too deeply") from error
    except ValueError as error:  # what PyYAML takes for a date or a number, and is none
        raise yaml.MarkedYAMLError(problem=f"a value that looks like a date or number is none: {error}") from error


def _yaml_value(setting: str, text: str) -> Any:
    try:
        return _parsed(text)
    except yaml.YAMLError as error:
        key = setting.partition("=")[0]
        raise UsageError(f"--set {key}: the value is not valid YAML: {_flaw(error)}") from error


def _flaw(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the text around it, which may hold a key."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it cannot be read"
    return problem if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _sentence(recipe: str, problem: Mapping[str, Any]) -> str:
    keys = [str(part) for part in problem["loc"] if part not in (_ONE, _SEVERAL)]
    where = f"{recipe}: {'.'.join(keys)}" if keys else recipe
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _known(keys[:-1]), n=1)
        return f"{where}: unknown key" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    secret = not _SECRET.isdisjoint(keys)
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) and not secret else ""
    return f"{where}: {message[0].lower()}{message[1:]}{shown}"


def _known(keys: Sequence[str]) -> list[str]:
    """Keys that are legal below a path of keys."""
    model: type[BaseModel] = Recipe
    for key in keys:
        field = model.model_fields.get(key)
        model = next(_models(field.annotation), model) if field is not None else model  # else a place in a list
    return list(model.model_fields)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The parameter classes that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
