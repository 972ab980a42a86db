"""Alignment finds the times that espeak states, whatever was aligned before, and admits what it cannot find."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.channels import RATE
from turnmill.synth.speech import Line, Speech, SpeechError, Word
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.align import (
    PerLanguage,
    Piece,
    ProportionalAligner,
    gathered,
    on_grid,
    snapped,
    sounding,
    spread,
)
from turnmill.synth.tts.engines.espeak import ESPEAK
from turnmill.synth.tts.gate import GateParams
from turnmill.synth.tts.takes import Examiner, takes

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")
pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

import itertools

from turnmill.synth.tts.engines.espeak import EspeakEngine
from turnmill.synth.tts.sphinx import PocketsphinxAligner

TEXTS = (
    "Set a reminder to call Anna at five.",
    "In May, Boston is usually mild, with warm afternoons and cool evenings. You can expect some rain.",
    "No problem - I have changed it. Would you like a louder sound to wake you up?",
    "Twenty-five people have signed Anna's letter; the doctor's not among them.",
    "uh-huh",
    "Mr. Zwierzykowski flew to Ouagadougou with KLM.",
    "Her na\u00efve r\u00e9sum\u00e9 of the caf\u00e9.",
)
VOICES = [name for name, voice in sorted(ESPEAK.voices.items()) if voice.language == "en"]


def spoken(text: str, voice: str = "espeak-en-us-anna", language: str = "en") -> Speech:
    (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("line", text, voice, language, 0)])
    assert isinstance(speech, Speech)
    return speech


def aligned(aligner: PocketsphinxAligner, speech: Speech, text: str) -> tuple[Word, ...] | None:
    return aligner.align(speech.pcm, speech.sample_rate, text, "en")


def errors_ms(found: tuple[Word, ...] | None, speech: Speech) -> list[float]:
    assert found is not None
    assert speech.words is not None
    assert [word.text for word in found] == [word.text for word in speech.words]
    both = zip(found, speech.words, strict=True)
    return [1e3 * abs(error) for a, b in both for error in (a.start - b.start, a.end - b.end)]


def test_word_times_are_those_that_espeak_states() -> None:
    aligner = PocketsphinxAligner()
    errors = []
    for index, voice in enumerate(VOICES):
        text = TEXTS[index % 4]
        speech = spoken(text, voice)
        errors += errors_ms(aligned(aligner, speech, text), speech)
    assert np.median(errors) < 15
    assert np.quantile(errors, 0.95) < 80


@pytest.mark.parametrize("text", TEXTS[4:])
def test_names_letters_and_single_words_are_found(text: str) -> None:
    speech = spoken(text)
    assert max(errors_ms(aligned(PocketsphinxAligner(), speech, text), speech)) < 200


def test_a_line_is_aligned_the_same_whatever_came_before() -> None:
    speeches = [spoken(text) for text in TEXTS]
    one, other = PocketsphinxAligner(), PocketsphinxAligner()
    forth = [aligned(one, *pair) for pair in zip(speeches, TEXTS, strict=True)]
    back = [aligned(other, *pair) for pair in zip(speeches[::-1], TEXTS[::-1], strict=True)]
    assert forth == back[::-1]


def test_words_are_on_the_samples_of_the_audio_at_any_rate() -> None:
    import soxr

    text = TEXTS[1]
    speech = spoken(text)
    pcm = soxr.resample(speech.pcm, speech.sample_rate, 22_050)
    words = PocketsphinxAligner().align(pcm, 22_050, text, "en-US")
    assert np.median(errors_ms(words, speech)) < 15
    assert words is not None
    edges = np.array([edge for word in words for edge in (word.start, word.end)])
    assert np.abs(edges * 22_050 - np.round(edges * 22_050)).max() < 1e-6
    assert (np.diff(edges) >= 0).all()
    assert 0 <= edges[0] <= edges[-1] <= len(pcm) / 22_050


def test_pauses_belong_to_no_word() -> None:
    speech = spoken("Yes. I think so, too.")
    words = aligned(PocketsphinxAligner(), speech, "Yes. I think so, too.")
    assert words is not None
    assert words[1].start - words[0].end > 0.1


@pytest.mark.parametrize(
    ("said", "text", "language"),
    [
        (TEXTS[1], TEXTS[2] + " " + TEXTS[3], "en"),  # the audio says something else
        (TEXTS[0], "", "en"),
        (TEXTS[0], " - ... !", "en"),
        (TEXTS[0], "Rappelle Anna.", "fr"),
        (TEXTS[0], "你好", "en"),
    ],
)
def test_what_cannot_be_aligned_has_no_times(said: str, text: str, language: str) -> None:
    speech = spoken(said)
    assert PocketsphinxAligner().align(speech.pcm, speech.sample_rate, text, language) is None


class Bare:
    """espeak without its word times, at another pitch for each seed; the seeds it was given are kept."""

    sample_rate, identity = RATE, "bare"

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        self.seeds += [line.seed for line in lines]
        spoken = EspeakEngine(ESPEAK.voices).synthesize(lines)
        return [Speech(s.pcm * (1 - line.seed % 7 / 100), RATE, None) for line, s in zip(lines, spoken, strict=True)]


def test_a_line_in_a_language_without_an_aligner_is_spoken_once_and_told_so() -> None:
    voice = next(name for name, voice in ESPEAK.voices.items() if voice.language == "zh")
    lines = [Line("zh", "今天我们去图书馆。", voice, "zh-CN", 3), Line("en", TEXTS[0], VOICES[0], "en-US", 4)]
    speaker = Bare()
    for aligner in (PocketsphinxAligner(), PerLanguage({"en": PocketsphinxAligner()}, PocketsphinxAligner())):
        speaker.seeds.clear()
        done = {take.line.id: take for take in takes(speaker, lines, Examiner(GateParams(), aligner), tries=4)}
        assert speaker.seeds == [3, 4]
        assert isinstance(done["en"].result, Speech)
        error = done["zh"].result
        assert isinstance(error, SpeechError)
        assert (error.reason, done["zh"].tries) == ("unsupported_language", 1)
        assert "no word times for 'zh-CN'" in error.detail


def test_silence_and_too_little_sound_have_no_times() -> None:
    for seconds in (0.0, 0.02, 1.0):
        silence = np.zeros(round(seconds * RATE), np.float32)
        assert PocketsphinxAligner().align(silence, RATE, TEXTS[0], "en") is None
        assert ProportionalAligner().align(silence, RATE, TEXTS[0], "en") is None
    assert PocketsphinxAligner().align(spoken("Yes.").pcm, RATE, TEXTS[1], "en") is None


def test_the_guess_covers_every_character_and_no_pause() -> None:
    text = "你好，今天我们去图书馆。"  # its own comma
    voice = next(name for name, voice in ESPEAK.voices.items() if voice.language == "zh")
    speech = spoken(text, voice, "zh")
    words = PerLanguage({"en": PocketsphinxAligner()}, ProportionalAligner()).align(speech.pcm, RATE, text, "zh-CN")
    assert words is not None
    assert [word.text for word in words] == tokens(text)
    assert words[2].start - words[1].end > 0.05


@given(st.lists(st.tuples(st.floats(-1, 9), st.floats(-1, 9)), min_size=1, max_size=40), st.floats(0.1, 8))
def test_spans_are_put_in_order_with_room_for_each(spans: list[tuple[float, float]], length: float) -> None:
    found = spread(spans, length)
    assert (found is None) == (len(spans) * 0.02 > length)
    if found is not None:
        edges = np.array(found).ravel()
        assert (np.diff(edges) >= -1e-9).all()
        assert all(end - start >= 0.02 - 1e-9 for start, end in found)
        assert edges[0] >= 0
        assert edges[-1] <= length + 1e-9
        assert on_grid(["word"] * len(found), found, round(length * RATE), RATE) is not None


@given(st.text("ab ,你好-", min_size=1, max_size=30), st.lists(st.integers(1, 5), min_size=30, max_size=30))
def test_pieces_become_words_however_the_text_is_cut(text: str, sizes: list[int]) -> None:
    cuts = np.minimum(np.cumsum([0, *sizes]), len(text))
    pieces = [Piece(text[a:b], float(a), float(b)) for a, b in itertools.pairwise(cuts) if b > a]
    words = sounding(text)
    found = gathered(words, pieces)
    assert found is not None
    assert len(found) == len(words)
    assert [start for start, _ in found] == sorted(start for start, _ in found)
    assert gathered([*words, "c"], pieces) is None


def test_snapping_leaves_words_without_pauses_alone() -> None:
    pcm = np.cos(np.arange(RATE) * 2 * np.pi * 0.01).astype(np.float32)
    assert snapped([(0.0, 0.4), (0.4, 1.0)], pcm) == [(0.0, 0.4), (0.4, 1.0)]
