"""One dialogue, from Python and without Ray: spoken, simulated and verified by the stages of a run.

What comes of a text and a seed is what a run makes of it alone, to the byte; beside others, interruptions are shared
out.
"""

import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import decode
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.pipeline import fingerprinted, halves, shards_of
from turnmill.pipelines.stage import Row, Shard, Stage, Workspace, commit, committed, read_span
from turnmill.pipelines.stages.simulate import Simulate
from turnmill.pipelines.steps.voices import make_voices
from turnmill.synth.duplex.checking.check import Report, check
from turnmill.synth.script import Script


class Spoken:
    """A dialogue with every line spoken, to be simulated as often as wanted. Its speech is in a temporary folder, which
    goes when it does."""

    def __init__(self, keys: Mapping[str, Any], folder: Path) -> None:
        self._keys = keys
        self._folder = folder
        self._finalizer = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        workspace, shard = self._through("speak", {})
        (row,) = workspace.rows("scripts", shard.key)
        self.script = Script.from_json(row["script"])
        """Who says which line to whom, and where the parties interrupt, hesitate and nod."""
        self.lines: list[Row] = workspace.rows("speech", shard.key)
        """Rows of the table `speech`: each line's duration in seconds and its words with their times."""

    def _through(self, last: str, simulate: Mapping[str, Any], take: int = 0) -> tuple[Workspace, Shard]:
        """The tables of the stages up to the one named `last`, of which those that are there are not made again, and of
        the takes one. TurnmillError says why the dialogue was rejected."""
        store = Store(str(self._folder / "out"))
        recipe = load_recipe({**self._keys, "simulate": {**self._keys.get("simulate", {}), **simulate}})
        half = halves(recipe, store)[-1]
        (chain,) = half.chains
        for stage in chain.stages:
            if isinstance(stage, Simulate):
                stage.takes = (take,)
        chain.source.check()
        (shard,), _ = shards_of(chain)
        workspace = fingerprinted(half, [shard], recipe.seed).workspace(store, 0)
        if half.voices is not None and not store.exists(workspace.part("voices", "all")):
            make_voices(half.voices, workspace, recipe.seed)
        names = [stage.name for stage in chain.stages]
        for stage in chain.stages[: names.index(last) + 1]:
            if not committed(stage, workspace, shard.key):
                _make(stage, workspace, shard)
        return workspace, shard

    def simulated(self, simulate: Mapping[str, Any], take: int) -> "Dialogue":
        """See `simulate`."""
        if "takes" in simulate:
            raise UsageError("simulate(takes=...): name the one `take` that is wanted, counted from 0")
        workspace, shard = self._through("simulate", {"takes": take + 1, **simulate}, take)
        (row,) = workspace.rows("dialogues", shard.key)
        with workspace.open_tar("dialogues", shard.key) as tar:
            audio = decode(read_span(tar, row["offset"], row["size"]), row["id"])
            clean = decode(read_span(tar, row["clean_offset"], row["clean_size"]), row["id"])
        return Dialogue(audio.samples, audio.sample_rate, json.loads(row["sample"]), clean.samples[0])


def _make(stage: Stage, workspace: Workspace, shard: Shard) -> None:
    """Make a stage's part, by the stage's own code. TurnmillError says why there is none."""
    stage.fetch()
    stage.check()
    stage.check_here()
    stage.setup()
    made = stage.process(shard, workspace.seen_by(stage), Guard(stage.name))
    for reject in made.rejects:
        raise TurnmillError(f"{stage.name} rejects the dialogue: {reject.reason}: {reject.detail}")
    commit(stage, workspace, shard.key, made)


@dataclass(frozen=True)
class Dialogue:
    """A simulated dialogue.

    audio: float32 [2, samples], full scale at 1.0: channel 0 the assistant, channel 1 the user as a microphone hears
        it.
    sample_rate: Hz.
    labels: the JSON of the training sample: turns, events, words, acoustics (docs/tables.md).
    clean_user: float32 [samples], the user's channel before room, noise, echo and line.
    """

    audio: NDArray[np.float32]
    sample_rate: int
    labels: dict[str, Any]
    clean_user: NDArray[np.float32]


def speak(messages: Sequence[Mapping[str, Any]] | Mapping[str, Any], *, seed: int = 0, **sections: Any) -> Spoken:
    """Write the script of a text dialogue, and speak it.

    `messages`: [{"role": "user", "content": "..."}, ...], or a row in any other shape that a file of texts may have.
    `sections`: those of a recipe that concern script and speech, such as `script={"interaction": {"barge_in": 1}}` or
    `speak={"engine": "espeak"}`.

    Raises UsageError for a section that a recipe would refuse, TurnmillError for a dialogue that a run would reject.
    """
    folder = Path(tempfile.mkdtemp(prefix="turnmill-"))
    row = messages if isinstance(messages, Mapping) else {"id": "notebook", "messages": list(messages)}
    texts = folder / "notebook.jsonl"
    texts.write_text(json.dumps(row) + "\n", "utf-8")
    try:
        return Spoken({"name": "notebook", "seed": seed, "texts": str(texts), **sections}, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def simulate(spoken: Spoken, *, take: int = 0, **section: Any) -> Dialogue:
    """Place the spoken lines in time, on two channels, with the acoustics of the user's.

    `section`: keys of a recipe's `simulate`, such as `preset="telephone"` or `acoustics={"echo": {"probability": 1}}`.
    Another `take` of the same speech has other timing and acoustics.

    Raises UsageError for a key that a recipe would refuse, TurnmillError for a dialogue that a run would reject.
    """
    return spoken.simulated(section, take)


def verify(dialogue: Dialogue) -> Report:
    """Check a dialogue's labels against its audio. It is right where the report's `violations` are empty."""
    return check(dialogue.labels, dialogue.audio, dialogue.clean_user)
