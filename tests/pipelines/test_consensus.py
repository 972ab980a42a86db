"""A vote of recognisers: places that all can speak of, who wins them, and what the given text says there."""

from dataclasses import replace

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from turnmill.pipelines.asr.consensus import Voice, consensus, merged
from turnmill.pipelines.asr.errors import errors, normalize
from turnmill.pipelines.asr.words import Word

LONG = 60.0


def voice(text: str, prob: float = 0.9, parts: list[str] | None = None, later: float = 0.0) -> Voice:
    """A word each half second; `parts`: its words, where no spaces part them."""
    words = parts or text.split()
    return Voice(text, [Word(word, n / 2 + later, n / 2 + 0.4 + later, prob) for n, word in enumerate(words)])


def test_one_recogniser_is_heard_as_it_is() -> None:
    heard = voice("— Well, it's 5 o'clock — I'd say.")
    found = consensus([heard], "en", LONG)
    assert found.text == heard.text
    assert [(w.word, w.start, w.end, w.prob) for w in found.words] == [
        (w.word, w.start, w.end, w.prob) for w in heard.words
    ]
    assert {(w.support, w.of, w.given) for w in found.words} == {(1, 1, None)}
    assert (found.min_support, found.mean_support, found.agreement, found.unsupported) == (1, 1, 1, None)


def test_most_voices_win_a_word_and_a_silence() -> None:
    voices = [voice(text, 0.5) for text in ("the cat sat mat", "the cat sat on mat", "a cat sat on the mat")]
    found = consensus(voices, "en", LONG, "the cat sat on the mat")
    assert found.text == "the cat sat on mat"
    assert [(w.word, w.support, w.given) for w in found.words] == [
        ("the", 2, True), ("cat", 3, True), ("sat", 3, True), ("on", 2, True), ("mat", 3, True)
    ]  # fmt: skip
    assert found.supports == (2, 3, 3, 2, 2, 3)  # the fifth: no "the"
    assert found.min_support == pytest.approx(2 / 3)
    assert found.agreement == 0.5
    assert found.unsupported == 0  # at each place the text agrees with somebody


def test_of_two_the_surer_wins_and_of_equals_the_first() -> None:
    assert consensus([voice("a cat", 0.6), voice("a bat", 0.7)], "en", LONG).text == "a bat"
    assert consensus([voice("a cat", 0.7), voice("a bat", 0.7)], "en", LONG).text == "a cat"
    assert consensus([voice("you", 0.1), voice("")], "en", LONG).text == ""
    assert consensus([voice("", 0.1), voice("you", 0.9)], "en", LONG).text == "you"


def test_case_punctuation_and_the_form_of_numbers_part_nobody() -> None:
    found = consensus([voice("He paid twenty-one Dollars, to-day."), voice("he paid $21 to day", 1.0)], "en", LONG)
    assert found.text == "He paid twenty-one Dollars, to-day."
    assert found.agreement == 1


def test_no_word_is_torn() -> None:
    found = consensus([voice("it's cold", 0.5), voice("it was cold", 0.9)], "en", LONG, "it was cold")
    assert [(w.word, w.support, w.given) for w in found.words] == [
        ("it", 1, True), ("was", 1, True), ("cold", 2, True)
    ]  # fmt: skip
    assert found.supports == (1, 2)


def test_how_words_are_divided_parts_nobody_and_a_run_of_differences_has_one_winner() -> None:
    shop = consensus([voice("a shopboy came", 0.9), voice("a shop boy came", 0.5)], "en", LONG, "a shop boy came")
    assert (shop.text, shop.agreement, shop.unsupported) == ("a shopboy came", 1, 0)
    home = consensus([voice("their whilome home", 0.4), voice("their will low home", 0.6)], "en", LONG)
    assert home.text == "their will low home"
    assert home.supports == (2, 1, 2)


def test_languages_without_spaces_are_voted_on_in_characters() -> None:
    mine = voice("今天有50%的人", 0.9, ["今天", "有", "5", "0", "%", "的人"])
    other = voice("今天有百分之五十的火", 0.5, ["今", "天有", "百分之", "五十", "的", "火"])
    found = consensus([mine, other], "zh-CN", LONG, "今天有百分之五十的人")
    assert found.text == "今天有50%的人"
    assert [w.support for w in found.words] == [2, 2, 2, 2, 2, 1]
    assert found.unsupported == 0


def test_words_of_two_recognisers_do_not_overlap() -> None:
    found = consensus([voice("a cat sat", 0.8, later=0.3), voice("a dog sat", 0.9)], "en", 1.5)
    assert found.text == "a dog sat"
    assert all(0 <= w.start < w.end <= 1.5 for w in found.words)
    assert all(one.end <= other.start for one, other in zip(found.words, found.words[1:], strict=False))


