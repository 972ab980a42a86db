"""The turn-taking of 5,000 planned turns per preset against what the preset promises, and against human telephone talk.

    python tests/benchmarks/bench_realism.py [TURNS]

The planner alone: lines are made up from drawn lengths. IPUs are as long as those of Switchboard (Levinson & Torreira
2015: median 1.227 s, mean 1.680 s); pauses between them, which that paper does not give, are log-normal with median
0.45 s and sigma 0.6 from 0.2 s on, a turn has two IPUs on average (geometric), and a clause ends every 6 words. About
5 backchannels a minute are placed: nearly a fifth of all contributions are some (docs/turn-taking.md), and they stand
for all other overlap within turns as well.

Bars: W1 to the preset at most 20 ms and the share of overlaps within 2 points, per direction where they differ; for the
preset `telephone`, which is made after human talk, seconds of IPUs, pauses, gaps and overlaps per minute within 10 % of
Fisher's. Ours fill the minute from first to last speech, those published 58.4 s of it, so they are scaled to that.
Exit status 1 where a bar is missed.
"""

import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn, generator
from turnmill.synth.acoustics import Acoustics
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.distributions import LogNormal
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.planning.spoken import LineWord, SpokenLine
from turnmill.synth.duplex.talk.distances import Values, w1, w1_by_chance
from turnmill.synth.duplex.talk.published import PUBLISHED
from turnmill.synth.duplex.talk.turn_taking import Activity, Intervals, talk
from turnmill.synth.duplex.timeline import Timeline
from turnmill.synth.duplex.timing import PRESETS, Timing, timing
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.tts.engines.espeak import ESPEAK

W1_MS, P_OVERLAP, PER_MINUTE = 20.0, 0.02, 0.10
FISHER = next(item.figures for item in PUBLISHED if item.name == "Fisher")
FILLED = 60 / (FISHER["ipu_s_min"] - FISHER["overlap_s_min"] + FISHER["pause_s_min"] + FISHER["gap_s_min"])
TURNS_OF_A_DIALOGUE = 12
IPU = LogNormal(median=1.227, sigma=math.sqrt(2 * math.log(1.680 / 1.227)), low=0.15, high=12.0)
PAUSE = LogNormal(median=0.45, sigma=0.6, low=0.2, high=4.0)
P_MORE = 0.5
# Nothing but turns and backchannels; of those that are asked for some find no place.
TALK = Interaction(
    barge_in=0.0,
    hesitation=0.0,
    silence_timeout=0.0,
    balance=0.0,
    backchannels_per_minute=6,
    assistant_backchannels_per_minute=6,
)
_WORD_S = 0.3
_CLAUSE = 6  # words


@dataclass
class Figures:
    """What the planned dialogues of one preset are like."""

    activity: Activity = field(default_factory=Activity)
    offsets: dict[int, list[float]] = field(default_factory=lambda: {ASSISTANT: [], USER: []})
    turns: int = 0
    nods: int = 0
    unplaced: int = 0


def made_up(rng: np.random.Generator, name: str) -> tuple[TextDialogue, list[list[float]]]:
    """A dialogue of turns with a comma at the end of each IPU, and the lengths of the IPUs of each turn in s."""
    turns, lengths = [], []
    for index in range(TURNS_OF_A_DIALOGUE):
        mine = [IPU.draw(rng)]
        while rng.random() < P_MORE:
            mine.append(IPU.draw(rng))
        turns.append(TextTurn("assistant" if index % 2 else "user", " ".join(words_of(sum(map(n_words, mine))))))
        lengths.append(mine)
    return TextDialogue(name, tuple(turns), "en", "bench", Licence("CC0-1.0", True, True)), lengths


def n_words(length: float) -> int:
    return max(round(length / _WORD_S), 1)


def words_of(count: int) -> list[str]:
    return ["talk," if n % _CLAUSE == _CLAUSE - 1 else "talk" for n in range(count - 1)] + ["talk."]


