"""The embedded English voice: same line, same bytes; every word in its place; a bad line is an error and nothing else;
users are other people than the assistant."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason
from turnmill.synth.energy import active_level
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine, engine
from turnmill.synth.tts.sphinx import PocketsphinxAligner

VOICES = [voice.name for voice in HIBARI.speaking("en")]
TEXT = "When the sun is low, its light travels through much more air."


def line(text: str = TEXT, voice: str = "hibari-heart", language: str = "en-US", seed: int = 1) -> Line:
    return Line("d#0", text, voice, language, seed)


def said(*lines: Line) -> list[Speech]:
    found = HibariEngine(HIBARI.voices).synthesize(lines)
    assert all(isinstance(each, Speech) for each in found), found
    return [each for each in found if isinstance(each, Speech)]


def test_a_line_gives_the_same_bytes_in_any_company_and_others_for_another_seed() -> None:
    (alone,) = said(line())
    _, among, _ = said(line("Before it."), line(), line("After it.", VOICES[2]))
    (other,) = said(line(seed=2))
    assert alone.pcm.tobytes() == among.pcm.tobytes() != other.pcm.tobytes()
    assert alone.words == among.words == other.words


@pytest.mark.parametrize("voice", VOICES)
def test_each_voice_says_every_word_in_its_place(voice: str) -> None:
    (speech,) = said(line(voice=voice))
    words = speech.words or ()
    assert [word.text for word in words] == TEXT.split()
    assert all(a.end <= b.start for a, b in pairwise(words))
    assert all(word.start < word.end for word in words)
    assert all(
        float(t * 24_000).is_integer() or abs(t * 24_000 - round(t * 24_000)) < 1e-6
        for w in words
        for t in (w.start, w.end)
    )
    assert words[0].start == pytest.approx(0.03, abs=1e-3)
    assert len(speech.pcm) / 24_000 - words[-1].end == pytest.approx(0.03, abs=1e-3)
    assert speech.pcm.dtype == np.float32
    assert np.abs(speech.pcm).max() < 1
    assert -30 < (active_level(speech.pcm) or 0) < -20


def test_words_are_where_another_aligner_finds_them() -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    off = []
    for speech in said(*(line(voice=voice) for voice in VOICES[:4])):
        found = PocketsphinxAligner().align(speech.pcm, 24_000, TEXT, "en")
        assert found is not None
        off += [abs(a.start - b.start) for a, b in zip(speech.words or (), found, strict=True)]
    assert np.median(off) <= 0.01
    assert max(off) < 0.08


@pytest.mark.parametrize(("style", "low", "high"), [("fast", 0.75, 0.85), ("slow", 1.2, 1.3)])
def test_a_rate_is_heard_and_words_are_where_another_aligner_finds_them(style: str, low: float, high: float) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    off = []
    for voice in VOICES[:4]:
        plain, styled = said(line(voice=voice), replace(line(voice=voice), style=style))
        assert low < len(styled.pcm) / len(plain.pcm) < high
        assert [word.text for word in styled.words or ()] == TEXT.split()
        found = PocketsphinxAligner().align(styled.pcm, 24_000, TEXT, "en")
        assert found is not None
        off += [abs(a.start - b.start) for a, b in zip(styled.words or (), found, strict=True)]
    assert np.median(off) <= 0.012
    assert np.quantile(off, 0.9) < 0.05  # of one voice the aligner loses four words in a row, on some processors


def test_users_differ_from_the_assistant_in_pitch_and_pace() -> None:
    high, low, heart = said(line(voice="hibari-edith"), line(voice="hibari-dean"), line())

    def hz(speech: Speech) -> float:
        """The median f0 by autocorrelation of 40 ms frames."""
        frames = speech.pcm[: len(speech.pcm) // 960 * 960].reshape(-1, 960)
        loud = frames[np.square(frames).mean(1) > np.square(frames).mean()]
        lags = np.array([np.correlate(f, f, "full")[959:] for f in loud])
        return float(np.median(24_000 / (60 + lags[:, 60:400].argmax(1))))

    assert hz(low) < 0.75 * hz(heart)
    assert hz(high) > 1.05 * hz(heart)
    assert len(high.pcm) < len(heart.pcm) < len(low.pcm)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line("...", VOICES[1]), Reason.NOTHING_SPOKEN),
        (line("I said 好的 then."), Reason.NOTHING_SPOKEN),
        (line(language="zh"), Reason.UNSUPPORTED_LANGUAGE),
        (line(voice="nobody"), Reason.UNKNOWN_VOICE),
        (line("", VOICES[1]), Reason.NOTHING_SPOKEN),
    ],
)
def test_a_bad_line_is_an_error_in_its_place(bad: Line, reason: Reason) -> None:
    first, error, last = HibariEngine(HIBARI.voices).synthesize([line(), bad, line("Fine.")])
    assert isinstance(error, SpeechError)
    assert error.reason == reason
    assert error.detail.startswith("line d#0: ")
    assert isinstance(first, Speech)
    assert isinstance(last, Speech)


def test_a_long_line_is_spoken_whole() -> None:
    text = " ".join([TEXT] * 40)
    (speech,) = said(line(text))
    assert len(speech.words or ()) == len(text.split())
    endless = " and ".join(["the sun is low"] * 60)
    assert len(said(line(endless))[0].words or ()) == len(endless.split())


def test_another_model_than_the_one_that_was_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SHA256", "0" * 64)
    with pytest.raises(
        UsageError, match=r"is not the model that Turnmill speaks with .*pip install hibari-tts==0\.2\.1"
    ):
        HibariEngine(HIBARI.voices)
