"""Inline tags of speech models: kept as written, no words, and dropped by an engine that cannot speak them."""

import json

import numpy as np
import pytest

from tests.synth.duplex.conftest import LIVELY, TEXTS, speak_script, text_dialogue
from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.script import write_script
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tags import without_tags
from turnmill.synth.text import TextLimits, speakable, spoken_form
from turnmill.synth.tokens import prefix, spans, tokens
from turnmill.synth.tts.engines.espeak import ESPEAK


@pytest.mark.parametrize(
    ("written", "said", "language"),
    [
        ("Ha [laughter] that is great", "Ha [laughter] that is great", "en"),
        ("That is <strong>really</strong> 5!", "That is <strong>really</strong> five!", "en"),
        ("[breath]Well, [cough][sigh] no", "[breath]Well, [cough][sigh] no", "en"),
        ("- <laughter>Sure</laughter>, [quick_breath] (ok)", "<laughter>Sure,</laughter> [quick_breath] ok", "en"),
        ("Ha [laughter].\n[noise] 2 things", "Ha. [laughter] [noise] two things", "en"),
        ("See Dr. [mn] Wu, [mine] he said", "See Doctor [mn] Wu, mine, he said", "en"),
        ("哈[laughter]，我有3个<strong>苹果</strong>。", "哈，[laughter]我有三个<strong>苹果。</strong>", "zh"),
        ("Ha [laughter] **3**", "Ha [laughter] 3", "de"),
    ],
)
def test_tags_stay_as_written(written: str, said: str, language: str) -> None:
    assert spoken_form(written, language) == said
    assert spoken_form(said, language) == said


def judged(text: str) -> Reason | None:
    turns = (TextTurn("user", "Well then."), TextTurn("assistant", text))
    found = speakable(TextDialogue("d", turns, "en", "t", Licence("CC0-1.0", True, True)), TextLimits())
    return found.reason if isinstance(found, Reject) else None


def test_tags_are_neither_symbols_nor_markup_nor_words() -> None:
    assert judged("[breath] [cough] <strong>So</strong> [sigh]") is None
    assert judged("So <b>there</b>.") == Reason.MARKUP
    assert judged("[laughter] <laughter></laughter>") == Reason.NOTHING_SPEAKABLE


def test_a_tag_belongs_to_no_token_and_moves_none() -> None:
    text = "<strong>So</strong> ha[laughter] [breath] 好[sigh]，是 end [cough]"
    assert tokens(text) == ["So", "ha", "好", "，是", "end"]
    assert [text[first:last] for first, last in spans(text)] == tokens(text)
    for count in range(len(tokens(text)) + 1):
        assert text.startswith(prefix(text, count))
        assert tokens(prefix(text, count)) == tokens(text)[:count]


@pytest.mark.parametrize(
    ("text", "language"),
    [("Ha [laughter] that is <strong>really</strong> great. [sigh]", "en"), ("[cough]今天<strong>很</strong>好", "zh")],
)
def test_the_embedded_engine_speaks_all_but_the_tags(text: str, language: str) -> None:
    pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")
    from turnmill.synth.tts.engines.espeak import EspeakEngine

    voice = ESPEAK.assistants_of(language)[0].name
    lines = [Line("line", said, voice, language, 0) for said in (text, without_tags(text))]
    tagged, plain = EspeakEngine(ESPEAK.voices).synthesize(lines)
    assert isinstance(tagged, Speech)
    assert isinstance(plain, Speech)
    assert tagged.words == plain.words
    assert np.array_equal(tagged.pcm, plain.pcm)
    assert [word.text for word in tagged.words or ()] == tokens(text)


def tagged_texts(row: dict[str, list[dict[str, str]]]) -> list[str]:
    """The turns of a dialogue with tags before the third word, around the fifth, inside and at the end."""
    turns = [message["content"].split() for message in row["messages"]]
    return [
        " ".join(("[breath]", *turn[:2], "[laughter]", *turn[2:4], f"<strong>{turn[4]}</strong>", *turn[5:], "[sigh]"))
        if len(turn) > 4
        else " ".join((*turn, "[cough]"))
        for turn in turns
    ]


def test_dialogues_with_tags_are_planned_and_checked_like_others() -> None:
    pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")
    from turnmill.synth.tts.engines.espeak import EspeakEngine

    cut = []
    for row in map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines()[:24:4]):
        dialogue = text_dialogue(row["id"], tagged_texts(row))
        script = write_script(dialogue, LIVELY, ESPEAK, "train", 3)
        spoken = speak_script(script, EspeakEngine(ESPEAK.voices).synthesize)  # type: ignore[arg-type]
        written = spoken.written(spoken.plan(1))
        assert check(written.sample, written.audio, written.clean).violations == ()
        cut += [turn for turn in spoken.plan(1).turns if turn.text_heard != turn.text]
        assert any("[laughter]" in turn.text for turn in spoken.plan(1).turns)
    assert cut
    assert all(turn.text.startswith(turn.text_heard) for turn in cut)
    assert all(tokens(turn.text_heard)[-1:] == [w.text for w in turn.words if w.heard][-1:] for turn in cut)
