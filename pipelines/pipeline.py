"""From a recipe to its stages, in order, with their fingerprints. Nothing runs here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index, StageEntry
from turnmill.manifests.query import passed, quoted
from turnmill.manifests.records import UNKNOWN_LICENCE, Licence, stable_hash
from turnmill.manifests.schema import DIALOGUE, SPEECH, TABLES, Items, declared
from turnmill.manifests.store import Store
from turnmill.pipelines.bank import bank
from turnmill.pipelines.corpora import NamedCorpus
from turnmill.pipelines.recipe import Recipe, chosen_stages
from turnmill.pipelines.source import Source
from turnmill.pipelines.stage import LabelStage, Shard, Stage, Workspace, Writer
from turnmill.pipelines.stages.calls import Calls
from turnmill.pipelines.stages.cut import Cut
from turnmill.pipelines.stages.ingest import Ingest, Makes
from turnmill.pipelines.stages.script import WriteScripts
from turnmill.pipelines.stages.shard import ShardClips, ShardDialogues
from turnmill.pipelines.stages.simulate import Simulate
from turnmill.pipelines.stages.speak import Speak
from turnmill.pipelines.stages.verify import Verify
from turnmill.pipelines.steps import clusters
from turnmill.pipelines.steps.clusters import ClustersParams
from turnmill.pipelines.steps.parents import parent_column
from turnmill.pipelines.steps.plan import ShardParams
from turnmill.pipelines.steps.select import Predicate
from turnmill.pipelines.steps.voices import VoicesParams, voices_identity
from turnmill.pipelines.texts import Text
from turnmill.sources.adapters.items import Unit
from turnmill.sources.catalogue import Entry, load
from turnmill.sources.places import place

RESERVED_FOLDERS = ("audio", "cache", "listen", "pieces", "plots", "seen", "verdicts")
"""Folders of an output that are no table's and no writer's."""


@dataclass(frozen=True)
class Chain:
    """A source and the stages that its shards go through, each from the tables of those before it."""

    source: Source
    labels: tuple[Stage, ...]  # the stages after it
    corpus: str | None = None  # whose chain it is, where each corpus has its own

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (self.source, *self.labels)


@dataclass(frozen=True)
class Half:
    """One half of the mission: what makes items from sources, which are chosen, and what is written of them."""

    items: Items
    chains: tuple[Chain, ...]
    predicates: tuple[Predicate, ...]
    planned: str  # query over views and the selection: family, uid, split, parent, audio, shard, size
    params: ShardParams  # of the plan
    writers: tuple[Writer, ...]  # each makes a part of each training shard of the plan, in this order
    voices: VoicesParams | None = None  # a bank of voices from another run, made before the first stage
    clusters: ClustersParams | None = None  # how clips get speakers whom no corpus names, before the selection
    scripts: WriteScripts | None = None  # the source, where it is of texts, whose price can be told

    @property
    def name(self) -> str:
        return self.items.half

    @property
    def wholes(self) -> tuple[str, ...]:
        """The tables that are made of all of its shards, in order, each as one part."""
        first = () if self.clusters is None else (clusters.TABLE,)
        return (*first, self.items.selection, self.items.plan)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those of all chains."""
        return tuple(stage for chain in self.chains for stage in chain.stages)

    @property
    def candidates(self) -> str:
        """Query for the items that every stage let through: what one of them rejected is never selected."""
        return passed(self.items, dict.fromkeys(stage.tables[-1] for stage in self.stages))


def halves(recipe: Recipe, out: Store) -> list[Half]:
    """The halves a recipe has. Raises UsageError for a corpus, text or licence that cannot be used."""
    found = []
    if sources := recipe.sources:
        found.append((_speech if recipe.calls is None else _calls)(recipe, sources, out))
    if recipe.texts:
        found.append(_dialogue(recipe))
    for half in found:
        _check_needs(half)
        _check_writers(half)
    return found


