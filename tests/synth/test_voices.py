"""The voice bank: enough voices, no voice in two splits, one assistant."""

from itertools import combinations
from typing import get_args

from synth.voices import ASSISTANT_VOICE, VOICES, Split, voices_for


def test_no_two_voices_are_the_same() -> None:
    settings = {(v.base, v.variant, v.pitch, v.rate) for v in VOICES.values()}
    assert len(settings) == len(VOICES) >= 16
    assert {v.gender for v in VOICES.values()} == {"female", "male"}
    assert len({v.accent for v in VOICES.values()}) >= 5


def test_rates_are_intelligible() -> None:
    assert all(140 <= v.rate <= 190 and 0 <= v.pitch <= 99 for v in VOICES.values())


def test_splits_share_no_voice_and_none_is_the_assistant() -> None:
    splits = [set(voices_for(split)) for split in get_args(Split)]
    assert all(splits)
    assert all(a.isdisjoint(b) for a, b in combinations(splits, 2))
    assert set().union(*splits) | {ASSISTANT_VOICE} == set(VOICES)
    assert ASSISTANT_VOICE not in set().union(*splits)


def test_every_split_has_both_genders() -> None:
    for split in get_args(Split):
        assert {VOICES[name].gender for name in voices_for(split)} == {"female", "male"}
