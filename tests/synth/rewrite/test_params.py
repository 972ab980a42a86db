"""What a recipe may say of the rewrite."""

from typing import get_args

import pytest
from pydantic import ValidationError

from turnmill.manifests.errors import UsageError
from turnmill.synth.http import api_key
from turnmill.synth.intents import IntentMix
from turnmill.synth.rewrite.params import RewriteParams, TaskName
from turnmill.synth.rewrite.rewriter import identity, prompt
from turnmill.synth.rewrite.tasks import tasks_by_name

GOOD = {"tasks": ["spoken"], "base_url": "http://localhost:8000/v1", "model": "small"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": []}, "at least 1"),
        ({"tasks": ["spoken", "spoken"]}, "named twice"),
        ({"tasks": ["backchannels", "spoken"]}, "put them last"),
        ({"tasks": ["sing"]}, "tasks"),
        ({"base_url": "localhost:8000"}, r"http\(s\)://HOST"),
        ({"base_url": "https://"}, r"http\(s\)://HOST"),
        ({"base_url": "https://me:s3cret@host/v1"}, "base_url: has a user"),
        ({"base_url": "https://host/v1?key=s3cret"}, "base_url: has a user, a query"),
        ({"api_key_env": "sk-s3cret"}, "NAME of an environment variable"),
        ({"api_key": "s3cret"}, "api_key"),
        ({"temperature": 3}, "temperature"),
        ({"tries": 0}, "tries"),
    ],
)
def test_what_cannot_work_is_refused_and_no_secret_is_shown(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        RewriteParams.model_validate(GOOD | changes)
    assert "s3cret" not in str(caught.value)
    # What a recipe's sentence shows of a wrong value is a scalar at fault.
    shown = [error["input"] for error in caught.value.errors() if error["type"] != "extra_forbidden"]
    assert not [value for value in shown if isinstance(value, str) and "s3cret" in value]


def test_words_are_spoken_of_after_they_are_final() -> None:
    assert RewriteParams.model_validate(GOOD | {"tasks": ["spoken", "emotion", "backchannels", "interruptions"]})


def test_cost_is_known_where_both_prices_are() -> None:
    priced = RewriteParams.model_validate(GOOD | {"price_prompt": 2.0, "price_completion": 10.0})
    assert priced.cost(500_000, 100_000) == pytest.approx(2.0)
    assert RewriteParams.model_validate(GOOD | {"price_prompt": 2.0}).cost(1, 1) is None


def test_a_key_comes_from_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed = RewriteParams.model_validate(GOOD | {"api_key_env": "TURNMILL_TEST_KEY"})
    monkeypatch.delenv("TURNMILL_TEST_KEY", raising=False)
    with pytest.raises(UsageError, match=r"script\.rewrite\.api_key_env: .*TURNMILL_TEST_KEY is not set"):
        api_key(keyed)
    monkeypatch.setenv("TURNMILL_TEST_KEY", "s3cret\n")
    key = api_key(keyed)
    assert key is not None
    assert key.get_secret_value() == "s3cret"
    assert "s3cret" not in f"{key!r} {key} {keyed!r} {keyed.model_dump_json()}"
    monkeypatch.setenv("TURNMILL_TEST_KEY", "s3cret\r\nX-Other: 1")
    with pytest.raises(UsageError, match="holds is no key") as caught:
        api_key(keyed)
    assert "s3cret" not in str(caught.value)
    assert api_key(RewriteParams.model_validate(GOOD)) is None


def test_the_identity_has_what_the_result_depends_on_and_nothing_of_how_it_is_reached() -> None:
    first = RewriteParams.model_validate(GOOD)
    moved = {"base_url": "https://elsewhere/v1", "concurrency": 1, "timeout_s": 1.0, "api_key_env": "A_KEY"}
    asked = {"retries": 0, "price_prompt": 1.0, "price_completion": 2.0}
    assert identity(RewriteParams.model_validate(GOOD | moved | asked)) == identity(first)
    for change in ({"model": "large"}, {"temperature": 0.0}, {"max_tokens": 99}, {"tries": 1}, {"tasks": ["emotion"]}):
        assert identity(RewriteParams.model_validate(GOOD | change)) != identity(first)
    assert identity(first)["prompts"] == {"spoken": prompt("spoken").digest}


def test_every_task_has_its_prompt_file() -> None:
    assert set(get_args(TaskName)) == set(tasks_by_name(IntentMix()))
    assert len({prompt(task).digest for task in get_args(TaskName)}) == len(get_args(TaskName))
