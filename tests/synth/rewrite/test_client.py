"""The rewriter against a local endpoint that fails, refuses and asks to be waited for."""

import json
import logging
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.conftest import tree_hashes
from tests.synth.rewrite.conftest import (
    KEY,
    Endpoint,
    Make,
    MakeParams,
    Reply,
    Waits,
    good,
    rejected,
    replace_url,
    told,
)
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import TextDialogue
from turnmill.synth.chat.cache import StoreCache
from turnmill.synth.chat.client import ChatEndpoint, Message
from turnmill.synth.rewrite.rewriter import Rewriter


@pytest.mark.parametrize(
    ("failures", "waits"),
    [
        ([Reply(status=500), Reply(status=503, body=b"loading model")], [1, 2]),
        ([Reply(reset=True)], [1]),
        ([Reply(wait=3)], [1]),
        ([Reply(content="x" * 400, drip=0.01)], [1]),
        ([Reply(status=429, headers={"Retry-After": "7"}), Reply(status=429)], [7, 2]),
        ([Reply(status=429, headers={"Retry-After": "86400"})], [120]),
        ([Reply(status=429, headers={"Retry-After": "soon"})], [1]),
        ([Reply(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})], [0]),
        ([Reply(body=b"<html>Bad gateway</html>")], [1]),
        ([Reply(body=b'{"choices": []}')], [1]),
        ([Reply(body=b"x" * (5 << 20))], [1]),
    ],
)
def test_a_failure_that_passes_is_waited_for_and_leaves_no_trace(
    failures: list[Reply],
    waits: list[float],
    endpoint: Endpoint,
    params: MakeParams,
    cache: StoreCache,
    dialogue: Make,
) -> None:
    endpoint.answer = told(dict(enumerate(failures, 1)))
    slept = Waits()
    slow = any(failure.wait or failure.drip for failure in failures)
    [result] = Rewriter(params("spoken", timeout_s=1 if slow else 60), cache, slept).rewrite([dialogue("d")])
    assert isinstance(result.dialogue, TextDialogue)
    assert slept == waits
    assert len(result.usage) == 1
    assert endpoint.requests == [endpoint.requests[0]] * (len(failures) + 1)


def test_a_date_in_retry_after_is_waited_for(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    endpoint.answer = told({1: Reply(status=429, headers={"Retry-After": until})})
    slept = Waits()
    Rewriter(params("spoken"), cache, slept).rewrite([dialogue("d")])
    assert len(slept) == 1
    assert 40 < slept[0] <= 60


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Reply(status=500, body=b'{"error": "out of memory"}'), "HTTP 500: .*out of memory"),
        (Reply(status=429, body=b"insufficient_quota"), "insufficient_quota"),
        (Reply(reset=True), "ReadError"),
        (Reply(wait=0.3), "no whole answer in 0.1 s .script.rewrite.timeout_s"),
        (Reply(body=b"<html>Welcome</html>"), "no chat completion; does script.rewrite.base_url end in /v1"),
        (Reply(body=b"x" * (5 << 20)), "larger than 4 MiB"),
    ],
)
def test_an_endpoint_that_goes_on_failing_stops_the_run_and_rejects_nothing(
    failure: Reply, said: str, endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make, tmp_path: Path
) -> None:
    endpoint.answer = lambda *_: failure
    slept = Waits()
    with pytest.raises(TurnmillError, match=said) as caught:
        Rewriter(params("spoken", timeout_s=0.1 if failure.wait else 60), cache, slept).rewrite([dialogue("d")])
    assert not isinstance(caught.value, UsageError)
    assert endpoint.url.split("/")[2] in str(caught.value)
    assert "run the same command again" in str(caught.value)
    assert slept == [1, 2, 4, 8, 16]
    assert tree_hashes(tmp_path) == {}


