"""A dialogue and its task: shares, what is drawn, and that all of it can be spoken and stays in its place."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.speech import DIALECTS, MANNERS, RATES, STYLES
from turnmill.synth.tasks.emotion import ANSWERED, felt
from turnmill.synth.tasks.given import WORDINGS, with_style_alone, with_task
from turnmill.synth.tasks.labels import with_performed
from turnmill.synth.tasks.params import TASKS, Task, TaskShares
from turnmill.synth.tasks.wording import composed
from turnmill.synth.text import TextLimits, speakable

Make = Callable[..., TextDialogue]


def shares(task: Task, share: float = 1.0) -> TaskShares:
    return TaskShares.model_validate({task: share})


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("task", TASKS)
def test_every_dialogue_with_a_task_can_be_spoken_and_has_the_source_whole(
    task: Task, language: str, dialogue: Make
) -> None:
    requests = Counter[str]()
    for n in range(600):
        before = dialogue(f"d{n}", language)
        after = with_task(before, shares(task), MANNERS, 0)
        assert isinstance(speakable(after, TextLimits()), TextDialogue), after
        assert [turn.text for turn in after.turns if not turn.added] == [turn.text for turn in before.turns]
        assert [turn.written for turn in after.turns if not turn.added] == [turn.text for turn in before.turns]
        assert after.scenario == f"talk/{task}"
        assert not any("{" in turn.text or "[" in turn.text for turn in after.turns)
        requests.update([next(turn.text for turn in after.turns if turn.added)])
    assert len(requests) >= 50
    assert requests.most_common(1)[0][1] <= 0.04 * 600


def test_shares_come_out_and_depend_on_seed_and_dialogue_alone(dialogue: Make) -> None:
    asked = TaskShares(emotion=0.2, style_request=0.1, function_call=0.3)
    dialogues = [dialogue(f"d{n}") for n in range(2000)]
    given = [with_task(each, asked, MANNERS, 1) for each in dialogues]
    found = Counter(str(each.scenario).removeprefix("talk").removeprefix("/") for each in given)
    assert {task: found[task] / 2000 for task in TASKS} == pytest.approx(asked.shares, abs=0.02)
    assert [with_task(each, asked, MANNERS, 1) for each in reversed(dialogues)] == given[::-1]
    assert [with_task(each, asked, MANNERS, 2) for each in dialogues] != given


def test_without_shares_and_in_other_languages_a_dialogue_stays_as_it_is(dialogue: Make) -> None:
    before = dialogue("d")
    assert with_task(before, TaskShares(), MANNERS, 0) is before
    german = replace(before, language="de")
    assert with_task(german, shares("emotion"), MANNERS, 0) is german


def test_shares_beyond_the_whole_are_refused() -> None:
    with pytest.raises(ValidationError, match="at most 1 together"):
        TaskShares(emotion=0.6, function_call=0.5)


def test_a_dialogue_that_the_assistant_begins_keeps_its_order(dialogue: Make) -> None:
    for task in TASKS:
        for n in range(40):
            before = dialogue(f"d{n}")
            before = replace(before, turns=(TextTurn("assistant", "Hello, I am here."), *before.turns))
            after = with_task(before, shares(task), MANNERS, 0)
            assert [turn.role for turn in after.turns[:2]] == ["assistant", "user"]
            assert isinstance(speakable(after, TextLimits()), TextDialogue)


def test_nothing_comes_between_a_question_of_the_assistants_and_its_answer(dialogue: Make) -> None:
    for task in TASKS:
        for n in range(60):
            before = dialogue(f"d{n}")
            asking = [replace(t, text=f"{t.text} Is that clear?") if t.role == "assistant" else t for t in before.turns]
            after = with_task(replace(before, turns=tuple(asking)), shares(task), MANNERS, 0)
            assert [index for index, turn in enumerate(after.turns) if turn.added] == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "Okay, how do I freeze them?",
        "That's good. How do I freeze them?",
        "Yep.",
        "They look fine to me.",
    ],
)
def test_no_exchange_comes_before_a_turn_that_takes_up_what_was_said(dialogue: Make, text: str) -> None:
    for task in TASKS:
        for n in range(40):
            before = dialogue(f"d{n}")
            turns = [replace(t, text=text) if i in (2, 4) else t for i, t in enumerate(before.turns)]
            after = with_task(replace(before, turns=tuple(turns)), shares(task), MANNERS, 0)
            assert {index for index, turn in enumerate(after.turns) if turn.added} in ({0, 1}, {6, 7})


def test_what_is_told_first_leads_over_to_the_user(dialogue: Make) -> None:
    for task in ("emotion", "function_call"):
        for language in ("en", "zh"):
            for n in range(60):
                after = with_task(dialogue(f"d{n}", language), shares(task), MANNERS, 0)
                if after.turns[1].added:
                    assert after.turns[1].text[-1] in "?？", after.turns[1].text


def test_a_call_comes_before_a_dialogue_that_has_ended_with_a_goodbye(dialogue: Make) -> None:
    for n in range(40):
        before = dialogue(f"d{n}")
        ended = replace(before, turns=(*before.turns[:-1], TextTurn("assistant", "Have a nice day!")))
        after = with_task(ended, shares("function_call"), MANNERS, 0)
        assert after.turns[0].added


# emotion


@pytest.mark.parametrize(
    ("language", "text", "emotion"),
    [
        ("en", "I'm so sad today. What should I watch?", "sadness"),
        ("en", "Ugh, I am really furious at my bank!", "anger"),
        ("en", "Oh, I'm happy, we won!", "joy"),
        ("en", "I'm terrified of flying, what helps?", "fear"),
        ("en", "I'm afraid I don't understand.", None),
        ("en", "I'm not sad.", None),
        ("en", "What if I'm sad?", None),
        ("en", "Are you happy?", None),
        ("en", "I'm happy. I'm sad.", None),
        ("zh", "我好难过，怎么办？", "sadness"),
        ("zh", "我特别高兴！", "joy"),
        ("zh", "我不难过。", None),
        ("zh", "如果我很生气该怎么办？", None),
    ],
)
def test_a_feeling_is_read_where_its_speaker_says_it_and_nowhere_else(
    language: str, text: str, emotion: str | None
) -> None:
    assert felt(TextTurn("user", text), language) == emotion


def test_the_emotion_of_the_source_goes_before_that_of_the_words() -> None:
    assert felt(TextTurn("user", "I'm so sad.", "Happy"), "en") == "joy"
    assert felt(TextTurn("user", "I'm so sad.", "pensive"), "en") is None


def test_where_the_user_feels_something_the_next_answer_is_in_tune_and_no_word_is_added(dialogue: Make) -> None:
    before = dialogue("d", first="I'm so angry, my strawberries are rotten! How do I keep them?")
    after = with_task(before, shares("emotion"), MANNERS, 0)
    assert [turn.text for turn in after.turns] == [turn.text for turn in before.turns]
    assert [turn.emotion for turn in after.turns] == ["anger", "neutral", None, None, None, None]


def test_elsewhere_a_feeling_is_told_and_answered_first(dialogue: Make) -> None:
    found = Counter()
    for n in range(100):
        after = with_task(dialogue(f"d{n}"), shares("emotion"), MANNERS, 0)
        told, answer = after.turns[:2]
        assert told.emotion in EMOTIONS
        assert answer.emotion == ANSWERED[told.emotion]
        found[told.emotion] += 1
    assert len(found) == len(WORDINGS["en"].felt) >= 5


def test_every_emotion_has_an_answer_that_mirrors_nothing_bad() -> None:
    assert set(ANSWERED) == set(EMOTIONS)
    assert not {"anger", "disgust", "fear", "sadness"} & set(ANSWERED.values())


# style


def test_from_a_request_on_the_assistant_speaks_so_until_it_is_asked_back(dialogue: Make) -> None:
    backs = 0
    for n in range(200):
        after = with_task(dialogue(f"d{n}"), shares("style_request"), RATES, 0)
        styles = [turn.style for turn in after.turns]
        added = [index for index, turn in enumerate(after.turns) if turn.added and turn.role == "user"]
        until = len(styles) if len(added) == 1 else added[1]
        backs += len(added) == 2
        style = styles[added[0] + 1]
        assert style in RATES
        for index, turn in enumerate(after.turns):
            spoken = turn.role == "assistant" and added[0] < index < until
            assert turn.style == (style if spoken else None)
    assert 20 < backs < 120


def test_a_dialect_is_asked_for_in_chinese_alone_and_every_manner_where_it_is_performed(dialogue: Make) -> None:
    asked: dict[str, set[str]] = {}
    for language in ("en", "zh"):
        found = (with_task(dialogue(f"d{n}", language), shares("style_request"), MANNERS, 0) for n in range(800))
        asked[language] = {str(turn.style or turn.emotion) for each in found for turn in each.turns} - {"None"}
    assert not asked["en"] & set(DIALECTS)
    assert set(DIALECTS) < asked["zh"]
    assert {*RATES, "loud", "soft", "joy"} <= asked["en"] & asked["zh"]


def test_nothing_is_asked_for_that_no_voice_performs(dialogue: Make) -> None:
    before = dialogue("d")
    assert with_task(before, shares("style_request"), (), 0) is before
    after = with_task(before, shares("style_request"), ("slow",), 0)
    assert {turn.style for turn in after.turns} == {None, "slow"}


def test_every_style_has_requests_in_chinese_and_a_name_where_it_needs_one() -> None:
    wording = WORDINGS["zh"]
    assert set(STYLES) <= set(wording.styles)
    assert set(wording.names) == set(DIALECTS)
    assert set(STYLES) - set(DIALECTS) <= set(WORDINGS["en"].styles)
    for each in WORDINGS.values():
        for said in each.styles.values():
            assert sum(len(composed(template)) for template in said.requests) >= 6


def test_a_style_whose_words_a_model_writes_is_the_one_that_would_be_drawn(dialogue: Make) -> None:
    for n in range(50):
        before = dialogue(f"d{n}")
        alone = with_style_alone(before, shares("style_request", 0.5), RATES, 0)
        whole = with_task(before, shares("style_request", 0.5), RATES, 0)
        assert (alone is before) == (whole is before)
        assert {turn.style for turn in alone.turns} == {turn.style for turn in whole.turns} or alone is not before
        assert len(alone.turns) == 6
        assert with_task(alone, shares("style_request", 0.5), RATES, 0) == alone


# labels


def test_labels_say_what_the_voices_perform_and_no_more(dialogue: Make) -> None:
    turns = (
        TextTurn("user", "Hi.", "Happy", style=None),
        TextTurn("assistant", "Hello.", "anger"),
        TextTurn("user", "Well?", "pensive"),
        TextTurn("assistant", "Yes.", "joy", style="slow"),
        TextTurn("assistant", "Yes.", "joy", style="sichuan"),
    )
    labelled = with_performed(replace(dialogue("d"), turns=turns), {"joy", "slow"})
    found = [(turn.emotion, turn.style) for turn in labelled.turns]
    assert found == [("joy", None), (None, None), (None, None), (None, "slow"), ("joy", None)]
