"""The rewriter against a local endpoint that answers, stalls and talks rubbish."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import tree_hashes
from tests.synth.rewrite.conftest import Endpoint, Make, MakeParams, Reply, Request, good, rejected, replace_url, told
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reject, TextDialogue
from turnmill.manifests.store import Store
from turnmill.synth.chat.cache import StoreCache, answer_key
from turnmill.synth.chat.client import Message
from turnmill.synth.intents import IntentMix
from turnmill.synth.rewrite.params import RewriteParams, TaskName
from turnmill.synth.rewrite.rewriter import Rewriter, Rewritten, estimate


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
    tasks = [task for task in get_args(TaskName) if task != "style_request"]  # no turn of it has a style
    assert [row.task for row in result.usage] == tasks
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
    cache = StoreCache(Store(f"memory://{endpoint.url[-8:-3]}"), "rewrite")
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


def test_ctrl_c_ends_what_is_under_way_and_begins_nothing(
    endpoint: Endpoint, params: MakeParams, cache: StoreCache, dialogue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        while not endpoint.requests:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("turnmill.synth.chat.asker.wait", interrupted)
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
    rows = estimate(dialogue("d", language), chosen, IntentMix())
    assert endpoint.requests == []
    assert [row.task for row in rows] == ["spoken", "backchannels"]
    Rewriter(params("spoken"), cache).rewrite([dialogue("d", language)])
    sent = "".join(message["content"] for message in endpoint.requests[0]["messages"])
    assert rows[0].prompt_tokens is not None
    assert len(sent) / 5 < rows[0].prompt_tokens < len(sent) / 2
    assert estimate(dialogue("e", texts=("Hi.", "Hello.")), chosen, IntentMix())[1:] == ()


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_only_equal_questions_have_equal_keys(first: list[str], second: list[str]) -> None:
    chosen = RewriteParams(tasks=("spoken",), base_url="http://localhost/v1", model="m")

    def key(parts: list[str], attempt: int) -> str:
        return answer_key(chosen, [Message(role="user", content=part) for part in parts], attempt)

    assert (key(first, 1) == key(second, 1)) == (first == second)
    assert key(first, 1) != key(first, 2)
