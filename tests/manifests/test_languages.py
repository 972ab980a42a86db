"""Tags of languages: many spellings, one tag, and a sentence for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from turnmill.manifests.languages import LanguageTag, PrimaryTag, language_tag, primary
from turnmill.manifests.params import Params


@pytest.mark.parametrize(
    ("spelled", "tag"),
    [
        ("en", "en"),
        (" EN\n", "en"),
        ("eng", "en"),
        ("en_US", "en-US"),
        ("en-uk", "en-GB"),
        ("zh-cn", "zh-CN"),
        ("zh_Hans_CN", "zh-Hans-CN"),
        ("cmn", "zh"),
        ("cmn-Hans-CN", "zh-Hans-CN"),
        ("zh-cmn", "zh"),
        ("chi", "zh"),
        ("Mandarin", "zh"),
        ("中文", "zh"),
        ("yue", "yue"),
        ("zh-yue", "yue"),
        ("iw", "he"),
        ("arb", "ar"),
        ("pt_br", "pt-BR"),
        ("es-419", "es-419"),
        ("no", "no"),
        ("und", "und"),
    ],
)
def test_every_spelling_of_a_language_is_one_tag(spelled: str, tag: str) -> None:
    assert language_tag(spelled) == tag


@pytest.mark.parametrize(
    "text",
    ["", " ", "xx", "klingon", "de_DE.UTF-8", "e", "123", "en--us", "x-private", "en-US-posix", "\x1b[31m", "日本"],
)
def test_what_is_no_tag_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no language tag: write one of BCP-47, such as en, zh or pt-BR") as caught:
        language_tag(text)
    assert "\x1b" not in str(caught.value)


def test_the_sentence_does_not_repeat_a_whole_text() -> None:
    with pytest.raises(ValueError, match="is no language tag") as caught:
        language_tag("word " * 10_000)
    assert len(str(caught.value)) < 150


SUBTAGS = st.sampled_from(
    ["zh", "en", "cmn", "yue", "sr", "hbs", "sgn", "ar", "i", "x", "Hans", "LATN", "us", "419", "u"]
)
SPELLED = st.lists(SUBTAGS | st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), min_size=1, max_size=5)


@given(SPELLED.flatmap(lambda parts: st.sampled_from(["-".join(parts), "_".join(parts)])) | st.text(max_size=12))
def test_a_tag_that_was_made_is_never_made_otherwise(text: str) -> None:
    try:
        tag = language_tag(text)
    except ValueError:
        assert primary(text) == text
        return
    assert language_tag(tag) == tag
    assert tag.isascii()
    assert primary(text) == primary(tag) == tag.split("-")[0]


class Spoken(Params):
    language: LanguageTag | None = None
    voices: tuple[PrimaryTag, ...] = ()


def test_a_recipe_gets_the_tag_and_voices_its_first_part() -> None:
    spoken = Spoken.model_validate({"language": "zh_cn", "voices": ["en_US", "cmn-Hant"]})
    assert (spoken.language, spoken.voices) == ("zh-CN", ("en", "zh"))
    assert Spoken.model_validate({"language": None}).language is None


@pytest.mark.parametrize(
    ("value", "sentence"), [("xx", "no language tag"), (False, 'the language "no" in quotes'), (7, "string")]
)
def test_a_recipe_with_no_language_is_refused(value: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Spoken.model_validate({"language": value})
