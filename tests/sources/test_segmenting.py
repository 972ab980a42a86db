"""The plan of cuts: whatever is said when, its clips are as long as they may be, lie in pauses and lose nothing."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turnmill.sources.frames import Power
from turnmill.sources.segmenting import Cuts, Rules, Span, Why, cuts

RULES = Rules(shortest=300, longest=3000, pause=30, silence=200, pad=30)
SPEECH, FLOOR = 1e-2, 1e-7  # mean squares


def power_of(speech: list[Span], end: int, floor: float = FLOOR) -> Power:
    power = np.full(end, floor)
    for start, stop in speech:
        power[start:stop] = SPEECH
    return power


def placed(spoken: list[tuple[int, int]], end: int = 0) -> tuple[list[Span], int]:
    """(pause before, length) of each stretch, in ticks, as stretches; and where the recording ends."""
    found, at = [], 0
    for pause, length in spoken:
        found.append(Span(at + pause, at + pause + length))
        at += pause + length
    return found, at + end


def planned(spoken: list[tuple[int, int]], end: int = 0, rules: Rules = RULES) -> Cuts:
    speech, ends = placed(spoken, end)
    return cuts(speech, power_of(speech, ends), rules)


@given(
    st.lists(st.tuples(st.integers(1, 700), st.integers(1, 3600)), min_size=1, max_size=30),
    st.integers(0, 400),
    st.integers(0, 50),
)
def test_clips_keep_to_the_rules_and_every_tick_of_speech_is_in_one_or_left_out(
    spoken: list[tuple[int, int]], end: int, pad: int
) -> None:
    rules = Rules(300, 3000, 30, 200, pad)
    speech, ends = placed(spoken, end)
    made = cuts(speech, power_of(speech, ends), rules)
    assert all(rules.shortest <= clip.ticks <= rules.longest for clip in made.clips)
    assert all(before.end <= after.start for before, after in pairwise(made.clips))
    assert not made.clips or (made.clips[0].start >= 0 and made.clips[-1].end <= ends)
    taken = np.zeros(ends, int)
    for start, stop in (*made.clips, *(span for span, _ in made.left_out)):
        taken[start:stop] += 1
    for stretch in speech:  # no edge lies inside what is spoken
        held = taken[stretch.start : stretch.end]
        assert held.min() == held.max() == 1
    for span, why in made.left_out:
        assert span in speech
        assert (why is Why.NO_PAUSE) == (span.ticks > rules.longest)


@given(st.lists(st.tuples(st.integers(200, 500), st.integers(50, 2500)), min_size=1, max_size=20))
def test_nothing_is_left_out_where_there_is_room(spoken: list[tuple[int, int]]) -> None:
    assert not planned(spoken, end=300).left_out


def test_of_several_pauses_the_longest_are_cut() -> None:
    made = planned([(50, 1000), (40, 900), (150, 800), (45, 700)], end=100)
    assert [clip.ticks for clip in made.clips] == [30 + 1000 + 40 + 900 + 30, 30 + 800 + 45 + 700 + 30]


def test_a_cut_waits_for_a_pause_as_long_as_is_wanted() -> None:
    made = planned([(50, 1500), (25, 1000), (35, 1000), (29, 400)], end=100)
    assert len(made.clips) == 2
    assert made.clips[0].end < made.clips[1].start + 1
    assert 50 + 1500 + 25 + 1000 <= made.clips[0].end <= made.clips[1].start <= 50 + 1500 + 25 + 1000 + 35


def test_no_clip_goes_across_a_silence_but_what_is_short_goes_to_its_neighbour() -> None:
    far = planned([(500, 1000), (900, 1000)], end=500)
    assert [clip.ticks for clip in far.clips] == [1060, 1060]
    near = planned([(500, 1000), (60, 100)], end=0)
    assert len(near.clips) == 1
    assert near.clips[0].ticks == 30 + 1000 + 60 + 100


def test_short_speech_between_silences_is_widened_by_them_and_not_into_its_neighbours() -> None:
    made = planned([(0, 1000), (700, 100), (700, 1000)], end=0)
    assert [clip.ticks for clip in made.clips] == [1030, 300, 1030]
    assert made.clips[1].start > 1000 + 30
    assert made.clips[1].end < 1000 + 700 + 100 + 700 - 30


def test_speech_too_short_for_any_clip_is_left_out_and_said_to_be() -> None:
    made = planned([(10, 100)], end=10)
    assert made == Cuts((), ((Span(10, 110), Why.TOO_SHORT),))


def test_speech_that_never_pauses_is_cut_in_its_valley_or_not_at_all() -> None:
    speech = [Span(100, 4100)]
    power = power_of(speech, 4200)
    assert cuts(speech, power, RULES) == Cuts((), ((Span(100, 4100), Why.NO_PAUSE),))
    closure = power.copy()
    closure[2000:2016] = FLOOR  # as of a stop, in a word
    assert not cuts(speech, closure, RULES).clips
    valley = power.copy()
    valley[2000:2024] = FLOOR
    made = cuts(speech, valley, RULES)
    assert not made.left_out
    assert [clip.start for clip in made.clips] == [70, 2012]
    assert [clip.end for clip in made.clips] == [2012, 4130]


def test_what_is_quiet_in_speech_and_in_no_clip_is_told() -> None:
    speech = [Span(100, 4100)]
    power = power_of(speech, 4200)
    power[2000:2200] = FLOOR  # in which the VAD heard speech all the same
    made = cuts(speech, power, RULES)
    (valley,) = made.left_out
    assert valley == (Span(made.clips[0].end, made.clips[1].start), Why.VALLEY)
    assert 2000 < made.clips[0].end < made.clips[1].start < 2200
    inside = sum(min(clip.end, 4100) - max(clip.start, 100) for clip in made.clips)
    assert inside + valley[0].ticks == 4000


def test_a_clip_ends_where_its_pause_is_quietest() -> None:
    speech = [Span(100, 2000), Span(2060, 4000)]
    power = power_of(speech, 4100, floor=1e-5)
    power[2008:2012] = 1e-8  # breath on both sides of it
    first, second = cuts(speech, power, RULES).clips
    assert first.end == 2010
    assert second.start >= 2030


def test_no_speech_and_no_sound_give_no_clip() -> None:
    assert cuts([], power_of([], 4000), RULES) == Cuts((), ())
    assert cuts([], np.zeros(0), RULES) == Cuts((), ())
