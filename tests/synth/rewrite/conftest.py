"""A local endpoint that speaks HTTP as OpenAI does, a model behind it that does its tasks, and dialogues to rewrite."""

import contextlib
import json
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.manifests.store import Store
from turnmill.synth.chat.cache import StoreCache
from turnmill.synth.rewrite.params import RewriteParams
from turnmill.synth.rewrite.rewriter import Rewritten

Request = dict[str, Any]
LICENCE = Licence("CC-BY-4.0", True, True)
ENGLISH = (
    "What's the best way to keep strawberries fresh?",
    "Do not wash them before storing them. Put them in the fridge in an open box, on a paper towel, and they will keep "
    "for about 5 days, or freeze them if you want to use them later.",
    "And how do I freeze them?",
    "Wash and dry them, lay them on a tray so that they do not touch, and put them into a bag once they are hard.",
)
CHINESE = (
    "草莓怎么保存才不容易坏呢，我每次买回来第二天就有几个烂掉了，好可惜啊。",
    "先别洗，把坏的挑出来，垫一张厨房纸放进冰箱冷藏，一般可以放三天左右，吃之前再用盐水泡一会儿。",
    "那可以冷冻吗？",
    "可以的，洗干净擦干以后平铺着冻硬，再装进袋子里，想吃的时候拿出来打成奶昔就很好喝。",
)


def make_dialogue(name: str, language: str = "en", texts: tuple[str, ...] | None = None) -> TextDialogue:
    texts = texts or (CHINESE if language.startswith("zh") else ENGLISH)
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue(name, turns, language, "tests", LICENCE, "talk")


@pytest.fixture
def dialogue() -> Callable[..., TextDialogue]:
    return make_dialogue


@dataclass
class Reply:
    """What the endpoint sends. `body` None stands for a chat completion with `content`."""

    content: str | None = ""
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    reset: bool = False
    drip: float | None = None  # seconds between the bytes of the body
    finish_reason: str = "stop"
    usage: bool = True

    def bytes(self) -> bytes:
        if self.body is not None:
            return self.body
        said: dict[str, Any] = {"role": "assistant", "content": self.content}
        completion: dict[str, Any] = {
            "id": "1",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": said, "finish_reason": self.finish_reason}],
        }
        if self.usage:
            completion["usage"] = {
                "prompt_tokens": 100,
                "completion_tokens": len(self.content or ""),
                "total_tokens": 1,
            }
        return json.dumps(completion).encode()


@dataclass
class Endpoint:
    """The state of the stand-in. `answer` gets the number of the request, from 1, and its JSON."""

    url: str = ""
    answer: Callable[[int, Request], Reply] = lambda _, request: Reply(good(request))
    requests: list[Request] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    endpoint: Endpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client had enough
            super().handle()

    def do_POST(self) -> None:
        endpoint = self.endpoint
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with endpoint.lock:
            endpoint.requests.append(request)
            endpoint.headers.append(dict(self.headers))
            endpoint.paths.append(self.path)
            number = len(endpoint.requests)
            endpoint.at_once += 1
            endpoint.most_at_once = max(endpoint.most_at_once, endpoint.at_once)
        try:
            reply = endpoint.answer(number, request)
            time.sleep(reply.wait)
        finally:
            with endpoint.lock:
                endpoint.at_once -= 1
        self.send(reply)

    def send(self, reply: Reply) -> None:
        if reply.reset:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once, so that the client gets an RST
            return
        body = reply.bytes()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for part in [body] if reply.drip is None else [body[n : n + 1] for n in range(len(body))]:
            self.wfile.write(part)
            time.sleep(reply.drip or 0)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"endpoint": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def good_answer() -> Callable[[Request], str]:
    return good


@pytest.fixture
def params(endpoint: Endpoint) -> Callable[..., RewriteParams]:
    def make(*tasks: str, **changes: Any) -> RewriteParams:
        values = {"base_url": endpoint.url, "model": "small", "tasks": tasks or ("spoken",)}
        return RewriteParams.model_validate(values | changes)

    return make


@pytest.fixture
def cache(tmp_path: Path) -> StoreCache:
    return StoreCache(Store(str(tmp_path / "data")), "rewrite")


def good(request: Request) -> str:
    """What a good model answers. It knows what it is asked from the messages alone, as a model does."""
    system, user = (message["content"] for message in request["messages"])
    rows = [json.loads(line) for line in user.splitlines() if line.startswith('{"turn"')]
    chinese = "Language: Chinese" in user
    if '{"interruptions"' in system:
        wanted = [row for row in rows if "intent" in row]
        return json.dumps({"interruptions": [_interruption(row, chinese) for row in wanted]})
    if '{"request"' in system:
        request, answer = (
            ("你能说慢一点吗？", "好，我慢慢说。") if chinese else ("Could you slow down?", "Sure, like this.")
        )
        return json.dumps({"request": request, "answer": answer})
    if '"after"' in system:
        numbers = re.findall(r"^turn (\d+), by", user, re.MULTILINE)
        return json.dumps({"turns": [{"turn": int(number), "after": [4, 9]} for number in numbers]})
    turns = [{"role": row["role"], "text": ("嗯，" if chinese else "Well, ") + row["text"]} for row in rows]
    if '"emotion"' in system:
        return json.dumps({"turns": [turn | {"emotion": "Joy"} for turn in turns]})
    if '"observation"' in system:
        call = {"name": "look_up", "arguments": {"what": "草莓" if chinese else "strawberries"}}
        filler = "我查一下。" if chinese else "Let me check."
        answer = {"turns": turns, "turn": 1, "filler": filler, "call": call, "observation": {"days": 5}}
        return json.dumps(answer, ensure_ascii=False)
    return json.dumps({"turns": turns})


def _interruption(row: Request, chinese: bool) -> Request:
    text = "等一下，我不是这个意思。" if chinese else "Wait, that's not what I meant."
    answer = None if row["intent"] == "cancel" else ("好的，你说。" if chinese else "Sorry, go ahead.")
    return {"turn": row["turn"], "intent": row["intent"], "text": text, "answer": answer}


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


def replace_url(params: RewriteParams, url: str) -> RewriteParams:
    return RewriteParams.model_validate(params.model_dump() | {"base_url": url})
