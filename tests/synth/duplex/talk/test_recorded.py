"""Labels of recorded talk: nothing that is said is lost, both orders say the same, and each kind has its rule."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.rendering.labels import event_rows, turn_rows, word_rows
from turnmill.synth.duplex.talk.floor import floor
from turnmill.synth.duplex.talk.recorded import Recorded, Words, recorded
from turnmill.synth.duplex.talk.turn_taking import Intervals, ipus
from turnmill.synth.duplex.timeline import SAID, Event, TimedWord
from turnmill.synth.phrases import PHRASES

ENGLISH = PHRASES["en"]


def spans(*seconds: tuple[float, float]) -> Intervals:
    return np.round(np.array(seconds).reshape(-1, 2) * RATE).astype(np.int64)


def said(*words: tuple[str, float]) -> list[TimedWord]:
    return [TimedWord(text, round(at * RATE), round((at + 0.1) * RATE)) for text, at in words]


def told(
    assistant: Sequence[tuple[float, float]], user: Sequence[tuple[float, float]], words: Words | None = None
) -> Recorded:
    return recorded("talk", (spans(*assistant), spans(*user)), words, ENGLISH)


def kinds(found: Recorded) -> list[tuple[str, int, float, float]]:
    return [(each.kind, each.channel, each.start / RATE, each.end / RATE) for each in found.events]


def test_a_turn_goes_on_until_the_other_takes_the_floor_or_three_seconds_of_silence() -> None:
    found = told([(0, 1), (1.5, 3)], [(3.2, 4), (6.9, 8), (11.2, 12)])
    assert [(turn.channel, turn.start / RATE, turn.end / RATE) for turn in found.turns] == [
        (0, 0, 3),
        (1, 3.2, 8),
        (1, 11.2, 12),
    ]
    assert [turn.fto and round(turn.fto / RATE, 3) for turn in found.turns] == [None, 0.2, None]
    assert kinds(found) == [("turn_shift", 1, 3, 3.2), ("silence_timeout", 1, 8, 11.2)]


def test_an_overlap_is_an_interruption_where_the_words_break_off() -> None:
    def kind(word: str, until: float) -> str:
        found = told([(0, until)], [(3, 6)], (said((word, 2.5)), said(("Wait.", 3.1))))
        (event,) = found.events
        assert found.turns[0].interrupted == (event.kind == "barge_in")
        return event.kind

    assert kind("the", 3.5) == "barge_in"
    assert kind("the...", 3.5) == "barge_in"
    assert kind("the", 4.6) == "long_overlap"  # who goes on for more than 1.5 s has not yielded
    assert kind("there.", 3.5) == "cooperative_overlap"
    assert kind("there.", 3.9) == "long_overlap"
    (event,) = told([(0, 3.5)], [(3, 6)], (said(("the", 2.5)), ())).events
    assert (event.latency, event.params["stop"]) == (RATE // 2, 3.5 * RATE)
    assert told([(0, 3.5)], [(3, 6)]).events[0].kind == "cooperative_overlap"  # nobody was asked what is said


@pytest.mark.parametrize(
    ("span", "words", "kind"),
    [
        ((2.0, 2.5), ["Uh-huh."], "user_backchannel"),
        ((2.0, 2.5), [], "user_backchannel"),
        ((2.0, 2.9), ["But", "do", "I", "need"], "failed_barge_in"),
        ((2.0, 2.9), ["Oh,", "okay,", "okay."], "user_backchannel"),
        ((2.0, 3.5), ["Yeah."], "failed_barge_in"),  # longer than 1 s
    ],
)
def test_what_takes_no_floor_is_a_backchannel_or_a_start_that_is_given_up(
    span: tuple[float, float], words: list[str], kind: str
) -> None:
    heard = said(*((word, 2.0 + 0.1 * n) for n, word in enumerate(words)))
    found = told([(0, 5)], [span, (6, 8)], ((), heard))
    assert [turn.channel for turn in found.turns] == [0, 1]
    aside = next(event for event in found.events if event.kind in SAID)
    assert (aside.kind, aside.target_turn, aside.text) == (kind, 0, " ".join(words))
    assert all(word.turn is None for word in found.words[1])


def test_a_nod_in_a_pause_is_told_by_its_words_and_an_answer_takes_the_floor() -> None:
    def turns(word: str | None) -> list[int]:
        words = None if word is None else (said(("Well,", 0.5)), said((word, 2.3)))
        return [turn.channel for turn in told([(0, 2), (2.8, 5)], [(2.2, 2.6)], words).turns]

    assert turns("Yeah.") == [0]
    assert turns("Tuesday.") == [0, 1, 0]
    assert turns(None) == [0, 1, 0]  # by timing alone it is an answer, as for a preset


def test_a_turn_begins_with_what_leads_into_it_and_ends_with_what_goes_on_below_the_other() -> None:
    found = told([(0, 3), (3.3, 3.7)], [(2.9, 8)])
    assert [(turn.channel, turn.end / RATE) for turn in found.turns] == [(0, 3.7), (1, 8)]
    found = told([(0, 5)], [(2, 3.5), (4.4, 8)])  # more than a nod: a turn has begun
    assert [(turn.channel, turn.start / RATE) for turn in found.turns] == [(0, 0), (1, 2)]
    found = told([(0, 5)], [(2, 2.5), (3.2, 8)])
    assert [(turn.channel, turn.start / RATE) for turn in found.turns] == [(0, 0), (1, 3.2)]
    found = told([(0, 3), (3.4, 3.9)], [(2.5, 2.9), (3.2, 8)])
    assert [(turn.channel, turn.start / RATE) for turn in found.turns] == [(0, 0), (1, 2.5)]


def test_a_pause_inside_a_clause_is_a_hesitation() -> None:
    words = (said(("I", 0.5), ("um,", 0.8), ("think", 1.6), ("so,", 2.6)), ())
    found = told([(0, 1), (1.5, 2.0), (2.5, 3), (3.5, 4)], [(4.2, 5)], words)
    hesitations = [event for event in found.events if event.kind == "hesitation"]
    assert [(event.start / RATE, event.end / RATE, event.text) for event in hesitations] == [(2.0, 2.5, None)]


def test_words_lie_in_what_was_said_in_order_however_they_were_heard() -> None:
    words = (said(("one", 0.9), ("two", 1.0), ("three", 1.4), ("four", 1.45)), ())
    (turn,) = told([(0.0, 1.0)], [], words).turns
    assert [word.text for word in turn.words] == ["one", "two", "three", "four"]
    times = [0, *(time for word in turn.words for time in (word.start, word.end)), RATE]
    assert times == sorted(times)
    assert all(word.end - word.start >= RATE // 50 for word in turn.words)


UNITS = st.lists(st.tuples(st.integers(1, 150), st.integers(1, 90)), max_size=14)


def channel(parts: Sequence[tuple[int, int]], offset: int) -> Intervals:
    """Stretches of speech on a grid of 20 ms, by the silence before each and its length."""
    at, found = offset, []
    for silence, length in parts:
        at += silence
        found.append((at * RATE // 50, (at + length) * RATE // 50))
        at += length
    return np.array(found, np.int64).reshape(-1, 2)


def heard(draw: st.DataObject, speech: Intervals) -> list[TimedWord]:
    edges = draw.draw(st.lists(st.integers(0, 60 * 50), max_size=20))
    stock = st.sampled_from(["yeah", "Okay.", "and", "the", "house.", "wait,"])
    words = [TimedWord(draw.draw(stock), at * RATE // 50, (at + 10) * RATE // 50) for at in sorted(edges)]
    return words if len(speech) else []


@given(UNITS, UNITS, st.data())
def test_all_that_is_said_is_in_one_turn_or_event_and_the_two_orders_say_the_same(
    one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]], draw: st.DataObject
) -> None:
    speech = (channel(one, 0), channel(other, 5))
    assume(not np.isin(ipus(speech[0])[:, 0], ipus(speech[1])[:, 0]).any())  # else which is first is a matter of order
    words = (heard(draw, speech[0]), heard(draw, speech[1]))
    found = recorded("talk", speech, words, ENGLISH)
    parted = floor(speech)
    units = sorted([*(unit for claim in parted.claims for unit in claim), *parted.asides])
    assert units == sorted((s, e, c) for c in (0, 1) for s, e in ipus(speech[c]).tolist())
    for each in (0, 1):
        spoken = [(turn.start, turn.end) for turn in found.turns if turn.channel == each]
        spoken += [(event.start, event.end) for event in found.events if event.kind in SAID and event.channel == each]
        spoken.sort()
        assert all(before[1] < after[0] for before, after in pairwise(spoken))
        for start, end in ipus(speech[each]).tolist():
            assert sum(first <= start and end <= last for first, last in spoken) == 1
        assert [word.word.text for word in found.words[each]] == [word.text for word in words[each]]
        for start, end in spoken:
            assert {start, end} <= {edge for unit in ipus(speech[each]).tolist() for edge in unit}
    mirrored = recorded("talk", (speech[1], speech[0]), (words[1], words[0]), ENGLISH)
    assert [(t.start, t.end, 1 - t.channel, t.interrupted, t.fto, t.text_heard) for t in mirrored.turns] == [
        (t.start, t.end, t.channel, t.interrupted, t.fto, t.text_heard) for t in found.turns
    ]
    assert sorted(map(_mirror, mirrored.events)) == sorted((e.kind, e.channel, e.start, e.end) for e in found.events)
    for table, rows in (("turns", turn_rows), ("events", event_rows), ("words", word_rows)):
        assert to_table(table, rows(found)).schema == SCHEMAS[table]


def _mirror(event: Event) -> tuple[str, int, int, int]:
    other = {"user_backchannel": "assistant_backchannel", "assistant_backchannel": "user_backchannel"}
    return other.get(event.kind, event.kind), 1 - event.channel, event.start, event.end