def test_an_endpoint_that_is_not_there_is_said_so(params: MakeParams, cache: StoreCache, dialogue: Make) -> None:
    nowhere = replace_url(params("spoken"), "http://127.0.0.1:9/v1")
    with pytest.raises(TurnmillError, match=r"127\.0\.0\.1:9 failed 6 times in a row, the last time: ConnectError"):
        Rewriter(nowhere, cache, Waits()).rewrite([dialogue("d")])


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Reply(status=401), r"refuses the key of TURNMILL_TEST_KEY \(HTTP 401\): export one"),
        (Reply(status=403), r"refuses the key of TURNMILL_TEST_KEY \(HTTP 403\): export one"),
        (Reply(status=404), r"knows no model small \(HTTP 404\): check script.rewrite.model"),
        (Reply(status=400, body=b"temperature must be 1"), "mend script.rewrite.*temperature must be 1"),
        (Reply(status=302, headers={"Location": "https://elsewhere.example/"}), "HTTP 302"),
    ],
)
def test_what_the_endpoint_refuses_for_all_is_said_at_once(
    failure: Reply,
    said: str,
    endpoint: Endpoint,
    params: MakeParams,
    cache: StoreCache,
    dialogue: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TURNMILL_TEST_KEY", KEY)
    endpoint.answer = lambda *_: failure
    before = [dialogue(f"d{n}", texts=(f"Number {n}?", "Yes.")) for n in range(20)]
    slept = Waits()
    keyed = params("spoken", api_key_env="TURNMILL_TEST_KEY", concurrency=2)
    with pytest.raises(UsageError, match=said) as caught:
        Rewriter(keyed, cache, slept).rewrite(before)
    assert "127.0.0.1" in str(caught.value)
    assert slept == []
    assert len(endpoint.requests) < len(before)


def test_what_ends_it_for_one_thread_ends_it_for_all(endpoint: Endpoint, params: MakeParams) -> None:
    endpoint.answer = told({1: Reply(status=404)})
    with ChatEndpoint(params("spoken")) as client:
        for _ in range(2):
            with pytest.raises(UsageError, match="knows no model"):
                client.complete([Message(role="user", content="Hi.")])
    assert len(endpoint.requests) == 1


def test_threads_that_wait_wake_up_with_the_error_that_ended_it(endpoint: Endpoint, params: MakeParams) -> None:
    endpoint.answer = lambda _, request: Reply(status=429 if "busy" in str(request) else 404)
    ended: list[TurnmillError] = []

    def ask(client: ChatEndpoint, text: str) -> None:
        with pytest.raises(UsageError, match="knows no model") as caught:
            client.complete([Message(role="user", content=text)])
        ended.append(caught.value)

    with ChatEndpoint(params("spoken", retries=20)) as client:
        waiting = [threading.Thread(target=ask, args=(client, f"busy {n}")) for n in range(3)]
        for thread in waiting:
            thread.start()
        while len(endpoint.requests) < 6:  # each has been asked again, and would wait for 2 s
            time.sleep(0.01)
        ask(client, "Hi.")
        began = time.monotonic()
        for thread in waiting:
            thread.join(5)
        assert time.monotonic() - began < 1
    assert len(ended) == 4
    assert len(set(map(id, ended))) == 1
    assert len(endpoint.requests) == 7


def test_the_retries_are_those_of_the_recipe(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = lambda *_: Reply(status=500)
    for retries, waits in ((0, []), (2, [1, 2]), (9, [1, 2, 4, 8, 16, 32, 64, 120, 120])):
        slept = Waits()
        with pytest.raises(TurnmillError, match=f"failed {retries + 1} times in a row"):
            Rewriter(params("spoken", retries=retries), cache, slept).rewrite([dialogue("d")])
        assert slept == waits


def test_an_endpoint_that_wants_a_key_says_where_to_name_it(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = lambda *_: Reply(status=401)
    with pytest.raises(UsageError, match=r"wants a key \(HTTP 401\): set script.rewrite.api_key_env"):
        Rewriter(params("spoken"), cache).rewrite([dialogue("d")])
    assert "Authorization" not in endpoint.headers[0]


@pytest.mark.parametrize(
    "failure",
    [
        Reply(status=400, body=b'{"error": {"code": "context_length_exceeded"}}'),
        Reply(status=400, body=b'{"error": {"code": "content_filter"}}'),
        Reply(status=413),
    ],
)
def test_a_dialogue_that_the_endpoint_refuses_is_a_reject_among_others(
    failure: Reply, endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = lambda _, request: failure if "monster" in str(request) else Reply(good(request))
    results = Rewriter(params("spoken"), cache).rewrite([dialogue("a", texts=("A monster?", "Yes.")), dialogue("b")])
    assert f"spoken: the endpoint refuses the request (HTTP {failure.status}" in rejected(results[0]).detail
    assert isinstance(results[1].dialogue, TextDialogue)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_key_is_in_the_authorization_header_and_nowhere_else(
    status: int,
    endpoint: Endpoint,
    params: MakeParams,
    cache: StoreCache,
    dialogue: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TURNMILL_TEST_KEY", KEY)
    # An endpoint that sends the key back, even in an answer that is of use.
    endpoint.answer = lambda _, request: (
        Reply(good(request).replace("Well,", f"Well, {KEY},"))
        if status == 200
        else Reply(status=status, body=f"bad key {KEY}".encode())
    )
    chosen = params("spoken", api_key_env="TURNMILL_TEST_KEY")
    rewriter, shown = Rewriter(chosen, cache, Waits()), ""
    try:
        shown += repr(rewriter.rewrite([dialogue("d")]))
    except TurnmillError as error:
        shown += "".join(traceback.format_exception(error)) + repr(error)
    assert {headers["Authorization"] for headers in endpoint.headers} == {f"Bearer {KEY}"}
    assert KEY not in json.dumps([endpoint.requests, endpoint.paths])
    assert [name for name in endpoint.headers[0] if KEY in endpoint.headers[0][name]] == ["Authorization"]
    assert KEY not in shown + repr(rewriter) + repr(vars(rewriter)) + repr(chosen) + chosen.model_dump_json()
    assert KEY not in caplog.text + "".join(capsys.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert bool(files) == (status == 200)
    assert not [path for path in files if KEY.encode() in path.read_bytes() or KEY in path.name]
