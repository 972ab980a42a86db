"""What can be spoken, and how it is said."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.synth.tags import TAG
from turnmill.synth.text import TextLimits, speakable, spoken_form
from turnmill.synth.tokens import tokens

LICENCE = Licence("CC0-1.0", True, True)
# fmt: off
PIECES = st.sampled_from([
    *"0123456789", "10", "1999", "3.50", "12:30", "5th", "1/2", "Dr.", "e.g.", "etc.", "p.m.", "$", "€", "%", "°C",
    "-", "–", " ", "\n", "- ", "1. ", "**", "_", ".", ",", "?!", "(", ")", "'s", "🎉", "March", "no.", "x", "=",
    "½", "²", "٣", "&", "$10-20", "5-10%", "1s", "4.2/5", "911", "1m", "mg/day", "v2.0.1", "π", "µm", "Elm", "a",
    "[laughter]", "<strong>", "</strong>",
])
# fmt: on


def dialogue(*texts: str, language: str = "en") -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue("d", turns, language, "tests", LICENCE)


@given(st.lists(PIECES).map("".join) | st.text())
def test_english_has_no_digit_left_and_saying_it_again_changes_nothing(text: str) -> None:
    said = spoken_form(text, "en")
    assert not any(c.isnumeric() and unicodedata.category(c) != "Lo" for c in said)
    assert spoken_form(said, "en") == said
    assert " ".join(said.split()) == said
    assert TAG.findall(said) == TAG.findall(text)
    assert all(any(c.isalpha() for c in token) for token in tokens(said))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Meet Dr. Smith at 5:30 pm.", "Meet Doctor Smith at five thirty PM."),
        ("At 6 a.m. tomorrow, or at 7 p.m. Then rest.", "At six AM tomorrow, or at seven PM. Then rest."),
        ("It is 9:05, or 17:00, or 5:00.", "It is nine oh five, or seventeen hundred hours, or five o'clock."),
        ("$3.50, €1,200.75", "three dollars and fifty cents, one thousand two hundred euros and seventy-five cents"),
        ("$0.99, $1 and £5m", "ninety-nine cents, one dollar and five million pounds"),
        ("$2.5 million", "two point five million dollars"),
        ("On March 5, 2024 and 4 July", "On March fifth, twenty twenty-four and the fourth of July"),
        ("2024-03-05 or 3/5/2024", "March fifth, twenty twenty-four or March fifth, twenty twenty-four"),
        ("In 1999, the 1990s and the '80s", "In nineteen ninety-nine, the nineteen nineties and the eighties"),
        ("the 21st of 1,234 people", "the twenty-first of one thousand two hundred and thirty-four people"),
        ("5 km in 25.5 min at -5°C", "five kilometers in twenty-five point five minutes at minus five degrees Celsius"),
        ("1 kg, 100 km/h, 50%", "one kilogram, one hundred kilometers per hour, fifty percent"),
        ("½ cup or 2 1/2 cups", "one half cup or two and a half cups"),
        ("5-10 people; 2 + 2 = 4", "five to ten people; two plus two equals four"),
        ("Call 555-0199", "Call five five five, zero one nine nine"),
        ("Fruit, e.g. apples, etc. and so on.", "Fruit, for example apples, et cetera and so on."),
        ("Rock & roll, no. 7 (live) — \"yes\"…", "Rock and roll, number seven, live, yes."),
        ("Sure 👍🏽! **Bold** and _soft_ `words`", "Sure! Bold and soft words"),
        ("1. Milk\n2. Eggs\n- Bread", "Milk. Eggs. Bread"),
        ("You're twenty-one, aren't you?", "You're twenty-one, aren't you?"),
        ("Agent 007 has 2 mp3 files", "Agent zero zero seven has two mp three files"),
        ("Flight BA2490, gate B12", "Flight BA two thousand four hundred and ninety, gate B twelve"),
        ("The odds are 3:1, 24/7.", "The odds are three to one, twenty-four seven."),
        ("12 x 14 ft, or 3cm x 5 cm", "twelve by fourteen feet, or three centimeters by five centimeters"),
        ("60 m² is not 16²", "sixty square meters is not sixteen squared"),
        ("I owe you $5 - no, $10.50.", "I owe you five dollars, no, ten dollars and fifty cents."),
        ("Call (212) 555-0147.", "Call two one two, five five five, zero one four seven."),
        ("100-200 people, 2008–2013", "one hundred to two hundred people, two thousand and eight to twenty thirteen"),
        ("10:00 – 10:50am, 9 a.m. - 5 p.m.", "ten o'clock to ten fifty AM, nine AM to five PM."),
        ("Breaking Bad (2008)", "Breaking Bad, two thousand and eight"),
        # From one amount to another: what both have is said once.
        ("$10-20, $50-$100", "ten to twenty dollars, fifty to one hundred dollars"),
        ("$0.50-$1 or 5-10€", "fifty cents to one dollar or five to ten euros"),
        ("$1m-2m, $10k-$20k", "one to two million dollars, ten to twenty thousand dollars"),
        ("5-10%, 5%-10%", "five to ten percent, five to ten percent"),
        ("10-15 km, 10km–15km", "ten to fifteen kilometers, ten to fifteen kilometers"),
        ("-5-10°C, ½-1 cup", "minus five to ten degrees Celsius, one half to one cup"),
        ("Bake 5-10 min, then 2-3 hrs.", "Bake five to ten minutes, then two to three hours."),
        # More than one of a number.
        ("1s and 0s, 6s", "ones and zeros, sixes"),
        ("100s, 1000s, 1,000,000s", "hundreds, thousands, millions"),
        ("747s, an iPhone 5s", "seven forty-sevens, an iPhone five s"),
        ("the 1800s, the 20s", "the eighteen hundreds, the twenties"),
        ("5 s, 0.5s", "five seconds, zero point five seconds"),
        # Two numbers with a stroke between.
        ("4.2/5 stars, 4/5 stars, 4/5", "four point two out of five stars, four out of five stars, four fifths"),
        ("10/10, 9/10, 9/10 of it", "ten out of ten, nine out of ten, nine tenths of it"),
        ("9/11, 50/50, 20/20, 24/7", "nine eleven, fifty fifty, twenty twenty, twenty-four seven"),
        ("1/6, 5/6, 3/16, 7/5", "one sixth, five sixths, three sixteenths, seven over five"),
        ("911, 911 pages", "nine one one, nine hundred and eleven pages"),
        # Rates, versions, millions, places.
        ("5 mg/day, 1 mg/kg", "five milligrams per day, one milligram per kilogram"),
        ("60 miles/hour, $20/hr", "sixty miles per hour, twenty dollars per hour"),
        ("v2.0.1, Python 3.11.2", "version two point zero point one, Python three point eleven point two"),
        ("1m people, 1m tall", "one million people, one meter tall"),
        ("It is at Elm Dr., near Dr. Wu.", "It is at Elm Drive, near Doctor Wu."),
        ("We live on Elm Dr.", "We live on Elm Drive."),
        ("Hello Dr., come in.", "Hello Doctor, come in."),
        ("Just a min. I need 5 min. or 1 hr.", "Just a minute. I need five minutes or one hour."),
        ("What is π? 5 µm, 20 µg.", "What is pi? five micrometers, twenty micrograms."),
    ],
)  # fmt: skip
def test_english_is_said_in_full(written: str, said: str) -> None:
    assert spoken_form(written, "en-US") == said


def test_other_languages_keep_their_digits_and_lose_emoji() -> None:
    assert spoken_form("- Ich habe 3 **Äpfel** 🍎", "de") == "Ich habe 3 Äpfel"


GOOD = dialogue("What time is it?", "It is half past 5, and 20°C outside 🙂.", "Thanks!")


def test_a_plain_dialogue_passes_unchanged() -> None:
    assert speakable(GOOD, TextLimits()) is GOOD
    assert speakable(dialogue("Hello.", "Hello."), TextLimits()) == dialogue("Hello.", "Hello.")


@pytest.mark.parametrize(
    ("reason", "texts"),
    [
        (Reason.EMPTY_DIALOGUE, []),
        (Reason.EMPTY_TURN, ["Hi there.", "  \n"]),
        (Reason.REPEATED_TURN, ["Tell me a nice story.", "Tell me a nice story!"]),
        (Reason.REPEATED_TURN, ["Go on.", "I cannot help with that.", "Why not?", "I cannot help with that."]),
        (Reason.ONE_SPEAKER, ["Is anybody there?"]),
        (Reason.TURN_TOO_LONG, ["Talk.", "a" * 201]),
        (Reason.CODE, ["How?", "Use ```print(1)``` for that."]),
        (Reason.CODE, ["How?", "Call os.path.join(a, b) first."]),
        (Reason.CODE, ["How?", "def main(x): return x"]),
        (Reason.CODE, ["How?", "SELECT name FROM users"]),
        (Reason.MATHEMATICS, ["Why?", r"Because $x^2 = 4$ holds."]),
        (Reason.MATHEMATICS, ["Why?", r"It is \frac{1}{2}."]),
        (Reason.MATHEMATICS, ["Why?", "1+2+3+4*5=26"]),
        (Reason.MATHEMATICS, ["Why?", "It follows from x/4 = 120."]),
        (Reason.MATHEMATICS, ["Why?", "All of (300+200)*2 metres."]),
        (Reason.MARKUP, ["Where?", "See https://example.org for more."]),
        (Reason.MARKUP, ["Where?", "See [here](page) for more."]),
        (Reason.MARKUP, ["Where?", "| a | b |\n|---|---|"]),
        (Reason.MARKUP, ["Where?", "Some <b>bold</b> words."]),
        (Reason.MARKUP, ["Where?", "## A heading\nand text"]),
        (Reason.RARE_SYMBOLS, ["What?", "▓▓▒▒░░ loading ░░▒▒▓▓"]),
        (Reason.TURN_TOO_LONG, ["Talk.", "word " * 5000]),
        (Reason.NOTHING_SPEAKABLE, ["How are you?", "👍👍"]),
        (Reason.NOTHING_SPEAKABLE, ["How are you?", "..."]),
    ],
)
def test_what_cannot_be_spoken_has_a_reason(reason: Reason, texts: list[str]) -> None:
    reject = speakable(dialogue(*texts), TextLimits())
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.uid) == (reason, "d")
    assert reject.detail


def test_structure_is_checked_too() -> None:
    def turns(*roles: str) -> TextDialogue:
        return TextDialogue(
            "d", tuple(TextTurn(role, f"I am number {n}.") for n, role in enumerate(roles)), "en", "t", LICENCE
        )

    for reason, bad in (
        (Reason.ROLE_ORDER, turns("user", "user", "assistant")),
        (Reason.UNKNOWN_ROLE, turns("user", "tool")),
        (Reason.TOO_MANY_TURNS, turns(*["user", "assistant"] * 31)),
        (Reason.UNSUPPORTED_LANGUAGE, dialogue("Bonjour.", "Salut.", language="fr")),
    ):
        reject = speakable(bad, TextLimits())
        assert isinstance(reject, Reject)
        assert reject.reason == reason


def test_limits_are_parameters() -> None:
    assert isinstance(speakable(GOOD, TextLimits(max_turn_chars=10)), Reject)
    assert isinstance(speakable(GOOD, TextLimits(max_turns=2)), Reject)
    french = dialogue("Bonjour.", "Salut.", language="fr-FR")
    assert speakable(french, TextLimits(languages=("en", "fr"))) is french


@settings(deadline=None)
@given(st.lists(st.text(min_size=1) | PIECES, min_size=2, max_size=4), st.sampled_from(["en", "zh"]))
def test_every_text_is_either_spoken_or_rejected(texts: list[str], language: str) -> None:
    found = speakable(dialogue(*texts, language=language), TextLimits())
    if not isinstance(found, Reject):
        assert all(any(c.isalpha() for c in spoken_form(turn.text, language)) for turn in found.turns)


def test_german_that_is_said_to_be_english_is_not_spoken_by_english_voices() -> None:
    rejected = speakable(dialogue("Wie geht es dir heute?", "Mir geht es gut, danke."), TextLimits())
    assert isinstance(rejected, Reject)
    assert rejected.reason is Reason.LANGUAGE_MIX
    assert rejected.detail == "it is written in 'de', and its language is said to be 'en'"
    lesson = dialogue("How do you say good morning in French?", "You say bonjour.")
    assert speakable(lesson, TextLimits()) == lesson
