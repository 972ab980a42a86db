"""From a recipe to its stages, in order, with their fingerprints. Nothing runs here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import SELECT_KEYS, Index, StageEntry
from turnmill.manifests.query import passed
from turnmill.manifests.records import Licence, stable_hash
from turnmill.manifests.store import Store
from turnmill.pipelines.bank import bank
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.source import Source
from turnmill.pipelines.stage import Shard, Stage, Workspace
from turnmill.pipelines.stages.ingest import Ingest
from turnmill.pipelines.stages.quality import Quality
from turnmill.pipelines.stages.script import WriteScripts
from turnmill.pipelines.stages.select import Predicate
from turnmill.pipelines.stages.shard import ShardClips, ShardDialogues, WriteShard
from turnmill.pipelines.stages.simulate import Simulate
from turnmill.pipelines.stages.speak import Speak
from turnmill.pipelines.stages.transcribe import Transcribe
from turnmill.pipelines.stages.verify import Verify
from turnmill.pipelines.stages.voices import VoicesParams, voices_identity
from turnmill.pipelines.texts import Text
from turnmill.sources.adapters.items import Unit
from turnmill.sources.catalogue import Entry, load


@dataclass(frozen=True)
class Half:
    """One half of the mission: what makes items from sources, which are chosen, and how they become training shards."""

    name: str  # "speech" | "dialogue"
    source: Source
    labels: tuple[Stage, ...]  # the stages after it
    view: str  # DuckDB view that the predicates are written for
    uid: str  # column of that view
    predicates: tuple[Predicate, ...]
    select_table: str
    plan_table: str
    items: str  # query over views and `select_table`: family, uid, split, parent, shard, size
    write: WriteShard
    voices: VoicesParams | None = None  # a bank of voices from another run, made before the first stage
    scripts: WriteScripts | None = None  # the source, where it is of texts, whose price can be told

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (self.source, *self.labels)

    @property
    def select_key(self) -> str:
        """The recipe's key of its predicates."""
        return SELECT_KEYS[self.name]

    @property
    def candidates(self) -> str:
        """Query for the rows of `view` that every stage let through: what one of them rejected is never selected."""
        return passed(self.view, self.uid, [stage.tables[-1] for stage in self.labels])


def halves(recipe: Recipe, out: Store) -> list[Half]:
    """The halves a recipe has. Raises UsageError for a corpus, text or licence that cannot be used."""
    found = []
    if recipe.corpus is not None:
        found.append(_speech(recipe, load(recipe.corpus), out))
    if recipe.texts:
        found.append(_dialogue(recipe))
    return found


def _speech(recipe: Recipe, entry: Entry, out: Store) -> Half:
    root = recipe.root
    if entry.access.is_generated:
        if not out.is_local:
            raise UsageError(f"{entry.name}: the demo corpus is spoken into the output folder, which must be local")
        root = Path(out.root) / "demo-corpus"
    if root is None:
        raise UsageError(f"{entry.name}: the recipe does not say where the corpus is; add --set root=FOLDER")
    ingest = Ingest(recipe.ingest, entry, _licence(recipe, entry), root)
    labels: list[Stage] = []
    if recipe.quality is not None:
        labels.append(Quality(recipe.quality))
    if recipe.transcribe is not None:
        labels.append(Transcribe(recipe.transcribe, entry.lang))
    split = "split" if entry.ingest.has_splits else "NULL"
    family, size = "'clip-' || codec", "size"
    if recipe.shard.clip_codec == "flac":  # of speech it has about a byte a sample
        family = "'clip-flac'"
        size = "if(codec = 'flac', size, CAST(clips.duration * sample_rate * channels AS BIGINT))"
    return Half(
        name="speech",
        source=ingest,
        labels=tuple(labels),
        view="clips_all",
        uid="uid",
        predicates=recipe.select,
        select_table="clip_selection",
        plan_table="clip_plan",
        items=f"SELECT {family} AS family, uid, {split} AS split, coalesce(parent, uid) AS parent, "
        f"shard, {size} AS size FROM clips "
        "JOIN clip_selection USING (uid) WHERE removed_by IS NULL",
        write=ShardClips(recipe.shard),
    )


