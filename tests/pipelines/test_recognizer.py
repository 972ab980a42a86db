"""The recogniser with the model we ship, on sentences and voice settings that its training never saw."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from faster_whisper import BatchedInferencePipeline
from numpy.typing import NDArray

from pipelines.asr.errors import errors
from pipelines.asr.recognizer import Recognizer, Transcript
from pipelines.asr.train.texts import held_out, load, normalised
from pipelines.asr.windows import SAMPLE_RATE, Clip
from pipelines.stages.verify import recognise_with
from synth.tts.engine import Line, Speech
from synth.voices import EMBEDDED as BANK

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from synth.tts.espeak import EspeakEngine

HELD_OUT = Path(__file__).parents[2] / "pipelines" / "asr" / "train" / "heldout.txt"
SENTENCES = [line for line in HELD_OUT.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def _spoken(texts: list[str]) -> list[Speech]:
    voices = [voice.name for voice in BANK.speaking("en")]
    lines = [Line(str(n), text, voices[n % len(voices)], "en", 0) for n, text in enumerate(texts)]
    results = EspeakEngine(BANK.voices).synthesize(lines)
    return [speech for speech in results if isinstance(speech, Speech)]


def _pcm(speech: Speech) -> NDArray[np.float32]:
    return soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE).astype(np.float32)


def _clip(speech: Speech) -> Clip:
    return Clip(_pcm(speech), language="en")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer("embedded", batch_size=8)


@pytest.fixture(scope="module")
def spoken() -> list[Speech]:
    return _spoken(SENTENCES[::10])


@pytest.fixture(scope="module")
def heard(recognizer: Recognizer, spoken: list[Speech]) -> list[Transcript]:
    return recognizer.transcribe([_clip(speech) for speech in spoken])


def test_held_out_sentences_are_recognised(heard: list[Transcript]) -> None:
    found = [errors(text, t.text) for text, t in zip(SENTENCES[::10], heard, strict=True)]
    assert sum(each.count for each in found) / sum(each.total for each in found) <= 0.10


def test_words_are_where_they_were_spoken(spoken: list[Speech], heard: list[Transcript]) -> None:
    offs = []
    for speech, transcript, text in zip(spoken, heard, SENTENCES[::10], strict=True):
        starts = [word.start for word in transcript.words]
        assert starts == sorted(starts)
        assert all(w.end <= len(_pcm(speech)) / SAMPLE_RATE for w in transcript.words)
        if normalised(text) == transcript.text and len(transcript.words) == len(speech.words or ()):
            offs += [abs(w.start - given.start) for w, given in zip(transcript.words, speech.words or (), strict=True)]
    assert len(offs) > 50
    assert np.median(offs) < 0.1


def test_scores_tell_right_from_wrong(heard: list[Transcript]) -> None:
    right = [errors(text, t.text).rate for text, t in zip(SENTENCES[::10], heard, strict=True)]
    wrong = [errors(text, t.text).rate for text, t in zip(SENTENCES[5::10], heard, strict=True)]
    assert min(wrong) > 0.35
    assert np.mean([rate <= 0.35 for rate in right]) >= 0.94
    assert all((t.avg_logprob or -9) > -1 and (t.compression_ratio or 9) < 2.4 and t.language == "en" for t in heard)


def test_a_clip_is_heard_alike_in_any_company(recognizer: Recognizer, spoken: list[Speech]) -> None:
    clips = [_clip(speech) for speech in spoken[:9]]
    together = recognizer.transcribe(clips)
    alone = [recognizer.transcribe([clip])[0] for clip in clips]
    assert [t.text for t in together] == [t.text for t in alone]
    assert [t.avg_logprob for t in together] == pytest.approx([t.avg_logprob for t in alone], abs=1e-2)
    assert recognizer.transcribe(clips[::-1])[::-1] == together


def test_long_and_short_clips(recognizer: Recognizer, spoken: list[Speech]) -> None:
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    long = np.concatenate([part for speech in spoken[:16] for part in (_pcm(speech), pause)])
    assert len(long) > 35 * SAMPLE_RATE
    results = recognizer.transcribe([Clip(long, language="en"), Clip(long[:1600], language="en")])
    given = " ".join(SENTENCES[::10][:16])
    assert errors(given, results[0].text).rate <= 0.25
    assert results[0].words[-1].start > 30
    assert results[0].heard[0][0] == 0
    assert results[0].heard[-1][1] == len(long) / SAMPLE_RATE
    assert all(a[1] == b[0] for a, b in pairwise(results[0].heard))
    assert len(results) == 2


def test_what_has_no_speech_has_a_transcript_without_words(recognizer: Recognizer) -> None:
    nothing = (np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(60 * SAMPLE_RATE, np.float32))
    for transcript in recognizer.transcribe([Clip(pcm, (), "en") for pcm in nothing]):
        assert transcript == Transcript("", "en", None, None, None, None, (), (), 0)


def test_an_english_model_needs_no_detection(spoken: list[Speech]) -> None:
    (transcript,) = Recognizer("embedded").transcribe([Clip(_pcm(spoken[0]))])
    assert (transcript.language, transcript.language_prob) == ("en", None)


def test_verify_hears_a_stem_in_the_language_of_its_dialogue(spoken: list[Speech]) -> None:
    assert recognise_with(None) is None
    recognise = recognise_with("embedded")
    assert recognise is not None
    assert errors(SENTENCES[0], recognise("en-GB")(_pcm(spoken[0]))).rate <= 0.35


def test_a_text_at_the_bound_says_that_it_is_cut(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = BatchedInferencePipeline.generate_segment_batched

    def endless(*given: Any) -> Any:
        encoded, outputs = generate(*given)
        return encoded, [output | {"tokens": (output["tokens"] * 224)[:224]} for output in outputs]

    clip = Clip(_pcm(_spoken(["It says one short sentence."])[0]), language="en")
    assert recognizer.transcribe([clip])[0].n_cut == 0
    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", endless)
    assert recognizer.transcribe([clip])[0].n_cut == 1


def test_nothing_measured_was_trained_on() -> None:
    corpus = load()
    assert len(SENTENCES) == 500
    assert not {normalised(text) for texts in held_out().values() for text in texts} & {
        normalised(text) for text in corpus.written
    }
    rng = np.random.default_rng(0)
    assert all(normalised(corpus.draw(rng)) not in corpus.known for _ in range(200))
