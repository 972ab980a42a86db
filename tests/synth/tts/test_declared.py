"""The embedded banks: enough voices, no voice in two splits, one assistant a language; and what stands beside them."""

from itertools import combinations
from typing import get_args

import pytest

from turnmill.synth.tts.declared import EMBEDDED, ENGINES, engine_of, with_beside
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakSettings
from turnmill.synth.tts.engines.hibari import HIBARI
from turnmill.synth.tts.engines.kokoro import KOKORO
from turnmill.synth.voices import Split, Voice, VoiceBank

SPLITS: tuple[Split, ...] = get_args(Split)
OWN = {name: engine.bank for name, engine in ENGINES.items() if engine.embedded and engine.bank}


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


@pytest.mark.parametrize(
    ("bank", "language"), [(bank, language) for bank in OWN.values() for language in bank.languages]
)
def test_splits_share_no_voice_and_none_is_the_assistant(bank: VoiceBank, language: str) -> None:
    splits = [set(bank.users_of(split, language)) for split in SPLITS]
    assert all(splits)
    assert all(a.isdisjoint(b) for a, b in combinations([*splits, set(bank.assistants_of(language))], 2))
    assert len(bank.assistants_of(language)) == 1
    assert {*bank.assistants_of(language)}.union(*splits) == set(bank.speaking(language))
    assert len({voice.settings for voice in bank.speaking(language)}) == len(bank.speaking(language))


@pytest.mark.parametrize(("bank", "language"), [(ESPEAK, "en"), (ESPEAK, "zh"), (HIBARI, "en")])
def test_every_split_has_both_genders(bank: VoiceBank, language: str) -> None:
    for split in SPLITS:
        assert {voice.gender for voice in bank.users_of(split, language)} == {"female", "male"}


def test_an_embedded_voice_is_known_by_its_engine_and_name() -> None:
    assert len(EMBEDDED) == sum(len(bank.voices) for bank in OWN.values()) + 1
    assert all(engine_of(voice) == name.split("-")[0] for name, voice in EMBEDDED.items())
    assert (HIBARI.languages, KOKORO.languages) == (("en",), ("en", "zh"))
    assert sum(len(users) for users in HIBARI.users.values()) >= 8


def test_voices_beside_are_one_more_user_bystanders_and_those_of_other_languages() -> None:
    bank = with_beside(HIBARI, ["piper", "espeak"])
    assert bank.users_of("train", "en")[-1].name == "piper-joe"
    assert bank.languages == ("en", "zh")
    assert bank.assistants_of("en") == HIBARI.assistants
    assert bank.assistants_of("zh") == ESPEAK.assistants_of("zh")
    for split in SPLITS:
        assert bank.users_of(split, "zh") == ESPEAK.users_of(split, "zh")
        assert bank.bystanders_of(split, "en") == ESPEAK.users_of(split, "en")
        assert not bank.bystanders_of(split, "zh")
    assert {voice.name for voice in bank.voices.values()} <= EMBEDDED.keys()
    assert with_beside(HIBARI, []) == HIBARI