def spoken(text: str, lengths: list[float], rng: np.random.Generator) -> SpokenLine:
    """A line of IPUs of those lengths, its words evenly over them, as if it had been measured."""
    words, islands, at = [], [], RATE // 50
    left = text.split()
    for length in lengths:
        said, left = left[: n_words(length)], left[n_words(length) :]
        edges = at + np.round(np.linspace(0, length * RATE, len(said) + 1)).astype(int)
        words += [LineWord(w, int(s), int(e)) for w, s, e in zip(said, edges, edges[1:], strict=False)]
        islands.append((at, int(edges[-1])))
        at = int(edges[-1]) + round(PAUSE.draw(rng) * RATE)
    return SpokenLine(islands[-1][1] + RATE // 50, tuple(words), tuple(islands), -23.0, -6.0)


def lines_of(script: Script, lengths: list[list[float]], rng: np.random.Generator) -> dict[str, SpokenLine]:
    lines = {}
    for line in script.lines:
        nod = line.role == "backchannel"
        drawn = [float(rng.uniform(0.25, 0.75))] if nod else lengths[line.turn]
        lines[line.id] = spoken(line.text, drawn, rng)
    return lines


def activity_of(timeline: Timeline, channel: int) -> Intervals:
    spans = [
        (item.word.start, item.word.end)
        for item in timeline.words[channel]
        if item.word.start is not None and item.word.end is not None
    ]
    return np.array(spans, np.int64).reshape(-1, 2)


def simulate(timed: Timing, turns: int) -> Figures:
    found, n = Figures(), 0
    while found.turns < turns:
        rng = generator(0, f"bench {n}", "made up")
        dialogue, lengths = made_up(rng, f"bench {n}")
        script = write_script(dialogue, TALK, ESPEAK, "train", 0)
        timeline = plan_timeline(script, lines_of(script, lengths, rng), timed, lambda _: Acoustics(), 0)
        assert not isinstance(timeline, Reject)
        for turn in timeline.turns:
            if turn.fto is not None:
                found.offsets[turn.channel].append(turn.fto / RATE)
        found.activity.add(talk(activity_of(timeline, ASSISTANT), activity_of(timeline, USER)))
        found.turns += len(timeline.turns)
        found.nods += sum("backchannel" in event.kind for event in timeline.events)
        found.unplaced += len(timeline.unplaced)
        n += 1
    return found


def report(preset: str, found: Figures, timed: Timing) -> bool:
    """Print the figures of a preset; whether they keep within the bars."""
    good = True
    to_assistant, to_user = timed.user_to_assistant, timed.assistant_to_user
    parts = {"user_to_assistant": (to_assistant, [ASSISTANT]), "assistant_to_user": (to_user, [USER])}
    if to_assistant == to_user:
        parts = {"both directions": (to_assistant, [ASSISTANT, USER])}
    for name, (transfer, channels) in parts.items():
        offsets = np.concatenate([found.offsets[channel] for channel in channels])
        distance = 1000 * (w1(transfer, Values.of(offsets)) or 0.0)
        share = float((offsets < 0).mean())
        kept = distance <= W1_MS and abs(share - transfer.p_overlap) <= P_OVERLAP
        good &= kept
        print(
            f"  {name:18} {len(offsets):5} offsets, W1 {distance:.1f} ms (independent draws: "
            f"{1000 * w1_by_chance(transfer, len(offsets)):.1f} ms), overlaps {share:.3f} of {transfer.p_overlap:.3f}"
            f"{'' if kept else '  MISSED'}"
        )
    fisher = {key: value * FILLED for key, value in FISHER.items()}
    figures = found.activity.figures()
    for key in ("ipu", "pause", "gap", "overlap"):
        ours, theirs = figures[key]["seconds_per_minute"], fisher[f"{key}_s_min"]
        kept = abs(ours / theirs - 1) <= PER_MINUTE or preset != "telephone"
        good &= kept
        count = figures[key]["count_per_minute"]
        print(
            f"  {key:18} {ours:5.1f} s per minute, Fisher {theirs:4.1f} ({ours / theirs - 1:+.0%}), "
            f"{count:.1f} a minute{'' if kept else '  MISSED'}"
        )
    rate = found.nods / found.activity.minutes
    print(
        f"  {figures['within_share_of_overlap']:.0%} of overlap within turns; {rate:.1f} backchannels a minute, "
        f"{found.unplaced} left out"
    )
    return good


def main() -> int:
    turns, good = int(sys.argv[1]) if len(sys.argv) > 1 else 5000, True
    for preset in PRESETS:
        started, timed = time.process_time(), timing(preset)
        found = simulate(timed, turns)
        print(f"{preset}: {found.turns} turns, {found.activity.minutes:.0f} min, {time.process_time() - started:.1f} s")
        good &= report(preset, found, timed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
