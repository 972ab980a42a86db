"""script: a unit of text dialogues -> who says which line to whom, and where they interrupt (synth.script)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from manifests.licences import strictest
from manifests.params import Params
from manifests.records import Licence, Reject, TextDialogue
from pipelines.stage import Made, Row, Shard, Stage, Workspace
from pipelines.stages.plan import SplitShares
from sources.adapters.base import Unit
from sources.adapters.dialogue_text import dialogue_units, read_dialogues
from sources.catalogue import Entry
from synth.script import Interaction, Script, write_script
from synth.text import TextLimits, speakable
from synth.voices import ASSISTANT_VOICE, VOICES, Split, voices_for


class ScriptParams(Params):
    dialogues_per_shard: int = Field(default=200, ge=1, description="dialogues per shard: about 1 h of audio")
    limits: TextLimits = TextLimits()
    interaction: Interaction = Interaction()


class WriteScripts(Stage):
    name = "script"
    needs = ()
    tables = ("lines", "scripts")
    items = "dialogues"

    def __init__(
        self, params: ScriptParams, entry: Entry, licence: Licence, texts: Path, splits: SplitShares, seed: int
    ) -> None:
        self.params: ScriptParams = params
        self.entry = entry
        self.licence = licence
        self.texts = texts
        self.splits = splits
        self.seed = seed

    @property
    def corpus(self) -> str:
        return self.texts.name

    @property
    def root(self) -> Path:
        """What the files of a unit are relative to."""
        return self.texts.parent

    def identity(self) -> Mapping[str, Any]:
        return {
            "entry": self.entry.model_dump(mode="json"),
            "licence": repr(self.licence),
            "splits": self.splits.model_dump(),
            "seed": self.seed,
        }

    def units(self) -> list[Unit]:
        """Runs of dialogues of the file. Raises UsageError for a file that is not there or holds none."""
        return dialogue_units(self.texts, self.params.dialogues_per_shard)

    def process(self, shard: Shard, workspace: Workspace) -> Made:  # noqa: ARG002  # the first stage reads no table
        unit = Unit(shard.name, tuple(shard.spec["files"]), shard.spec["spec"])
        rejects: list[Reject] = []
        scripts: list[Row] = []
        lines: list[Row] = []
        for read in read_dialogues(self.texts, unit, self.entry):
            dialogue = read if isinstance(read, Reject) else speakable(read, self.params.limits)
            if isinstance(dialogue, Reject):
                rejects.append(dialogue)
                continue
            # The split chooses among disjoint voices, so that no model is tested on a voice it was trained on.
            split = self.splits.of(self.seed, dialogue.id)
            script = self._script(dialogue, split)
            scripts.append(script_row(script, split))
            lines += line_rows(script)
        return Made({"lines": lines, "scripts": scripts}, rejects, len(scripts) + len(rejects), hours=0.0)

    def _script(self, dialogue: TextDialogue, split: Split) -> Script:
        licensed = replace(dialogue, source=self.corpus, licence=self.licence)
        script = write_script(licensed, self.params.interaction, ASSISTANT_VOICE, voices_for(split), self.seed)
        spoken_by = (VOICES[voice].licence for voice in (script.assistant_voice, script.user_voice))
        carried = strictest([self.licence, *spoken_by])
        # Speech made from a text is a derivative of it.
        return replace(script, licence=replace(carried, redistribute=carried.redistribute and carried.derivatives))


def script_row(script: Script, split: str) -> Row:
    return {
        "id": script.id,
        "source": script.source,
        "language": script.language,
        "scenario": script.scenario,
        "n_turns": len(script.turns),
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
            "seed": line.seed,
        }
        for line in script.lines
    ]
