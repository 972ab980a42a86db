"""The recogniser, with a real Whisper model, on sentences whose words and times are known."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from faster_whisper import BatchedInferencePipeline
from numpy.typing import NDArray

from tests.whisper import loaded, require
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.recognizer import Recognizer, Transcript
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip
from turnmill.pipelines.demo import SENTENCES
from turnmill.pipelines.stages.verify import recognise_with
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine

TEXTS = Path(SENTENCES).read_text("utf-8").splitlines()[:12]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return loaded("tiny.en")


@pytest.fixture(scope="module")
def spoken() -> list[Speech]:
    voices = [voice.name for voice in HIBARI.speaking("en")]
    lines = [Line(str(n), text, voices[n % len(voices)], "en", 0) for n, text in enumerate(TEXTS)]
    results = HibariEngine(HIBARI.voices).synthesize(lines)
    return [speech for speech in results if isinstance(speech, Speech)]


@pytest.fixture(scope="module")
def heard(recognizer: Recognizer, spoken: list[Speech]) -> list[Transcript]:
    return recognizer.transcribe([_clip(speech) for speech in spoken])


def _pcm(speech: Speech) -> NDArray[np.float32]:
    return soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE).astype(np.float32)


def _clip(speech: Speech) -> Clip:
    return Clip(_pcm(speech), language="en")


def test_sentences_are_recognised(heard: list[Transcript]) -> None:
    found = [errors(text, t.text) for text, t in zip(TEXTS, heard, strict=True)]
    assert sum(each.count for each in found) / sum(each.total for each in found) <= 0.04


def test_words_are_where_they_were_spoken(spoken: list[Speech], heard: list[Transcript]) -> None:
    offs = []
    for speech, transcript in zip(spoken, heard, strict=True):
        starts = [word.start for word in transcript.words]
        assert starts == sorted(starts)
        assert all(w.end <= len(_pcm(speech)) / SAMPLE_RATE for w in transcript.words)
        if len(transcript.words) == len(speech.words or ()):
            offs += [abs(w.start - given.start) for w, given in zip(transcript.words, speech.words or (), strict=True)]
    assert len(offs) > 50
    assert np.median(offs) < 0.1


def test_scores_tell_right_from_wrong(heard: list[Transcript]) -> None:
    right = [errors(text, t.text).rate for text, t in zip(TEXTS, heard, strict=True)]
    wrong = [errors(text, t.text).rate for text, t in zip([*TEXTS[1:], TEXTS[0]], heard, strict=True)]
    assert max(right) <= 0.25 < 0.5 < min(wrong)
    assert all((t.avg_logprob or -9) > -0.7 and (t.compression_ratio or 9) < 2.4 and t.language == "en" for t in heard)


def test_a_clip_is_heard_alike_in_any_company(
    recognizer: Recognizer, spoken: list[Speech], heard: list[Transcript]
) -> None:
    alone = [recognizer.transcribe([_clip(speech)])[0] for speech in spoken[:3]]
    assert [t.text for t in heard[:3]] == [t.text for t in alone]
    assert [t.avg_logprob for t in heard[:3]] == pytest.approx([t.avg_logprob for t in alone], abs=1e-2)
    assert recognizer.transcribe([_clip(speech) for speech in spoken[::-1]])[::-1] == heard


def test_long_and_short_clips(recognizer: Recognizer, spoken: list[Speech]) -> None:
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    long = np.concatenate([part for speech in spoken[:10] for part in (_pcm(speech), pause)])
    assert len(long) > 35 * SAMPLE_RATE
    results = recognizer.transcribe([Clip(long, language="en"), Clip(long[:1600], language="en")])
    assert errors(" ".join(TEXTS[:10]), results[0].text).rate <= 0.1
    assert results[0].words[-1].start > 30
    assert results[0].heard[0][0] == 0
    assert results[0].heard[-1][1] == len(long) / SAMPLE_RATE
    assert all(a[1] == b[0] for a, b in pairwise(results[0].heard))
    assert len(results) == 2


def test_what_has_no_speech_has_a_transcript_without_words(recognizer: Recognizer) -> None:
    nothing = (np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(60 * SAMPLE_RATE, np.float32))
    for transcript in recognizer.transcribe([Clip(pcm, (), "en") for pcm in nothing]):
        assert transcript == Transcript("", "en", None, None, None, None, (), (), 0)


def test_an_english_model_needs_no_detection(recognizer: Recognizer, spoken: list[Speech]) -> None:
    (transcript,) = recognizer.transcribe([Clip(_pcm(spoken[0]))])
    assert (transcript.language, transcript.language_prob) == ("en", None)


def test_verify_hears_a_stem_in_the_language_of_its_dialogue(spoken: list[Speech]) -> None:
    assert recognise_with(None) is None
    require("tiny.en")
    recognise = recognise_with("tiny.en")
    assert recognise is not None
    assert errors(TEXTS[0], recognise("en-GB")(_pcm(spoken[0]))).rate <= 0.2


def test_a_text_at_the_bound_says_that_it_is_cut(
    recognizer: Recognizer, spoken: list[Speech], heard: list[Transcript], monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = BatchedInferencePipeline.generate_segment_batched

    def endless(*given: Any) -> Any:
        encoded, outputs = generate(*given)
        return encoded, [output | {"tokens": (output["tokens"] * 224)[:224]} for output in outputs]

    assert heard[0].n_cut == 0
    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", endless)
    assert recognizer.transcribe([_clip(spoken[0])])[0].n_cut == 1
