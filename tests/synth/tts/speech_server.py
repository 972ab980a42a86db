"""A real HTTP server that speaks as OpenAI's does, with hibari, and misbehaves on demand."""

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine

KEY = "sk-secret-0123456789"
SPEAKERS = {"alloy": "hibari-heart", "onyx": "hibari-ben"}


_NOISE = 0.1 * np.random.default_rng(0).standard_normal((121 * 24_000, 1)).astype(np.float32)
_UNLIKE_SPEECH = {
    "WIDE": (_NOISE[:72_000].reshape(-1, 3), 24_000),
    "FINE": (_NOISE[:384_000], 384_000),
    "LONG": (_NOISE, 24_000),
}


class SpeechServer(ThreadingHTTPServer):
    """Keeps the `requests` it got, and how many were under way at once. A text may begin with what goes wrong: "HTML.",
    "EMPTY.", "HUGE.", "STALL.", "DROP.", "REFUSE." always, "BUSY." the first time, "RATE." in another rate, "WIDE.",
    "FINE." and "LONG." with more channels, samples a second and seconds than speech has. A
    refusal has the key that was sent."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.statuses: list[int] = []  # answered before anything else
        self.said: dict[str, tuple[int, str]] = {}  # by text: a status and a body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def speech_server() -> Iterator[SpeechServer]:
    server = SpeechServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: SpeechServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:  # named by http.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append({**request, "authorization": self.headers.get("Authorization")})
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
            status = self.server.statuses.pop(0) if self.server.statuses else 200
        try:
            self._answer(request, status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.server.lock:
                self.server.now -= 1

    def _answer(self, request: dict[str, Any], status: int) -> None:
        text = request["input"]
        if status != 200 or self.path != "/v1/audio/speech":
            said = f"You sent {self.headers.get('Authorization')}".encode()
            self._send(404 if status == 200 else status, said)
        elif text in self.server.said:
            status, body = self.server.said[text]
            self._send(status, body.encode())
        elif text.startswith("BUSY.") and sum(r["input"] == text for r in self.server.requests) == 1:
            self._send(503, b"busy", {"Retry-After": "0.05"})
        elif text.startswith("REFUSE."):
            said = f"input is too long; you sent {self.headers.get('Authorization')}"
            self._send(400, json.dumps({"error": {"message": said}}).encode())
        elif text.startswith("HTML."):
            self._send(200, b"<html><body>Welcome</body></html>")
        elif text.split(".")[0] in _UNLIKE_SPEECH:
            self._send(200, _encoded(request["response_format"], *_UNLIKE_SPEECH[text.split(".")[0]]))
        elif text.startswith("EMPTY."):
            self._send(200, b"")
        elif text.startswith("STALL."):
            self._headers(200, 1_000_000, {})
            self.wfile.write(b"RIFF")
            time.sleep(1.0)
        elif text.startswith("DROP."):
            self._headers(200, 1_000_000, {})
            self.wfile.write(b"RIFF")
            self.close_connection = True
        elif text.startswith("HUGE."):
            self._headers(200, 1 << 30, {})
            for _ in range(1 << 10):
                self.wfile.write(bytes(1 << 20))
        else:
            time.sleep(0.02)
            self._send(200, _speech(request, 44_100 if text.startswith("RATE.") else 24_000))

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._headers(status, len(body), headers or {})
        self.wfile.write(body)

    def _headers(self, status: int, size: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(size)} | headers).items():
            self.send_header(name, value)
        self.end_headers()


def _speech(request: dict[str, Any], rate: int) -> bytes:
    line = Line("line", request["input"], SPEAKERS[request["voice"]], "en", 0)
    (speech,) = HibariEngine(HIBARI.voices).synthesize([line])
    assert isinstance(speech, Speech)
    pcm = soxr.resample(speech.pcm, speech.sample_rate, rate)
    return _encoded(request["response_format"], pcm, rate)


def _encoded(form: str, pcm: NDArray[np.float32], rate: int) -> bytes:
    if form == "pcm":
        return (pcm * 32_767).astype("<i2").tobytes()
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, rate, format=form.upper(), subtype="PCM_16")
    data = buffer.getvalue()
    # OpenAI streams its WAV, and does not know the length when it writes the header.
    return data[:4] + b"\xff" * 4 + data[8:40] + b"\xff" * 4 + data[44:] if form == "wav" else data
