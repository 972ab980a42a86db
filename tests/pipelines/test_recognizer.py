"""The recogniser with the model we ship, on sentences and voice settings that its training never saw."""

import os
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from manifests.errors import UsageError
from pipelines.asr.recognizer import (
    EMBEDDED,
    SAMPLE_RATE,
    ModelUnavailable,
    Recognizer,
    Transcript,
    check_language,
    model_digest,
    whisper_language,
)
from pipelines.asr.train.texts import held_out, load, normalised
from pipelines.asr.wer import wer, word_errors
from pipelines.stages.transcribe import Transcribe, TranscribeParams
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


def _clip(speech: Speech) -> NDArray[np.float32]:
    return soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE).astype(np.float32)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer("embedded", "en")


@pytest.fixture(scope="module")
def spoken() -> list[Speech]:
    return _spoken(SENTENCES[::10])


@pytest.fixture(scope="module")
def heard(recognizer: Recognizer, spoken: list[Speech]) -> list[Transcript]:
    return recognizer.transcribe([_clip(speech) for speech in spoken])


def test_held_out_sentences_are_recognised(heard: list[Transcript]) -> None:
    counts = [word_errors(text, t.text) for text, t in zip(SENTENCES[::10], heard, strict=True)]
    assert sum(errors for errors, _ in counts) / sum(words for _, words in counts) <= 0.10


def test_words_are_where_they_were_spoken(spoken: list[Speech], heard: list[Transcript]) -> None:
    errors = []
    for speech, transcript, text in zip(spoken, heard, SENTENCES[::10], strict=True):
        starts = [word.start for word in transcript.words]
        assert starts == sorted(starts)
        assert all(w.end <= len(_clip(speech)) / SAMPLE_RATE for w in transcript.words)
        if normalised(text) == transcript.text and len(transcript.words) == len(speech.words or ()):
            errors += [
                abs(w.start - given.start) for w, given in zip(transcript.words, speech.words or (), strict=True)
            ]
    assert len(errors) > 50
    assert np.median(errors) < 0.1


def test_scores_tell_right_from_wrong(heard: list[Transcript]) -> None:
    right = [wer(text, t.text) for text, t in zip(SENTENCES[::10], heard, strict=True)]
    wrong = [wer(text, t.text) for text, t in zip(SENTENCES[5::10], heard, strict=True)]
    assert min(wrong) > 0.35
    assert np.mean([rate <= 0.35 for rate in right]) >= 0.94
    assert all(t.avg_logprob > -1 and t.compression_ratio < 2.4 and t.language == "en" for t in heard)


def test_a_clip_is_heard_alike_in_any_company(recognizer: Recognizer, spoken: list[Speech]) -> None:
    clips = [_clip(speech) for speech in spoken[:9]]
    together = recognizer.transcribe(clips)
    alone = [recognizer.transcribe([clip])[0] for clip in clips]
    assert [t.text for t in together] == [t.text for t in alone]
    assert all(abs(a.avg_logprob - b.avg_logprob) < 1e-2 for a, b in zip(together, alone, strict=True))
    assert recognizer.transcribe(clips[::-1])[::-1] == together


def test_long_short_silent_and_empty_clips(recognizer: Recognizer, spoken: list[Speech]) -> None:
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    long = np.concatenate([part for speech in spoken[:16] for part in (_clip(speech), pause)])
    assert len(long) > 35 * SAMPLE_RATE
    results = recognizer.transcribe([long, np.zeros(0, np.float32), np.zeros(3 * SAMPLE_RATE, np.float32), long[:1600]])
    assert len(results) == 4
    given = " ".join(SENTENCES[::10][:16])
    assert wer(given, results[0].text) <= 0.25
    assert results[0].words[-1].start > 30
    assert results[1].text == ""
    assert results[1].words == ()
    assert results[1].no_speech_prob == 1
    assert results[2].text == ""
    assert results[2].no_speech_prob > 0.6


def test_language_is_detected_when_not_given(spoken: list[Speech]) -> None:
    (transcript,) = Recognizer("embedded", None).transcribe([_clip(spoken[0])])
    assert transcript.language == "en"
    assert transcript.language_prob > 0.9


def test_a_language_is_called_as_whisper_calls_it_or_refused() -> None:
    for tag, code in (("en-GB", "en"), ("cmn-Hant", "zh"), ("nb", "no"), ("tl", "tl"), ("jv", "jw"), ("und", None)):
        assert whisper_language(tag) == code
        check_language(tag)
    with pytest.raises(UsageError, match="Whisper knows no language 'gsw': give a nearer one"):
        Transcribe(TranscribeParams(), "gsw").check()


def test_a_missing_model_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match=r"no model 'huge'.*embedded"):
        Recognizer("huge", "en")
    with pytest.raises(ModelUnavailable, match=r"model\.bin"):
        Recognizer(str(tmp_path), "en")
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match=r"'tiny.en'.*download_model"):
        Recognizer("tiny.en", "en")


def test_a_model_is_known_by_its_files() -> None:
    assert model_digest("embedded") == model_digest(str(EMBEDDED)) != model_digest("large-v3") == "large-v3"
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= 8 * 1024 * 1024


def test_nothing_measured_was_trained_on() -> None:
    corpus = load()
    assert len(SENTENCES) == 500
    assert not {normalised(text) for texts in held_out().values() for text in texts} & {
        normalised(text) for text in corpus.written
    }
    rng = np.random.default_rng(0)
    assert all(normalised(corpus.draw(rng)) not in corpus.known for _ in range(200))
