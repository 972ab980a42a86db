"""Proof that recorded talk is labelled as it is: simulated calls, whose truth is known to the sample, through `calls`.

    python tests/benchmarks/prove_calls.py [DIALOGUES [FOLDER]]

So many texts (10) of the quickstart are spoken and simulated with the timing of the telephone, interruptions,
backchannels and attempts. The two channels are then read as if somebody had recorded them, by the stages of the recipe
`calls` with Whisper tiny.en:

  clean      both stems, as the parties said it
  telephone  the same in G.711 mu-law, 8 kHz
  delivered  the user as the microphone heard it: with noise, echo, room, codec, and others who talk beside

and held against the truth: onsets and offsets of turns, the events, the words. A turn or event is found where one of
its kind and channel starts within 250 ms. Gaps and overlaps below 100 ms may be taken for each other, for voices die
away. FOLDER keeps what was spoken for the next time; -v tells of each that is missed.

Bars, of clean and telephone: medians of onset and offset errors of turns within 50 ms; precision and recall of turns,
gaps, overlaps and what is said beside the floor at least .9, or at most two missed. Exit status 1 where one is missed.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[2]))

from turnmill.manifests.audio import decode
from turnmill.manifests.records import stable_hash
from turnmill.manifests.store import Store
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.pipeline import fingerprinted, halves, shards_of
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.stage import Row, Shard, Workspace, commit, committed, read_span
from turnmill.synth.acoustics.codecs import transmit
from turnmill.synth.channels import RATE

TEXTS = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
NEAR_S, TIME_BAR_S, BAR, FEW = 0.25, 0.05, 0.9, 2
SMALL_S = 0.1
GROUPS: Mapping[str, Sequence[str]] = {
    "gaps": ("turn_shift",),
    "overlaps": ("cooperative_overlap", "long_overlap", "barge_in"),
    "interruptions": ("barge_in",),
    "backchannels": ("user_backchannel", "assistant_backchannel"),
    "failed starts": ("failed_barge_in",),
    "backchannels or failed starts": ("user_backchannel", "assistant_backchannel", "failed_barge_in"),
    "hesitations": ("hesitation",),
    "silences": ("silence_timeout",),
}
BARRED = ("turns", "gaps", "overlaps", "backchannels or failed starts")
Tables = Mapping[str, Mapping[str, list[Row]]]
"""By table and dialogue, its rows."""


@dataclass
class Score:
    """How many there are, were found, and are both; errors of starts and ends of those in seconds."""

    true: int = 0
    found: int = 0
    both: int = 0
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, truth: Sequence[Row], found: Sequence[Row], where: str, least: float = 0.0) -> None:
        """What is shorter than `least` seconds counts where both have it."""
        left = list(found)
        for row in truth:
            near = [each for each in left if _apart(row, each) <= NEAR_S]
            if not near:
                if row["end"] - row["start"] >= least:
                    self.true += 1
                    self.missed.append(f"{where} lacks {_told(row)}")
                continue
            self.true, self.found = self.true + 1, self.found + 1
            nearest = min(near, key=lambda each: _apart(row, each))
            left.remove(nearest)
            self.both += 1
            self.starts.append(nearest["start"] - row["start"])
            self.ends.append(nearest["end"] - row["end"])
        left = [each for each in left if each["end"] - each["start"] >= least]
        self.found += len(left)
        self.missed += [f"{where} has besides {_told(each)}" for each in left]

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1.0

    @property
    def holds(self) -> bool:
        return all(self.both >= BAR * count or count - self.both <= FEW for count in (self.true, self.found))


def _apart(one: Row, other: Row) -> float:
    return abs(one["start"] - other["start"]) if one["channel"] == other["channel"] else np.inf


def _told(row: Row) -> str:
    said = row["text_heard"] if "text_heard" in row else row["text"]
    return f"{row.get('kind', 'turn')} of {row['channel']} at {row['start']:.2f} to {row['end']:.2f}: {said}"


def through(recipe: Recipe, out: Path) -> tuple[Workspace, list[Shard]]:
    """Take the one chain of a recipe through its stages here, without Ray."""
    store = Store(str(out))
    (half,) = halves(recipe, store)
    (chain,) = half.chains
    shards, _ = shards_of(chain)
    workspace = fingerprinted(half, shards, recipe.seed).workspace(store, 0)
    for stage in chain.stages:
        todo = [shard for shard in shards if not committed(stage, workspace, shard.key)]
        if todo:
            stage.check()
            stage.fetch()
            stage.setup()
        for shard in todo:
            commit(stage, workspace, shard.key, stage.process(shard, workspace, Guard(stage.name)))
    return workspace, shards


def simulated(count: int, folder: Path) -> tuple[Workspace, list[Shard]]:
    texts = folder / "texts.jsonl"
    texts.write_text("".join(f"{line}\n" for line in TEXTS.read_text("utf-8").splitlines()[:count]), "utf-8")
    interaction = {
        "barge_in": 0.3,
        "backchannels_per_minute": 6,
        "assistant_backchannels_per_minute": 6,
        "silence_timeout": 0.05,
    }
    changes = {
        "texts": str(texts),
        "seed": 3,
        "script.interaction": interaction,
        "speak.beside": ["espeak"],
        "simulate.preset": "telephone",
        "verify": None,
    }
    return through(load_recipe("dialogues", changes), folder / "simulated")


def tables_of(workspace: Workspace, shards: Sequence[Shard], name: Callable[[str], str]) -> Tables:
    """Rows by table and by what `name` makes of their dialogue."""
    found: dict[str, dict[str, list[Row]]] = {"turns": {}, "events": {}, "words": {}}
    for table, dialogues in found.items():
        for shard in shards:
            for row in workspace.rows(table, shard.key):
                dialogues.setdefault(name(row["dialogue"]), []).append(row)
    return found


def record(workspace: Workspace, shards: Sequence[Shard], folder: Path) -> Mapping[str, Path]:
    """The calls in each condition, a file each, named by the hash of its dialogue."""
    places = {name: folder / name for name in ("clean", "telephone", "delivered")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        with workspace.open_tar("dialogues", shard.key) as tar:
            for row in workspace.rows("dialogues", shard.key):
                name = f"{stable_hash(row['id'])}.wav"
                delivered = decode(read_span(tar, row["offset"], row["size"]), name).samples
                user = decode(read_span(tar, row["clean_offset"], row["clean_size"]), name).samples[0]
                clean = np.stack([delivered[0], user])
                narrow = soxr.resample(np.stack([transmit("g711_mulaw", one) for one in clean]).T, RATE, 8000)
                soundfile.write(places["clean"] / name, clean.T, RATE)
                soundfile.write(places["telephone"] / name, narrow, 8000)
                soundfile.write(places["delivered"] / name, delivered.T, RATE)
    return places


def labelled(root: Path, out: Path) -> Tables:
    changes: dict[str, Any] = {
        "root": str(root),
        "calls.assistant": 0,
        "verify": {},
        "transcribe": {"model": "tiny.en", "language": "en", "compute_type": "int8"},
    }
    workspace, shards = through(load_recipe("calls", changes), out)
    for shard in shards:
        for table in ("calls", "verification"):
            for reject in workspace.store.read_part(
                f"rejects/{workspace.fingerprint('dialogues' if table == 'calls' else table)}/{shard.key}.parquet"
            ).to_pylist():
                print(f"  {table} rejected {reject['uid']}: {reject['detail']}")
    return tables_of(workspace, shards, lambda name: name.rsplit("/", 1)[1].split(".")[0])


def compared(truth: Tables, found: Tables) -> tuple[Mapping[str, Score], str]:
    scores = {name: Score() for name in ("turns", *GROUPS)}
    said: list[tuple[list[Row], list[Row]]] = []
    for name in truth["turns"]:
        scores["turns"].add(truth["turns"][name], found["turns"].get(name, []), name)
        for group, kinds in GROUPS.items():
            here, there = (
                [row for row in tables["events"].get(name, []) if row["kind"] in kinds] for tables in (truth, found)
            )
            scores[group].add(here, there, name, SMALL_S if group in ("gaps", "overlaps") else 0.0)
        for channel in (0, 1):
            said.append((_words(truth, name, channel), _words(found, name, channel)))
    return scores, words(said)


def _words(tables: Tables, name: str, channel: int) -> list[Row]:
    rows = [row for row in tables["words"].get(name, []) if row["channel"] == channel]
    return [word for row in rows for word in row["words"] if word["heard"]]


def words(said: Sequence[tuple[list[Row], list[Row]]]) -> str:
    wrong = total = same = of_turn = 0
    off: list[float] = []
    for truth, found in said:
        result = errors(" ".join(w["word"] for w in truth), " ".join(w["word"] for w in found), "en")
        wrong, total = wrong + round(result.rate * result.total), total + result.total
        plain = [[_plain(word["word"]) or "-" for word in each] for each in (truth, found)]
        if not truth or not found:
            continue
        for chunk in jiwer.process_words(" ".join(plain[0]), " ".join(plain[1])).alignments[0]:
            if chunk.type == "equal":
                for here, there in zip(
                    truth[chunk.ref_start_idx : chunk.ref_end_idx],
                    found[chunk.hyp_start_idx : chunk.hyp_end_idx],
                    strict=True,
                ):
                    off.append(there["start"] - here["start"])
                    same += 1
                    of_turn += (here["turn"] is None) == (there["turn"] is None)
    return (
        f"{total} words: word error rate {wrong / max(total, 1):.3f}; of {same} that are right, starts are off by "
        f"{1000 * np.median(np.abs(off)):.0f} ms (median), {1000 * np.quantile(np.abs(off), 0.9):.0f} ms (90 %); "
        f"{of_turn / max(same, 1):.3f} are in a turn, or in none, as they should"
    )


def _plain(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())


def show(condition: str, scores: Mapping[str, Score], said: str, detail: bool) -> bool:
    print(f"\n{condition}")
    for name, score in scores.items():
        off = [f"{1000 * np.median(np.abs(each)):6.0f}" if each else "     -" for each in (score.starts, score.ends)]
        print(
            f"  {name:30} {score.true:4} true  precision {score.precision:.3f}  recall {score.recall:.3f}  "
            f"off by {off[0]} and {off[1]} ms (median)"
        )
    print(f"  {said}")
    if detail:
        for name in ("turns", *GROUPS):
            print(*(f"    {name}: {each}" for each in scores[name].missed), sep="\n")
    late = [float(np.median(np.abs(each))) for each in (scores["turns"].starts, scores["turns"].ends)]
    return max(late) <= TIME_BAR_S and all(scores[name].holds for name in BARRED)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        folder.mkdir(parents=True, exist_ok=True)
        workspace, shards = simulated(count, folder)
        truth = tables_of(workspace, shards, stable_hash)
        held = True
        for condition, place in record(workspace, shards, folder / "calls").items():
            scores, said = compared(truth, labelled(place, folder / f"labelled-{condition}"))
            held &= show(condition, scores, said, detail="-v" in sys.argv) or condition == "delivered"
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
