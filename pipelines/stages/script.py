"""script: a unit of text dialogues -> who says which line to whom, and where they interrupt (synth.script)."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import primary
from turnmill.manifests.licences import of_derivative
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject, TextDialogue, generator, stable_hash
from turnmill.pipelines.bank import Bank
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.source import Source
from turnmill.pipelines.stage import Made, Row, Shard, Workspace
from turnmill.pipelines.steps.plan import SplitShares
from turnmill.pipelines.texts import Text, check_texts, text_of
from turnmill.sources.adapters.items import Unit
from turnmill.sources.catalogue import Entry
from turnmill.sources.places.place import Stamp
from turnmill.synth.chat.cache import StoreCache
from turnmill.synth.intents import Balance
from turnmill.synth.reading.directions import without_directions
from turnmill.synth.rewrite.params import RewriteParams
from turnmill.synth.rewrite.rewriter import Rewriter, Rewritten, identity
from turnmill.synth.safety import Safety, SafetyParams
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.shortening import shortened
from turnmill.synth.tasks.given import with_style_alone, with_task
from turnmill.synth.tasks.labels import with_performed
from turnmill.synth.tasks.params import TaskShares
from turnmill.synth.text import TextLimits, speakable
from turnmill.synth.tts.choice import Performed
from turnmill.synth.voices import Split, VoiceBank

_LONGER_AS_WRITTEN: Final = 20
"""Times `limits.max_turn_chars`: the longest turn that is sent to be rewritten to spoken language. It bounds the cost,
and a model keeps nothing of a longer one anyway."""
_MENDED: Final = (
    "max_code_ratio",
    "max_markup_ratio",
    "max_mathematics_ratio",
    "max_operator_ratio",
    "max_symbol_ratio",
)
"""Limits, as shares, of what a rewrite to spoken language takes out of a text. What has hardly a letter is none."""


_OFFICIAL: Final[Mapping[str, Split]] = {"train": "train", "val": "valid", "dev": "valid", "test": "test"}
"""How the name of an official split begins."""

_Kind = tuple[str, Split, str]


@dataclass(frozen=True)
class Company:
    """The dialogues of a unit by source, split and language: those of one kind may borrow from each other. `balance`
    keeps the shares of their interruptions."""

    others: Mapping[_Kind, Sequence[TextDialogue]]
    balance: Balance


class ScriptParams(Params):
    dialogues_per_shard: int = Field(default=200, ge=1, description="dialogues per shard: about 1 h of audio")
    limits: TextLimits = TextLimits()
    stage_directions: Literal["drop", "tag"] = Field(
        default="drop",
        description="what becomes of *laughs* and (sighs): nothing, or the tag of a speech model, which engines "
        "without tags leave out",
    )
    safety: SafetyParams = Field(default=SafetyParams(), description="what no dialogue may be about, and who judges it")
    rewrite: RewriteParams | None = Field(
        default=None,
        description="rewrite by a language model; null: none. Its task 'spoken' is given turns of up to 20 times "
        "limits.max_turn_chars, with markup, code and formulas; what it makes of them has to meet all limits",
    )
    interaction: Interaction = Interaction()
    tasks: TaskShares = TaskShares()

    @model_validator(mode="after")
    def _style_requests_are_drawn(self) -> Self:
        if self.rewrite is not None and "style_request" in self.rewrite.tasks and not self.tasks.style_request:
            raise ValueError(
                "rewrite.tasks has style_request, which writes the words of the share tasks.style_request, and that is "
                "0: set it, or take the task out"
            )
        return self

    @property
    def as_written(self) -> TextLimits:
        """The limits of texts before the rewrite: those that a rewrite to spoken language mends are wide."""
        if self.rewrite is None or "spoken" not in self.rewrite.tasks:
            return self.limits
        longest = _LONGER_AS_WRITTEN * self.limits.max_turn_chars
        return self.limits.model_copy(update={"max_turn_chars": longest, **dict.fromkeys(_MENDED, 1.0)})


class WriteScripts(Source):
    name = "script"
    version = 9
    tables = ("lines", "rewrites", "scripts")
    items = "dialogues"
    host_params = frozenset({"rewrite", "safety"})

    def __init__(
        self,
        params: ScriptParams,
        entry: Entry,
        texts: Sequence[Text],
        splits: SplitShares,
        bank: Bank,
        performed: Performed,
        seed: int,
    ) -> None:
        self.params: ScriptParams = params
        self.entry = entry
        self.texts = tuple(texts)
        self.splits = splits
        self.bank = bank
        self.performed = performed
        self.needs = bank.needs
        self.seed = seed

    @property
    def corpus(self) -> str:
        """The one file; of several, units are named by theirs."""
        return self.texts[0].place.name if self.texts[0].name is None else "texts"

    def stamps(self, files: Sequence[str]) -> Mapping[str, Stamp]:
        return {file: stamp for text in self.texts for file, stamp in text.stamps(files).items()}

    def identity(self) -> Mapping[str, Any]:
        return {
            "entry": self.entry.model_dump(mode="json"),
            "texts": [text.identity for text in self.texts],
            "splits": self.splits.model_dump(),
            "safety": self.safety.identity,
            "rewrite": self.params.rewrite and identity(self.params.rewrite),
            "bank": self.bank.identity,
            "performed": {engine: sorted(manners) for engine, manners in self.performed.engines.items()},
            "seed": self.seed,
        }

    @cached_property
    def safety(self) -> Safety:
        return Safety(self.params.safety)

    def check(self) -> None:
        check_texts(self.texts)
        leading, manners = next(iter(self.performed.engines.items()))
        if self.params.tasks.style_request and not manners:
            raise UsageError(
                f"script.tasks.style_request: no style of {leading} is known to be heard; set it to 0, or say under "
                "speak.http.performs what a server performs, or name another engine"
            )
        if self.safety.missed is not None:
            print(self.safety.missed, file=sys.stderr)

    def units(self) -> list[Unit]:
        """Runs of dialogues of each file. Raises UsageError for a file that holds none."""
        return [unit for text in self.texts for unit in text.units(self.params.dialogues_per_shard, self.seed)]

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        bank = self.bank.read(workspace)
        guard.expect(shard.spec.get("items", 0))
        results, usage = self._dialogues(shard, workspace, bank, guard)
        rejects = [result for result in results if isinstance(result, Reject)]
        scripts: list[Row] = []
        lines: list[Row] = []
        dialogues = [result for result in results if isinstance(result, TextDialogue)]
        company = self.company(dialogues, bank)
        for dialogue in dialogues:
            written = guard.caught(Item(dialogue.id), partial(self.script, dialogue, company, bank))
            if isinstance(written, Reject):
                rejects.append(written)
                continue
            script, split = written
            scripts.append(script_row(script, split))
            lines += line_rows(script)
        return Made({"lines": lines, "rewrites": usage, "scripts": scripts}, rejects, len(results), hours=0.0)

    def _dialogues(
        self, shard: Shard, workspace: Workspace, bank: VoiceBank, guard: Guard
    ) -> tuple[list[TextDialogue | Reject], list[Row]]:
        """What can be spoken of the unit, after the rewrite if there is one, and what that took."""
        results = list(self.read(Unit(shard.name, tuple(shard.spec["files"]), shard.spec["spec"]), bank, guard))
        if self.params.rewrite is None:
            guard.did(len(results))
            return results, []
        places = [n for n, result in enumerate(results) if isinstance(result, TextDialogue)]
        asked = [self._to_rewrite(result, bank) for result in results if isinstance(result, TextDialogue)]
        guard.did(len(results) - len(asked))
        intents = self.params.interaction.intents
        rewriter = Rewriter(self.params.rewrite, StoreCache(workspace.store, "rewrite"), intents=intents)
        answers = rewriter.rewrite(asked, lambda: guard.did(1))
        usage: list[Row] = []
        for place, dialogue, answer in zip(places, asked, answers, strict=True):
            results[place] = self._checked(answer.dialogue, bank, self.params.limits, guard)
            usage += _usage_rows(dialogue.id, answer, self.params.rewrite)
        return results, usage

    def read(self, unit: Unit, bank: VoiceBank, guard: Guard) -> Iterator[TextDialogue | Reject]:
        """The dialogues of a unit that can be spoken as they are written, or once they are rewritten, and why the
        others cannot."""
        limits = self.params.as_written
        return (self._checked(read, bank, limits, guard) for read in text_of(self.texts, unit).read(unit))

    def _checked(
        self, read: TextDialogue | Reject, bank: VoiceBank, limits: TextLimits, guard: Guard
    ) -> TextDialogue | Reject:
        dialogue = read
        if isinstance(read, TextDialogue):
            played = without_directions(read, tagged=self.params.stage_directions == "tag")
            dialogue = guard.caught(Item(read.id), partial(self._kept, played, limits))
        if isinstance(dialogue, Reject) or primary(dialogue.language) in bank.languages:
            return dialogue
        spoken = ", ".join(bank.languages)
        detail = f"no voice speaks {dialogue.language!r}; there are voices for {spoken}"
        return Reject(Reason.UNSUPPORTED_LANGUAGE, detail, uid=dialogue.id)

    def _kept(self, read: TextDialogue, limits: TextLimits) -> TextDialogue | Reject:
        """The dialogue where it can be spoken and is safe."""
        dialogue = speakable(shortened(read, limits.max_turn_chars) if limits.shorten else read, limits)
        return dialogue if isinstance(dialogue, Reject) else self.safety.judge(dialogue)

    def company(self, dialogues: Sequence[TextDialogue], bank: VoiceBank) -> Company:
        """What the dialogues of a unit are to each other, and what the voices perform of them."""
        others: dict[_Kind, list[TextDialogue]] = {}
        for dialogue in dialogues:
            lender = with_performed(dialogue, self._performed(dialogue, bank))
            others.setdefault(self._kind(dialogue), []).append(lender)
        drawn = {kind: sorted(each, key=lambda other: stable_hash(other.id)) for kind, each in others.items()}
        rng = generator(self.seed, dialogues[0].id if dialogues else "", "intents")
        return Company(drawn, Balance(self.params.interaction.intents, rng))

    def _kind(self, dialogue: TextDialogue) -> _Kind:
        return dialogue.source, self._split(dialogue), primary(dialogue.language)

    def _split(self, dialogue: TextDialogue) -> Split:
        """The official one; else that of the text, so that no copy of it is in another. It chooses among disjoint
        voices, so that no model is tested on a voice it was trained on."""
        official = (dialogue.split or "").lower()
        named = next((split for begin, split in _OFFICIAL.items() if official.startswith(begin)), None)
        if named is not None:
            return named
        return self.splits.of(self.seed, stable_hash(*(turn.text.casefold() for turn in dialogue.turns)))

    def script(self, dialogue: TextDialogue, company: Company, bank: VoiceBank) -> tuple[Script, Split]:
        """The script of a dialogue of that company, under the licence that what is made of it has, and its split."""
        split, others = self._split(dialogue), company.others[self._kind(dialogue)]
        given = self._given(dialogue, bank)
        script = write_script(given, self.params.interaction, bank, split, self.seed, others, company.balance)
        voices = bank.voices
        spoken_by = (voices[voice].licence for voice in dict.fromkeys(line.voice for line in script.lines))
        lenders = set(borrowed(script))
        lent = (other.licence for other in others if other.id in lenders)
        # Speech made from a text is a derivative of it.
        carried = of_derivative([dialogue.licence, *lent, *spoken_by])
        return replace(script, licence=carried), split

    def _to_rewrite(self, dialogue: TextDialogue, bank: VoiceBank) -> TextDialogue:
        """The dialogue as the language model gets it."""
        if self.params.rewrite is None or "style_request" not in self.params.rewrite.tasks:
            return dialogue
        return with_style_alone(dialogue, self.params.tasks, self._performed(dialogue, bank), self.seed)

    def _performed(self, dialogue: TextDialogue, bank: VoiceBank) -> frozenset[str]:
        return self.performed.by(bank.speaking(primary(dialogue.language)))

    def _given(self, dialogue: TextDialogue, bank: VoiceBank) -> TextDialogue:
        """The dialogue with its task, unless the limits refuse it with that, and what its voices perform."""
        performed = self._performed(dialogue, bank)
        given = with_task(dialogue, self.params.tasks, performed, self.seed)
        if given is not dialogue and isinstance(speakable(given, self.params.limits), Reject):
            given = dialogue
        return with_performed(given, performed)


def _usage_rows(dialogue: str, answer: Rewritten, params: RewriteParams) -> list[Row]:
    return [
        {
            "dialogue": dialogue,
            "task": used.task,
            "model": used.model,
            "prompt_tokens": used.prompt_tokens,
            "completion_tokens": used.completion_tokens,
            "cost": params.cost(used.prompt_tokens or 0, used.completion_tokens or 0),
        }
        for used in answer.usage
    ]


def borrowed(script: Script) -> list[str]:
    """The other dialogues of which it has a turn, in order."""
    return list(dict.fromkeys(turn.borrowed for turn in script.turns if turn.borrowed is not None))


def script_row(script: Script, split: str) -> Row:
    return {
        "id": script.id,
        "source": script.source,
        "language": script.language,
        "scenario": script.scenario,
        "n_turns": len(script.turns),
        "borrowed": borrowed(script),
        "n_shortened": sum(turn.shortened for turn in script.turns),
        "licence": script.licence.spdx,
        "licence_redistribute": script.licence.redistribute,
        "split": split,
        "assistant_voice": script.assistant_voice,
        "user_voice": script.user_voice,
        "script": script.to_json(),
    }


def line_rows(script: Script) -> list[Row]:
    return [
        {
            "line": line.id,
            "dialogue": script.id,
            "role": line.role,
            "turn": line.turn,
            "speaker": line.speaker,
            "voice": line.voice,
            "language": script.language,
            "text": line.text,
            "emotion": line.emotion,
            "style": line.style,
            "seed": line.seed,
        }
        for line in script.lines
    ]
