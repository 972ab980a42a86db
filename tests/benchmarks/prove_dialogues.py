"""What the dialogues of a run are worth to who learns from them, from its audio, labels and tables.

    python tests/benchmarks/prove_dialogues.py verify OUT     # violations of all dialogues
    python tests/benchmarks/prove_dialogues.py audible OUT    # both voices, words before, pauses; refusals by reason
    python tests/benchmarks/prove_dialogues.py again OUT      # 8 words of an interrupted turn in the answer after it
    python tests/benchmarks/prove_dialogues.py intents OUT    # kinds of interruption that were asked for and came
    python tests/benchmarks/prove_dialogues.py heard OUT      # the last heard word, by Whisper tiny.en and PocketSphinx
    python tests/benchmarks/prove_dialogues.py phrases OUT    # the largest share of any phrase of its kind
    python tests/benchmarks/prove_dialogues.py show OUT       # dialogues to read
    python tests/benchmarks/prove_dialogues.py all OUT        # the first six, one after the other

`audible` measures by itself: sound is what is within 30 dB of a turn's level, by frames of 10 ms, and silences below 40
ms do not count; the user's clean stem has to be in the shards (shard.keep_clean_user). `again` lets `clarify` and
`repeat` say the turn again. `heard` looks at `--cuts` English cuts, drawn by `--seed`: PocketSphinx is aligned to the
planned text on the line before the cut, Whisper hears the last 12 words of the cut audio alone. Both judge the cuts at
least 120 ms from the end of a word; Whisper those that are four words or more into a sentence, of which it leaves off a
shorter beginning, and where it writes no digits. Whisper completes words: where it ends with the one that the label
says was cut into, that is as labelled, and told apart. A phrase is what a line says, of an interruption that is no turn
of the source its first sentence.

Exit status 1 where a bar is missed: no violation; none below 300 ms, 3 words (cancel: 1) or in a pause; no such run;
2 points; the last word equal in 95 %, a later one never; 2 % (asked of 10,000 dialogues; nods have none).
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from turnmill.manifests.audio import decode
from turnmill.manifests.store import tar_name
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip
from turnmill.pipelines.dataset import Dataset, Sample, open_dataset
from turnmill.pipelines.stage import read_span
from turnmill.pipelines.verification import verify_output
from turnmill.synth.energy import active_level, islands
from turnmill.synth.tokens import runs, tokens
from turnmill.synth.tts.align import sounding
from turnmill.synth.tts.sphinx import PocketsphinxAligner

Pcm = NDArray[np.float32]
Spans = list[tuple[int, int]]
RATE = 24_000
BOTH_S, WORDS, RUN, POINTS, SAME, PHRASE = 0.3, 3, 8, 0.02, 0.95, 0.02
EDGE_S, LAST_WORDS, SENTENCE = 0.12, 12, 4
SAYS_AGAIN = ("clarify", "repeat")
_SENTENCE = re.compile(r"(?<=[.?!。？！])\s*")


@dataclass(frozen=True)
class Interruption:
    """A barge-in of a sample, its target, its own turn, and the turn after it, if any."""

    dialogue: str
    event: Mapping[str, Any]
    target: Mapping[str, Any]
    turn: Mapping[str, Any]
    answer: Mapping[str, Any] | None

    @property
    def intent(self) -> str:
        return str(self.event["intent"])

    @property
    def name(self) -> str:
        return f"{self.dialogue} at {self.event['start']:.2f} s ({self.intent})"


def interruptions(labels: Mapping[str, Any]) -> Iterator[Interruption]:
    turns = labels["turns"]
    places = {turn["index"]: place for place, turn in enumerate(turns)}
    for event in labels["events"]:
        if event["kind"] == "barge_in":
            place = places[event["turn"]]
            answer = next(iter(turns[place + 1 : place + 2]), None)
            yield Interruption(labels["id"], event, turns[places[event["target_turn"]]], turns[place], answer)


def labels_of(data: Dataset) -> Iterator[dict[str, Any]]:
    """The JSON of every dialogue that is in a training shard, without its audio."""
    found = data.sql("SELECT sample FROM dialogues SEMI JOIN dialogue_samples ON id = uid ORDER BY id")
    yield from (json.loads(row) for row in found["sample"].to_pylist())


def verify(data: Dataset, _: argparse.Namespace) -> bool:
    found = verify_output(data.store)
    errors = np.abs(found.onset_error_ms)
    print(f"verify: {found.dialogues} dialogues, {found.hours:.2f} h, {found.checks} checks")
    median, high = np.percentile(errors, (50, 99)) if errors.size else (0.0, 0.0)
    print(f"  {len(found.violations)} violations; onsets off by a median of {median:.1f} ms, p99 {high:.1f} ms")
    for sentence in found.violations[:20]:
        print(f"  {sentence}")
    return not found.violations


def sound_of(stem: Pcm, start: float, end: float) -> Spans:
    """Where a turn that starts and ends at those seconds sounds, in samples of its channel."""
    first, last = round(start * RATE), round(end * RATE)
    level = active_level(stem[first:last])
    found = () if level is None else islands(stem[first:last], level - 30, RATE // 25)
    return [(first + a, first + b) for a, b in found]


def both_voices(item: Interruption, stems: Sequence[Pcm]) -> tuple[float, bool]:
    """Seconds in which both sound from the onset to the stop; and whether the assistant sounds at the onset."""
    start, stop = item.event["start"], item.event["stop"]
    one = sound_of(stems[0], item.target["start"], stop)
    other = sound_of(stems[1], item.turn["start"], item.turn["end"])
    samples = sum(max(min(b, d, round(stop * RATE)) - max(a, c), 0) for a, b in one for c, d in other)
    return samples / RATE, any(a <= round(start * RATE) < b for a, b in one)


def audible(data: Dataset, _: argparse.Namespace) -> bool:
    short, few, paused, times = list[str](), list[str](), list[str](), list[float]()
    for sample in data.samples():
        stems = stems_of(sample)
        for item in interruptions(sample.labels):
            seconds, sounds = both_voices(item, stems)
            times.append(seconds)
            heard = sum(word["end"] <= item.event["start"] for word in item.target["words"])
            short += [f"{item.name}: {seconds:.3f} s"] if seconds < BOTH_S else []
            few += [f"{item.name}: {heard} words"] if heard < (1 if item.intent == "cancel" else WORDS) else []
            paused += [] if sounds else [item.name]
    refused = data.sql("""SELECT why, count(*) AS n FROM unplaced SEMI JOIN dialogue_samples ON dialogue = uid
        WHERE kind = 'barge_in' GROUP BY why ORDER BY n DESC""").to_pylist()
    n, without_room = len(times), sum(row["n"] for row in refused)
    print(f"audible: {n} interruptions; both voices for a median of {np.median(times or [0]):.2f} s")
    for what, found in (("below 300 ms", short), ("too few words before", few), ("in a pause", paused)):
        print(f"  {len(found)} {what} ({len(found) / max(n, 1):.1%}){''.join(f'; {name}' for name in found[:3])}")
    print(f"  {without_room} of {n + without_room} refused ({without_room / max(n + without_room, 1):.1%})")
    for row in refused:
        print(f"    {row['n']:5} {row['why']}")
    return not (short or few or paused)


def stems_of(sample: Sample) -> tuple[Pcm, Pcm]:
    """The assistant's channel and the user's clean stem."""
    return sample.audio()[0][0], decode(sample.files["user.flac"], sample.key).samples[0]


def again(data: Dataset, _: argparse.Namespace) -> bool:
    answered, wrong = 0, list[str]()
    for item in (item for labels in labels_of(data) for item in interruptions(labels)):
        if item.answer is None or item.intent in SAYS_AGAIN:
            continue
        answered += 1
        said = runs(item.target["text"], RUN) & runs(item.answer["text"], RUN)
        wrong += [f"{item.name}: {' '.join(min(said))}"] if said else []
    print(f"again: {len(wrong)} of {answered} answers have {RUN} words in a row of the interrupted turn")
    for name in wrong[:10]:
        print(f"  {name}")
    return not wrong


def intents(data: Dataset, _: argparse.Namespace) -> bool:
    found = json.loads(data.store.read("realism.json"))["interruptions"]
    print("intents: asked, scripted, placed; refused by reason")
    for row in found:
        shares = " ".join(f"{row[name] or 0:7.1%}" for name in ("asked", "scripted_share", "placed_share"))
        print(f"  {row['intent']:10} {shares}  {row['placed']} of {row['scripted']}  {row['unplaced'] or ''}")
    return all(abs((row["placed_share"] or 0) - row["asked"]) <= POINTS for row in found)


@dataclass(frozen=True)
class Cut:
    """An interrupted turn: its line before the cut with its words' [start, end) in seconds of the line, the audio up to
    the stop without the `skipped` first words, and where in the line the fade begins."""

    item: Interruption
    line: Pcm
    words: Sequence[tuple[float, float]]
    audio: Pcm
    skipped: int
    at: float

    @cached_property
    def heard(self) -> int:
        return len(sounding(self.item.target["text_heard"]))

    @property
    def into_sentence(self) -> int:
        """How many words of its last sentence are heard."""
        return len(sounding(_SENTENCE.split(self.item.target["text_heard"])[-1]))

    @property
    def from_an_end(self) -> float:
        return min(abs(end - self.at) for _, end in self.words)


class Lines:
    """The speech of a run, by dialogue and turn."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        [maker] = data.index.makers("speech")
        self.fingerprint = maker.fingerprint

    def line(self, dialogue: str, turn: int) -> tuple[Pcm, int, list[tuple[float, float]]] | None:
        """A turn's audio, its rate and words' times, where it is one line."""
        [script] = self.data.sql(
            f"SELECT script FROM dialogues WHERE id = '{dialogue.replace(chr(39), chr(39) * 2)}'"
        ).to_pylist()
        name = script["script"].replace("'", "''")
        rows = self.data.sql(
            f"""SELECT shard, "offset", size, speech.words, sample_rate FROM speech JOIN lines USING (line)
                WHERE speech.dialogue = '{name}' AND turn = {turn} AND role = 'turn'"""
        ).to_pylist()
        if len(rows) != 1:
            return None
        [row] = rows
        with self.data.store.open(tar_name("speech", self.fingerprint, row["shard"])) as tar:
            pcm = decode(read_span(tar, row["offset"], row["size"]), dialogue).samples[0]
        return pcm, row["sample_rate"], [(word["start"], word["end"]) for word in row["words"]]


