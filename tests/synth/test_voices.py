"""The bank of espeak: enough voices, no voice in two splits, one assistant a language."""

from itertools import combinations
from typing import get_args

import pytest

from synth.banks import ESPEAK
from synth.voices import EspeakSettings, Split, Voice

SPLITS: tuple[Split, ...] = get_args(Split)


def _settings(voice: Voice) -> EspeakSettings:
    assert isinstance(voice.settings, EspeakSettings)
    return voice.settings


def test_no_two_voices_are_the_same() -> None:
    voices = ESPEAK.voices.values()
    assert len({_settings(voice) for voice in voices}) == len(voices)
    assert len(ESPEAK.speaking("en")) >= 16
    assert len({voice.accent for voice in ESPEAK.speaking("en")}) >= 5


def test_rates_are_intelligible() -> None:
    # The clock of espeak's "words a minute" differs: 180 are about five syllables a second in both.
    for language, fastest in (("en", 190), ("zh", 200)):
        settings = map(_settings, ESPEAK.speaking(language))
        assert all(140 <= s.rate <= fastest and 0 <= s.pitch <= 99 for s in settings)


def test_the_bank_speaks_english_and_mandarin() -> None:
    assert ESPEAK.languages == ("en", "zh")
    assert {voice.language for voice in ESPEAK.voices.values()} == {"en", "zh"}


def test_no_timbre_is_in_two_splits() -> None:
    timbres = [{_settings(voice).variant for voice in ESPEAK.users[split]} for split in SPLITS]
    assert all(a.isdisjoint(b) for a, b in combinations(timbres, 2))


def test_the_english_voices_are_those_of_the_first_release() -> None:
    names = " ".join(voice.name.removeprefix("espeak-en-") for voice in ESPEAK.speaking("en"))
    assert names == (
        "us-anna us-bella us-carl gb-x-rp-daisy gb-x-rp-edgar gb-scotland-fiona gb-scotland-gordon gb-holly gb-ian "
        "029-jade 029-kofi us-nyc-lou us-nyc-mia us-nora gb-oscar gb-x-rp-penny us-quinn gb-rosie gb-scotland-stuart"
    )
    assert [_settings(voice) for voice in ESPEAK.assistants_of("en")] == [EspeakSettings("en-us", "Annie", 52, 165)]


@pytest.mark.parametrize("language", ESPEAK.languages)
def test_splits_share_no_voice_and_none_is_the_assistant(language: str) -> None:
    splits = [set(ESPEAK.users_of(split, language)) for split in SPLITS]
    assert all(splits)
    assert all(a.isdisjoint(b) for a, b in combinations([*splits, set(ESPEAK.assistants_of(language))], 2))
    assert len(ESPEAK.assistants_of(language)) == 1
    assert {*ESPEAK.assistants_of(language)}.union(*splits) == set(ESPEAK.speaking(language))


@pytest.mark.parametrize("language", ESPEAK.languages)
def test_every_split_has_both_genders(language: str) -> None:
    for split in SPLITS:
        assert {voice.gender for voice in ESPEAK.users_of(split, language)} == {"female", "male"}
