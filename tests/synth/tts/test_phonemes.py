"""Phonemes: every word of a text is read once and in its place, whatever is in the text; words are where they sound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.records import Reason
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tags import without_tags
from turnmill.synth.tts.align import sounding
from turnmill.synth.tts.english_phonemes import english_sentences
from turnmill.synth.tts.phonemes import LONGEST, Edges, Pcm, Sentence, parts, speak

RATE = 24_000
WORDS = st.sampled_from(
    ["Hello", "the", "train", "42", "$5.50", "Dr.", "St.", "5km", "e.g.", "well...", "—", "uh-huh", "mhm", "O'Brien's",
     "1/2", "10:30am", "[x](/bar/)", "(aside)", "naïve", "NASA", "co-operate", "a/b", "user@example.com", "X-ray",
     "\u201cquoted,\u201d", "no?", "Yes!", "3rd", "Jan.", "2019", "*", "_under_", "rock'n'roll"]
)  # fmt: skip


def owners(sentences: list[Sentence]) -> list[int]:
    return [owner for sentence in sentences for owner in sentence.owners if owner is not None]


@given(st.lists(WORDS, min_size=1, max_size=12).map(" ".join))
def test_every_word_is_read_in_its_order(text: str) -> None:
    found = owners(english_sentences(text))
    assert found == sorted(found)
    assert set(found) == set(range(len(sounding(text))))


@given(st.text(max_size=60))
def test_any_text_is_spoken_whole_or_is_an_error(text: str) -> None:
    told = spoken_or_not(Line("l", text, "v", "en", 0))
    if isinstance(told, Speech):
        assert [word.text for word in told.words or ()] == sounding(without_tags(text))
    else:
        assert told.detail.startswith("line l: ")


def spoken_or_not(line: Line) -> Speech | SpeechError:
    try:
        return speak(line, english_sentences, tone, RATE, 0.0)
    except SpeechError as error:
        return error


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Oh no. That is a pity.", ["ˈO nˈO.", "ðˈæt"]),
        ("I love the Sun. It is warm.", ["sˈʌn.", "ˌɪt"]),
        ("Then Henry I mean him.", ["hˈɛnɹi ˌI mˈin"]),
        ("A Type C cable.", ["tˈIp sˈi kˈAbᵊl"]),
        ("It costs $5 less.", ["fˈIv dˈɑləɹz lˈɛs"]),
        ("I\u02bcm here.", ["ˌIm hˈɪɹ"]),
        ("Dr. Smith said 5km.", ["dˈɑktəɹ smˈɪθ sˈɛd fˈIv kəlˈɑməTəɹz."]),
    ],
)
def test_a_text_is_read_as_it_is_written(text: str, phonemes: list[str]) -> None:
    found = [sentence.symbols for sentence in english_sentences(text)]
    assert len(found) == len(phonemes)
    assert all(part in symbols for part, symbols in zip(phonemes, found, strict=True)), found


def test_pronunciations_in_a_text_are_words_of_it() -> None:
    (sentence,) = english_sentences("[hello](/bar/)")
    assert "hˈɛ" in sentence.symbols or "həl" in sentence.symbols


@given(st.integers(0, 3000), st.integers(1, 60), st.integers(0, 5))
def test_a_long_sentence_is_cut_where_it_can_be(length: int, word: int, clause: int) -> None:
    symbols = "".join("a" * word + (", " if clause and n % clause == 0 else " ") for n in range(length // (word + 1)))
    whole = Sentence(symbols, tuple(range(len(symbols))))
    found = parts(whole)
    assert "".join(part.symbols for part in found) == symbols
    assert [owner for part in found for owner in part.owners] == list(whole.owners)
    assert all(len(part.symbols) <= LONGEST for part in found)
    assert all(part.symbols.endswith(" ") for part in found[:-1])


def tone(symbols: str) -> tuple[Pcm, Edges]:
    """100 ms of tone for each symbol; 200 ms of silence for a space, and before and after all of it."""
    sounds = [np.zeros(RATE // 5, np.float32)]
    for symbol in symbols:
        length = RATE // (5 if symbol == " " else 10)
        pitch = np.sin(np.arange(length) * 2 * np.pi * 440 / RATE).astype(np.float32)
        sounds.append(pitch * np.float32(0 if symbol == " " else 0.3))
    sounds.append(np.zeros(RATE // 5, np.float32))
    edges = np.cumsum([0, *(len(sound) for sound in sounds)])
    return np.concatenate(sounds), edges[1:-1].astype(np.int64)


@pytest.mark.parametrize("late", [0.0, 0.04])
def test_words_are_where_they_sound_and_silence_at_the_edges_is_gone(late: float) -> None:
    sentence = Sentence("ab cde", (0, 0, None, 1, 1, 1))

    def render(symbols: str) -> tuple[Pcm, Edges]:
        pcm, edges = tone(symbols)
        return pcm, edges + round(late * RATE)

    speech = speak(Line("l", "One two.", "v", "en", 0), lambda _: [sentence], render, RATE, late)
    assert speech.words is not None
    times = [(word.text, word.start, word.end) for word in speech.words]
    assert times == [
        ("One", pytest.approx(0.03, abs=2e-3), pytest.approx(0.23, abs=0.011)),
        ("two.", pytest.approx(0.43, abs=0.011), pytest.approx(0.73, abs=2e-3)),
    ]
    assert len(speech.pcm) / RATE == pytest.approx(0.76, abs=3e-3)


def test_a_word_that_makes_no_sound_is_an_error_and_not_silence() -> None:
    line = Line("l", "One 好.", "v", "en", 0)
    with pytest.raises(SpeechError, match=r"line l: v makes no sound of '好\.") as told:
        speak(line, english_sentences, tone, RATE, 0.0)
    assert told.value.reason == Reason.NOTHING_SPOKEN
    with pytest.raises(SpeechError, match=r"makes no sound of '\.\.\.'"):
        speak(Line("l", "...", "v", "en", 0), english_sentences, tone, RATE, 0.0)