def cuts(data: Dataset, wanted: int, seed: int) -> Iterator[Cut]:
    """So many English cuts of turns that are one line whose words have times, dialogues drawn by the seed."""
    rng, lines, left = np.random.default_rng(seed), Lines(data), wanted
    english = [labels for labels in labels_of(data) if labels["language"].startswith("en")]
    for place in rng.permutation(len(english)):
        labels = english[place]
        found = [item for item in interruptions(labels) if item.target["words"]]
        stem = data.audio(labels["id"])[0][0] if found else np.zeros(0, np.float32)
        for item in found[: max(left, 0)]:
            line = lines.line(labels["id"], item.target["index"])
            if line is None or len(line[2]) != len(sounding(item.target["text"])):
                continue
            left -= 1
            first, stop = item.target["words"][0], item.event["stop"]
            shift = line[2][0][1] - first["end"]
            skipped = max(len(item.target["words"]) - LAST_WORDS, 0)
            audio = stem[round((item.target["words"][skipped]["start"] - 0.02) * RATE) : round(stop * RATE)]
            whole, at = soxr.resample(line[0], line[1], RATE), stop - item.event["fade"] + shift
            yield Cut(item, whole, line[2], audio, skipped, at)


def by_whisper(cut: Cut, written: str) -> int:
    """How many words of the planned text it has up to where it differs least, letter by letter, from what is
    written."""
    words = [
        "".join(c for c in word.lower() if c.isalnum()) for word in sounding(cut.item.target["text"])[cut.skipped :]
    ]
    letters, said = "".join(words), [c for c in written.lower() if c.isalnum()]
    row = np.arange(len(letters) + 1)
    for count, letter in enumerate(said, 1):
        kept = np.concatenate(([count], np.minimum(row[1:] + 1, row[:-1] + [letter != own for own in letters])))
        row = np.minimum.accumulate(kept - np.arange(len(row))) + np.arange(len(row))
    count = np.searchsorted(np.cumsum([len(word) for word in words]), int(row.argmin()), "right")
    return cut.skipped + int(count)


