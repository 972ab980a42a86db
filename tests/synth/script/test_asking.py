"""What turns ask, and how it is asked again."""

import pytest

from turnmill.synth.script.asking import (
    accepts,
    asked_again,
    asks,
    declines,
    follows_up,
    is_personal,
    is_told,
    likeness,
    regrets,
    stands_alone,
)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("Hi there! How do I keep slugs away from my lettuce?", "How do I keep slugs away from my lettuce?"),
        ("And what about the weather on Monday?", "What about the weather on Monday?"),
        ("Thanks. So how long does it take?", "How long does it take?"),
        ("I have a small garden. Which vegetables grow best in the shade?", "Which vegetables grow best in the shade?"),
        ("I bought a cactus. How often should I water it?", "I bought a cactus. How often should I water it?"),
        ("Explain how a fridge works.", "Explain how a fridge works."),
        ("I can't sleep lately.", None),
        ("Thanks, that helps.", None),
        ("I see. And how long is it open for?", "How long is it open for?"),
        ("Hi can you find me a salon?", "Can you find me a salon?"),
        ("Why?", None),
        ("Tell me all of it, " + "and then some more, " * 10, None),
    ],
)
def test_a_question_is_asked_again_without_what_led_up_to_it(text: str, again: str | None) -> None:
    assert asked_again(text, "en") == again


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("你好，请问附近有什么好吃的？", "附近有什么好吃的？"),
        ("好的，那请你告诉我明天几点开门？", "请你告诉我明天几点开门？"),
        ("小明有五百元，他想买四件衣服。问小明最多可以买几件衣服？", "小明最多可以买几件衣服？"),
        ("请画一只拿着卡牌的狐狸", "画一只拿着卡牌的狐狸"),
        ("恩，好的谢谢，那它家评分高吗？", "它家评分高吗？"),
        ("不用担心什么，激情享受生活！", None),
        ("成本一亿美元，后来票房收入多少啊？", "后来票房收入多少啊？"),
        ("如果下雨，还去公园吗？", "如果下雨，还去公园吗？"),
        ("我今天很累。", None),
    ],
)
def test_a_chinese_question_is_asked_again(text: str, again: str | None) -> None:
    if again and text.startswith("请画"):
        again = text  # a request stays polite
    assert asked_again(text, "zh") == again


def test_a_question_that_points_back_cannot_be_asked_out_of_the_blue() -> None:
    assert stands_alone("How far is the moon?", "en")
    assert not stands_alone("How far is it?", "en")
    assert not stands_alone("Give me another one.", "en")
    assert stands_alone("附近有什么好吃的？", "zh")
    assert not stands_alone("它要煮多久？", "zh")


def test_a_question_may_be_heard_for_another_that_asks_the_same_kind_of_thing_in_the_same_words() -> None:
    assert likeness("What exactly is in a Steamer?", "What's in the Cold Brew?", "en")
    assert not likeness("What exactly is in a Steamer?", "Where is the Cold Brew in it?", "en")
    assert not likeness("What herbal teas do you serve?", "What's in the Cold Brew?", "en")
    assert likeness("你知道李璟荣吗？", "知道人定湖公园吗？", "zh")
    assert not likeness("红酒的污渍怎么洗掉？", "蜜蜂怎么酿它的蜜？", "zh")  # 的 is in any question
    assert not likeness("演什么戏？", "你想买什么样的鞋？", "zh")


def test_an_answer_has_told_what_was_asked_for_once_nothing_to_come_may_be_it() -> None:
    humidity = "It will be sunny. The humidity is about forty percent there."
    assert not is_told("It will be sunny.", humidity, "What is the humidity?", "en")
    assert is_told("It is forty percent.", "It is forty percent. Bring some water.", "What is the humidity?", "en")
    started = "I have started the movie. The director is Matteo Garrone."
    assert not is_told("I have started the movie.", started, "That is right. Who is it directed by?", "en")
    food = "Both are famous for their food. Italian food has much olive oil."
    more, asked = " French food has more butter.", "How do Italian and French food differ?"
    assert is_told(food, food + more, asked, "en")  # of several examples one is enough
    assert not is_told(food[:31], food + more, asked, "en")  # the first sentence leads up to them
    assert is_told("二加三等于五，", "二加三等于五，你可以用五减去三再检查一遍。", "二加三等于多少？", "zh")
    assert not is_told("这要看水平，", "这要看一下水平，常常要四十分钟。", "一场比赛要多长时间？", "zh")
    assert not is_told("看一下时间吧，", "看一下时间吧，大概是中午。", "要多长时间？", "zh")  # that is no number
    for told in ("大概一个小时。", "一个月左右。", "要一个半小时。"):
        assert is_told(told, told + "你别着急。", "要多久？", "zh")
    for told in ("这是一个好问题。", "那里有一个月亮。"):
        assert not is_told(told, told + "要看天气。", "要多久？", "zh")
    assert not is_told("有很多办法。", "有很多办法。以下是一些例子：", "怎么解码？", "zh")


def test_what_is_asked_of_somebody_one_knows_is_personal() -> None:
    assert is_personal("Why are you so sad?", "en")
    assert is_personal("你的衣服怎么了？", "zh")
    assert not is_personal("Do you have tea?", "en")
    assert not is_personal("你知道故宫吗？", "zh")


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("Should I take an umbrella?", True),
        ("Wait, I have no eggs left.", True),
        ("Which of those is the best?", False),
        ("And the second one?", False),
        ("Thank you, that was helpful.", False),
        ("Yes, please.", False),
        ("Tell me more about it.", False),
        ("Why?", False),
    ],
)
def test_a_follow_up_needs_no_complete_answer(text: str, does: bool) -> None:
    assert follows_up(text, "en") == does


def test_of_other_languages_a_question_mark_is_known() -> None:
    assert asks("Wie weit ist es?", "de")
    assert follows_up("Wie weit ist es?", "de")
    assert not follows_up("Danke.", "de")
    assert asked_again("Wie weit ist es?", "de") is None
    assert not declines("Leider nein.", "de")
    assert not accepts("Gern.", "de")
    assert not regrets("Leider nein.", "de")
