"""A recipe: one YAML file that names corpora, texts, stages and selections. Checked whole before anything starts."""

from collections.abc import Mapping
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import Field, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import stable_hash
from turnmill.pipelines.asr.models import model_name
from turnmill.pipelines.bank import VoiceNames
from turnmill.pipelines.corpora import CorpusParams, NamedCorpus
from turnmill.pipelines.stage import ChosenStage, Stage
from turnmill.pipelines.stages.calls import Calls, CallsParams
from turnmill.pipelines.stages.caption import Caption, CaptionParams
from turnmill.pipelines.stages.diarize import Diarize, DiarizeParams
from turnmill.pipelines.stages.dnsmos import Dnsmos, DnsmosParams
from turnmill.pipelines.stages.emotion import EmotionParams, HeardEmotion
from turnmill.pipelines.stages.ingest import IngestParams
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.pipelines.stages.s2st import S2st, S2stParams
from turnmill.pipelines.stages.script import ScriptParams
from turnmill.pipelines.stages.segment import Segment, SegmentParams
from turnmill.pipelines.stages.simulate import SimulateParams
from turnmill.pipelines.stages.speak import SpeakParams
from turnmill.pipelines.stages.speakers import Speakers, SpeakersParams
from turnmill.pipelines.stages.tags import Tags, TagsParams
from turnmill.pipelines.stages.transcribe import Transcribe, TranscribeParams
from turnmill.pipelines.stages.translate import Translate, TranslateParams
from turnmill.pipelines.stages.verify import Verify, VerifyParams
from turnmill.pipelines.steps.card import CardParams
from turnmill.pipelines.steps.clusters import ClustersParams
from turnmill.pipelines.steps.plan import ShardParams
from turnmill.pipelines.steps.select import Predicate
from turnmill.pipelines.steps.voices import VoicesParams
from turnmill.pipelines.texts import OWN, TextsKey
from turnmill.pipelines.watch import TimeLimit
from turnmill.sources import catalogue
from turnmill.sources.places import PlaceKey
from turnmill.synth.chat.params import CHAT_HOST_FACTS
from turnmill.synth.http import HOST_FACTS
from turnmill.synth.tts.declared import ENGINES

SPEAK = (("speak",), ("s2st", "speak"))
"""Where a recipe chooses an engine."""
MODELS = (
    ("transcribe", "models"),
    ("diarize", "model"),
    ("translate", "local", "model"),
    ("verify", "recognise"),
    *((*at, "recognise") for at in SPEAK),
    *((*at, "align", "model") for at in SPEAK),
)
"""The keys of each model, or list of them, that may be a folder."""
_WRITTEN_KEYS = ("voices", "voice_names", "script", "speak", "simulate", "pricing")
_CLIP_KEYS = ("tags", "speakers", "clusters", "select")


class PricingParams(Params):
    """What `--dry-run` reckons with. It changes nothing of a result."""

    real_time_factor: float = Field(
        default=0.05,
        gt=0,
        description="GPU seconds per second of speech: the planning figure of one L20-class GPU (docs/engines.md)",
    )


