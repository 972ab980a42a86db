"""Nods: what is said, how often, and where nobody nods."""

from collections import Counter

import numpy as np
import pytest

from turnmill.synth.phrases import PHRASES
from turnmill.synth.script.nods import Nod, nods
from turnmill.synth.tokens import prefix, tokens

MANY = 10_000.0  # a minute: every place gets a nod
STORY = (
    "There are three ways to do that, and most people start with the first one, because it is the easiest by far, "
    "but the second one takes less time. The third one is for experts, who have done it before."
)
CHINESE_STORY = "附近有一家面馆很有名，味道特别好，价格也不算贵，很多人专门从城里开车过来，每天中午都要排很长的队。"
ENGLISH, CHINESE = PHRASES["en"].nods, PHRASES["zh"].nods


def all_nods(text: str, language: str = "en", times: int = 30, named: tuple[int, ...] | None = None) -> list[Nod]:
    rng = np.random.default_rng(5)
    return [nod for _ in range(times) for nod in nods(text, PHRASES[language], MANY, rng, named)]


def places(text: str, language: str = "en") -> set[str]:
    """The texts up to where somebody may nod."""
    return {prefix(text, after) for nod in all_nods(text, language) for after in nod.after}


def test_nods_fall_on_the_ends_of_clauses_neither_at_once_nor_at_the_last_moment() -> None:
    ends = {STORY[: STORY.index(word) + len(word)] for word in ("to do that,", "first one,", "by far,", "less time.")}
    assert places(STORY) == ends | {STORY[: STORY.index("experts,") + 8]}
    assert {text[-1] for text in places(CHINESE_STORY, "zh")} == {"，"}
    assert len(places(CHINESE_STORY, "zh")) == 4


SENTENCES = (
    "The second one takes less time. The third one is for experts. Most people like the first one best. That is all."
)
CHINESE_SENTENCES = "附近有一家面馆很有名。它的味道特别好吃。价格也不算太贵。很多人专门开车过来吃饭。就是这样。"


@pytest.mark.parametrize(("language", "text"), [("en", SENTENCES), ("zh", CHINESE_SENTENCES)])
def test_nods_are_as_frequent_as_those_of_the_table(language: str, text: str) -> None:
    table = PHRASES[language].nods.continuers
    rng = np.random.default_rng(1)
    said = Counter(nod.text for _ in range(2_000) for nod in nods(text, PHRASES[language], 60, rng))
    assert said.total() > 4_000
    for word, weight in table.items():
        assert said[word] / said.total() == pytest.approx(weight / sum(table.values()), abs=0.02)


def test_as_many_nods_come_as_asked_where_there_is_room_and_no_two_at_one_place() -> None:
    rng = np.random.default_rng(2)
    drawn = [nods(STORY, PHRASES["en"], 3, rng) for _ in range(3_000)]
    minutes = 3_000 * len(tokens(STORY)) / PHRASES["en"].words_per_s / 60
    assert sum(map(len, drawn)) == pytest.approx(3 * minutes, rel=0.1)
    for found in drawn:
        assert len({nod.after[0] for nod in found}) == len(found)
    assert nods(STORY, PHRASES["en"], 0, rng) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "If it rains all day tomorrow and on Sunday, and we cannot go to the beach, what should we do instead?"),
        ("en", "Can you tell me how I get to the station from here, and how long it takes, if I walk there slowly."),
        ("en", "So what is the best way to learn it, in your opinion, for somebody who has never done it before."),
        ("zh", "如果明天还是一直下大雨，我们没有办法去海边玩，那么周末我们应该去哪里玩呢？"),
        ("zh", "你能不能告诉我从这里去火车站的路，还有大概要走多长时间，我走得比较慢。"),
    ],
)
def test_nobody_nods_to_a_question_that_awaits_an_answer(language: str, text: str) -> None:
    assert all_nods(text, language) == []


def test_what_was_told_before_a_question_is_nodded_at() -> None:
    text = "My dog has been barking every night for a week now. What should I do about it, in your opinion?"
    assert places(text) == {text[: text.index("now.") + 4]}


@pytest.mark.parametrize("text", ["Yes, of course.", "I like that one, thanks.", "好的，谢谢你。", "No."])
def test_nobody_nods_to_a_very_short_turn(text: str) -> None:
    assert all_nods(text, "zh" if text[0] > "z" else "en") == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I'm really very sorry to say this, but I can't open that file for you today."),
        ("en", "I'm sorry, but as far as I know, there are no trains on Sunday in that region of the country."),
        ("en", "I apologise for the long wait this morning. Today is better."),
        ("en", "That is a very nice idea of yours, but I can't open any files."),
        ("zh", "非常抱歉让您等了这么久，但是这个功能现在还没有开放给所有人使用。"),
    ],
)
def test_nobody_nods_after_an_apology_or_before_a_refusal_has_come(language: str, text: str) -> None:
    assert all_nods(text, language) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I'm sorry, but I can't open that file for you. The format is one that nobody uses anymore."),
        (
            "en",
            "Unfortunately, I am not able to book any tables myself. The place takes calls until ten at night.",
        ),
        ("zh", "很抱歉，我没有办法帮您打开这个文件。这种格式现在已经很少有人在用了，您可以换一种。"),
    ],
)
def test_a_refusal_gets_no_okay(language: str, text: str) -> None:
    first = min(after for nod in all_nods(text, language) for after in nod.after)
    found = {nod.text for nod in all_nods(text, language) if nod.after[0] == first}
    assert found
    assert found <= PHRASES[language].nods.neutral
    assert not found & {"okay", "oh okay", "sure", "I see", "好", "好的", "明白"}