def heard(data: Dataset, asked: argparse.Namespace) -> bool:
    found = list(cuts(data, asked.cuts, asked.seed))
    if not found:
        print("heard: no English cut")
        return True
    aligner, recogniser = PocketsphinxAligner(), Recognizer("tiny.en", compute_type="int8")
    clips = [Clip(soxr.resample(cut.audio, RATE, SAMPLE_RATE).astype(np.float32), language="en") for cut in found]
    written = [transcript.text for transcript in recogniser.transcribe(clips)]
    whisper = [
        None if cut.into_sentence < SENTENCE or re.search(r"\d", text) else by_whisper(cut, text)
        for cut, text in zip(found, written, strict=True)
    ]
    aligned = [aligner.align(cut.line, RATE, cut.item.target["text"], "en") for cut in found]
    sphinx = [
        None if ends is None else sum(word.end <= cut.at for word in ends)
        for cut, ends in zip(found, aligned, strict=True)
    ]
    print(f"heard: {len(found)} cuts, {aligned.count(None)} that PocketSphinx cannot align")
    return all(
        [
            judged("PocketSphinx", found, sphinx, ()),
            judged("tiny.en", found, whisper, written),
        ]
    )


def judged(name: str, found: Sequence[Cut], said: Sequence[int | None], written: Sequence[str]) -> bool:
    """Print what one of the two says; whether it keeps within the bars."""
    kinds, others = Counter[str](), dict[str, list[str]]({"later": [], "earlier": []})
    for place, (cut, count) in enumerate(zip(found, said, strict=True)):
        if count is None or cut.from_an_end < EDGE_S:
            continue
        begun = count == cut.heard + 1 and cut.item.event["cut_word"] is not None and bool(written)
        kind = "begun" if begun else ("earlier", "equal", "later")[int(np.sign(count - cut.heard)) + 1]
        kinds[kind] += 1
        if kind in others:
            ours = tokens(cut.item.target["text_heard"])[-3:]
            others[kind].append(
                f"{cut.item.name}: {count} words, not {cut.heard} {ours} {written[place] if written else ''}"
            )
    n = max(kinds.total(), 1)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("equal", "begun", "earlier", "later"))
    as_labelled = (kinds["equal"] + kinds["begun"]) / n
    print(f"  {name}: {kinds.total()} decided; {counts}; {as_labelled:.1%} as labelled")
    for line in [*others["later"][:5], *others["earlier"][:5]]:
        print(f"    {line}")
    return not others["later"] and as_labelled >= SAME