class Recipe(Params):
    """A run, whole. With `corpus` or `corpora` it has a speech half, with `texts` a dialogue half; it has at least one.
    With `calls` its corpora make the dialogue half.

    Of the label stages and verify, those that the recipe names run; the other stages of a half always do.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Of the dataset, and of its folder, out/NAME."""
    seed: int = Field(default=0, ge=0)
    """Of all that is drawn: same recipe, input and seed, same bytes."""
    workers: int | None = Field(
        default=None, ge=1, description="workers a stage; null: one a core. Never changes the result"
    )
    time_limit: TimeLimit = TimeLimit()
    corpus: str | dict[str, Any] | None = Field(
        default=None, description="name in the catalogue: `turnmill sources` lists them; or a file, or an entry"
    )
    root: PlaceKey | None = Field(default=None, description="folder of the corpus, or its URL")
    corpora: tuple[CorpusParams, ...] = Field(default=(), description="several, in place of `corpus` and `root`")
    texts: TextsKey | None = Field(
        default=None,
        description="file or URL of text dialogues (.jsonl, .json, .txt or .parquet); or a corpus of the catalogue and "
        "where it lies, `{corpus: moss_003, path: ...}`, or a list of such",
    )
    licence: LicenceStatement | None = Field(default=None, description="licence of your own recordings or texts")

    ingest: IngestParams = IngestParams()
    """How a corpus is read."""
    # Stages of clips that a recipe may have, a line each, in the order in which they run.
    segment: Annotated[SegmentParams | None, Segment] = None
    """How what is longer than a clip may be is cut into clips; null: every recording is a clip."""
    quality: Annotated[QualityParams | None, Quality] = None
    dnsmos: Annotated[DnsmosParams | None, Dnsmos] = None
    """How good each clip sounds, by the models of DNSMOS; null: nobody asks."""
    tags: Annotated[TagsParams | None, Tags] = None
    """What each clip sounds like, and how much of it is speech, music and noise; null: nobody asks."""
    emotion: Annotated[EmotionParams | None, HeardEmotion] = None
    """What someone feels in each clip, by a classifier of yours; null: nobody asks."""
    transcribe: Annotated[TranscribeParams | None, Transcribe] = None
    """What Whisper models hear in each clip, how far that is from its text, and what they say together; null: nobody
    is asked."""
    translate: Annotated[TranslateParams | None, Translate] = None
    """What is said in each clip, in another language; null: nobody is asked."""
    s2st: Annotated[S2stParams | None, S2st] = None
    """The translation, spoken in the clip's voice, so that a sample is a pair; null: it is not spoken."""
    caption: Annotated[CaptionParams | None, Caption] = None
    """How each clip is spoken, as a sentence; null: nobody asks."""
    diarize: Annotated[DiarizeParams | None, Diarize] = None
    """Who speaks when in each clip, by pyannote.audio; null: it is not asked."""
    speakers: Annotated[SpeakersParams | None, Speakers] = None
    """The voice of each clip, and whether it is one speaker's; null: it is not asked."""
    clusters: ClustersParams | None = None
    select: tuple[Predicate, ...] = ()
    """Which clips are kept: a list of {name, keep}, SQL conditions over the view clips_all, in order."""
    calls: Annotated[CallsParams | None, Calls] = None
    """The corpora are talk of two, of which dialogues are made in place of clips; null: they are speech."""

    voices: VoicesParams | None = Field(default=None, description="a bank from another run; null: the engine's own")
    voice_names: VoiceNames | None = Field(default=None, description="voices that the engine knows by name")
    script: ScriptParams = ScriptParams()
    """What can be spoken, and who says what to whom."""
    speak: SpeakParams = SpeakParams()
    """The engine, and how good a spoken line has to be."""
    simulate: SimulateParams = SimulateParams()
    """When the lines are heard, and what the user's microphone and line add."""
    verify: Annotated[VerifyParams | None, Verify] = None
    select_dialogues: tuple[Predicate, ...] = ()
    """Which dialogues are kept, as in `select`, over the view dialogues_all."""

    shard: ShardParams = ShardParams()
    """Splits, and what is in a training shard."""
    card: CardParams = CardParams()
    """What the dataset card says."""
    pricing: PricingParams = PricingParams()

    @model_validator(mode="after")
    def _has_a_half(self) -> "Recipe":
        if self.corpus is None and not self.corpora and not self.texts:
            raise ValueError("names neither `corpus` nor `texts`: set one of them, e.g. --set texts=FILE.jsonl")
        if self.corpora and (self.corpus is not None or self.root is not None):
            raise ValueError(
                "has `corpora`, and `corpus` or `root` beside it: put each corpus and its root in the list"
            )
        for key, predicates in (("select", self.select), ("select_dialogues", self.select_dialogues)):
            names = [predicate.name for predicate in predicates]
            if len(names) != len(set(names)):
                raise ValueError(f"two predicates of `{key}` have the same name; rename one")
        files = [file.source for file in self.texts] if isinstance(self.texts, tuple) else []
        if len(files) != len(set(files)):
            raise ValueError("two files of `texts` have the same name; rename one")
        return self

    @model_validator(mode="after")
    def _says_nothing_of_the_other_half(self) -> "Recipe":
        """What would be ignored is refused; `null` and an empty list say nothing."""
        speech = ("root", "ingest", *chosen_stages(), "clusters", "select", "calls")
        corpora = self.corpus or self.corpora
        halves = (
            ("corpus", "clips", speech, corpora),
            ("texts", "dialogues", _WRITTEN_KEYS, self.texts),
            ("texts", "dialogues", ("verify", "select_dialogues"), self.texts or (corpora and self.calls)),
        )
        if self.calls is not None:
            if self.texts:
                raise ValueError("`calls` and `texts` each make dialogues: put `texts` in a recipe of its own")
            for of_clips in (key for key in _CLIP_KEYS if getattr(self, key) not in (None, ())):
                raise ValueError(f"`{of_clips}` is of clips, and with `calls` the recipe makes dialogues: remove it")
        for source, items, keys, there in halves:
            if there:
                continue
            said = [key for key in keys if key in self.model_fields_set and getattr(self, key) not in (None, ())]
            if said:
                other = {"select": "select_dialogues", "select_dialogues": "select"}.get(said[0])
                instead = f", or name it `{other}`" if other else ""
                raise ValueError(
                    f"`{said[0]}` is of {items}, and the recipe has no `{source}`: remove it, set `{source}`{instead}"
                )
        return self

    @property
    def sources(self) -> tuple[NamedCorpus, ...]:
        """The corpora, with the recipe's own knobs over the catalogue's. Raises UsageError for one that is not there,
        or is there twice, under one name or two."""
        given = self.corpora if self.corpus is None else (CorpusParams(corpus=self.corpus, root=self.root),)
        wheres = ["corpus"] if self.corpus is not None else [f"corpora.{place}.corpus" for place in range(len(given))]
        found = [each.read(where) for each, where in zip(given, wheres, strict=True)]
        names = [corpus.entry.name for corpus in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"corpora: two are called {twice}; give one another name, as `entry: {{name: ...}}`")
        for first, second in combinations(found, 2):
            if first.reads_as(second):
                raise UsageError(
                    f"corpora: {first.entry.name} and {second.entry.name} read the same folder, {second.root}, in the "
                    "same way: leave one of them out, or say by `entry: {ingest: {...}}` which part of it each reads"
                )
        return tuple(found)

    @property
    def identity(self) -> str:
        """What an output folder belongs to: the recipe's name, and what it is made of."""
        one = [] if self.texts is None or isinstance(self.texts, tuple) else [self.texts.name]
        texts = [text.source for text in self.texts] if isinstance(self.texts, tuple) else one
        return f"{self.name} ({', '.join([*(one.entry.name for one in self.sources), *texts])})"

    @property
    def hash(self) -> str:
        """Of everything that the result depends on: not the number of workers, nor where the sources lie."""
        return stable_hash(self.yaml())

    def yaml(self) -> str:
        """The resolved recipe for the card and the output folder: files by name, no path of this host."""
        resolved = self.model_dump(mode="json", exclude={"workers", "root", "pricing", "time_limit"}, exclude_none=True)
        shipped = catalogue.shipped_names()
        for corpus, source in zip(resolved["corpora"] or [resolved], self.sources, strict=False):
            if corpus["corpus"] not in shipped:  # as it was read: another machine has no such file
                corpus["corpus"] = source.entry.model_dump(mode="json", exclude_none=True)
                corpus["entry"] = {}
            corpus.pop("root", None)
            if not corpus.get("entry"):
                corpus.pop("entry", None)
        if not resolved["corpora"]:
            del resolved["corpora"]
        if isinstance(self.texts, tuple):
            for file, text in zip(resolved["texts"], self.texts, strict=True):
                file["path"] = text.path.name
                if text.corpus == OWN:
                    del file["corpus"]
                elif text.corpus not in shipped:  # as it was read, like those above
                    file["corpus"] = text.read_as.model_dump(mode="json", exclude_none=True)
                    file["entry"] = {}
                if not file["entry"]:
                    del file["entry"]
        elif self.texts is not None:
            resolved["texts"] = self.texts.name
        simulate = resolved["simulate"]
        simulate["preset"] = Path(self.simulate.preset).name  # its parameters are under `timing`
        for key in ("noises", "rooms"):
            simulate[key] = [Path(path).name for path in simulate[key]]
        if self.voices is not None:
            resolved["voices"]["from"] = Path(self.voices.source).name
        _without_host(resolved)
        return yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)