@pytest.mark.parametrize(
    ("language", "text", "good"),
    [
        ("en", "You know what, yesterday I finally got the job, and I start there on Monday next week already.", True),
        ("en", "I have news for you, because last night my sister had her first baby, and everybody is well.", True),
        ("en", "It was a bad week for me, because my old dog died, and since then the house has been quiet.", False),
        ("en", "This morning on the way here I lost my keys, and now I am waiting for the locksmith to come.", False),
        ("zh", "跟你说一个好消息，我今天升职了，下个月开始就要带一个新的团队了。", True),
        ("zh", "今天真是倒霉的一天，我的手机丢了，到现在还在等警察给我回电话。", False),
    ],
)
def test_news_is_assessed_as_what_it_is(language: str, text: str, good: bool) -> None:
    nodding = PHRASES[language].nods
    fitting, other = (nodding.delighted, nodding.dismayed) if good else (nodding.dismayed, nodding.delighted)
    said = {nod.text for nod in all_nods(text, language, times=200)}
    assert set(fitting) <= said
    assert not said & set(other)
    assert said & set(nodding.continuers)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", STORY),
        ("zh", CHINESE_STORY),
        ("en", "If I finally got the job one day, I would move to the coast at once, and buy a small boat there."),
        ("en", "I want a story in which my old dog died, and then came back as a ghost to live in the house."),
        ("en", "I have not yet passed the exam this year, so that the whole summer will be one of hard work."),
        ("en", "The king of that country died in the spring, and his brother won the war that came afterwards."),
        ("zh", "如果有一天我真的升职了，我就要请大家好好吃一顿饭，然后去旅行一个月。"),
    ],
)
def test_nothing_is_assessed_that_is_no_news_of_the_speakers(language: str, text: str) -> None:
    nodding = PHRASES[language].nods
    said = {nod.text for nod in all_nods(text, language, times=100)}
    assert said
    assert said <= set(nodding.continuers)


@pytest.mark.parametrize(("language", "text"), [("en", STORY), ("zh", CHINESE_STORY)])
def test_nobody_takes_in_a_sentence_that_is_not_whole(language: str, text: str) -> None:
    concluding = PHRASES[language].nods.concluding
    for nod in all_nods(text, language, times=200):
        assert nod.text not in concluding or all(prefix(text, after).endswith((".", "。")) for after in nod.after)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "These are the things that you will need for it: some flour and sugar and a bit of milk."),
        ("zh", "这个软件的主要功能包括回答各种问题、提供定义和解释、翻译各种文本、编写短篇故事和代码。"),
    ],
)
def test_nobody_nods_at_what_announces_or_counts(language: str, text: str) -> None:
    assert all_nods(text, language) == []


def test_nobody_agrees_to_what_the_speaker_alone_can_know() -> None:
    text = "我昨天下午一个人去了医院，医生给我开了三种药，还让我下个星期再去检查一次。"
    assert not {nod.text for nod in all_nods(text, "zh", times=100)} & CHINESE.agreeing


def test_the_places_of_a_language_model_rule_and_its_words_fit_what_was_said() -> None:
    found = all_nods(STORY, named=(3, 9, 900))
    assert {nod.after for nod in found} == {(3,), (9,)}
    question = "Could you tell me the way?"
    assert {nod.after for nod in all_nods(question, named=(4,))} == {(4,)}
    refusal = "I'm sorry, but I can't do that for you today."
    assert {nod.text for nod in all_nods(refusal, named=(8,))} <= ENGLISH.neutral
    assert all_nods(STORY, named=()) == []


def test_a_place_is_counted_in_tokens_that_sound() -> None:
    text = "There are - as I said - three ways to do that at home, and the first is the easiest by far for us."
    assert {nod.after for nod in all_nods(text)} == {(12,)}


def test_a_nod_that_can_fall_elsewhere_says_where() -> None:
    rng = np.random.default_rng(3)
    one = next(found for found in (nods(STORY, PHRASES["en"], 3, rng) for _ in range(100)) if len(found) == 1)
    assert len(one[0].after) == 5


def test_who_asked_does_not_say_that_they_knew() -> None:
    text = "It is good for your ears, since you turn the music down. It is also much quieter on the train then."
    said = {nod.text for seed in range(60) for nod in nods(text, PHRASES["en"], 60, np.random.default_rng(seed))}
    told = {
        nod.text
        for seed in range(60)
        for nod in nods(text, PHRASES["en"], 60, np.random.default_rng(seed), answered=True)
    }
    assert said & PHRASES["en"].nods.agreeing
    assert told
    assert not told & PHRASES["en"].nods.agreeing