def phrases(data: Dataset, _: argparse.Namespace) -> bool:
    said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in data.sql("SELECT role, language, text FROM lines WHERE role <> 'turn'").to_pylist():
        said[row["language"], row["role"]][row["text"]] += 1
    for labels in labels_of(data):
        written = {turn["index"]: text for turn, text in zip(labels["turns"], labels["source"]["written"], strict=True)}
        for item in interruptions(labels):
            if written[item.turn["index"]] is None:
                opening = _SENTENCE.split(item.turn["text"])[0]
                said[labels["language"], f"interruption: {item.intent}"][opening] += 1
                said[labels["language"], "interruption"][opening] += 1
    good = True
    print("phrases: the most frequent of each kind")
    for (language, kind), counts in sorted(said.items()):
        [(phrase, most)] = counts.most_common(1)
        share, barred = most / counts.total(), kind in ("interruption", "side_talk", "third_party")
        good &= not barred or share <= PHRASE
        print(f"  {language} {kind:22} {share:6.1%} of {counts.total():5}, {len(counts):4} different: {phrase!r}")
    return good


def show(data: Dataset, asked: argparse.Namespace) -> bool:
    """Print dialogues as one would read them."""
    ids = data.sql("SELECT id FROM dialogues SEMI JOIN dialogue_samples ON id = uid ORDER BY id")["id"].to_pylist()
    drawn = set(np.random.default_rng(asked.seed).permutation(ids)[: asked.count].tolist())
    print(f"python tests/benchmarks/prove_dialogues.py show OUT --count {asked.count} --seed {asked.seed}")
    for labels in labels_of(data):
        if labels["id"] in drawn:
            print("\n".join(readable(labels)))
    return True


def readable(labels: Mapping[str, Any]) -> Iterator[str]:
    """Turns and what falls into them, a line each, in the order of their start."""
    yield f"\n=== {labels['id']} ({labels['language']}, {labels['source']['corpus']}, {labels['duration']:.0f} s)"
    lines = [(turn["start"], turn_line(labels, turn)) for turn in labels["turns"]]
    for event in labels["events"]:
        if event["target_turn"] is not None and event["turn"] is None:
            lines.append((event["start"], f"      [{event['kind']}] {event['text'] or ''}{within(labels, event)}"))
    yield from (f"{start:6.1f} {line}" for start, line in sorted(lines))


def turn_line(labels: Mapping[str, Any], turn: Mapping[str, Any]) -> str:
    notes = [str(turn[name]) for name in ("emotion", "style") if turn.get(name)]
    notes += ["misheard"] if turn.get("misheard") else []
    notes += [f"interrupts: {item.intent}" for item in interruptions(labels) if item.turn is turn]
    unsaid = turn["text"][len(turn["text_heard"]) :]
    who = f"{'A' if turn['speaker'] == 'assistant' else '      U'}{f' ({chr(44).join(notes)})' if notes else ''}"
    tool = f" {{{turn['tool']['call']} -> {turn['tool']['observation']}}}" if turn["tool"] else ""
    return f"{who}: {turn['text_heard']}{f' ⟂ ~~{unsaid.strip()}~~' if unsaid else ''}{tool}"


def within(labels: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """After which words of the turn that it meets an event begins."""
    turn = next((turn for turn in labels["turns"] if turn["index"] == event["target_turn"]), None)
    before = [word["word"] for word in turn["words"] if word["end"] <= event["start"]] if turn else []
    return f"   (after {' '.join(before[-4:])!r})" if before else ""


PROOFS = {"verify": verify, "audible": audible, "again": again, "intents": intents, "heard": heard, "phrases": phrases}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*PROOFS, "show", "all"])
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--count", type=int, default=20, help="dialogues to show")
    asked = parser.parse_args()
    data = open_dataset(asked.out)
    chosen = list(PROOFS.values()) if asked.what == "all" else [{**PROOFS, "show": show}[asked.what]]
    good = [proof(data, asked) for proof in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
