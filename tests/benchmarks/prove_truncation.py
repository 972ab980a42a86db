"""Proof that `text_heard` ends with the last word that is whole in the cut audio, and with no other.

    python tests/benchmarks/prove_truncation.py [TURNS]

The quickstart's texts are spoken by espeak and interrupted, in several takes and by several seeds. Of each interrupted
turn the assistant's channel is read back from the 16-bit file, from the turn's start to the barge-in's `stop`. Which
words are whole in it is asked of four who are told the planned text at most, never `text_heard`:

  espeak    its own phoneme events: exact, but for words that it speaks as one ("of the"), where it tells the last of
            them at the earliest and at the latest
  sphinx    PocketSphinx aligned to the planned text on the line before the cut. What is before the fade is the same
            samples in both, which is checked here
  voices    the cut audio alone: how far it gets in the planned text as three other voices say it, by dynamic time
            warping with an open end, the median of the three
  whisper   Whisper tiny.en on the cut audio alone: the beginning of the planned text that is nearest to what it
            writes. It knows nothing of durations, and completes words of which it heard the most

An aligner cannot tell on which side of a word's end a cut lies that is nearer to it than its own error. So the bar is
set on the cuts that it can decide: those further from the end of any word than the 99th percentile of its error, which
is measured here against espeak's times; the figures of all cuts stand beside it.

Bars: of espeak, the same last word in all cuts. Of sphinx and voices, in the cuts they can decide: the same last word
in 99 %, a later word in none. The file is the line up to the end of the last heard word, to 2 of its 16-bit steps, and
silent after the stop. Exit status 1 where one is missed.
"""

import io
import json
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.synth.lines import engine_lines
from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn
from turnmill.manifests.samples import DIALOGUE, to_json
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip
from turnmill.synth.acoustics import Acoustics, Pools
from turnmill.synth.channels import ASSISTANT, RATE
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.rendering.labels import sample_json
from turnmill.synth.duplex.rendering.material import Pcm, spoken_material
from turnmill.synth.duplex.rendering.render import render
from turnmill.synth.duplex.timing import timing
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.speech import Line, Speech, SpeechError, Word
from turnmill.synth.tokens import spans as token_spans
from turnmill.synth.tts.align import sounding
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine
from turnmill.synth.tts.engines.espeak.engine import utter
from turnmill.synth.tts.sphinx import PocketsphinxAligner

TEXTS = Path(__file__).parents[2] / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
INTERRUPTED = Interaction(barge_in=0.9, balance=0, silence_timeout=0)
TAKES = 2
"""Of each dialogue and seed: the same speech, interrupted elsewhere."""
OTHERS = ("espeak-en-us-bella", "espeak-en-us-carl", "espeak-en-us-nora")
SAME, PERCENTILE = 0.99, 99
_STEPS = 2 / 32_768
_LOUD = 10 ** (-50 / 20)  # below it, nothing of a word is heard
_ESPEAK_HZ = 22_050
_HOP, _WINDOW, _FFT, _BANDS, _CEPSTRA = RATE // 100, RATE // 40, 1024, 40, 13

Spoken = Mapping[str, tuple[Pcm, tuple[Word, ...]]]


@dataclass(frozen=True)
class Uncut:
    """A line as it was before any cut, with espeak's times of its words. `sphinx` are the ends of the words that
    PocketSphinx found in seconds; `others` the features of the text in other voices, with the ends of its words."""

    text: str
    voice: str
    pcm: Pcm
    words: tuple[Word, ...]
    sphinx: NDArray[np.float64]
    others: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]


@dataclass(frozen=True)
class Cut:
    """An interrupted turn. `audio` is what the file has from the turn's start to the stop and 100 ms after it; the
    others are samples from the start of the line: where `audio` starts, where the last heard word ends, and the fade.
    """

    name: str
    line: Uncut
    heard: int
    audio: Pcm
    first: int
    said_to: int
    fade_from: int
    stop: int

    @property
    def distance(self) -> float:
        """From the cut to the nearest end of a word in seconds."""
        return min(abs(word.end - self.fade_from / RATE) for word in self.line.words)


@dataclass
class Verdicts:
    """What one of the four says: of each cut the fewest and most words that it finds whole; its errors in seconds."""

    fewest: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def add(self, fewest: int, most: int | None = None) -> None:
        self.fewest.append(fewest)
        self.most.append(fewest if most is None else most)

    @property
    def tolerance(self) -> float:
        return float(np.percentile(np.abs(self.errors), PERCENTILE)) if self.errors else 0.0


