"""Translation by a language model: a local endpoint that speaks HTTP as OpenAI does, and a model behind it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import tree_hashes
from tests.synth.rewrite.conftest import Endpoint, Reply, Request, endpoint  # noqa: F401  # a fixture
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.store import Store
from turnmill.synth.chat.cache import StoreCache
from turnmill.synth.translation.chat import ChatTranslator, ChatTranslatorParams, identity
from turnmill.synth.translation.translator import Source, Translated, Untranslated

GERMAN = {"Good morning.": "Guten Morgen.", "The train leaves at seven.": "Der Zug fährt um sieben."}
KEY = "sk-secret-of-nobody"


def answer(said: str) -> Reply:
    return Reply(json.dumps({"translation": said}))


def good(_: int, request: Request) -> Reply:
    return answer(GERMAN[request["messages"][1]["content"].rpartition("\n")[2]])


def translator(endpoint: Endpoint, folder: Path, **changes: Any) -> ChatTranslator:  # noqa: F811
    params = ChatTranslatorParams.model_validate({"base_url": endpoint.url, "model": "small"} | changes)
    return ChatTranslator(params, "de", StoreCache(Store(str(folder)), "translate"), lambda _: None)


def translated(one: ChatTranslator, *texts: str) -> list[Translated | Untranslated]:
    return one.translate([Source(text, "en") for text in texts])


def test_texts_are_translated_in_order_and_each_is_asked_for_once(endpoint: Endpoint, tmp_path: Path) -> None:  # noqa: F811
    endpoint.answer = good
    texts = [*GERMAN, "Good morning."]
    made = translated(translator(endpoint, tmp_path), *texts)
    assert made == [Translated(GERMAN[text]) for text in texts]
    assert len(endpoint.requests) == 2
    said = endpoint.requests[0]["messages"][1]["content"]
    assert "From the language of the BCP 47 tag en into the language of the BCP 47 tag de:" in said
    assert endpoint.requests[0]["temperature"] == 0
    assert translated(translator(endpoint, tmp_path), *texts) == made  # a later run
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Reply("Der Zug fährt."), "Invalid JSON"),
        (answer(" "), "translation: String should have at least 1 character"),
        (answer("..."), "the translation has no words"),
        (answer("Nobody knew the way home, and that was all that there was to say."), "is in en, not in de"),
        (answer("der Zug " * 30), "the translation has 60 words, and 25 are the most of such a text"),
        (Reply('{"translation": "Der', finish_reason="length"), "it was cut off at max_tokens"),
    ],
)
def test_an_answer_that_is_no_translation_is_asked_for_again_with_the_reason(
    endpoint: Endpoint,  # noqa: F811
    tmp_path: Path,
    bad: Reply,
    why: str,
) -> None:
    endpoint.answer = lambda number, _: bad if number == 1 else answer("Der Zug fährt um sieben.")
    (made,) = translated(translator(endpoint, tmp_path), "The train leaves at seven.")
    assert made == Translated("Der Zug fährt um sieben.")
    assert why in endpoint.requests[1]["messages"][1]["content"]


def test_where_none_is_usable_that_text_alone_has_none(endpoint: Endpoint, tmp_path: Path) -> None:  # noqa: F811
    endpoint.answer = lambda number, request: good(number, request) if "train" in str(request) else Reply("{}")
    none, made = translated(translator(endpoint, tmp_path, tries=2), "Good morning.", "The train leaves at seven.")
    assert made == Translated("Der Zug fährt um sieben.")
    assert isinstance(none, Untranslated)
    assert none.why.startswith("2 answers of small could not be used, the last one because translation: Field required")


def test_the_key_is_in_no_file_and_in_no_error(
    endpoint: Endpoint,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    endpoint.answer = good
    translated(translator(endpoint, tmp_path, api_key_env="A_KEY"), "Good morning.")
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert tree_hashes(tmp_path)
    assert not any(KEY in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    endpoint.answer = lambda *_: Reply(status=401, body=f"bad key {KEY}".encode())
    with pytest.raises(UsageError, match="refuses the key of A_KEY") as error:
        translated(translator(endpoint, tmp_path / "other", api_key_env="A_KEY"), "Good morning.")
    assert KEY not in str(error.value)


def test_an_endpoint_that_goes_on_failing_ends_the_run(endpoint: Endpoint, tmp_path: Path) -> None:  # noqa: F811
    endpoint.answer = lambda *_: Reply(status=500)
    with pytest.raises(TurnmillError, match="failed 2 times in a row"):
        translated(translator(endpoint, tmp_path, retries=1), "Good morning.")


def test_an_endpoint_is_no_part_of_what_it_says(endpoint: Endpoint) -> None:  # noqa: F811
    values = {"base_url": endpoint.url, "model": "small"}
    one = identity(ChatTranslatorParams.model_validate(values))
    moved = values | {"base_url": "http://other:1/v1", "concurrency": 3, "api_key_env": "A_KEY"}
    assert identity(ChatTranslatorParams.model_validate(moved)) == one
    assert identity(ChatTranslatorParams.model_validate(values | {"model": "large"})) != one