def test_two_talks_are_one_clip_by_time() -> None:
    talks = [
        consensus([voice("a b"), voice("a b")], "en", LONG),
        consensus([voice("c", later=0.2), voice("d")], "en", 1),
    ]
    found = merged(talks, [[(0.0, 60.0)], [(0.1, 1.0)]])
    assert found.text == "a b c"
    assert [word.word for word in found.words] == ["a", "c", "b"]
    assert found.supports == (2, 2, 1)
    assert found.voices == 2


def test_two_talks_are_one_text_stretch_by_stretch() -> None:
    first, second = (consensus([voice(text)], "en", LONG) for text in ("hello how are you fine", "yes yes I see"))
    found = merged([first, second], [[(0.0, 1.9), (2.0, 3.0)], [(0.0, 2.0)]])
    assert found.text == "hello how are you yes yes I see fine"


def test_what_is_left_out_of_the_comparison_is_a_word_and_has_the_support_it_has() -> None:
    for text in ("Mm-hmm.", "Hmm. Mm. Um.", "(laughs)", "(laughs at me)", "...", "— um so (he laughs) it's"):
        assert [word.word for word in consensus([voice(text)], "en", LONG).words] == text.split()
    one = consensus([voice("so uh we go"), voice("so we go")], "en", LONG, "so uh we go")
    assert [(w.word, w.support, w.given) for w in one.words] == [
        ("so", 2, True), ("uh", 1, True), ("we", 2, True), ("go", 2, True)
    ]  # fmt: skip
    assert one.unsupported == 0
    blank = consensus([voice("so [BLANK] we", 0.4), voice("so we", 0.4)], "en", LONG)
    assert (blank.text, blank.supports) == ("so we", (2, 1, 2))
    assert consensus([voice("b a"), voice("b a")], "en", LONG, "uh b a").unsupported == 0


def test_who_has_no_vote_wins_nothing_and_is_counted() -> None:
    invented = replace(voice("the cat sat thank you", 0.99), votes=False)
    found = consensus([invented, voice("a cat sat", 0.2)], "en", LONG)
    assert (found.text, found.supports) == ("a cat sat", (1, 2, 2, 1, 1))
    alone = consensus([invented, replace(voice("a cat sat", 0.2), votes=False)], "en", LONG)
    assert alone.text == invented.text


def test_words_are_spaced_as_their_recogniser_spaced_them() -> None:
    mine = voice("我喜欢 New York 的 pizza 吗", 0.5, ["我", "喜欢", "New", "York", "的", "pi", "zza", "吗"])
    other = voice("我喜欢 New York 的 pizza 马", 0.9, ["我", "喜欢", "New", "York", "的", "pi", "zza", "马"])
    other.words[0] = replace(other.words[0], word="你")  # type: ignore[index]
    found = consensus([mine, replace(other, text="你喜欢 New York 的 pizza 马")], "zh", LONG)
    assert found.text == "你喜欢 New York 的 pizza 马"
    other.words[0] = replace(other.words[0], prob=0.1)  # type: ignore[index]
    mixed = consensus([mine, replace(other, text="你喜欢 New York 的 pizza 马")], "zh", LONG)
    assert mixed.text == "我喜欢 New York 的 pizza 马"


_WORDS = st.lists(
    st.sampled_from(
        ["it's", "it", "is", "a", "21", "twenty", "one", "—", "cat's", "don't", "3,000", "...", "U.S.", "um", "(a"]
    ),
    max_size=7,
)
_VOICES = st.lists(st.tuples(_WORDS, st.sampled_from([0.2, 0.5, 0.9])), min_size=1, max_size=4)


@settings(deadline=None)
@drawn(voices=_VOICES, text=_WORDS)
def test_what_wins_was_said_and_is_counted(voices: list[tuple[list[str], float]], text: list[str]) -> None:
    said = [voice(" ".join(words), prob) for words, prob in voices]
    found = consensus(said, "en", LONG, " ".join(text))
    untold = consensus(said, "en", LONG)
    assert (found.text, found.supports) == (untold.text, untold.supports)  # whatever is given
    assert all(1 <= support <= len(said) for support in found.supports)
    assert {w.word for w in found.words} <= {w.word for one in said for w in one.words}
    rates = [errors(" ".join(text), one.text).count for one in said]
    assert found.unsupported is not None
    if len(said) == 1:
        assert found.unsupported <= rates[0]
    if len({normalize(one.text) for one in said}) == 1:
        assert (found.min_support, normalize(found.text)) == (1, normalize(said[0].text))
        assert found.unsupported <= rates[0]