class Lines:
    """The uncut lines, each judged once."""

    def __init__(self, engine: EspeakEngine) -> None:
        self.engine, self.sphinx = engine, PocketsphinxAligner()
        self.known: dict[tuple[str, str], Uncut | None] = {}

    def line(self, text: str, voice: str, pcm: Pcm, words: tuple[Word, ...]) -> Uncut | None:
        """None where PocketSphinx cannot align it, or a voice leaves a word out."""
        if (text, voice) not in self.known:
            self.known[text, voice] = self._line(text, voice, pcm, words)
        return self.known[text, voice]

    def _line(self, text: str, voice: str, pcm: Pcm, words: tuple[Word, ...]) -> Uncut | None:
        aligned = self.sphinx.align(pcm, RATE, text, "en")
        said = self.engine.synthesize([Line(name, text, name, "en", 0) for name in OTHERS])
        others = [speech for speech in said if isinstance(speech, Speech)]
        counts = {len(words), len(sounding(text)), *(len(speech.words or ()) for speech in others)}
        if aligned is None or len(counts) > 1 or len(others) < len(OTHERS):
            return None
        features = tuple((cepstra(s.pcm), np.array([word.end for word in s.words or ()])) for s in others)
        return Uncut(text, voice, pcm, words, np.array([word.end for word in aligned]), features)


def scripts(engine: EspeakEngine, seed: int) -> Iterator[tuple[Script, Spoken]]:
    """Each text with its interruptions, and its lines as spoken."""
    licence = Licence("CC0-1.0", True, True)
    for row in map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines()):
        turns = tuple(TextTurn(message["role"], message["content"]) for message in row["messages"])
        dialogue = TextDialogue(row["id"], turns, "en", "quickstart", licence, row["scenario"])
        script = write_script(dialogue, INTERRUPTED, ESPEAK, "train", seed)
        said = zip(script.lines, engine.synthesize(engine_lines(script)), strict=True)
        yield script, {line.id: (s.pcm, s.words or ()) for line, s in said if not isinstance(s, SpeechError)}


def cuts(script: Script, speech: Spoken, take: int, lines: Lines) -> Iterator[Cut | None]:
    """The interrupted turns of a take, from its labels and its file; None for one that cannot be judged."""
    material = spoken_material(script, speech)
    timeline = plan_timeline(script, material.lines, timing(), lambda _: Acoustics(), take)
    assert not isinstance(timeline, Reject)
    rendered = render(timeline, material.pcm, Pools())
    sample = json.loads(to_json(sample_json(script, timeline, rendered.fitted, script.id), DIALOGUE))
    file = io.BytesIO()
    soundfile.write(file, rendered.channels.T, RATE, format="FLAC", subtype="PCM_16")
    stem = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")[0][:, ASSISTANT]
    turns = {turn["index"]: turn for turn in sample["turns"]}
    for event in sample["events"]:
        if event["kind"] != "barge_in":
            continue
        turn = turns[event["target_turn"]]
        spoken = script.turns[turn["index"]].lines[0]
        line = lines.line(turn["text"], turn["voice"], *speech[spoken])
        heard = turn["words"][-1]["end"] if turn["words"] else turn["start"]
        start, said_to, stop = (round(at * RATE) for at in (turn["start"], heard, event["stop"]))
        first = material.lines[spoken].speech_start
        if line is None:
            yield None
            continue
        yield Cut(
            name=f"{script.id} seed {script.seed} take {take} turn {turn['index']}",
            line=line,
            heard=len(sounding(turn["text_heard"])),
            audio=stem[start : stop + RATE // 10],
            first=first,
            said_to=first + said_to - start,
            fade_from=first + stop - start - round(event["fade"] * RATE),
            stop=first + stop - start,
        )


def as_written(cut: Cut) -> bool:
    """Whether the file is the line up to the end of the last heard word, and silent after the stop."""
    said, line = cut.audio[: cut.said_to - cut.first], cut.line.pcm[cut.first : cut.said_to]
    gain = float(np.dot(said, line) / np.dot(line, line)) if line.any() else 0.0
    after = cut.audio[cut.stop - cut.first :]
    return bool(np.abs(said - gain * line).max(initial=0.0) <= _STEPS and not after.any())


def by_espeak(cut: Cut) -> tuple[int, int]:
    """The fewest and the most words that are whole before the fade, by the events of espeak."""
    settings = ESPEAK.voices[cut.line.voice].settings
    assert settings is not None
    text, said = cut.line.text, utter(cut.line.text, settings)
    places = token_spans(text)
    sounds = np.cumsum([any(character.isalnum() for character in text[a:b]) for a, b in places])
    before = [int(sounds[bisect_right([a for a, _ in places], at) - 1]) - 1 for at, _ in said.words]
    fade_from = said.words[0][1] + (cut.fade_from / RATE - cut.line.words[0].start) * _ESPEAK_HZ
    starts = [start for _, start in said.words]
    for index, (start, limit) in enumerate(zip(starts, [*starts[1:], len(said.pcm)], strict=True)):
        loud = np.flatnonzero(np.abs(said.pcm[start:limit].astype(np.float32)) > _LOUD * 32_768)
        if loud.size and start + int(loud[-1]) + 1 > fade_from + 1:  # one sample for the change of rate
            following = before[index + 1] if index + 1 < len(before) else int(sounds[-1])
            return before[index], max(following - 1, before[index])
    return int(sounds[-1]), int(sounds[-1])


def cepstra(pcm: Pcm) -> NDArray[np.float64]:
    """13 mel cepstra and their slopes in frames of 25 ms each 10 ms, less their mean and over their deviation."""
    frames = np.lib.stride_tricks.sliding_window_view(pcm, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), _FFT)) ** 2 @ _filters()
    logs = np.maximum(np.log(power + 1e-9), np.log(power.max()) - 11.0)
    found = scipy.fft.dct(logs, axis=1, norm="ortho")[:, :_CEPSTRA]
    both = np.hstack((found, np.gradient(found, axis=0)))
    return (both - both.mean(0)) / both.std(0) * np.repeat((1.0, 0.7), _CEPSTRA)  # type: ignore[no-any-return]