def _check_needs(half: Half) -> None:
    """Refuse, in the recipe's words, a stage that needs a table which nothing before it makes."""
    for chain in half.chains:
        made = set() if half.voices is None else {"voices"}
        awaited: dict[str, str] = {}  # optional tables that are not there yet -> who would read them
        for stage in chain.stages:
            _check_declared(stage)
            for table in stage.needs:
                if table not in made:
                    raise UsageError(f"`{stage.name}` needs the table `{table}`: {_how_to_make(table, stage, chain)}")
            if twice := made.intersection(stage.tables):
                raise UsageError(f"`{stage.name}` makes {min(twice)}, as a stage before it does: leave one of them out")
            for table in stage.tables:
                if table in awaited:
                    raise LookupError(f"{awaited[table]} may read {table}, which {stage.name} makes: put it after that")
            made.update(stage.tables)
            awaited |= {table: stage.name for table in stage.optional if table not in made}
        if half.clusters is not None and "speakers" not in made:
            raise UsageError("`clusters` needs the table `speakers`: add `speakers: {}` to the recipe")


def _check_declared(stage: Stage) -> None:
    """Raise LookupError for a stage of tables that nobody declared, or of which its kind says otherwise."""
    for table in (*stage.needs, *stage.optional, *stage.tables):
        declared(table)
    commit = declared(stage.tables[-1])
    if isinstance(stage, LabelStage) and not (commit.label and commit.of == stage.items):
        said = f'of="{stage.items}", label=True'
        raise LookupError(f"{stage.name} labels {stage.items}: say so of its table {commit.name} ({said})")


def _check_writers(half: Half) -> None:
    """Raise LookupError for a writer that reads what is not there, or writes where another does."""
    made = {half.items.plan, half.items.selection, *(table for stage in half.stages for table in stage.tables)}
    folders = {*TABLES, *RESERVED_FOLDERS}
    for writer in half.writers:
        for table in (*writer.needs, *writer.optional, *writer.tables):
            declared(table)
        for table in writer.needs:
            if table not in made:
                raise LookupError(f"the writer {writer.name} needs {table}, which nothing before it makes")
        if writer.folder in folders or made.intersection(writer.tables):
            raise LookupError(f"the writer {writer.name} has a folder or table that is another's: {writer.folder}/")
        folders.add(writer.folder)
        made.update(writer.tables)


def _how_to_make(table: str, stage: Stage, chain: Chain) -> str:
    later = next((each for each in chain.stages if table in each.tables), None)
    if later is not None:
        return f"`{later.name}` makes it, and runs after it: its line in pipelines/recipe.py goes above"
    key = next((key for key, chosen in chosen_stages().items() if table in chosen.tables), None)
    if key is None:
        raise LookupError(f"no stage before `{stage.name}` writes {table}, and no key of a recipe adds one")
    return f"add `{key}: {{}}` to the recipe"


def _speech(recipe: Recipe, sources: Sequence[NamedCorpus], out: Store) -> Half:
    chains = tuple(_chain(recipe, source, out) for source in sources)
    split, parent = _split_and_parent(sources)
    family, size = "'clip-' || codec", "size"
    if recipe.shard.clip_codec == "flac":  # of speech it has about a byte a sample
        family = "'clip-flac'"
        size = "if(codec = 'flac', size, CAST(clips.duration * sample_rate * channels AS BIGINT))"
    pairs = ""
    if recipe.s2st is not None:
        size, pairs = f"{size} + target_size", "JOIN target_speech USING (uid) "
    return Half(
        items=SPEECH,
        chains=chains,
        predicates=recipe.select,
        planned=f"SELECT {family} AS family, uid, {split} AS split, {parent} AS parent, "
        f"shard, {size} AS size, pcm_hash AS audio FROM clips {pairs}"
        "JOIN clip_selection USING (uid) WHERE removed_by IS NULL",
        params=recipe.shard,
        writers=(ShardClips(recipe.shard),),
        clusters=recipe.clusters,
    )


def _calls(recipe: Recipe, sources: Sequence[NamedCorpus], out: Store) -> Half:
    """Dialogues of recorded talk, from clips that are parts of it."""
    assert recipe.calls is not None
    chains = []
    for source in sources:
        if source.entry.family.cuts:
            raise UsageError(
                f"{source.entry.name}: its annotation cuts its recordings into clips, and `calls` takes them whole: "
                "read the folder of its recordings as corpus: files"
            )
        chain = _chain(recipe, source, out)
        labels: list[Stage] = [*chain.labels, Calls(recipe.calls, source.entry.family.has_splits)]
        labels += [] if recipe.verify is None else [Verify(recipe.verify, ())]
        chains.append(replace(chain, labels=tuple(labels)))
    split, parent = _split_and_parent(sources)
    return Half(
        items=DIALOGUE,
        chains=tuple(chains),
        predicates=recipe.select_dialogues,
        planned="SELECT 'dialogue-recorded' AS family, id AS uid, whose.split, whose.parent, audio, dialogues.shard, "
        "dialogues.size FROM dialogues JOIN calls ON dialogue = id "
        f"JOIN (SELECT uid AS clip, {split} AS split, {parent} AS parent, pcm_hash AS audio FROM clips) AS whose "
        "USING (clip) JOIN dialogue_selection ON id = uid WHERE removed_by IS NULL",
        params=recipe.shard,
        writers=(ShardDialogues(recipe.shard),),
    )


