"""What a vote of recognisers is worth on human speech whose words are known.

    python tests/benchmarks/prove_consensus.py hear              # each recogniser hears each clip, once (minutes)
    python tests/benchmarks/prove_consensus.py errors            # of each by itself and of votes; what support tells
    python tests/benchmarks/prove_consensus.py weights           # SHARE and SILENCE, chosen on half of the speakers
    python tests/benchmarks/prove_consensus.py faults            # planted faults found, good clips lost
    python tests/benchmarks/prove_consensus.py text              # what becomes of a wrong word where the text votes too

Needs ../shared/data, the models, and for `sphinx` pocketsphinx (`turnmill doctor`). What was heard is kept in --heard.
Intervals are of 95 %, by 5,000 paired draws of clips. Asserts nothing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.prove_transcripts import DATA, Pcm, librispeech, narrow, speech_of, vctk  # noqa: E402
from turnmill.pipelines.asr import consensus as rover  # noqa: E402
from turnmill.pipelines.asr.consensus import Consensus, Voice, consensus  # noqa: E402
from turnmill.pipelines.asr.errors import errors, tokens  # noqa: E402
from turnmill.pipelines.asr.recognizer import Recognizer  # noqa: E402
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip  # noqa: E402
from turnmill.pipelines.asr.words import Word  # noqa: E402

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spoken:
    corpus: str
    name: str
    speaker: str
    language: str
    text: str
    pcm: Pcm


def spoken() -> Iterator[Spoken]:
    for name, pcm, text in librispeech():
        yield Spoken("test-other", name, name.split("-")[0], "en", text, pcm)
    for line in (DATA / "LJSpeech-1.1" / "metadata.csv").read_text("utf-8").splitlines():
        name, _, text = line.split("|")
        path = DATA / "LJSpeech-1.1" / "wavs" / f"{name}.wav"
        if path.is_file():
            yield Spoken("LJSpeech", name, "LJ", "en", text, narrow(path))
    for name, pcm, text in vctk():
        yield Spoken("VCTK", name, name.split("_")[0], "en", text, pcm)
    for folder in sorted((DATA / "multilingual").iterdir()):
        text = (folder / "trans.txt").read_text("utf-8").split("\t", 1)[1].strip()
        yield Spoken("multilingual", folder.name, folder.name, folder.name[:2], text, narrow(folder / "audio.wav"))


# --- recognisers: by name, what makes one and whether it knows other languages than English -------------------------

Hears = Callable[[Pcm, str], Voice]


def whisper(model: str, beam: int = 5) -> Hears:
    recognizer = Recognizer(model, device="cpu", compute_type="int8", beam_size=beam)

    def hear(pcm: Pcm, language: str) -> Voice:
        (heard,) = recognizer.transcribe([Clip(pcm, speech_of(pcm), language)])
        return Voice(heard.text, heard.words)

    return hear


def sphinx() -> Hears:
    """Its US English model; a word's probability is its posterior."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
    log = decoder.logmath

    def hear(pcm: Pcm, _: str) -> Voice:
        decoder.start_utt()
        decoder.process_raw((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        words = [
            Word(s.word.split("(")[0], s.start_frame / 100, (s.end_frame + 1) / 100, min(log.exp(s.prob), 1.0))
            for s in decoder.seg() or ()
            if s.word[0].isalpha()
        ]
        return Voice(" ".join(word.word for word in words), words)

    return hear


RECOGNISERS: Mapping[str, tuple[Callable[[], Hears], bool]] = {
    "tiny.en": (lambda: whisper("tiny.en"), False),
    "base": (lambda: whisper("base"), True),
    "base-greedy": (lambda: whisper("base", beam=1), True),
    "sphinx": (sphinx, False),
}


def hear(path: Path, names: Sequence[str]) -> None:
    """What was heard stays: it goes on where it was stopped."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    clips = list(spoken())
    for name in names:
        make, knows_others = RECOGNISERS[name]
        hears, began = make(), time.process_time()
        mine = [c for c in clips if knows_others or c.language == "en"]
        mine = [c for c in mine if name != "base-greedy" or c.corpus == "multilingual"]
        mine = [c for c in mine if name not in found.get(c.name, {"voices": {}})["voices"]]
        for clip in mine:
            told = found.setdefault(clip.name, {k: v for k, v in vars(clip).items() if k != "pcm"} | {"voices": {}})
            told["seconds"] = len(clip.pcm) / SAMPLE_RATE
            voice = hears(clip.pcm, clip.language)
            told["voices"][name] = {"text": voice.text, "words": [asdict(word) for word in voice.words]}
            path.write_text(json.dumps(found), "utf-8")
        seconds = sum(len(clip.pcm) for clip in mine) / SAMPLE_RATE
        print(f"{name}: {len(mine)} clips, {seconds:.0f} s, {time.process_time() - began:.0f} CPU s", flush=True)


@dataclass(frozen=True)
class Told:
    """A clip that was heard."""

    corpus: str
    name: str
    speaker: str
    language: str
    text: str
    seconds: float
    voices: Mapping[str, Voice]

    def vote(self, names: Sequence[str], given: str | None = None) -> Consensus:
        return consensus([self.voices[name] for name in names], self.language, self.seconds, given)


def told(path: Path) -> list[Told]:
    rows = json.loads(path.read_text("utf-8")).values()
    voices = [{n: Voice(v["text"], [Word(**w) for w in v["words"]]) for n, v in r["voices"].items()} for r in rows]
    return [Told(**{**row, "voices": mine}) for row, mine in zip(rows, voices, strict=True)]


def draws(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(count, size=(5000, count))


def interval(wrong: Floats, total: Floats) -> tuple[float, float, float]:
    """A rate over clips and its interval."""
    places = draws(len(wrong))
    rates = wrong[places].sum(1) / total[places].sum(1)
    return wrong.sum() / total.sum(), *np.percentile(rates, [2.5, 97.5])


# --- errors --------------------------------------------------------------------------------------------------------

VOTES = {
    "vote of two": ("tiny.en", "base"),
    "vote of three": ("tiny.en", "base", "sphinx"),
    "vote of base and greedy": ("base", "base-greedy"),
}


def counted(clips: Sequence[Told], text: Callable[[Told], str]) -> Floats:
    return np.array([errors(clip.text, text(clip), clip.language).count for clip in clips], float)


def compare(clips: Sequence[Told]) -> None:
    corpora = list(dict.fromkeys(clip.corpus for clip in clips))
    english = [clip for clip in clips if clip.language == "en"]
    for corpus in (*corpora, "all English"):
        mine = english if corpus == "all English" else [clip for clip in clips if clip.corpus == corpus]
        total = np.array([len(tokens(clip.text, clip.language)) for clip in mine], float)
        names = [name for name in RECOGNISERS if all(name in clip.voices for clip in mine)]
        alone = {name: counted(mine, lambda clip, n=name: clip.voices[n].text) for name in names}  # type: ignore[misc]
        print(f"{corpus}: {len(mine)} clips, {total.sum():.0f} units")
        for name, wrong in alone.items():
            print("  {:>24} {:.4f} [{:.4f}, {:.4f}]".format(name, *interval(wrong, total)))
        for vote, of in VOTES.items():
            if not set(of) <= set(names):
                continue
            wrong = counted(mine, lambda clip, of=of: clip.vote(of).text)  # type: ignore[misc]
            best = min(of, key=lambda name: alone[name].sum())
            gain = interval(wrong - alone[best], total)
            line = "  {:>24} {:.4f} [{:.4f}, {:.4f}]; less {} {:+.4f} [{:+.4f}, {:+.4f}]"
            print(line.format(vote, *interval(wrong, total), best, *gain))
            calibrated(mine, of)


def calibrated(clips: Sequence[Told], of: Sequence[str]) -> None:
    """Of the words of each support, how many the true text says there."""
    for support in range(len(of), 0, -1):
        words = [[w.given for w in clip.vote(of, clip.text).words if w.support == support] for clip in clips]
        wrong = np.array([mine.count(False) for mine in words], float)
        total = np.array([len(mine) for mine in words], float)
        if total.sum():
            rate, low, high = interval(wrong, total)
            print(
                f"{'':27}said by {support} of {len(of)}: {total.sum():.0f} words, right {1 - rate:.4f} "
                f"[{1 - high:.4f}, {1 - low:.4f}]"
            )
    full = [clip for clip in clips if clip.vote(of).agreement == 1]
    wrong = counted(full, lambda clip: clip.vote(of).text)
    print(
        f"{'':27}all agree on {len(full)} of {len(clips)} clips: {np.mean(wrong == 0):.3f} of them without an error, "
        f"error rate {wrong.sum() / max(1, sum(len(tokens(clip.text, clip.language)) for clip in full)):.4f}"
    )


# --- weights -------------------------------------------------------------------------------------------------------


def weights(clips: Sequence[Told]) -> None:
    """Chosen on every second speaker of the English corpora, tried on the others."""
    english = [clip for clip in clips if clip.language == "en"]
    speakers = sorted({clip.speaker for clip in english})
    halves = {half: [c for c in english if speakers.index(c.speaker) % 2 == half] for half in (0, 1)}
    for of in (("tiny.en", "base"), ("tiny.en", "base", "sphinx")):
        if not all(set(of) <= clip.voices.keys() for clip in english):
            continue
        rates: dict[tuple[float, float], list[float]] = {}
        for rover.SHARE in (0.0, 0.25, 0.5, 0.75, 1.0):
            for rover.SILENCE in (0.2, 0.35, 0.5, 0.65, 0.8):
                rates[rover.SHARE, rover.SILENCE] = [
                    counted(half, lambda clip, of=of: clip.vote(of).text).sum()  # type: ignore[misc]
                    / sum(len(tokens(clip.text)) for clip in half)
                    for half in halves.values()
                ]
        print(f"{' + '.join(of)}: SHARE, SILENCE: error rate of each half")
        for (share, silence), (one, other) in rates.items():
            print(f"  {share:.2f} {silence:.2f}: {one:.4f} {other:.4f}")


# --- faults --------------------------------------------------------------------------------------------------------


def planted(clips: Sequence[Told], seed: int = 0) -> dict[str, list[str]]:
    """By kind the texts of clips: their own, and with one fault each."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, list[str]] = {
        name: [] for name in ("own", "swapped", "half missing", "another's beside", "said twice", "word wrong")
    }
    for number, clip in enumerate(clips):
        words, other = clip.text.split(), clips[(number + 1) % len(clips)].text.split()
        changed = list(words)
        changed[int(rng.integers(len(words)))] = other[int(rng.integers(len(other)))]
        kinds["own"].append(clip.text)
        kinds["swapped"].append(" ".join(other))
        kinds["half missing"].append(" ".join(words[: len(words) // 2]))
        kinds["another's beside"].append(" ".join([*words, *other]))
        kinds["said twice"].append(" ".join([*words, *words]))
        kinds["word wrong"].append(" ".join(changed))
    return kinds


def measures(clip: Told, text: str) -> dict[str, float]:
    """By name, how far a text is from what was heard."""
    alone = {name: errors(text, clip.voices[name].text) for name in ("tiny.en", "base")}
    length = max(1, len(tokens(text)))
    rates = {name: each.rate for name, each in alone.items()}
    found: dict[str, float] = {**rates, "worse of two": max(rates.values()), "better of two": min(rates.values())}
    for vote, of in VOTES.items():
        if set(of) <= clip.voices.keys():
            voted = clip.vote(of, text)
            found[vote] = errors(text, voted.text).rate
            found[f"unsupported, {vote}"] = (voted.unsupported or 0) / length
    return found


def faults(clips: Sequence[Told]) -> None:
    """Bounds that lose as many good clips: which faults are found. And at every bound at once: the area below the curve
    of faults found over good clips lost, against the better single model."""
    english = [clip for clip in clips if clip.language == "en"]
    rows = {
        kind: [measures(c, t) for c, t in zip(english, texts, strict=True)] for kind, texts in planted(english).items()
    }
    names = list(rows["own"][0])
    values = {kind: {name: np.array([row[name] for row in mine]) for name in names} for kind, mine in rows.items()}
    bad = [kind for kind in values if kind != "own"]
    for lost in (0.02, 0.05, 0.1, 0.2):
        print(f"bounds that lose at most {lost:.0%} of {len(english)} good clips; found: {', '.join(bad)}")
        for name in names:
            own = np.sort(values["own"][name])
            bound = own[len(own) - 1 - int(lost * len(own))]
            shares = [np.mean(values[kind][name] > bound) for kind in bad]
            print(
                f"  {name:>28} > {bound:.3f}, {np.mean(own > bound):.3f} lost: " + "  ".join(f"{s:.3f}" for s in shares)
            )
    places = draws(len(english))[:1000]
    for kind in bad:
        print(f"area, {kind}")
        areas = {
            name: np.array([area(values["own"][name][p], values[kind][name][p]) for p in places]) for name in names
        }
        whole = {name: area(values["own"][name], values[kind][name]) for name in names}
        best = max(("tiny.en", "base"), key=lambda name: whole[name])
        for name in names:
            low, high = np.percentile(areas[name] - areas[best], [2.5, 97.5])
            print(
                f"  {name:>28} {whole[name]:.4f}; over {best} {whole[name] - whole[best]:+.4f} "
                f"[{low:+.4f}, {high:+.4f}]"
            )


def area(good: Floats, bad: Floats) -> float:
    """Probability that a bad clip has more than a good one."""
    order = np.sort(good)
    below, equal_or_below = np.searchsorted(order, bad, "left"), np.searchsorted(order, bad, "right")
    return float(np.mean((below + equal_or_below) / 2) / len(good))


# --- text ----------------------------------------------------------------------------------------------------------


def text(clips: Sequence[Told]) -> None:
    """Texts with one wrong word each, told apart or given a vote of some confidence: errors of the vote against the
    truth, and planted words that it repeats."""
    english = [clip for clip in clips if clip.language == "en"]
    total = np.array([len(tokens(clip.text)) for clip in english], float)
    of = ("tiny.en", "base")
    wrong_texts = planted(english)["word wrong"]
    apart = counted(english, lambda clip: clip.vote(of).text)
    print("told apart: {:.4f} [{:.4f}, {:.4f}]".format(*interval(apart, total)))
    for sure in (0.3, 0.5, 0.7, 0.9):
        votes = []
        repeated = found = 0
        for clip, given in zip(english, wrong_texts, strict=True):
            words = [Word(word, 0.0, 0.0, sure) for word in given.split()]
            voices = [*(clip.voices[name] for name in of), Voice(given, words)]
            voted = consensus(voices, clip.language, clip.seconds).text
            votes.append(errors(clip.text, voted).count)
            planted_errors = errors(clip.text, given).count
            found += planted_errors > 0
            repeated += planted_errors > 0 and errors(given, voted).count == 0
        wrong = np.array(votes, float)
        line = "a voice of {}: {:.4f} [{:.4f}, {:.4f}]; less told apart {:+.4f} [{:+.4f}, {:+.4f}]; repeats {} of {}"
        print(line.format(sure, *interval(wrong, total), *interval(wrong - apart, total), repeated, found))


PARTS = {"errors": compare, "weights": weights, "faults": faults, "text": text}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["hear", *PARTS])
    parser.add_argument("--heard", type=Path, default=ROOT / "build" / "heard.json")
    parser.add_argument(
        "--recogniser", action="append", choices=list(RECOGNISERS), help="default: tiny.en and base; sphinx is slow"
    )
    options = parser.parse_args()
    if options.part == "hear":
        hear(options.heard, options.recogniser or ["tiny.en", "base"])
    else:
        PARTS[options.part](told(options.heard))


if __name__ == "__main__":
    main()