def _dialogue(recipe: Recipe) -> Half:
    entry = load("dialogue_text")
    voices = bank(recipe.speak, recipe.voices, recipe.voice_names)
    script = WriteScripts(recipe.script, entry, _texts(recipe, entry), recipe.shard.splits, voices, recipe.seed)
    labels: list[Stage] = [Speak(recipe.speak, voices.fixed), Simulate(recipe.simulate, recipe.seed)]
    if recipe.verify is not None:
        labels.append(Verify(recipe.verify, recipe.simulate.rooms))
    return Half(
        name="dialogue",
        source=script,
        labels=tuple(labels),
        view="dialogues_all",
        uid="id",
        predicates=recipe.select_dialogues,
        select_table="dialogue_selection",
        plan_table="dialogue_plan",
        items="SELECT 'dialogue' AS family, id AS uid, split, script AS parent, shard, size FROM dialogues "
        "JOIN dialogue_selection ON id = uid WHERE removed_by IS NULL",
        write=ShardDialogues(recipe.shard),
        voices=recipe.voices,
        scripts=script,
    )


def _texts(recipe: Recipe, entry: Entry) -> tuple[Text, ...]:
    assert recipe.texts
    own = _licence(recipe, entry)
    if isinstance(recipe.texts, Path):
        return (Text(None, entry.corpus(recipe.texts, own)),)
    return tuple(file.text(entry, own) for file in recipe.texts)


def _licence(recipe: Recipe, entry: Entry) -> Licence:
    """The catalogue's word; of the user's own recordings and texts, the user's, where it is given."""
    if recipe.licence is None or not entry.access.is_own:
        return entry.licence.record()
    return recipe.licence.licence


def shards_of(half: Half) -> tuple[list[Shard], list[Unit]]:
    """The shards of a half and, in the same order, the source units they are made of."""
    units = half.source.units()
    shards = [
        Shard(
            stable_hash(half.source.corpus, unit.name),
            unit.name,
            {"files": list(unit.files), "spec": unit.spec, "items": unit.items},
        )
        for unit in units
    ]
    return shards, units


@dataclass(frozen=True)
class Plan:
    """A half with the fingerprint of every table, for one set of shards."""

    half: Half
    fingerprints: Mapping[str, str]

    def workspace(self, store: Store) -> Workspace:
        """What travels to the workers, whose working folder is another one: a local path is absolute from here on."""
        return Workspace(Store(store.root) if store.is_local else store, self.fingerprints)

    def entries(self) -> list[StageEntry]:
        half = self.half
        bank = [] if half.voices is None else [self._entry("voices", ("voices",), "voices")]
        return [
            *bank,
            *(self._entry(stage.name, stage.tables, stage.items) for stage in half.stages),
            self._entry(half.select_key, (half.select_table,), half.write.items),
            self._entry(_step("plan", half), (half.plan_table,), half.write.items),
            self._entry(half.write.name, half.write.tables, half.write.items),
        ]

    def _entry(self, name: str, tables: Sequence[str], items: str) -> StageEntry:
        return StageEntry(name, self.fingerprints[tables[-1]], self.half.name, tuple(tables), items)


def _step(name: str, half: Half) -> str:
    return name if half.name == "speech" else f"{name}_dialogues"


def fingerprinted(half: Half, shards: Sequence[Shard], seed: int) -> Plan:
    """Fingerprints of all tables of a half: of parameters and inputs, and for whole-table steps of the shards."""
    prints: dict[str, str] = {}
    if half.voices is not None:
        prints["voices"] = stable_hash("voices", seed, json.dumps(voices_identity(half.voices), sort_keys=True))
    for stage in half.stages:
        own = stage.fingerprint([prints[table] for table in stage.needs])
        prints.update(dict.fromkeys(stage.tables, own))
    everything = stable_hash(*sorted(prints.values()), *sorted(shard.key for shard in shards))
    predicates = json.dumps([predicate.model_dump() for predicate in half.predicates], sort_keys=True)
    prints[half.select_table] = stable_hash("select", 1, predicates, everything)
    params = half.write.params.model_dump_json()
    prints[half.plan_table] = stable_hash("plan", 2, seed, params, prints[half.select_table])
    own = half.write.fingerprint([prints[half.plan_table]])
    prints.update(dict.fromkeys(half.write.tables, own))
    return Plan(half, prints)


def index_of(recipe: Recipe, plans: Sequence[Plan]) -> Index:
    entries = tuple(entry for plan in plans for entry in plan.entries())
    return Index(recipe.identity, recipe.hash, recipe.seed, entries)