def _split_and_parent(sources: Sequence[NamedCorpus]) -> tuple[str, str]:
    """SQL for the official split of a row of `clips`, null where there is none, and for its parent."""
    official = [quoted(source.entry.name) for source in sources if source.entry.family.has_splits]
    split = f"CASE WHEN corpus IN ({', '.join(official)}) THEN split END" if official else "NULL"
    return split, parent_column([source.entry for source in sources])


def _chain(recipe: Recipe, source: NamedCorpus, out: Store) -> Chain:
    entry, root = source.entry, source.root
    if entry.access.is_generated:
        if not out.is_local:
            raise UsageError(f"{entry.name}: the demo corpus is spoken into the output folder, which must be local")
        root = place(Path(out.root) / "demo-corpus")
    if root is None:
        how = "its `root` to the list" if recipe.corpora else "--set root=FOLDER"
        raise UsageError(f"{entry.name}: the recipe does not say where the corpus is; add {how}")
    chosen = tuple(
        stage(params, entry.lang, speech=entry.is_speech)
        for key, stage in chosen_stages().items()
        if (params := getattr(recipe, key)) is not None and not (entry.family.cuts and issubclass(stage, Cut))
    )
    makes: Makes = "recordings" if any("clips" in stage.tables for stage in chosen) else "clips"
    ingest = Ingest(recipe.ingest, entry, _licence(recipe, entry), root, makes)
    return Chain(ingest, chosen, entry.name)


def _dialogue(recipe: Recipe) -> Half:
    entry = load("dialogue_text")
    speak, cloned = recipe.speak, recipe.voices is not None
    voices = bank(speak.engine, speak.beside, cloned=cloned, names=recipe.voice_names)
    script = WriteScripts(
        recipe.script, entry, _texts(recipe, entry), recipe.shard.splits, voices, speak.performed, recipe.seed
    )
    labels: list[Stage] = [Speak(recipe.speak, voices.fixed), Simulate(recipe.simulate, recipe.seed)]
    if recipe.verify is not None:
        labels.append(Verify(recipe.verify, recipe.simulate.rooms))
    return Half(
        items=DIALOGUE,
        chains=(Chain(script, tuple(labels)),),
        predicates=recipe.select_dialogues,
        planned="SELECT 'dialogue' AS family, id AS uid, split, script AS parent, NULL AS audio, shard, size "
        "FROM dialogues JOIN dialogue_selection ON id = uid WHERE removed_by IS NULL",
        params=recipe.shard,
        writers=(ShardDialogues(recipe.shard),),
        voices=recipe.voices,
        scripts=script,
    )


def _texts(recipe: Recipe, entry: Entry) -> tuple[Text, ...]:
    assert recipe.texts
    if isinstance(recipe.texts, tuple):
        return tuple(file.text(_licence(recipe, file.read_as)) for file in recipe.texts)
    return (Text(None, entry.corpus(recipe.texts, _licence(recipe, entry))),)


def _licence(recipe: Recipe, entry: Entry) -> Licence:
    """The word of the corpus's entry; of one that states none, the recipe's, where it is given."""
    if recipe.licence is None or entry.licence.spdx != UNKNOWN_LICENCE:
        return entry.licence.licence
    return recipe.licence.licence


def shards_of(chain: Chain) -> tuple[list[Shard], list[Unit]]:
    """The shards of a chain and, in the same order, the source units they are made of."""
    units = chain.source.units()
    shards = [
        Shard(
            stable_hash(chain.source.corpus, unit.name),
            unit.name,
            {"files": list(unit.files), "spec": unit.spec, "items": unit.items},
        )
        for unit in units
    ]
    return shards, units