def _check_stages() -> None:
    """Raise LookupError for a key of a stage that names no stage, or another: a programmer's slip."""
    for key, field in Recipe.model_fields.items():
        params = [kind for kind in get_args(field.annotation) if isinstance(kind, type)]
        of_stage = any(kind.__module__.startswith("turnmill.pipelines.stages.") for kind in params)
        stages = [each for each in field.metadata if isinstance(each, type) and issubclass(each, Stage)]
        if of_stage and [stage.name for stage in stages] != [key]:
            raise LookupError(f"the key `{key}` of a recipe names no stage of that name: Annotated[... | None, STAGE]")


def chosen_stages() -> Mapping[str, type[ChosenStage]]:
    """The stages of clips that a recipe may have, by their key, in the order in which they run."""
    return {
        key: stage
        for key, field in Recipe.model_fields.items()
        for stage in field.metadata
        if isinstance(stage, type) and issubclass(stage, ChosenStage)
    }


def _without_host(resolved: dict[str, Any]) -> None:
    """Models by name, and nothing of where they lie, are served or run, how they are asked, and what they cost."""
    rewrite, translate = resolved["script"].get("rewrite", {}), resolved.get("translate", {})
    for *names, key in MODELS:
        section = reduce(lambda section, name: section.get(name, {}), names, resolved)
        if key in section:
            named = section[key]
            section[key] = [model_name(each) for each in named] if isinstance(named, list) else model_name(named)
    for key in CHAT_HOST_FACTS:
        rewrite.pop(key, None)
        translate.get("chat", {}).pop(key, None)
    translate.get("local", {}).pop("device", None)
    translate.pop("gpus", None)
    for key in HOST_FACTS:
        resolved["script"].get("safety", {}).get("moderation", {}).pop(key, None)
    for speak in (resolved["speak"], *([resolved["s2st"]["speak"]] if "s2st" in resolved else [])):
        for key in ("runtime_env", "gpus", "cpus"):
            speak.pop(key, None)
        for name in ENGINES.keys() & speak.keys():
            section, engine = speak[name], ENGINES[name]
            section |= {key: model_name(section[key]) for key in engine.models if key in section}
            for key in (*engine.folders, *engine.host_facts):
                section.pop(key, None)


_check_stages()
