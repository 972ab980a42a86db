"""Clauses: where a turn is taken up again."""

from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.script.clauses import clauses, ends, sentence_ends
from turnmill.synth.tokens import tokens

WORDS = st.lists(
    st.sampled_from(["we", "go.", "home,", "which", "and", "so", "好", "，", "因", "为", "了。"]), max_size=60
)


def parted(text: str, least: int, most: int) -> list[str]:
    return [" ".join(tokens(text)[first:last]) for first, last in clauses(text, least, most)]


def test_sentences_are_parted_and_short_ones_stay_with_the_next() -> None:
    text = "Sure. I would take the train, because it is quicker. It leaves at nine."
    assert parted(text, 4, 20) == ["Sure. I would take the train, because it is quicker.", "It leaves at nine."]


def test_a_long_sentence_is_parted_where_what_follows_stands_alone() -> None:
    text = "You take the old road along the river, which is lovely in May, and then you turn left by the mill."
    assert parted(text, 4, 10) == [
        "You take the old road along the river, which is lovely in May,",
        "and then you turn left by the mill.",
    ]
    chinese = "你可以先坐地铁到人民广场，因为那里换车方便，出站以后往东走十分钟，就能看见博物馆了。"
    assert ["".join(tokens(chinese)[a:b]) for a, b in clauses(chinese, 9, 20)] == [
        "你可以先坐地铁到人民广场，因为那里换车方便，",
        "出站以后往东走十分钟，就能看见博物馆了。",
    ]


def test_something_whole_is_said_where_a_sentence_ends_or_could() -> None:
    text = "It opens at nine, and it is free on Sundays, which is nice. Mr. Hall sells apples, pears and plums there."
    assert [tokens(text)[n - 1] for n in ends(text)] == ["nine,", "nice."]
    assert sentence_ends(text) == [13]
    chinese = "离这儿不远的地方就有一家店，他们家的味道很不错，如果你早点儿过去的话，就不用排队。"
    assert ["".join(tokens(chinese)[:n])[-3:] for n in ends(chinese)] == ["家店，", "不错，"]


@given(WORDS, st.integers(1, 9), st.integers(1, 30))
def test_clauses_cover_a_text_in_order_and_none_is_too_short(words: list[str], least: int, most: int) -> None:
    text = " ".join(words)
    found, count = clauses(text, least, most), len(tokens(text))
    assert [n for first, last in found for n in range(first, last)] == list(range(count))
    assert all(last - first >= min(least, count) for first, last in found)
