"""Long answers cut to sentences that make sense alone, or left too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.synth.shortening import sentences, shortened
from turnmill.synth.text import TextLimits, speakable

LICENCE = Licence("CC0-1.0", True, True)
LONG = (
    "Strawberries keep best in the fridge, dry and unwashed. Put a paper towel below them so that nothing gets wet. "
    "Gooseberries last much longer than that, and may even be kept in the cellar for some weeks if it is cool there."
)
KEPT = "Strawberries keep best in the fridge, dry and unwashed. Put a paper towel below them so that nothing gets wet."


def cut(answer: str, *later: str, longest: int = 120, language: str = "en") -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(("So?", answer, *later)))
    return shortened(TextDialogue("d", turns, language, "t", LICENCE), longest)


def test_an_answer_ends_at_a_sentence_within_the_bound_and_is_marked() -> None:
    turn = cut(LONG).turns[1]
    assert (turn.text, turn.shortened) == (KEPT, True)
    assert not cut(LONG, longest=500).turns[1].shortened


def test_what_the_user_says_is_never_cut() -> None:
    assert cut("Yes.", LONG).turns[2] == TextTurn("user", LONG)


def test_chinese_ends_at_a_sentence_too() -> None:
    text = "草莓放进冰箱，不要先洗。底下垫一张纸，这样不会湿。" + "醋栗可以放得更久，在凉快的地下室里能放几个星期。" * 2
    assert cut(text, longest=40, language="zh").turns[1].text == "草莓放进冰箱，不要先洗。底下垫一张纸，这样不会湿。"


def test_an_answer_of_which_the_user_uses_what_would_be_unsaid_stays_too_long() -> None:
    dialogue = cut(LONG, "Where do I keep the gooseberries?", "In the cellar.")
    assert dialogue.turns[1].text == LONG
    rejected = speakable(dialogue, TextLimits(max_turn_chars=120))
    assert isinstance(rejected, Reject)
    assert rejected.reason is Reason.TURN_TOO_LONG


@pytest.mark.parametrize(
    "answer",
    [
        "Here are five tips for strawberries in summer:\n1. Keep them dry.\n2. Keep them cold." + " Eat." * 20,
        "First, wash the berries in cold water for a minute. Second, dry them well." + " Then wait for a while." * 9,
        "There are three kinds of berries that I know of. Some are red." + " Some of them are blue as well." * 9,
        "Of course! " + "And so it goes on and on without any end, as it seems to me, " * 4 + "and on.",
        "- Keep the berries dry and cold all the time.\n" * 9,
        "Roses are red in the summer sun\nViolets are blue when day is done\n" * 4,
        "There is no best answer to this question at all. However, most people " + "really " * 20 + "like red ones.",
        "Take four of nine eggs out of the box. That leaves some. " + "Count them. " * 9 + "Therefore it is 5.",
        "以下是一些保存草莓的好方法，请你慢慢看一看。第一要保持干燥。" + "第二要保持低温。" * 20,
        'He said "I keep the berries in the fridge. And then' + " I wait, and wait" * 9 + '."',
    ],
)
def test_nothing_is_left_dangling(answer: str) -> None:
    assert not cut(answer).turns[1].shortened


@given(st.text(alphabet='ab .!?。！1.)-\n:"', max_size=300))
def test_what_is_kept_begins_the_answer_and_fits(answer: str) -> None:
    turn = cut(answer, longest=40).turns[1]
    assert answer.strip().startswith(turn.text.strip())
    assert not turn.shortened or (len(turn.text) <= 40 and turn.text[-1] in '.!?。！"')


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith came.|He sat down.",
        "Mrs. Hill and Dr. J. R. Hill came vs. Prof. Ames.|They won!",
        "Look, e.g. Paris, or the U.S. Army.|It is late.",
        "It is No. 5 of St. James.|Go.",
        "No.|I will not.",
        "He said “Go.”|So we went.",
        "好的。|我们走吧！",
    ],
)
def test_a_sentence_does_not_end_with_an_abbreviation(text: str) -> None:
    assert sentences(text.replace("|", " ")) == text.split("|")
