"""The gate: every text of the quickstart passes, and each way in which speech goes wrong is named."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from turnmill.synth.channels import RATE
from turnmill.synth.speech import Line, Speech
from turnmill.synth.text import spoken_form
from turnmill.synth.tts.engines.espeak import ESPEAK
from turnmill.synth.tts.gate import GateParams, Heard, judge, judge_heard

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from turnmill.synth.tts.engines.espeak import EspeakEngine

Pcm = NDArray[np.float32]
QUICKSTART = Path(__file__).parents[3] / "pipelines" / "recipes" / "quickstart"
TEXT = "The old harbor wakes slowly, as the first fishing boats return with the tide."


def spoken(text: str, voice: str = "espeak-en-us-anna") -> Pcm:
    (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("line", text, voice, "en", 0)])
    assert isinstance(speech, Speech)
    return speech.pcm


def test_every_text_of_the_quickstart_passes_in_some_voice_of_each_kind() -> None:
    written = [turn["content"] for row in _dialogues() for turn in row["messages"]]
    written += [*(QUICKSTART / "sentences.txt").read_text("utf-8").splitlines(), "uh", "um", "yeah", "uh-huh", "I see"]
    voices = sorted(name for name, voice in ESPEAK.voices.items() if voice.language == "en")
    for index, text in enumerate(spoken_form(text, "en") for text in written if text.strip()):
        verdict = judge(spoken(text, voices[index % len(voices)]), text, "en", GateParams())
        assert verdict.why is None, (text, verdict.why)


@pytest.mark.parametrize("style", ["fast", "slow"])
def test_a_rate_that_was_asked_for_passes_in_every_voice(style: str) -> None:
    for name in (name for name, voice in ESPEAK.voices.items() if voice.language == "en"):
        (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("line", TEXT, name, "en", 0, style=style)])
        assert isinstance(speech, Speech)
        assert judge(speech.pcm, TEXT, "en", GateParams(), style).why is None, name


def test_what_is_faster_or_slower_than_asked_for_is_refused_where_no_rate_was() -> None:
    pcm = spoken(TEXT)
    squeezed, stretched = pcm[::3], np.repeat(pcm, 3)
    for sound, style in ((squeezed, "fast"), (stretched, "slow")):
        said = sum(character.isalpha() for character in TEXT)
        pace = len(sound) / RATE / said
        params = GateParams.model_validate({"pace": {"en": {"low": 0.8 * pace, "high": 1.2 * pace}}, "slack_s": 0})
        assert judge(sound, TEXT, "en", params).why is None
        other = {"fast": {"low": 1.3 * pace, "high": 9.0}, "slow": {"low": 0.0, "high": 0.7 * pace}}[style]
        params = GateParams.model_validate({"pace": {"en": other}, "slack_s": 0})
        assert "sound_s" in str(judge(sound, TEXT, "en", params).why)
        assert judge(sound, TEXT, "en", params, style).why is None


def _dialogues() -> list[dict[str, list[dict[str, str]]]]:
    rows = [json.loads(line) for line in (QUICKSTART / "dialogues.jsonl").read_text("utf-8").splitlines()]
    return [row for row in rows if all(isinstance(turn.get("content"), str) for turn in row["messages"])]


@pytest.mark.parametrize(
    "text",
    [
        "BBC, CNN, NBC, and HBO.",
        "WWW.",
        "X, Y, Z?",
        "PhD, MBA, JD, LLM.",
        "A, B, C, D, E, F, G.",
        "NATO.",
        "PLEASE STOP SHOUTING AT ME.",
    ],
)
def test_letters_that_are_spelt_and_words_in_capitals_pass_in_every_voice(text: str) -> None:
    for voice in (name for name, voice in ESPEAK.voices.items() if voice.language == "en"):
        assert judge(spoken(text, voice), text, "en", GateParams()).why is None, voice


@pytest.mark.parametrize("text", ["WWW.", "BBC, CNN, NBC, and HBO.", "I have a dog, and I like it."])
def test_babble_after_letters_and_clauses_fails(text: str) -> None:
    assert "sound_s" in str(judge(np.concatenate([spoken(text)] * 4), text, "en", GateParams()).why)


def test_mandarin_passes() -> None:
    voice = next(name for name, voice in ESPEAK.voices.items() if voice.language == "zh")
    text = "今天下午三点，我们在图书馆门口见面。"  # its own comma
    (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("line", text, voice, "zh", 0)])
    assert isinstance(speech, Speech)
    assert judge(speech.pcm, text, "zh-CN", GateParams()).why is None


def quiet(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize(
    ("spoil", "measure"),
    [
        (lambda pcm: pcm[: len(pcm) // 2], "sound_s"),  # stops early
        (lambda pcm: np.concatenate([pcm] * 4), "sound_s"),  # goes on and on
        (lambda pcm: np.concatenate([pcm, quiet(1.2)]), "edge_s"),
        (lambda pcm: np.concatenate([quiet(1.2), pcm]), "edge_s"),
        (lambda pcm: np.concatenate([quiet(0.95), *np.array_split(pcm, 2), quiet(0.95)]), None),
        (lambda pcm: np.insert(pcm, len(pcm) // 2, quiet(1.6)), "silence_s"),
        (lambda pcm: np.insert(pcm, [len(pcm) // n for n in (2, 3, 4, 5) for _ in range(31_000)], 0), "silence_ratio"),
        (lambda pcm: np.clip(3 * pcm, -1, 1), "clipping_ratio"),
        (lambda pcm: pcm * 10 ** (-30 / 20), "level_dbfs"),
        (lambda pcm: np.sign(pcm) * 0.9, "level_dbfs"),
        (lambda pcm: pcm[:0], "no sound"),
        (lambda pcm: np.zeros_like(pcm), "no sound"),
        (lambda pcm: np.where(np.arange(len(pcm)) == 7, np.nan, pcm), "no sound"),
    ],
)
def test_each_defect_is_named_by_its_measure(spoil: Callable[[Pcm], Pcm], measure: str | None) -> None:
    verdict = judge(spoil(spoken(TEXT)).astype(np.float32), TEXT, "en", GateParams())
    assert (verdict.why is None) is (measure is None)
    assert measure is None or measure in str(verdict.why)


def test_a_line_that_says_something_else_or_says_it_again_fails() -> None:
    params = GateParams()
    words = len(TEXT.split())
    assert judge_heard(Heard(TEXT.upper(), 0, words), TEXT, params).why is None
    assert judge_heard(Heard("Yeah.", 1, 1), "Sure.", params).why is None, "one error is allowed"
    wrong = judge_heard(Heard("something else", 9, words), TEXT, params)
    assert "error_rate" in str(wrong.why)
    loop = judge_heard(Heard("return with the tide with the tide with the tide", 2, words), TEXT, params)
    assert "loops" in str(loop.why)
    assert judge_heard(Heard("no no no no", 0, 4), "No, no, no, no!", params).why is None, "the text repeats itself"
