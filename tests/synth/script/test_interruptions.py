"""Interruptions: each has a consequence, and the talk goes on as people would."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.synth.duplex.conftest import QUIET, only
from tests.synth.script.test_writer import german_bank
from turnmill.manifests.records import Intent, Interruption, Licence, TextDialogue, TextTurn, ToolCall
from turnmill.synth.intents import INTENTS, Balance, says_again
from turnmill.synth.phrases import PHRASES
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.tokens import prefix, spans, tokens
from turnmill.synth.tts.engines.espeak import ESPEAK

LICENCE = Licence("CC-BY-4.0", True, True)
FRIDGE = (
    "How does a fridge work?",
    "A fridge pumps a liquid through a loop of pipes. The liquid evaporates inside and takes up heat. A compressor "
    "then squeezes it, so that it gives off that heat at the back. In many of them there is a fan for that as well.",
    "Is it bad to leave the door open?",
    "Yes, the cold air falls out at once, and the compressor has to run for a long time to make up for it.",
)
WINE = (
    "Hi! How do I get red wine out of a carpet?",
    "First blot it with a clean cloth and never rub. Pour on cold water with a drop of dish soap, and blot again.",
    "Will that work on wool?",
    "It will, but use as little water as you can, and dry the spot with a fan for the rest of the day.",
)
MOON = (
    "How far is the moon?",
    "The moon is about three hundred and eighty thousand kilometres away. Light takes a little more than a second for "
    "that.",
)
ANTS = (
    "How do I get ants out of a kitchen?",
    "Wipe the path of the ants with vinegar, and close the gap by which they come in. Put the sugar in a jar, too.",
)
CHINESE = (
    ("附近有什么好吃的面馆？", "出门往右走两百米有一家面馆，味道很好，价格也不贵，中午人很多，最好早点去。"),
    ("小米粥要煮多久？", "水开以后用小火煮三十分钟左右，中间搅拌几次，这样就不会粘锅了，喝起来也更香。"),
)


def dialogue(name: str, texts: Sequence[str], language: str = "en") -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue(name, turns, language, "tests", LICENCE)


OTHERS = (dialogue("fridge", FRIDGE), dialogue("wine", WINE), dialogue("moon", MOON))


def written(
    item: TextDialogue, *intents: Intent, seed: int = 0, others: Sequence[TextDialogue] = OTHERS, chance: float = 1.0
) -> Script:
    interaction = QUIET.model_copy(update={"barge_in": chance, "intents": only(*intents)})
    return write_script(item, interaction, ESPEAK, "train", seed, others)


def texts(script: Script) -> list[str]:
    return [turn.text for turn in script.turns]


def test_a_follow_up_is_the_next_turn_where_it_uses_nothing_unsaid() -> None:
    script = written(OTHERS[1], "follow_up")
    assert [turn.text_written for turn in script.turns] == list(WINE)
    [item] = script.barge_ins
    assert (item.turn, item.target_turn, item.turns) == (2, 1, 0)
    assert prefix(WINE[1], item.said).endswith("never rub.")  # the end of a sentence
    relies = dialogue("d", (*WINE[:2], "How cold is the water to be?", WINE[3]))
    assert not written(relies, "follow_up").barge_ins
    steps = dialogue("d", (WINE[0], WINE[1].replace("Pour", "Then pour"), *WINE[2:]))
    assert not written(steps, "follow_up").barge_ins  # how it is done is not told yet


@pytest.mark.parametrize(
    "following",
    [
        "No, I said the sofa.",
        "What do you mean by blot?",
        "Thanks, that is great.",
        "And the second one?",
        "Yes, please.",
    ],
)
def test_what_corrects_asks_back_thanks_or_points_at_the_whole_answer_is_no_follow_up(following: str) -> None:
    assert not written(dialogue("d", (*WINE[:2], following, WINE[3])), "follow_up").barge_ins


@pytest.mark.parametrize("intent", ["correct", "denial"])
def test_who_is_misheard_asks_again_and_gets_the_right_answer(intent: Intent) -> None:
    script = written(OTHERS[1], intent, others=(*OTHERS, dialogue("ants", ANTS)))
    asked, wrong, again, right = script.turns[:4]
    assert (wrong.speaker, wrong.misheard, wrong.borrowed) == ("assistant", True, "ants")  # "How do I get ... out of"
    assert wrong.text == ANTS[1]
    assert script.barge_ins[0].until <= script.barge_ins[0].said + 9  # one notices soon
    assert again.text.endswith("How do I get red wine out of a carpet?")
    assert again.text != asked.text
    assert right.text.endswith(WINE[1])
    assert (right.text_written, right.misheard, right.borrowed) == (WINE[1], False, None)
    assert script.barge_ins[0].target_turn == 1
    assert [turn.text_written for turn in script.turns if turn.borrowed is None and turn.text_written] == list(WINE)


def test_a_topic_is_another_dialogues_and_the_talk_goes_on_as_that_one_does() -> None:
    script = written(dialogue("moon", MOON), "topic")
    assert texts(script)[:2] == list(MOON)
    [item] = script.barge_ins
    assert (item.intent, item.turn) == ("topic", 2)
    new = next(other for other in (FRIDGE, WINE) if script.turns[3].text_written == other[1])
    assert script.turns[2].text.endswith(new[0].removeprefix("Hi! "))
    assert [turn.text_written for turn in script.turns[2:]] == list(new)
    assert {turn.borrowed for turn in script.turns[2:]} == {"fridge" if new is FRIDGE else "wine"}


@pytest.mark.parametrize("intent", ["clarify", "repeat"])
@pytest.mark.parametrize("seed", range(5))
def test_the_clause_that_was_cut_is_said_again_and_what_follows_it(intent: Intent, seed: int) -> None:
    script = written(dialogue("fridge", FRIDGE[:2]), intent, seed=seed)
    [item] = script.barge_ins
    assert (item.turns, item.until is not None) == (2, True)
    answer = script.turns[3].text
    starts = [start for start, _ in spans(FRIDGE[1])]
    first = next(n for n, start in enumerate(starts) if answer.casefold().endswith(FRIDGE[1][start:].casefold()))
    assert first < item.said < (item.until or 0)
    assert FRIDGE[1][: starts[first]].rstrip()[-1:] in ("", ".")
    assert prefix(FRIDGE[1], item.said).endswith(".")  # what was missed is whole


@pytest.mark.parametrize(
    ("opening", "kept"), [("Yes, ", True), ("Well, ", False), ("No, ", True), ("No problem, ", False)]
)
def test_what_is_said_again_keeps_the_answer_that_it_begins_with(opening: str, kept: bool) -> None:
    told = f"{opening}if you only carry a small bag with you. The subway takes you downtown in twenty minutes or so."
    script = written(dialogue("d", ("Is it worth leaving the airport?", told)), "repeat")
    assert (f"{opening}if you" in script.turns[3].text) == kept


@pytest.mark.parametrize(("opening", "kept"), [("是的，", True), ("不好意思，", False), ("没问题，", False)])
def test_what_is_said_again_in_chinese_keeps_the_answer_that_it_begins_with(opening: str, kept: bool) -> None:
    told = f"{opening}火车明天早上七点从北京西站出发。中午十二点半左右到达上海，下车以后可以坐地铁去酒店。"
    script = written(dialogue("d", ("明天有去上海的火车吗？", told), "zh"), "repeat", others=())
    assert (f"{opening}火车" in script.turns[3].text) == kept


def test_an_affirmation_is_acknowledged_and_the_talk_goes_on() -> None:
    script = written(OTHERS[0], "affirm")
    assert len(tokens(script.turns[3].text)) <= 8
    assert [turn.text_written for turn in script.turns if turn.text_written] == list(FRIDGE)


def test_a_cancel_ends_the_dialogue_where_it_ends_with_silence_or_a_word_or_two() -> None:
    answered = 0
    for seed in range(40):
        script = written(OTHERS[0], "cancel", seed=seed)
        [item] = script.barge_ins
        assert item.turns == len(script.turns) - item.turn
        answered += item.turns - 1
        assert all(turn.text_written is None for turn in script.turns[item.turn :])
    assert 10 <= answered <= 30


@pytest.mark.parametrize("intent", ["topic", "clarify", "repeat", "affirm", "follow_up"])
def test_who_is_asked_does_not_ask_for_something_else(intent: Intent) -> None:
    asks = (
        "I need a table.",
        "Certainly. For how many people should it be, and on which day of the week?",
        "Six.",
        "Yes.",
    )
    assert not written(dialogue("d", asks), intent).barge_ins


def test_who_asked_nothing_is_not_misheard_and_a_refusal_is_not_affirmed() -> None:
    told = dialogue("d", ("I feel so alone.", "I am sorry to hear that, it must be hard to be on your own so long."))
    assert not written(told, "correct", "denial", "topic", "affirm").barge_ins
    refused = dialogue("d", ("How do I do that?", "I'm sorry, but I cannot help you with that, whatever you may say."))
    assert not written(refused, "affirm").barge_ins


def test_who_is_offered_more_or_told_to_confirm_neither_changes_the_topic_nor_has_what_they_need() -> None:
    for answer in (
        "Sure thing, here you go. Tell the people at the bar if you want anything from the menu after that.",
        "Okay. Just confirm the order all looks correct and I will send it off to be made for you at once.",
    ):
        assert not written(dialogue("d", ("Could I see the menu again?", answer)), "topic", "affirm").barge_ins


LATTE = (
    "Sure, that is one large latte with oat milk, with a little vanilla in it. You will find it at the end of the bar."
)


@pytest.mark.parametrize("intent", ["topic", "affirm", "cancel"])
def test_who_waits_for_what_they_ordered_sees_it_through(intent: Intent) -> None:
    assert not written(dialogue("d", ("I'd like a large latte with oat milk.", LATTE)), intent).barge_ins
    assert written(dialogue("d", ("What is a large latte with oat milk?", LATTE)), intent).barge_ins


def test_a_cancel_stops_a_long_answer_of_which_much_is_heard_and_much_is_left() -> None:
    [item] = written(dialogue("d", FRIDGE[:2]), "cancel").barge_ins
    assert 6 < item.said < item.until < len(tokens(FRIDGE[1]))
    assert not written(
        dialogue("d", ("How do I get there?", "Take bus two to the park and then walk.")), "cancel"
    ).barge_ins
    called = TextTurn("assistant", f"Let me look. {FRIDGE[1]}", tool=ToolCall("{}", "{}", 3))
    asked = replace(dialogue("d", FRIDGE[:2]), turns=(TextTurn("user", FRIDGE[0]), called))
    assert not written(asked, "cancel").barge_ins


def test_a_new_topic_comes_once_half_is_told_is_a_question_and_does_not_end_with_one() -> None:
    asking = dialogue("a", ("How much is a ticket to the zoo?", "That depends, for how many people?", "Two.", "Ten."))
    order = dialogue("o", ("I'd like a ticket to the zoo.", "Here is one, for the whole day and all the animals."))
    script = written(dialogue("moon", MOON), "topic", others=[asking, order])
    [item] = script.barge_ins
    assert prefix(MOON[1], item.said).endswith("away.")
    assert script.turns[2].borrowed == "a"
    assert script.turns[-1].text == "Ten."
    short = replace(asking, turns=asking.turns[:2])
    script = written(dialogue("moon", MOON), "topic", others=[short, order, OTHERS[0]])
    assert script.turns[2].borrowed == "fridge"


BAKERY = (
    "Where can I buy a good cake by noon?",
    "The best cake is at the bakery behind the station, ten minutes from here on foot, and it is open by now.",
)


def test_who_was_misheard_asks_all_that_the_answer_is_about() -> None:
    asked = "My zebra eats grass. Where can I find a good vet near the river?"
    for answer, again in (
        ("There is one at number nine, by the river, and he is open on Saturdays.", "Where can I"),
        ("There is one by the river, and tell him that the zebra eats grass.", "My zebra"),
    ):
        script = written(dialogue("d", (asked, answer)), "correct", others=(dialogue("b", BAKERY),))
        assert again in script.turns[2].text
        assert ("My zebra" in script.turns[2].text) == (again == "My zebra")


def test_nobody_cancels_a_question() -> None:
    asked = dialogue(
        "d", ("Book a table.", "Certainly. For how many people should it be, and on which day of the week?")
    )
    assert not written(asked, "cancel").barge_ins


def test_what_is_answered_to_everybody_shows_nobody_that_they_were_misheard() -> None:
    drinks = ("a flat white", "an iced mocha", "a matcha latte", "a lemon tea")
    orders = tuple(
        dialogue(
            f"o{n}", (f"Could you make {drink}?", "Okay. Just check that the whole order looks right before I send it.")
        )
        for n, drink in enumerate(drinks)
    )
    assert not written(dialogue("moon", MOON), "correct", "denial", "topic", others=orders).barge_ins


def test_an_answer_that_may_be_the_right_one_shows_nobody_that_they_were_misheard() -> None:
    asked = dialogue(
        "d", ("How is a lemon tea made?", "There is none on the menu today, but the mint tea is very good.")
    )
    fits = dialogue("o", ("How is a mocha made?", "Please look over what you chose while I pass it on to the bar."))
    tells = dialogue("o", ("How is an espresso made?", "An espresso is made with hot water under a lot of pressure."))
    assert not written(asked, "correct", "denial", others=(fits,)).barge_ins
    assert written(asked, "correct", others=(tells,)).barge_ins


def test_who_is_told_nothing_of_what_they_asked_has_not_what_they_need() -> None:
    off = dialogue(
        "d", ("How do I get to the station?", "That is an old saying of the nineties, and a funny one as well.")
    )
    told = dialogue(
        "d",
        (
            "How do I get to the station?",
            "The station is behind the park, ten minutes from here on foot. You can also take bus two.",
        ),
    )
    assert not written(off, "affirm").barge_ins
    assert written(told, "affirm").barge_ins


def test_what_a_task_adds_is_no_follow_up() -> None:
    item = dialogue("d", FRIDGE)
    turns = tuple(replace(turn, added=n > 1) for n, turn in enumerate(item.turns))
    assert written(item, "follow_up").barge_ins
    assert not written(replace(item, turns=turns), "follow_up").barge_ins


ESPRESSO = ("How is an espresso made?", "An espresso is made with hot water under a lot of pressure.")
STATION = (
    "How do I get to the station?",
    "The station is behind the park, ten minutes from here on foot. There is also a bus at the corner.",
)


def test_nobody_is_misheard_twice_in_a_dialogue() -> None:
    long = dialogue("d", (*MOON, *WINE[:2], *FRIDGE[:2]))
    for seed in range(5):
        script = written(long, "correct", seed=seed, others=(dialogue("a", ANTS), dialogue("s", STATION)))
        assert sum(turn.misheard for turn in script.turns) == 1


def test_who_is_misheard_may_be_told_what_they_were_told_before() -> None:
    long = dialogue("d", (*MOON, *FRIDGE[:2]))
    script = written(long, "denial", others=())
    [wrong] = [turn for turn in script.turns if turn.misheard]
    assert (wrong.text, wrong.borrowed, wrong.text_written) == (MOON[1], None, None)
    assert [turn.text_written for turn in script.turns if turn.text_written] == [turn.text for turn in long.turns]


def test_nobody_is_told_again_what_they_interrupted_before() -> None:
    long = dialogue("d", (*MOON, *FRIDGE[:2]))
    seen = 0
    for seed in range(20):
        script = written(long, "follow_up", "denial", others=(), seed=seed)
        stopped = [barge_in.target_turn for barge_in in script.barge_ins]
        seen += len(stopped) > 0
        assert len({script.turns[index].text for index in stopped}) == len(stopped)
    assert seen


def test_who_answers_a_question_as_well_is_not_misheard() -> None:
    back = dialogue("d", ("Hi.", "Hello, what colour is it?", "Can you paint me a green door?", ESPRESSO[1]))
    told = dialogue("d", ("Hi.", "Hello, tell me of it.", "Can you paint me a green door?", ESPRESSO[1]))
    fence = "I can mend a fence in an afternoon, if there is no rain and you bring the nails with you."
    others = (dialogue("f", ("Can you mend me a fence?", fence)),)
    assert not written(back, "correct", others=others).barge_ins
    assert written(told, "correct", others=others).barge_ins


@pytest.mark.parametrize(("told", "possible"), [(STATION[1], True), ("It is behind the park.", False)])
def test_what_is_said_before_a_call_is_not_said_again_after_it(told: str, possible: bool) -> None:
    filler = "Let me look that up for you in the book that they gave me, it takes a moment."
    call = TextTurn("assistant", f"{filler} {told}", tool=ToolCall("{}", "{}", after=len(tokens(filler))))
    item = replace(dialogue("d", STATION), turns=(TextTurn("user", STATION[0]), call))
    for seed in range(5):
        script = written(item, "repeat", seed=seed, others=())
        assert bool(script.barge_ins) == possible
        assert ("look" in script.turns[-1].text) != possible


def test_a_turn_that_is_over_before_anybody_interrupts_is_not() -> None:
    short = dialogue("d", ("Is it far?", "It is not far at all.", "Can I walk?", "Sure."))
    assert not written(short, *INTENTS, others=()).barge_ins


def test_without_others_nothing_is_borrowed_and_nothing_like_its_own_ever_is() -> None:
    near = (dialogue("a", ("How do I remove red wine from carpet?", WINE[1])), dialogue("b", WINE))
    for others in ((), (OTHERS[1],), near):
        assert not written(OTHERS[1], "topic", "correct", "denial", others=others).barge_ins


def test_a_language_without_phrases_has_follow_ups_alone() -> None:
    german = (
        "Wie komme ich zum Bahnhof?",
        "Gehen Sie immer geradeaus und dann an der zweiten Ampel nach links. Es ist gar nicht weit.",
        "Fährt dort auch ein Bus?",
        "Ja, alle zehn Minuten.",
    )
    interaction = QUIET.model_copy(update={"barge_in": 1.0})
    found = [
        write_script(dialogue("d", german, "de"), interaction, german_bank(), "train", seed, OTHERS)
        for seed in range(20)
    ]
    assert {item.intent for script in found for item in script.barge_ins} == {"follow_up"}


def test_what_a_language_model_wrote_has_the_bounds_of_its_kind() -> None:
    def turned(intent: Intent, answer: str | None) -> Script:
        turn = TextTurn("assistant", FRIDGE[1], interruption=Interruption(intent, "Wait, I have a question.", answer))
        turns = (TextTurn("user", FRIDGE[0]), turn, TextTurn("user", FRIDGE[2]), TextTurn("assistant", "Yes, it is."))
        return written(TextDialogue("d", turns, "en", "tests", LICENCE), intent, others=())

    third = len(tokens(FRIDGE[1])) // 3
    [item] = turned("repeat", "Sure. Through a loop.").barge_ins
    assert (item.said, item.turns) == (third, 2)
    assert item.until is not None
    [item] = turned("denial", "All right, then not.").barge_ins
    assert (item.said, item.until, item.turns) == (third, None, 0)
    assert len(turned("topic", "Gladly.").turns) == 4  # after another topic, the old one does not go on
    assert not turned("denial", FRIDGE[1]).barge_ins  # the turn again


TURN = st.sampled_from([*FRIDGE, *WINE, *MOON, "Yes.", "Thanks a lot.", "Why?", "What do you mean by that?"])
TALKS = st.lists(st.lists(TURN, min_size=2, max_size=6), min_size=1, max_size=5)


@settings(max_examples=80, deadline=None)
@given(TALKS, st.integers(0, 1000), st.floats(0.1, 1), st.booleans())
def test_every_script_holds_together(talks: list[list[str]], seed: int, chance: float, chinese: bool) -> None:
    language = "zh" if chinese else "en"
    group = [dialogue(f"d{n}", talk, "en") for n, talk in enumerate(talks)]
    if chinese:
        group = [dialogue(f"z{n}", texts, "zh") for n, texts in enumerate(CHINESE)]
    interaction = Interaction(barge_in=chance, hesitation=0.5)
    balance = Balance(interaction.intents, np.random.default_rng(seed))
    scripts = [write_script(item, interaction, ESPEAK, "train", seed, group, balance) for item in group]
    for item, script in zip(group, scripts, strict=True):
        assert Script.from_json(script.to_json()) == script
        assert [turn.index for turn in script.turns] == list(range(len(script.turns)))
        assert all((a.speaker == b.speaker) == b.after_silence for a, b in pairwise(script.turns))
        assert all(turn.borrowed != item.id for turn in script.turns)
        for turn in (turn for turn in script.turns if turn.misheard):
            assert turn.speaker == "assistant"
            assert (turn.borrowed is None) == (turn.text_written is None)
        for barge_in in script.barge_ins:
            target, turn = script.turns[barge_in.target_turn], script.turns[barge_in.turn]
            assert (target.speaker, turn.speaker) == ("assistant", "user")
            assert barge_in.turn == barge_in.target_turn + 1
            assert barge_in.turn + barge_in.turns <= len(script.turns)
            if barge_in.turn + 1 < len(script.turns):
                assert not says_again(barge_in.intent, target.text, script.turns[barge_in.turn + 1].text)
            count, phrases = len(tokens(target.text)), PHRASES[language]
            assert max(3, phrases.words_per_s) <= barge_in.said < count
            assert barge_in.until is not None
            assert barge_in.said < barge_in.until
            assert target.misheard == (barge_in.intent in ("correct", "denial"))
