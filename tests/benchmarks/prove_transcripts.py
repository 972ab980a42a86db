"""What `transcribe` makes of real speech, silence and noise: word times, invented words, and what an error tells.

    python tests/benchmarks/prove_transcripts.py words   # first words against the VAD, and each correction
    python tests/benchmarks/prove_transcripts.py bait    # 60 clips that make Whisper invent words
    python tests/benchmarks/prove_transcripts.py languages --model base  # Chinese, Japanese, English; right and wrong
    python tests/benchmarks/prove_transcripts.py faults  # thresholds of text_error: faults found, good clips lost

Needs ../shared/data, and the models (`turnmill doctor` says where they are). Asserts nothing.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from faster_whisper.transcribe import merge_punctuations
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.audio import Audio, decode, mono_at  # noqa: E402
from turnmill.pipelines.asr.errors import errors  # noqa: E402
from turnmill.pipelines.asr.recognizer import AFTER, BEFORE, Recognizer  # noqa: E402
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip  # noqa: E402
from turnmill.pipelines.asr.words import Word, in_speech, shortened, spread  # noqa: E402
from turnmill.pipelines.loading import load  # noqa: E402
from turnmill.pipelines.run import run  # noqa: E402
from turnmill.sources.measure import quality  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
Pcm = NDArray[np.float32]


def narrow(path: Path) -> Pcm:
    return mono_at(decode(path.read_bytes(), path.name), SAMPLE_RATE, path.name)


def librispeech() -> Iterator[tuple[str, Pcm, str]]:
    for file in sorted((DATA / "LibriSpeech" / "test-other").rglob("*.trans.txt")):
        for line in file.read_text("utf-8").splitlines():
            name, _, text = line.partition(" ")
            yield name, narrow(file.parent / f"{name}.flac"), text


def vctk() -> Iterator[tuple[str, Pcm, str]]:
    root = DATA / "VCTK-Corpus-0.92"
    for path in sorted((root / "wav48_silence_trimmed").rglob("*.flac")):
        text = root / "txt" / path.parent.name / f"{path.stem.removesuffix('_mic1').removesuffix('_mic2')}.txt"
        if text.is_file():
            yield path.stem, narrow(path), text.read_text("utf-8").strip()


def speech_of(pcm: Pcm) -> tuple[tuple[int, int], ...]:
    segments = quality(Audio(pcm[None], SAMPLE_RATE)).segments
    return tuple((round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)) for start, end in segments)


# --- words ---------------------------------------------------------------------------------------------------------


def words(model: str) -> None:
    """LibriSpeech and VCTK with 0.5 to 2 s of faint noise before and behind."""
    rng = np.random.default_rng(0)
    recognizer = Recognizer(model)
    bare = {"language": "en", "beam_size": 5, "word_timestamps": True}
    early: dict[str, list[float]] = {"bare faster-whisper": [], "turnmill": []}
    moved: dict[str, list[float]] = {"shortened": [], "in_speech": [], "spread": []}
    n_words = zero_before = zero_after = outside = 0
    clips = [*librispeech(), *list(vctk())[:20]]
    for _, pcm, _ in clips:
        before, behind = (rng.uniform(0.5, 2.0, 2) * SAMPLE_RATE).astype(int)
        faint = rng.standard_normal(before + behind).astype(np.float32) * 1e-3  # -60 dBFS
        pcm = np.concatenate([faint[:before], pcm, faint[before:]])
        if len(pcm) > 30 * SAMPLE_RATE:
            continue
        speech, seconds = speech_of(pcm), len(pcm) / SAMPLE_RATE
        if not speech:
            continue
        (segment, *_), _ = recognizer.pipeline.transcribe(pcm, clip_timestamps=[{"start": 0, "end": seconds}], **bare)
        placed: list[Word] = []
        for window in recognizer.windows([Clip(pcm, speech, "en")]):
            (said,) = recognizer.decode([window])
            length = len(window.pcm) / SAMPLE_RATE
            items = [dict(item) for item in said.alignment]
            merge_punctuations(items, BEFORE, AFTER)
            raw = [Word("", float(w["start"]), float(w["end"]), 0.0) for w in items if w["word"].strip()]
            steps = [raw, shortened(said.alignment, length, BEFORE, AFTER)]
            steps += [in_speech(steps[-1], window.speech)]
            steps += [spread(steps[-1], length)]
            for name, old, new in zip(moved, steps, steps[1:], strict=False):
                pairs = zip(old, new, strict=True)
                moved[name] += [max(abs(a.start - b.start), abs(a.end - b.end)) for a, b in pairs]
            offset = window.start / SAMPLE_RATE
            placed += [Word(w.word, w.start + offset, w.end + offset, w.prob) for w in steps[-1]]
        if not segment.words or not placed:
            continue
        n_words += len(placed)
        begins = speech[0][0] / SAMPLE_RATE
        early["bare faster-whisper"].append(begins - float(segment.words[0].start))
        early["turnmill"].append(begins - placed[0].start)
        zero_before += sum(word.end <= word.start for word in segment.words)
        zero_after += sum(word.end <= word.start for word in placed)
        outside += sum(word.start < 0 or word.end > seconds for word in placed)
    print(f"{model}: {len(early['turnmill'])} clips, {n_words} words")
    for who, values in early.items():
        found = np.array(values)
        print(
            f"  first word before the VAD's speech, {who}: {np.sum(found > 0.001)} of {len(found)} clips, at least "
            f"0.25 s in {np.sum(found >= 0.25)}; median {np.median(found):.3f}, p95 {np.percentile(found, 95):.3f}, "
            f"worst {found.max():.3f} s"
        )
    for name, values in moved.items():
        changed = np.array([value for value in values if value > 1e-6])
        told = f"median {np.median(changed):.3f}, worst {changed.max():.3f} s" if len(changed) else "-"
        print(f"  corrected by {name}: {len(changed)} words, {told}")
    print(f"  words of no length: bare {zero_before}, turnmill {zero_after}; outside of their clip: {outside}")


# --- bait ----------------------------------------------------------------------------------------------------------


def bait() -> dict[str, tuple[Pcm, int, str]]:
    """By name: audio, its rate and what is said in it."""
    rng = np.random.default_rng(0)
    made: dict[str, tuple[Pcm, int, str]] = {}
    rate = SAMPLE_RATE

    def add(kind: str, pcm: Pcm, text: str = "") -> None:
        made[f"{kind}-{sum(name.startswith(kind) for name in made)}"] = (pcm.astype(np.float32), rate, text)

    def tone(seconds: float, *hz: float) -> Pcm:
        time = np.arange(int(seconds * rate)) / rate
        return sum(np.sin(2 * np.pi * f * time) for f in hz) * 0.1 / len(hz)  # type: ignore[return-value]

    for seconds in (0.05, 0.3, 1, 5, 20, 28, 60):
        add("silence", np.zeros(int(seconds * rate)))
    for level in (1e-4, 1e-3, 1e-2, 0.1):
        add("white", rng.standard_normal(8 * rate) * level)
        add("brown", np.cumsum(rng.standard_normal(8 * rate)) * level / 100)
    for hz in (50, 60, 440):
        add("hum", tone(10, hz, 2 * hz, 3 * hz))
    for chord in ((261.6, 329.6, 392.0), (220.0, 277.2, 329.6)):
        add("music", np.concatenate([tone(0.5, *(f * 2 ** (k % 5 / 12) for f in chord)) for k in range(20)]))
    for folder in sorted((DATA / "ESC-10").iterdir()):
        for path in sorted(folder.iterdir())[:2]:
            add("esc", narrow(path))
    spoken = list(librispeech())[:12]
    for _, pcm, _ in spoken[:6]:
        loud = int(np.argmax(np.convolve(pcm**2, np.ones(4800), "valid")))
        add("short", pcm[loud : loud + 4800], "?")  # 0.3 s of speech: what it says is not known
    for number, (_, pcm, text) in enumerate(spoken[6:]):
        silence = np.zeros(20 * rate) if number % 2 else rng.standard_normal(20 * rate) * 1e-3
        add("tail", np.concatenate([pcm, silence]), text)
    for locale in ("de-DE", "es-ES", "fr-FR", "ja-JP", "zh-CN"):
        path = next(p for p in sorted((DATA / "multilingual" / locale).iterdir()) if p.suffix in (".wav", ".flac"))
        pcm = narrow(path)
        for start in (0, 8):
            add("foreign", pcm[start * rate : (start + 8) * rate], "?foreign")
    return made


RECIPE = """
name: bait
corpus: files
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
ingest: {keep_untranscribed: true}
quality: {}
transcribe: {models: [MODEL], language: LANGUAGE}
select: SELECT
"""


def shipped_selection() -> str:
    recipe = load(ROOT / "pipelines" / "recipes" / "speech.yaml", ["root=."])
    return json.dumps([{"name": p.name, "keep": p.keep} for p in recipe.select])


def ran(folder: Path, model: str, language: str) -> list[dict[str, object]]:
    """Rows of `clips_all` of a run of the shipped selection over a folder of files."""
    from turnmill.manifests.index import Index
    from turnmill.manifests.query import connect
    from turnmill.manifests.store import Store

    recipe = folder.parent / f"{folder.name}.yaml"
    text = RECIPE.replace("MODEL", model).replace("LANGUAGE", language).replace("SELECT", shipped_selection())
    recipe.write_text(text, "utf-8")
    out = folder.parent / f"{folder.name}-{model.replace('/', '_')}"
    run(load(recipe, [f"root={folder}"]), str(out))
    store = Store(str(out))
    with connect(store, Index.load(store)) as connection:
        found = connection.execute("SELECT * FROM clips_all ORDER BY uid")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def baited(scratch: Path, models: Iterable[str]) -> None:
    folder = scratch / "bait"
    folder.mkdir()
    made = bait()
    for name, (pcm, rate, _) in made.items():
        soundfile.write(folder / f"{name}.wav", pcm, rate)
    for model in models:
        rows = ran(folder, model, "en" if model.endswith(".en") else "null")
        invented: Counter[str] = Counter()
        for row in rows:
            name = Path(str(row["source_uri"])).stem
            kind, text, said = name.rsplit("-", 1)[0], made[name][2], str(row["asr_text"] or "")
            kept = row["removed_by"] is None
            if text == "?" or (text == "?foreign" and not model.endswith(".en")):
                bad = False  # what is right is not known
            elif text == "?foreign":
                bad = bool(said)
            else:
                found = errors(text, said, "en")
                bad = (found.insertions > 0 and not text) or found.insertions > 2
            invented[f"{kind}: {'wrong' if bad else 'right'}, {'KEPT' if kept else 'removed'}"] += 1
            if bad:
                print(f"  {name}: {said[-60:]!r} removed by {row['removed_by']}")
        print(
            f"{model}: {len(rows)} of {len(made)} clips; " + "; ".join(f"{k} {v}" for k, v in sorted(invented.items()))
        )


# --- languages -----------------------------------------------------------------------------------------------------

OTHERS = {
    "zh": "今天下午我们打算去河边散步，然后在附近的小饭馆吃晚饭，你要不要一起来？",
    "ja": "昨日は朝から雨が降っていたので、家で本を読みながらお茶を飲んで、ゆっくり過ごしました。",
    "en": "the old clock in the hall had stopped at noon and nobody remembered how to wind it again",
}
BEGINNING = {"zh": 7.5, "ja": 30.0}  # s of a recording that says its first sentence, and all of it


def with_errors(text: str, language: str, share: float) -> str:
    """A text with every n-th word or character replaced."""
    units = text.split() if language == "en" else list(text)
    other = OTHERS[language].split() if language == "en" else [c for c in OTHERS[language] if c.isalnum()]
    places = [n for n, unit in enumerate(units) if any(c.isalnum() for c in unit)][:: round(1 / share)]
    for number, place in enumerate(places):
        units[place] = other[number % len(other)]
    return (" " if language == "en" else "").join(units)


def languages(scratch: Path, models: Iterable[str]) -> None:
    """Chinese, Japanese and English with their own text, one with 5 % of it wrong, and another text."""
    folder = scratch / "languages"
    for language, locale in (("zh", "zh-CN"), ("ja", "ja-JP"), ("en", "")):
        if language == "en":
            spoken = [(pcm, text) for _, pcm, text in list(librispeech())[::25]]
        else:
            path = DATA / "multilingual" / locale
            text = (path / "trans.txt").read_text("utf-8").split("\t", 1)[1].strip()
            text = text.split("。")[0] + "。" if language == "zh" else text
            spoken = [(narrow(path / "audio.wav")[: int(BEGINNING[language] * SAMPLE_RATE)], text)]
        texts = {"right": lambda t: t, "5 % wrong": lambda t, to=language: with_errors(t, to, 0.05)}
        texts["swapped"] = lambda _, to=language: OTHERS[to]
        for kind, change in texts.items():
            for number, (pcm, text) in enumerate(spoken):
                target = folder / kind.replace(" ", "_") / f"{language}-{number}.wav"
                target.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(target, pcm, SAMPLE_RATE)
                target.with_suffix(".txt").write_text(change(text), "utf-8")
    for model in models:
        for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
            for row in ran(kind, model, "null"):
                name = Path(str(row["source_uri"])).stem
                print(
                    f"{model}, {kind.name}, {name}: heard as {row['asr_language']}, {row['text_normalisation']}, "
                    f"text_error {row['text_error']:.3f} of {row['text_length']}, removed by {row['removed_by']}"
                )


# --- faults --------------------------------------------------------------------------------------------------------


def faults(models: Iterable[str]) -> None:
    """LibriSpeech test-other with its own text, another clip's, half of it, both, and with one word of another clip."""
    rng = np.random.default_rng(0)
    clips = list(librispeech())
    kinds: dict[str, list[str]] = {name: [] for name in ("own", "swapped", "half missing", "one more", "word wrong")}
    for number, (_, _, text) in enumerate(clips):
        spoken = text.split()
        other = clips[(number + 1) % len(clips)][2].split()
        changed = list(spoken)
        changed[int(rng.integers(len(spoken)))] = other[int(rng.integers(len(other)))]
        kinds["own"].append(text)
        kinds["swapped"].append(" ".join(other))
        kinds["half missing"].append(" ".join(spoken[: len(spoken) // 2]))
        kinds["one more"].append(" ".join([*spoken, *other]))
        kinds["word wrong"].append(" ".join(changed))
    for model in models:
        recognizer = Recognizer(model)
        heard = recognizer.transcribe([Clip(pcm, speech_of(pcm), "en") for _, pcm, _ in clips])
        own = [errors(text, t.text) for text, t in zip(kinds["own"], heard, strict=True)]
        rate = sum(e.count for e in own) / sum(e.total for e in own)
        print(f"{model}: {len(clips)} clips of test-other, word error rate {rate:.3f}")
        print("  text_error <=   good lost   found: " + "   ".join(f"{kind:>12}" for kind in list(kinds)[1:]))
        rates = {
            kind: np.array([errors(text, t.text).rate for text, t in zip(texts, heard, strict=True)])
            for kind, texts in kinds.items()
        }
        for bound in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
            shares = [f"{np.mean(rates[kind] > bound):.2f}" for kind in kinds]
            print(f"  {bound:13.2f}   {shares[0]:>9}          " + "   ".join(f"{s:>12}" for s in shares[1:]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["words", "bait", "languages", "faults"])
    parser.add_argument("--model", action="append", help="default: tiny.en and base")
    options = parser.parse_args(arguments)
    models = options.model or ["tiny.en", "base"]
    if options.part == "words":
        for model in models:
            words(model)
    elif options.part == "faults":
        faults(models)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            (baited if options.part == "bait" else languages)(Path(scratch), models)


if __name__ == "__main__":
    main()
