"""Phrases: how many there are, how even they are, and that every engine reads them as they are written."""

import re
from collections import Counter
from typing import get_args

import numpy as np
import opencc
import pytest

from turnmill.synth.phrases import PHRASES, PhraseKind
from turnmill.synth.phrases.stock import expansions
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import SENTENCE_END, ends_with

KINDS: tuple[PhraseKind, ...] = get_args(PhraseKind)
INTERRUPTS: tuple[PhraseKind, ...] = ("cancel", "clarify", "repeat", "correct", "denial", "topic", "affirm")
ASIDE: tuple[PhraseKind, ...] = ("side_talk", "third_party")
LANGUAGES = sorted(PHRASES)
# Beginnings of words that no person and no recogniser takes for anything but "be quiet".
CANCELS = {
    "en": r"stop|never mind|enough|forget it|let's (stop|leave)|all i (need|want)|quiet",
    "zh": r"停|算了|够|不用|别[说讲念]|到这儿|安静|取消|不[问听]了|就这样|^(好|行)了",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_hundreds_of_ways_to_interrupt_hesitate_and_talk_aside(language: str) -> None:
    phrases = PHRASES[language]
    assert set(phrases.templates) == set(KINDS)
    for kinds in (INTERRUPTS, ASIDE):
        assert len({phrase for kind in kinds for phrase in phrases.stock(kind)}) >= 300
    for kind in (*INTERRUPTS, "attempt"):
        assert len(set(phrases.stock(kind))) >= 100
    assert len(set(phrases.stock("filler"))) >= 15


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*INTERRUPTS, *ASIDE, "attempt"])
def test_no_interruption_or_side_talk_is_more_than_a_fiftieth_of_its_kind(language: str, kind: PhraseKind) -> None:
    """Exactly, and in as many draws as ten thousand dialogues have of a kind, about a thousand."""
    phrases = PHRASES[language]
    exact = Counter(phrases.stock(kind))
    assert max(exact.values()) / exact.total() <= 0.011
    rng = np.random.default_rng(7)
    drawn = Counter(phrases.say(kind, rng) for _ in range(20_000))
    assert set(drawn) == set(exact)
    assert max(drawn.values()) / drawn.total() <= 0.02
    few = Counter(phrases.say(kind, rng) for _ in range(1_000))
    assert max(few.values()) / few.total() <= 0.03


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_said_as_it_is_written(language: str) -> None:
    for kind in KINDS:
        for phrase in PHRASES[language].stock(kind):
            assert phrase == " ".join(phrase.split())
            assert not re.search(r"[\[\]{}|]|[,，]\s*[.?!。？！,，]", phrase), phrase
            said = phrase.rstrip(",，") if kind == "filler" else phrase  # a longer one is set off
            assert spoken_form(said, language) == said if phrase else kind.endswith("_reply")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_a_sentence_ends_as_one_and_what_breaks_off_does_not(language: str) -> None:
    for kind in KINDS:
        whole = kind not in ("filler", "attempt")
        for phrase in filter(None, PHRASES[language].stock(kind)):
            assert ends_with(phrase, SENTENCE_END) == whole, phrase
            assert not whole or phrase[0] == phrase[0].upper(), phrase


def test_chinese_phrases_are_simplified_and_have_no_latin_letters() -> None:
    simplified = opencc.OpenCC("t2s")
    for kind in KINDS:
        for phrase in PHRASES["zh"].stock(kind):
            assert simplified.convert(phrase) == phrase
            assert not re.search("[A-Za-z0-9 ]", phrase), phrase


def test_english_phrases_have_no_sound_that_an_embedded_engine_spells_or_reads_as_another() -> None:
    for kind in KINDS:
        for phrase in PHRASES["en"].stock(kind):
            assert not re.search(r"\b(h+m+|m+h+m*|mm|er|hm)\b", phrase, re.IGNORECASE), phrase


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cancel_is_recognisable_as_one(language: str) -> None:
    for phrase in PHRASES[language].stock("cancel"):
        assert re.search(CANCELS[language], phrase.lower()), phrase


def test_a_template_takes_one_alternative_of_each_pair_of_brackets() -> None:
    assert expansions("a") == ["a"]
    assert expansions("[a|b] c[ d]") == ["a c", "a c d", "b c", "b c d"]
    assert expansions("[a|b|]c") == ["ac", "bc", "c"]
    assert sorted(expansions("[[a|b], ]c")) == ["a, c", "b, c", "c"]


# Of what was heard, and of what is said: by them the two kinds are told apart.
HEARING = {
    "en": r"\b(hear|heard|misheard|caught|catch|said|say|saying|asked|ask|got me|repeat)\b",
    "zh": "听|说的|我说|再说|重新|没说|再问|问的|这么说|把问题",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_corrects_speaks_of_what_was_heard_and_who_denies_of_what_is_said(language: str) -> None:
    for phrase in PHRASES[language].stock("correct"):
        assert re.search(HEARING[language], phrase.lower()), phrase
    assert not set(PHRASES[language].stock("correct")) & set(PHRASES[language].stock("denial"))
    for kind in ("denial", "denial_reply"):
        for phrase in PHRASES[language].stock(kind):
            assert not re.search(r"misheard|heard you|catch|听错|听岔|听清|听成", phrase), phrase
