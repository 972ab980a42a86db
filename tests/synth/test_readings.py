"""Every published and every own case of `readings/` is read as a native would, and nothing is dropped on the way."""

import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn
from turnmill.synth.reading import chinese, english
from turnmill.synth.reading.directions import directed, without_directions
from turnmill.synth.text import TextLimits, speakable, spoken_form

READINGS = Path(__file__).with_name("readings")
_AND = re.compile(r"\b(hundred|thousand|million|billion|trillion) and\b")


def cases(language: str) -> list[tuple[str, tuple[str, ...]]]:
    rows = (READINGS / f"{language}.tsv").read_text("utf-8").splitlines()[1:]
    return [(written, tuple(readings.split(" | "))) for _, _, written, readings in (row.split("\t") for row in rows)]


def words(said: str, language: str) -> str:
    """What counts of a reading: its words, without case and marks."""
    if language == "zh":
        return "".join(c for c in said.upper() if c.isalpha())
    bare = re.sub(r"[^\w'\s]|(?<!\w)'|'(?!\w)", " ", said.lower())
    return _AND.sub(r"\1", " ".join(bare.split()))


def rejected(text: str, language: str) -> bool:
    turns = (TextTurn("user", "好的。" if language == "zh" else "Well then."), TextTurn("assistant", text))
    return isinstance(
        speakable(TextDialogue("d", turns, language, "tests", Licence("CC0-1.0", True, True)), TextLimits()), Reject
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_case_is_read_as_a_native_would_or_is_rejected(language: str) -> None:
    wrong = []
    for written, readings in cases(language):
        if readings == ("rejected",):
            right = rejected(written, language)
        else:
            said = words(spoken_form(written, language), language)
            right = said in {words(reading, language) for reading in readings}
        if not right:
            wrong.append((written, readings[0], spoken_form(written, language)))
    assert wrong == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_are_four_hundred_cases_and_none_twice(language: str) -> None:
    written = [text for text, _ in cases(language)]
    assert len(written) >= 400
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_reading_has_no_digit_and_is_read_as_it_is(language: str) -> None:
    for written, _ in cases(language):
        said = spoken_form(written, language)
        assert not any(c.isdigit() for c in said), written
        assert spoken_form(said, language) == said, written


def test_a_stage_direction_goes_or_becomes_the_tag_of_its_sound() -> None:
    turns = (
        TextTurn("user", "*laughs* Well then."),
        TextTurn("assistant", "（叹气）好的，[cough] I (smiles) *mean* it."),
    )
    dialogue = TextDialogue("d", turns, "en", "tests", Licence("CC0-1.0", True, True))
    dropped, tagged = (
        [" ".join(turn.text.split()) for turn in without_directions(dialogue, tag).turns] for tag in (False, True)
    )
    assert dropped == ["Well then.", "好的，[cough] I *mean* it."]
    assert tagged == ["[laughter] Well then.", "[sigh] 好的，[cough] I *mean* it."]


# fmt: off
SAID = {
    "en": ["7", "42", "365", "1,234", "3.5", "$5", "€20", "₹500", "20 €", "500 USD", "50%", "2 + 2", "7 - 3 = 4",
           "6 × 7", "8 ÷ 2", "½", "3:30", "1:30:45", "3pm", "90°", "20°C", "5 km", "16 GB", "H2O", "C#", "AT&T", "±2",
           "3 < 5", "1990s", "'90s", "v2.0.1", "#1", "@home", "and/or", "w/o", "E = m", "π", "5'10\"", "2nd", "§ 5",
           "→", "≈", "∞", "₿", "¢5", "5¢", "♯", "user_name", "10^6", "2*8", "a * b", "x²", "|x|≤3"],
    "zh": ["7", "42", "365", "1,234", "3.5", "$5", "￥99.5", "₹500", "20€", "500 USD", "50%", "2+2", "7 - 3 = 4",
           "6×7", "8÷2", "½", "3:30", "1:30:45", "3pm", "90°", "20℃", "5km", "16GB", "①②③", "C#", "AT&T", "±2",
           "3<5", "1990s", "v2.0.1", "No.1", "@小王", "9·11", "π", "3-5", "2²", "→", "≈", "∞", "₿", "5¢", "10^6"],
}
# fmt: on
_PLACE = {"en": ("we saw", "of them there"), "zh": ("我们看到", "在那里")}
_SOUNDS = re.compile(r"[^\W_]|[$€£¥￥₹₿¢%+=×÷°±<>#@&→≈∞≤]")


@pytest.mark.parametrize("language", ["en", "zh"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_each_letter_digit_and_sign_changes_what_is_said(language: str, data: st.DataObject) -> None:
    """What is dropped in silence could be taken out of the text, and nobody would hear it."""
    piece = data.draw(st.sampled_from(SAID[language]))
    before, after = _PLACE[language]
    text = f"{before} {piece} {after}"
    said = spoken_form(text, language)
    assert said.startswith(before)
    assert said.endswith(after)
    for match in _SOUNDS.finditer(piece):
        without = f"{before} {piece[: match.start()]}{piece[match.end() :]} {after}"
        if match[0] == "0" and ":" in piece:
            continue  # 3:0 is no time
        assert spoken_form(without, language) != said, (piece, match[0])


@pytest.mark.parametrize("language", ["en", "zh"])
@given(sign=st.characters(categories=["Sc", "Sm"]))
@settings(deadline=None, max_examples=200)
def test_every_sign_of_money_and_mathematics_is_said_or_rejected(language: str, sign: str) -> None:
    text = f"The first {sign} second word" if language == "en" else f"第一个{sign}第二个词"
    without = text.replace(sign, " ")
    drawn = sign in "|~～" or unicodedata.category(unicodedata.normalize("NFKC", sign)[0]) not in ("Sc", "Sm")
    assert drawn or rejected(text, language) or spoken_form(text, language) != spoken_form(without, language)


LONG = {
    "en": ["1", "a ", "1-", "(1) ", "1:", "1.", "$1 ", "*a ", "I'", "U.", "2/", "_a", "a.com ", "= ", "A1", "5'", "V ",
           "H2", "- ", "9 ", "1,", "x^", "*laughs "],
    "zh": ["1-", "1年", "①", "a ", "= ", "$5-", "第1", "1:", "1/", "，1", "~", "(笑", "5%-", "A-1"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "piece"), [(language, piece) for language in LONG for piece in LONG[language]])
def test_time_grows_with_the_length(language: str, piece: str) -> None:
    rules = {"en": english.spoken_form, "zh": chinese.spoken_form}[language]

    def seconds(count: int) -> float:
        text = directed((piece * count)[:count], tagged=False)
        start = time.process_time()
        rules(text)
        return time.process_time() - start

    longest = 100_000 if language == "en" else 2_000  # wetext takes 0.3 ms a character, whatever stands there
    seconds(1000)
    short, long = max(min(seconds(longest // 8) for _ in range(2)), 0.01), seconds(longest)
    assert long / short < 40, (short, long)  # eight times the text: a square would be 64
