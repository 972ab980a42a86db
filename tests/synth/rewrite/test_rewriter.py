"""The rewriter against a local endpoint that answers, stalls, fails, refuses and talks rubbish."""

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import tree_hashes
from tests.synth.rewrite.conftest import Endpoint, Reply, Request, good
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.manifests.store import Store
from turnmill.synth.rewrite.cache import StoreCache, answer_key
from turnmill.synth.rewrite.client import ChatEndpoint, Message
from turnmill.synth.rewrite.params import RewriteParams, TaskName
from turnmill.synth.rewrite.rewriter import Rewriter, Rewritten, estimate

Make = Callable[..., TextDialogue]
MakeParams = Callable[..., RewriteParams]
KEY = "sk-very-s3cret-key"


class Waits(list[float]):
    """A sleep that only notes for how long it was asked."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def rejected(result: Rewritten) -> Reject:
    assert isinstance(result.dialogue, Reject)
    assert result.dialogue.reason is Reason.REWRITE_FAILED
    return result.dialogue


def told(answers: dict[int, Reply]) -> Callable[[int, Request], Reply]:
    """An endpoint that answers well but for the requests of these numbers."""
    return lambda number, request: answers.get(number) or Reply(good(request))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_tasks_in_a_row_leave_a_dialogue_with_all_that_was_asked_for(
    language: str, endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    [result] = Rewriter(params(*get_args(TaskName)), cache).rewrite([dialogue("d", language)])
    assert isinstance(result.dialogue, TextDialogue)
    turns = result.dialogue.turns
    assert [turn.emotion for turn in turns] == ["joy"] * 4
    assert turns[1].tool is not None
    assert [turn.interruption is not None for turn in turns] == [False, True, False, True]
    assert turns[1].backchannels == turns[3].backchannels == (4, 9)
    assert [row.task for row in result.usage] == list(get_args(TaskName))
    assert {row.model for row in result.usage} == {"small"}
    assert {row.prompt_tokens for row in result.usage} == {100}
    assert set(endpoint.paths) == {"/v1/chat/completions"}
    request = endpoint.requests[0]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("small", 0.7, 4096)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


def test_results_come_in_the_order_of_the_dialogues_and_no_more_than_the_bound_are_asked_at_once(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = lambda number, request: Reply(good(request), wait=0.05 if number % 3 else 0.15)
    before = [dialogue(f"d{n}", texts=(f"Tell me about number {n}.", "It is a number.")) for n in range(24)]
    results = Rewriter(params("spoken", concurrency=3), cache).rewrite(before)
    assert [result.dialogue.id for result in results if isinstance(result.dialogue, TextDialogue)] == [
        one.id for one in before
    ]
    for one, result in zip(before, results, strict=True):
        assert isinstance(result.dialogue, TextDialogue)
        assert result.dialogue.turns[0].text == f"Well, {one.turns[0].text}"
    assert endpoint.most_at_once == 3


def test_a_second_run_asks_nothing_and_gives_the_same(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make, tmp_path: Path
) -> None:
    # A model that never says the same twice, and whose third answer is of no use.
    def answer(number: int, request: Request) -> Reply:
        return Reply("no" if number == 3 else good(request).replace("Well,", f"Well, {number},"), usage=number != 2)

    endpoint.answer = answer
    before = [dialogue("a"), dialogue("b", "zh"), dialogue("c", texts=("Hi.", "Hello."))]
    chosen = params("spoken", "backchannels", concurrency=1, tries=1)
    first = Rewriter(chosen, cache).rewrite(before)
    asked, files = len(endpoint.requests), tree_hashes(tmp_path)
    assert sum(isinstance(result.dialogue, Reject) for result in first) == 1
    assert asked == sum(len(result.usage) for result in first) == len(files)
    assert None in {row.prompt_tokens for result in first for row in result.usage}
    moved = replace_url(chosen, "http://127.0.0.1:9/v1")  # nobody listens there
    assert Rewriter(moved, cache).rewrite(before) == first
    assert len(endpoint.requests) == asked
    assert tree_hashes(tmp_path) == files
    assert all(name.startswith("data/cache/rewrite/") and name.endswith(".json") for name in files)


def test_an_interrupted_run_asks_only_for_the_rest(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    before = [dialogue(f"d{n}", texts=(f"Number {n}?", "Yes, a number.")) for n in range(6)]
    endpoint.answer = lambda number, request: Reply(good(request)) if number < 4 else Reply(status=403)
    with pytest.raises(UsageError):
        Rewriter(params("spoken", concurrency=1), cache).rewrite(before)
    assert len(endpoint.requests) == 4  # nobody went on asking
    endpoint.answer = told({})
    assert len(Rewriter(params("spoken", concurrency=1), cache).rewrite(before)) == 6
    assert len(endpoint.requests) == 4 + 3


@pytest.mark.parametrize("change", [{"model": "large"}, {"temperature": 0.0}, {"max_tokens": 99}])
def test_another_question_is_not_answered_from_the_cache(
    change: dict[str, Any], endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    Rewriter(params("spoken"), cache).rewrite([dialogue("d")])
    Rewriter(params("spoken", **change), cache).rewrite([dialogue("d")])
    assert len(endpoint.requests) == 2


def test_dialogues_of_the_same_words_share_one_answer(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = lambda number, request: Reply(good(request).replace("Well", f"Well {number}"), wait=0.05)
    results = Rewriter(params("spoken"), cache).rewrite([dialogue(f"d{n}") for n in range(8)])
    assert len({result.dialogue.turns for result in results if isinstance(result.dialogue, TextDialogue)}) == 1
    assert len(endpoint.requests) == 1


def test_a_cached_answer_that_cannot_be_read_is_asked_for_again(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make, tmp_path: Path
) -> None:
    first = Rewriter(params("spoken"), cache).rewrite([dialogue("d")])
    [file] = tmp_path.rglob("*.json")
    file.write_bytes(b'{"text": "cut')
    assert Rewriter(params("spoken"), cache).rewrite([dialogue("d")]) == first
    assert len(endpoint.requests) == 2


def test_the_cache_works_on_any_store(endpoint: Endpoint, params: MakeParams, dialogue: Make) -> None:
    cache = StoreCache(Store(f"memory://{endpoint.url[-8:-3]}"))
    first = Rewriter(params("spoken"), cache).rewrite([dialogue("d")])
    assert Rewriter(params("spoken"), cache).rewrite([dialogue("d")]) == first
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Reply("I'd rather not."), "Invalid JSON"),
        (Reply(""), "it is empty"),
        (Reply(None), "it is empty"),
        (Reply('{"turns": []}'), "it has 0 turns, the dialogue has 4"),
        (Reply('{"turns": [', finish_reason="length"), "it was cut off at max_tokens"),
    ],
)
def test_an_answer_of_no_use_is_asked_for_anew_and_then_rejected(
    bad: Reply, said: str, endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    endpoint.answer = told({1: bad})
    [result] = Rewriter(params("spoken"), cache).rewrite([dialogue("d")])
    assert isinstance(result.dialogue, TextDialogue)
    assert len(result.usage) == 2  # both were paid for
    assert said in endpoint.requests[1]["messages"][1]["content"]  # the model is told why
    endpoint.answer = lambda *_: bad
    [result] = Rewriter(params("emotion", tries=2), cache).rewrite([dialogue("d")])
    reject = rejected(result)
    assert reject.uid == "d"
    assert reject.detail.startswith("emotion: 2 answers of small could not be used, the last one because ")
    assert said in reject.detail
    assert len(result.usage) == 2


def test_a_dialogue_that_fails_stops_neither_its_tasks_before_nor_its_neighbours(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    def answer(_: int, request: Request) -> Reply:
        return Reply("no" if "poison" in str(request["messages"]) and "emotion" in str(request) else good(request))

    endpoint.answer = answer
    before = [dialogue("a"), dialogue("b", texts=("Is it poison?", "No.")), dialogue("c", "zh")]
    results = Rewriter(params("spoken", "emotion", tries=1), cache).rewrite(before)
    assert [isinstance(result.dialogue, Reject) for result in results] == [False, True, False]
    assert [row.task for row in results[1].usage] == ["spoken", "emotion"]


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


def test_ctrl_c_ends_what_is_under_way_and_begins_nothing(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        while not endpoint.requests:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("turnmill.synth.rewrite.rewriter.wait", interrupted)
    endpoint.answer = lambda *_: Reply(status=500)  # all would wait for seconds before they ask again
    before = [dialogue(f"d{n}", texts=(f"Number {n}?", "Yes.")) for n in range(50)]
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Rewriter(params("spoken", concurrency=2), cache).rewrite(before)
    assert time.monotonic() - began < 15  # one dialogue that goes on waits for 31 s
    assert len(endpoint.requests) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rewrite")]


def test_dialogues_that_no_script_takes_are_not_paid_for(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    before = [replace(dialogue("d"), turns=()), dialogue("e", texts=("Hi.", " "))]
    assert Rewriter(params(*get_args(TaskName)), cache).rewrite(before) == [Rewritten(one, ()) for one in before]
    assert Rewriter(params(*get_args(TaskName)), cache).rewrite([]) == []
    assert endpoint.requests == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_estimate_is_that_of_the_prompts_and_sends_nothing(
    language: str, endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make
) -> None:
    chosen = params("spoken", "backchannels")
    rows = estimate(dialogue("d", language), chosen)
    assert endpoint.requests == []
    assert [row.task for row in rows] == ["spoken", "backchannels"]
    Rewriter(params("spoken"), cache).rewrite([dialogue("d", language)])
    sent = "".join(message["content"] for message in endpoint.requests[0]["messages"])
    assert rows[0].prompt_tokens is not None
    assert len(sent) / 5 < rows[0].prompt_tokens < len(sent) / 2
    assert estimate(dialogue("e", texts=("Hi.", "Hello.")), chosen)[1:] == ()


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_only_equal_questions_have_equal_keys(first: list[str], second: list[str]) -> None:
    chosen = RewriteParams(tasks=("spoken",), base_url="http://localhost/v1", model="m")

    def key(parts: list[str], attempt: int) -> str:
        return answer_key(chosen, [Message(role="user", content=part) for part in parts], attempt)

    assert (key(first, 1) == key(second, 1)) == (first == second)
    assert key(first, 1) != key(first, 2)


def replace_url(params: RewriteParams, url: str) -> RewriteParams:
    return RewriteParams.model_validate(params.model_dump() | {"base_url": url})
