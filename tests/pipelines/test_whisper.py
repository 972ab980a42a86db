"""Real Whisper weights on real speech: what comes out is what faster-whisper gives, each language by its own tokeniser.

The weights are those that `pipelines.asr.models` finds (`make test` installs packages that carry them).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import BatchedInferencePipeline
from numpy.typing import NDArray

from tests.whisper import loaded
from turnmill.manifests.audio import Audio, decode, mono_at
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.recognizer import AFTER, BEFORE, Decoded, Recognizer
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip
from turnmill.pipelines.asr.words import shortened
from turnmill.sources.measure import quality

Pcm = NDArray[np.float32]

LOCALES = {"de": "de-DE", "es": "es-ES", "fr": "fr-FR", "ja": "ja-JP", "zh": "zh-CN"}
SECONDS = 6


@pytest.fixture(scope="module")
def base() -> Recognizer:
    return loaded("base")


@pytest.fixture(scope="module")
def tiny() -> Recognizer:
    return loaded("tiny.en")


def narrow(path: Path, seconds: float = 30) -> Pcm:
    return mono_at(decode(path.read_bytes(), path.name), SAMPLE_RATE, path.name)[: int(seconds * SAMPLE_RATE)]


def recording(shared: Path, language: str) -> Pcm:
    folder = shared / "multilingual" / LOCALES[language]
    return narrow(next(path for path in sorted(folder.iterdir()) if path.suffix in (".wav", ".flac")), SECONDS)


def english(shared: Path) -> Iterator[Pcm]:
    for folder in ("LibriSpeech/test-other", "LJSpeech-1.1/wavs", "VCTK-Corpus-0.92/wav48_silence_trimmed"):
        files = sorted(path for path in (shared / folder).rglob("*") if path.suffix in (".flac", ".wav"))
        yield from (narrow(path) for path in files[:: len(files) // 2][:2])


def bare(pipeline: BatchedInferencePipeline, pcm: Pcm, language: str) -> Any:
    """The one segment that faster-whisper makes of a clip."""
    spans = [{"start": 0.0, "end": len(pcm) / SAMPLE_RATE}]
    options: dict[str, Any] = {"language": language, "beam_size": 5, "word_timestamps": True}
    (segment,) = pipeline.transcribe(pcm, clip_timestamps=spans, **options)[0]
    return segment


def assert_equal(said: Decoded, pcm: Pcm, segment: Any) -> None:
    """Texts and times are the same; scores as near as batches of other sizes let floats be."""
    assert said.text == segment.text.strip()
    assert said.avg_logprob == pytest.approx(segment.avg_logprob, abs=1e-4)
    assert said.no_speech_prob == pytest.approx(segment.no_speech_prob, abs=1e-4)
    words = shortened(said.alignment, len(pcm) / SAMPLE_RATE, BEFORE, AFTER)
    expected = [(w.word.strip(), w.start, w.end) for w in segment.words if w.word.strip()]
    assert [(w.word, w.start, w.end) for w in words] == [pytest.approx(word) for word in expected]
    assert not said.cut


def test_five_languages_in_one_batch_are_heard_as_each_alone(base: Recognizer, shared: Path) -> None:
    clips = {language: recording(shared, language) for language in LOCALES}
    batch = base.windows([Clip(pcm) for pcm in clips.values()])
    assert len(batch) == len(clips)
    for said, (language, pcm) in zip(base.decode(batch), clips.items(), strict=True):
        assert said.language == language
        assert said.language_prob is not None
        assert said.language_prob > 0.9
        assert_equal(said, pcm, bare(base.pipeline, pcm, language))


def test_english_of_three_corpora_is_heard_as_by_the_library(tiny: Recognizer, shared: Path) -> None:
    for pcm in english(shared):
        (said,) = tiny.decode(tiny.windows([Clip(pcm)]))
        assert (said.language, said.language_prob) == ("en", None)
        assert_equal(said, pcm, bare(tiny.pipeline, pcm, "en"))


def test_nothing_of_dense_speech_is_cut(base: Recognizer, shared: Path) -> None:
    """28 s of Japanese, of which a bound on tokens once left 129 of 212 characters."""
    folder = shared / "multilingual" / "ja-JP"
    pcm = narrow(folder / "audio.wav")
    text = next(line.split("\t", 1)[1] for line in (folder / "trans.txt").read_text("utf-8").splitlines() if line)
    (heard,) = base.transcribe([Clip(pcm, language="ja")])
    assert heard.n_cut == 0
    assert errors(text, heard.text, "ja").rate < 0.3
    assert errors(text, heard.text, "ja").deletions < 20
    assert heard.words[-1].end > 26


def test_silence_adds_no_word_and_no_word_begins_in_it(tiny: Recognizer, shared: Path) -> None:
    spoken = next(english(shared))
    silence = np.zeros(20 * SAMPLE_RATE, np.float32)
    pcm = np.concatenate([silence[: SAMPLE_RATE * 2], spoken, silence, spoken, silence])
    speech = [
        (round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        for start, end in quality(Audio(pcm[None], SAMPLE_RATE)).segments
    ]
    alone, both, none = tiny.transcribe([Clip(spoken), Clip(pcm, speech), Clip(silence, ())])
    assert errors(f"{alone.text} {alone.text}", both.text).rate < 0.1
    assert len(both.heard) == 2
    assert round(both.words[0].start * SAMPLE_RATE) >= speech[0][0]
    assert both.words[-1].end <= speech[-1][1] / SAMPLE_RATE + 0.4
    assert all(word.end > word.start for word in both.words)
    assert (none.text, none.words, none.avg_logprob) == ("", (), None)
