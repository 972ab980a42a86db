"""What the verdict of `transcribe` is worth: invented words, planted faults, and where the words of a given text are.

    python tests/benchmarks/prove_guard.py bait    # 200 clips through the shipped selection: what is kept is invented?
    python tests/benchmarks/prove_guard.py raw     # the same given to the model whole: what the verdict finds by itself
    python tests/benchmarks/prove_guard.py faults  # texts with planted faults: what is found, what good is lost
    python tests/benchmarks/prove_guard.py align --model base  # words of a given text, by a voice whose times are known

Needs ../shared/data, and the models (`turnmill doctor` says where they are). Asserts nothing.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.bait import RATE, Bait, baits
from tests.benchmarks.prove_transcripts import DATA, Pcm, librispeech, ran, speech_of
from turnmill.manifests.records import Licence
from turnmill.pipelines.asr.agreement import agreement
from turnmill.pipelines.asr.checked import checked
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.given import given_tokens
from turnmill.pipelines.asr.recognizer import Recognizer, Transcript
from turnmill.pipelines.asr.windows import Clip
from turnmill.pipelines.asr.words import Word
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.espeak import EspeakEngine
from turnmill.synth.tts.engines.espeak.voices import EspeakSettings
from turnmill.synth.voices import Voice

_INVENTED = 2  # words on end that nobody says; a single one more is a word that was parted, or misheard


def invented(bait: Bait, text: str) -> int:
    """Words in a transcript that nobody says."""
    added = agreement(bait.text, text, (), "en").differences
    runs = (len(each.heard.split()) for each in added if each.kind == "added")
    return sum(run for run in runs if run >= _INVENTED or not bait.text)


def bait(model: str) -> None:
    every = {bait.name: bait for bait in baits(DATA)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bait"
        folder.mkdir()
        for name, one in every.items():
            soundfile.write(folder / f"{name}.wav", one.pcm, RATE)
        rows = ran(folder, model, "en" if model.endswith(".en") else "null")
    _told(model, ((every[Path(str(r["source_uri"])).stem], r["removed_by"], str(r["asr_text"] or "")) for r in rows))


def raw(model: str, every: int) -> None:
    recognizer = Recognizer(model)
    language = "en" if model.endswith(".en") else None
    found = []
    for one in baits(DATA)[::every]:
        pcm = one.pcm[: 30 * RATE]
        (heard,) = recognizer.transcribe([Clip(pcm, None, language)])
        speech = [(start / RATE, end / RATE) for start, end in speech_of(pcm)]
        found.append((one, judged(heard, speech, None)["verdict"], heard.text))
    _told(model, found)


def _told(model: str, rows: "Iterator[tuple[Bait, object, str]] | list[tuple[Bait, object, str]]") -> None:
    """Clips by kind: those in which words are invented, and of these those that are kept."""
    kinds: Counter[str] = Counter()
    reasons: Counter[object] = Counter()
    kept = n = clips = 0
    for one, reason, text in rows:
        words = invented(one, text)
        clips += 1
        if words:
            n += 1
            kept += words * (reason is None)
            kinds[one.kind] += 1
            reasons[reason] += 1
            print(f"  {one.name}: {text[-60:]!r}, {reason or 'KEPT'}")
    print(
        f"{model}: {clips} clips, words are invented in {n}: {dict(kinds)}, found by {dict(reasons)}; "
        f"kept: {kept} invented words"
    )


def judged(heard: Transcript, speech: Sequence[tuple[float, float]], text: str | None) -> dict[str, Any]:
    """The columns of a transcript of English that its verdict rests on."""
    found = None if text is None else errors(text, heard.text)
    row = {
        "asr_text": heard.text,
        "asr_language": heard.language,
        "avg_logprob": heard.avg_logprob,
        "no_speech_prob": heard.no_speech_prob,
        "compression_ratio": heard.compression_ratio,
        "n_cut": heard.n_cut,
        "text_error": None if found is None else found.rate,
        "text_unit": None if found is None else found.units,
    }
    return row | checked(row, heard, speech, text, "en")


def faults(model: str, every: int) -> None:
    """LibriSpeech test-other with its own text, and with each fault."""
    rng = np.random.default_rng(0)
    recognizer = Recognizer(model)
    clips = list(librispeech())
    german = (DATA / "multilingual" / "de-DE" / "trans.txt").read_text("utf-8").split("\t", 1)[1]
    rows: dict[str, list[dict[str, Any]]] = {}
    for number in range(0, len(clips), every):
        _, pcm, text = clips[number]
        spoken, other = text.split(), clips[(number + 1) % len(clips)][2].split()
        place = int(rng.integers(len(spoken)))
        word = next(str(w) for w in rng.permutation(other) if w != spoken[place])
        texts = {
            "own": text,
            "swapped": " ".join(other),
            "a quarter missing": " ".join(spoken[: -max(3, len(spoken) // 4)]),
            "half missing": " ".join(spoken[: len(spoken) // 2]),
            "another's appended": f"{text} {' '.join(other)}",
            "one word wrong": " ".join([*spoken[:place], word, *spoken[place + 1 :]]),
            "another language": " ".join(german.split()[: len(spoken)]),
            "said three times": " ".join([text] * 3),
        }
        speech = speech_of(pcm)
        seconds = [(start / RATE, end / RATE) for start, end in speech]
        (heard,) = recognizer.transcribe([Clip(pcm, speech, "en")])
        windows = recognizer.windows([Clip(pcm, speech, "en")])
        given: dict[str, tuple[Word, ...] | None] = dict.fromkeys(texts)
        if len(windows) == 1:
            given = dict(zip(texts, located(recognizer, windows[0].pcm, texts.values()), strict=True))
        for kind, each in texts.items():
            rows.setdefault(kind, []).append(judged(replace(heard, given=given[kind]), seconds, each))
    print(f"{model}, {len(rows['own'])} clips: share that is called bad (own: good clips that are lost)")
    print(f"  {'':20} verdict  text_error > 0.25  either")
    for kind, found in rows.items():
        bad = [row["verdict"] is not None for row in found]
        far = [row["text_error"] > 0.25 for row in found]
        told = Counter(row["verdict"] for row in found if row["verdict"])
        shares = np.mean(bad), np.mean(far), np.mean(np.logical_or(bad, far))
        print(f"  {kind:20} {shares[0]:7.2f}  {shares[1]:17.2f}  {shares[2]:6.2f}  {dict(told)}")
    least = {
        kind: np.array([1.0 if row["least_given_prob"] is None else row["least_given_prob"] for row in found])
        for kind, found in rows.items()
    }
    for bound in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2):
        shares = ", ".join(f"{kind} {np.mean(least[kind] < bound):.2f}" for kind in ("own", "one word wrong"))
        print(f"  least_given_prob < {bound:g}: {shares}")


def located(recognizer: Recognizer, pcm: Pcm, texts: Iterable[str]) -> list[tuple[Word, ...]]:
    """The words of each text in float32 [samples] of a window, which is encoded once."""
    model = recognizer.model
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en")
    mel = model.feature_extractor(pcm)[..., :-1]
    encoded, frames = model.encode(pad_or_trim(mel)[None]), [mel.shape[-1]]
    found = []
    for text in texts:
        (words,) = model.find_alignment(tokenizer, [given_tokens(tokenizer, text)], encoded, frames)
        found.append(
            tuple(Word(str(w["word"]), float(w["start"]), float(w["end"]), float(w["probability"])) for w in words)
        )
    return found


ESPEAK = {"de-DE": "de", "es-ES": "es", "fr-FR": "fr", "zh-CN": "cmn"}


def align(model: str, _: int) -> None:
    """Sentences of four languages as espeak speaks them, whose word times are exact, and as `transcribe` finds them."""
    recognizer = Recognizer(model)
    for locale, base in ESPEAK.items():
        language = locale.split("-")[0]
        text = (DATA / "multilingual" / locale / "trans.txt").read_text("utf-8").split("\t", 1)[1]
        voice = Voice("voice", language, None, None, Licence("CC0-1.0", True, True), EspeakSettings(base, "", 50, 165))
        engine = EspeakEngine({"voice": voice})
        sentences = [one.strip() for one in re.split(r"(?<=[.。])", text) if len(one) > 5][:6]
        starts: list[float] = []
        ends: list[float] = []
        n_words = 0
        for number, sentence in enumerate(sentences):
            (said,) = engine.synthesize([Line(str(number), sentence, "voice", language, 0)])
            assert isinstance(said, Speech)
            assert said.words is not None
            pcm = np.asarray(soxr.resample(said.pcm, said.sample_rate, RATE), np.float32)
            (heard,) = recognizer.transcribe([Clip(pcm, None, language, sentence)])
            truth = [(word.text, word.start, word.end) for word in said.words]
            n_words += len(truth)
            for (_, start, end), found in paired(truth, heard.given or ()):
                starts.append(abs(start - found[0]))
                ends.append(abs(end - found[1]))
        told = ", ".join(
            f"{name} median {1000 * np.median(e):.0f}, p95 {1000 * np.percentile(e, 95):.0f} ms"
            for name, e in (("starts", starts), ("ends", ends))
        )
        print(f"{model}, {locale}: {len(starts)} of {n_words} words in {len(sentences)} sentences: {told}")


Told = tuple[str, float, float]


def paired(truth: Sequence[Told], words: Sequence[Word]) -> Iterator[tuple[Told, tuple[float, float]]]:
    """Words with the span of those words that have their letters."""
    letters = [(c, word) for word in words for c in word.word.casefold() if c.isalnum()]
    at = 0
    for each in truth:
        mine = [c for c in each[0].casefold() if c.isalnum()]
        if mine and [c for c, _ in letters[at : at + len(mine)]] == mine:
            yield each, (letters[at][1].start, letters[at + len(mine) - 1][1].end)
        at += len(mine)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["bait", "raw", "faults", "align"])
    parser.add_argument("--model", action="append", help="default: tiny.en and base")
    parser.add_argument("--every", type=int, default=1, help="of the clips take every n-th (raw, faults)")
    options = parser.parse_args(arguments)
    for model in options.model or ["tiny.en", "base"]:
        if options.part == "bait":
            bait(model)
        else:
            {"raw": raw, "faults": faults, "align": align}[options.part](model, options.every)


if __name__ == "__main__":
    main()
