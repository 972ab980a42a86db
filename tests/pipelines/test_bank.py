"""Who speaks: the embedded banks, names of a server or a model, and what is refused before any work."""

from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.bank import Bank, VoiceNames, bank
from turnmill.pipelines.stages.speak import SpeakParams
from turnmill.synth.tts.declared import ENGINES, with_beside
from turnmill.synth.tts.engines.hibari import HIBARI
from turnmill.synth.tts.engines.kokoro import Blend

OWN = {name: engine.bank for name, engine in ENGINES.items() if engine.embedded and engine.bank}
LICENCE = {"spdx": "Apache-2.0", "redistribute": True, "commercial": True}


def names(**given: Any) -> VoiceNames:
    whole = {"assistants": ["a"], "train": ["b"], "valid": ["c"], "test": ["d"], "licence": LICENCE}
    return VoiceNames.model_validate(whole | given)


def of(speak: SpeakParams, names: VoiceNames | None = None) -> Bank:
    return bank(speak.engine, speak.beside, cloned=False, names=names)


@pytest.mark.parametrize("engine", OWN)
def test_an_embedded_engine_has_its_own_bank(engine: str) -> None:
    found = of(SpeakParams.model_validate({"engine": engine}))
    assert found.fixed == OWN[engine]
    assert found.needs == ()


def test_voices_beside_join_the_bank() -> None:
    found = of(SpeakParams(beside=("espeak",)))
    assert found.fixed == with_beside(HIBARI, ["espeak"])
    assert found.identity != of(SpeakParams()).identity


def test_named_voices_of_kokoro_are_blends_and_one_person_in_each_language() -> None:
    found = of(SpeakParams(engine="kokoro"), names(train=["b", "e+f"], languages=["zh", "en"])).fixed
    assert found is not None
    assert found.languages == ("en", "zh")
    assert len(found.voices) == 10
    assert {v.settings for v in found.users_of("train", "zh")} == {Blend(("b",)), Blend(("e", "f"))}
    assert {v.settings for v in found.users_of("train", "en")} == {Blend(("b",)), Blend(("e", "f"))}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"train": ["b+c"]}, r"voice_names: 'c' is a part of train and of valid: choose one"),
        ({"test": ["a+d"]}, r"voice_names: 'a' is a part of assistants and of test"),
        ({"train": ["b+"]}, r"voice_names\.train: 'b\+' is neither a voice nor two with a plus between them"),
        ({"train": ["b+e+f"]}, "neither a voice nor two"),
        ({"train": ["b+b"]}, "neither a voice nor two"),
        ({"train": ["b+e", "e+b"]}, r"voice_names\.train: 'e\+b' is there already"),
    ],
)
def test_a_blend_is_two_voices_of_one_split(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        of(SpeakParams(engine="kokoro"), names(**given))


def test_what_an_engine_cannot_use_is_refused() -> None:
    for engine in ("hibari", "espeak"):
        with pytest.raises(UsageError, match=f"speak.engine is {engine}, which has voices of its own"):
            of(SpeakParams.model_validate({"engine": engine}), names())
    with pytest.raises(UsageError, match="piper speaks English, and no other voice of the recipe does"):
        of(SpeakParams(engine="kokoro", beside=("piper",)), names(languages=["zh"]))
    with pytest.raises(UsageError, match=r"voice_names\.languages: kokoro speaks zh, en, not 'fr'"):
        of(SpeakParams(engine="kokoro"), names(languages=["en", "fr"]))
    http = {"engine": "http", "http": {"base_url": "http://h/v1", "model": "m"}}
    with pytest.raises(UsageError, match=r"the recipe names no voice: add `voice_names"):
        of(SpeakParams.model_validate(http))
    with pytest.raises(UsageError, match="'a' is named twice"):
        of(SpeakParams.model_validate(http), names(train=["a"]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "http", "http": {"base_url": "http://h/v1", "model": "m"}, "beside": ["espeak"]}, "leave it out"),
        ({"engine": "espeak", "beside": ["espeak"]}, "names an engine that is there already"),
        ({"beside": ["espeak", "espeak"]}, "names an engine that is there already"),
        ({"kokoro": {"model": "x"}}, "'kokoro' is set, but the engine is 'hibari'"),
    ],
)
def test_settings_of_another_engine_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SpeakParams.model_validate(given)