def _filters() -> NDArray[np.float64]:
    """Triangles, evenly on the mel scale up to 8 kHz: [bins, bands]."""
    edges = 700 * (10 ** (np.linspace(0, np.log10(1 + 8000 / 700), _BANDS + 2)) - 1) / RATE * _FFT
    bins = np.arange(_FFT // 2 + 1)[:, None]
    rise, fall = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(np.minimum(rise, fall), 0.0)


def reached(said: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each frame of what is said: where it ends in the reference, in seconds, if nothing comes after it. At each
    step the reference goes on by none, one or two frames."""
    costs = cdist(said, reference)
    best = np.full(len(reference) + 2, np.inf)
    best[2:5] = costs[0, :3]
    ends = np.empty(len(said))
    for index, cost in enumerate(costs):
        if index:
            best[2:] = cost + np.minimum(np.minimum(best[2:], best[1:-1]), best[:-2])
        ends[index] = int(best[2:].argmin())
    return (ends * _HOP + _WINDOW) / RATE


def by_voices(pcm: Pcm, line: Uncut, at: Sequence[float]) -> NDArray[np.float64]:
    """How many words, and what part of the next, are said at those seconds of `pcm`, which begins as the line does."""
    said, found = cepstra(pcm), []
    frames = np.clip(np.round((np.array(at) * RATE - _WINDOW) / _HOP).astype(int), 0, len(said) - 1)
    for reference, ends in line.others:
        edges = np.concatenate(([0.0], ends))
        found.append(np.interp(reached(said, reference)[frames], edges, np.arange(len(edges))))
    return np.median(found, axis=0)  # type: ignore[no-any-return]


def by_whisper(text: str, written: str) -> int:
    """How many words of `text` the beginning of it has that differs least, letter by letter, from what is written."""
    words = ["".join(c for c in word.lower() if c.isalnum()) for word in sounding(text)]
    letters, said = "".join(words), [c for c in written.lower() if c.isalnum()]
    row = np.arange(len(letters) + 1)
    for count, letter in enumerate(said, 1):
        kept = np.concatenate(([count], np.minimum(row[1:] + 1, row[:-1] + [letter != own for own in letters])))
        row = np.minimum.accumulate(kept - np.arange(len(row))) + np.arange(len(row))
    return int(np.searchsorted(np.cumsum([len(word) for word in words]), int(row.argmin()), "right"))


def judge(found: Sequence[Cut]) -> dict[str, Verdicts]:
    """What each of the four says of each cut."""
    verdicts = {name: Verdicts() for name in ("espeak", "sphinx", "voices", "whisper")}
    for line in {id(cut.line): cut.line for cut in found}.values():
        ends = [word.end for word in line.words]
        verdicts["sphinx"].errors += (line.sphinx - ends).tolist()
        # A part of a word in seconds of that word: the time by which the end that is found is off.
        lengths = np.array([word.end - word.start for word in line.words])
        off = by_voices(line.pcm, line, ends) - np.arange(1, len(ends) + 1)
        verdicts["voices"].errors += (off * np.where(off > 0, np.append(lengths[1:], 0.0), lengths)).tolist()
    recogniser = Recognizer("tiny.en", compute_type="int8")
    clips = [Clip(soxr.resample(cut.audio, RATE, SAMPLE_RATE).astype(np.float32), language="en") for cut in found]
    for cut, heard in zip(found, recogniser.transcribe(clips), strict=True):
        seconds = cut.fade_from / RATE
        verdicts["espeak"].add(*by_espeak(cut))
        verdicts["sphinx"].add(int(np.count_nonzero(cut.line.sphinx <= seconds)))
        # As much silence before it as the line has, and nothing of the fade.
        audio = np.concatenate((np.zeros(cut.first, np.float32), cut.audio[: cut.fade_from - cut.first]))
        verdicts["voices"].add(int(by_voices(audio, cut.line, [seconds])[0] + 1e-9))
        verdicts["whisper"].add(by_whisper(cut.line.text, heard.text))
    return verdicts


def report(name: str, found: Sequence[Cut], verdicts: Verdicts) -> bool:
    """Print a row of the table; whether it keeps within its bar."""
    heard = np.array([cut.heard for cut in found])
    later, earlier = np.array(verdicts.fewest) > heard, np.array(verdicts.most) < heard
    decided = np.array([cut.distance for cut in found]) > verdicts.tolerance
    error = "exact" if name == "espeak" else "-"
    if verdicts.errors:
        median, high = np.percentile(1000 * np.abs(verdicts.errors), (50, PERCENTILE))
        error = f"{median:.0f} / {high:.0f}"
    cells = [f"  {name:8} {error:>10}"]
    for among in (np.ones(len(found), np.bool_), decided):
        same = 1 - float((later | earlier)[among].mean())
        cells.append(f"{among.sum():6} {same:7.2%} {later[among].sum():6} {earlier[among].sum():8}")
    print(" |".join(cells))
    wrong = (later | earlier) & decided
    if name == "whisper":
        return True
    for cut in (cut for cut, bad in zip(found, wrong, strict=True) if bad):
        print(f"           {cut.name}: {cut.heard} words, cut {1000 * cut.distance:.0f} ms from the end of one")
    return not (later & decided).any() and float(wrong.sum()) <= (0 if name == "espeak" else 1 - SAME) * decided.sum()


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    started, engine = time.process_time(), EspeakEngine(ESPEAK.voices)
    lines, found, left_out, seeds = Lines(engine), list[Cut](), 0, 0
    while len(found) < wanted:
        for script, speech in scripts(engine, seeds):
            for take in range(TAKES):
                made = list(cuts(script, speech, take, lines))
                found += [cut for cut in made if cut is not None]
                left_out += made.count(None)
        seeds += 1
    found = found[:wanted]
    verdicts, written = judge(found), [as_written(cut) for cut in found]
    as_one = sum(a < b for a, b in zip(verdicts["espeak"].fewest, verdicts["espeak"].most, strict=True))
    distances = [1000 * cut.distance for cut in found]
    n_lines = len({id(cut.line) for cut in found})
    print(
        f"{len(found)} interrupted turns of {n_lines} lines, {seeds} seeds of {TAKES} takes; "
        f"{left_out} left out, for which an aligner has no times; {time.process_time() - started:.0f} s of CPU"
    )
    print(f"  {sum(written)} files are their line up to the last heard word and silent after the stop")
    print(f"  {as_one} cuts lie in words that espeak speaks as one")
    print(f"  from the cut to the nearest end of a word: median {np.median(distances):.0f} ms")
    print(f"  {'':8} {'error, ms':>10} |    all    same  later  earlier | decidable same  later  earlier")
    good = [report(name, found, verdict) for name, verdict in verdicts.items()]
    return 0 if all(good) and all(written) else 1


if __name__ == "__main__":
    sys.exit(main())
