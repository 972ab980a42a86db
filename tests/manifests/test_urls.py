"""URLs are told without what opens them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.urls import is_url, of_network, redacted


@pytest.mark.parametrize("text", ["s3://b/x", "hf://datasets/a/b", "zip://::/x.zip", "simplecache::s3://b/x", "C+x://"])
def test_a_url_is_one(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "a/b", "/a://b", "./s3://b", "C:\\x", "a:b", "take::2", "ü://x", "~/x"])
def test_a_path_is_none(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize(
    "text",
    ["s3://bucket/a@b/c", "hf://datasets/me/x@main/y.wav", "/a/b?c", "what? see https://h/x", "gs://b/a b@c"],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


SECRET = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"], exclude_characters="'\"@#?"), min_size=6)


@given(SECRET, st.sampled_from(["user:{}@host/x", "{0}:x@host", "host/x?sig={}", "u:{0}@h/x?a={0}&b={0}"]))
def test_a_secret_is_never_told(secret: str, form: str) -> None:
    if form.startswith("{0}") and (":" in secret or "/" in secret):
        return  # a user has neither
    told = redacted(f"error: 403, url='https://{form.format(secret)}' was refused")
    assert secret not in told
    assert told.startswith("error: 403, url='https://")
    assert told.endswith("' was refused")


def test_a_server_that_does_not_answer_is_known_by_its_library() -> None:
    from huggingface_hub.utils import get_session

    with pytest.raises(Exception) as failed:  # whatever its library raises
        get_session().get("http://127.0.0.1:9/", timeout=2)
    assert of_network(failed.value)
    assert not of_network(ValueError("httpx"))