@dataclass(frozen=True)
class Plan:
    """A half with the fingerprint of every table: of those that its chains make, chain by chain, and of those that are
    made of all of them."""

    half: Half
    chains: tuple[Mapping[str, str], ...]
    fingerprints: Mapping[str, str]

    def workspace(self, store: Store, chain: int | None = None) -> Workspace:
        """What travels to the workers of a chain, or to those that write: their working folder is another one, so a
        local path is absolute from here on."""
        store = Store(store.root) if store.is_local else store
        if chain is not None:
            return Workspace(store, {**self.fingerprints, **self.chains[chain]})
        corpora = {each.corpus: prints for each, prints in self._by_corpus() if each.corpus is not None}
        of_all = [prints for chain, prints in self._by_corpus() if chain.corpus is None]
        prints = {table: print_ for each in (*of_all, self.fingerprints) for table, print_ in each.items()}
        return Workspace(store, prints, corpora)

    def _by_corpus(self) -> Iterator[tuple[Chain, Mapping[str, str]]]:
        return zip(self.half.chains, self.chains, strict=True)

    def entries(self) -> list[StageEntry]:
        half = self.half
        bank = [] if half.voices is None else [self._entry("voices", ("voices",), "voices", self.fingerprints)]
        chains = [
            self._entry(stage.name, stage.tables, stage.items, prints, chain.corpus)
            for chain, prints in self._by_corpus()
            for stage in chain.stages
        ]
        made, counted = self.fingerprints, half.writers[0].items
        return [
            *bank,
            *chains,
            *([] if half.clusters is None else [self._entry("clusters", (clusters.TABLE,), counted, made)]),
            self._entry(half.items.select_key, (half.items.selection,), counted, made),
            self._entry(_step("plan", half), (half.items.plan,), counted, made),
            *(self._entry(writer.name, writer.tables, writer.items, made) for writer in half.writers),
        ]

    def _entry(
        self, name: str, tables: Sequence[str], items: str, prints: Mapping[str, str], corpus: str | None = None
    ) -> StageEntry:
        return StageEntry(name, prints[tables[-1]], self.half.name, tuple(tables), items, corpus)


def _step(name: str, half: Half) -> str:
    return name if half.name == "speech" else f"{name}_dialogues"


def fingerprinted(half: Half, shards: Sequence[Shard], seed: int) -> Plan:
    """Fingerprints of all tables of a half: of parameters and inputs, and for whole-table steps of the shards of all
    chains."""
    own: dict[str, str] = {}
    keys = sorted(shard.key for shard in shards)
    if half.voices is not None:
        own["voices"] = stable_hash("voices", seed, json.dumps(voices_identity(half.voices), sort_keys=True))
    chains = tuple(_chained(chain, own) for chain in half.chains)
    if half.clusters is not None:
        read = sorted(prints[table] for prints in chains for table in clusters.READS if table in prints)
        params = half.clusters.model_dump_json()
        own[clusters.TABLE] = stable_hash("clusters", clusters.VERSION, params, *read, *keys)
    everything = stable_hash(
        *sorted({*own.values(), *(print_ for prints in chains for print_ in prints.values())}),
        *keys,
    )
    predicates = json.dumps([predicate.model_dump() for predicate in half.predicates], sort_keys=True)
    own[half.items.selection] = stable_hash("select", 1, predicates, everything)
    params = half.params.model_dump_json()
    own[half.items.plan] = stable_hash("plan", 4, seed, params, own[half.items.selection])
    for writer in half.writers:
        print_ = writer.fingerprint([own[table] for table in writer.needs if table in own])
        own.update(dict.fromkeys(writer.tables, print_))
    return Plan(half, chains, own)


def _chained(chain: Chain, before: Mapping[str, str]) -> Mapping[str, str]:
    prints: dict[str, str] = {}
    for stage in chain.stages:
        reads = [table for table in (*stage.needs, *stage.optional) if table in prints or table in before]
        print_ = stage.fingerprint([prints.get(table) or before[table] for table in reads])
        prints.update(dict.fromkeys(stage.tables, print_))
    return prints


def index_of(recipe: Recipe, plans: Sequence[Plan]) -> Index:
    entries = tuple(entry for plan in plans for entry in plan.entries())
    return Index(recipe.identity, recipe.hash, recipe.seed, entries)
