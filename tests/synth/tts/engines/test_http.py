"""The HTTP engine: against a real server that speaks, stalls, fails, and answers what is no speech."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tests.synth.tts.speech_server import KEY, SPEAKERS, SpeechServer, speech_server
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Licence
from turnmill.synth.http import Failing
from turnmill.synth.speech import STYLES, Line, Speech, SpeechError
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine
from turnmill.synth.tts.engines.http import DECLARATION, HttpParams, HttpSpeechEngine
from turnmill.synth.voices import Prompt, Voice

LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)
VOICES = {name: Voice(name, "en", None, None, LICENCE) for name in SPEAKERS}


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with speech_server() as running:
        yield running


def engine(server: SpeechServer, **settings: object) -> HttpSpeechEngine:
    given = {"base_url": server.url, "model": "tts", "retries": 1, "timeout_s": 5.0} | settings
    return HttpSpeechEngine(HttpParams.model_validate(given), VOICES)


def line(text: str, voice: str = "alloy", seed: int = 0, emotion: str | None = None) -> Line:
    return Line(f"line {text[:8]}", text, voice, "en", seed, emotion)


def original(text: str, voice: str) -> Speech:
    (speech,) = HibariEngine(HIBARI.voices).synthesize([Line("line", text, SPEAKERS[voice], "en", 0)])
    assert isinstance(speech, Speech)
    return speech


@pytest.mark.parametrize("form", ["wav", "flac", "pcm"])
def test_speech_is_what_the_server_sent(server: SpeechServer, form: str) -> None:
    results = engine(server, response_format=form).synthesize([line("Good morning.", v) for v in ("alloy", "onyx")])
    for voice, result in zip(("alloy", "onyx"), results, strict=True):
        sent = original("Good morning.", voice).pcm
        assert isinstance(result, Speech)
        assert result.words is None
        assert (result.sample_rate, result.pcm.dtype, result.pcm.shape) == (24_000, np.float32, sent.shape)
        assert np.abs(result.pcm - sent).max() < 2 / 32_768


def test_another_rate_is_brought_to_24_khz(server: SpeechServer) -> None:
    (result,) = engine(server).synthesize([line("RATE. Good morning.")])
    assert isinstance(result, Speech)
    assert abs(len(result.pcm) - len(original("RATE. Good morning.", "alloy").pcm)) <= 2


def test_the_request_says_what_the_line_says_and_no_more(server: SpeechServer) -> None:
    lines = [line("One.", seed=7), line("Two.", "onyx", emotion="happy")]
    engine(server).synthesize(lines)
    plain, happy = sorted(server.requests, key=lambda request: str(request["input"]))
    assert plain == {
        "model": "tts", "input": "One.", "voice": "alloy", "response_format": "wav", "authorization": None
    }  # fmt: skip
    assert happy["instructions"] == "Speak in a happy tone."
    engine(server).synthesize([replace(lines[1], style="sichuan")])
    assert server.requests[-1]["instructions"] == "Speak Chinese with the Sichuan dialect."
    engine(server, send_seed=True).synthesize(lines[:1])
    assert server.requests[-1]["seed"] == 7


def test_a_server_performs_what_the_recipe_says_of_it_and_nothing_by_itself() -> None:
    given = {"base_url": "http://localhost:1/v1", "model": "tts"}
    assert list(DECLARATION.performs(HttpParams.model_validate(given))) == []
    told = HttpParams.model_validate(given | {"performs": ["joy", "slow", "cantonese"]})
    assert list(DECLARATION.performs(told)) == ["joy", "slow", "cantonese"]
    assert set(told.style_instructions) == set(STYLES)
    with pytest.raises(ValidationError, match="there is no such emotion or style"):
        HttpParams.model_validate(given | {"performs": ["happyish"]})


def test_requests_are_under_way_at_once_and_results_in_order(server: SpeechServer) -> None:
    texts = [f"This is number {n}." for n in range(16)]
    results = engine(server, concurrency=4, response_format="pcm").synthesize([line(text) for text in texts])
    assert 2 <= server.most <= 4
    for text, result in zip(texts, results, strict=True):
        assert isinstance(result, Speech)
        assert len(result.pcm) == len(original(text, "alloy").pcm)


def test_a_server_that_is_busy_is_asked_again(server: SpeechServer) -> None:
    (result,) = engine(server).synthesize([line("BUSY. Hello.")])
    assert isinstance(result, Speech)
    assert len(server.requests) == 2


@pytest.mark.parametrize("trouble", ["HTML", "EMPTY", "DROP", "STALL", "HUGE", "REFUSE"])
def test_a_line_that_fails_is_an_error_in_its_place(server: SpeechServer, trouble: str) -> None:
    speaker = engine(server, timeout_s=0.4, retries=1)
    first, bad, last = speaker.synthesize([line("One."), line(f"{trouble}. Two."), line("Three.")])
    assert isinstance(first, Speech)
    assert isinstance(last, Speech)
    assert isinstance(bad, SpeechError)
    assert bad.reason == "engine_failed"
    assert "127.0.0.1" not in bad.detail, "a host has no place in a dataset"
    assert len(server.requests) == (3 if trouble == "REFUSE" else 4), "a refusal is final, the rest is tried again"


def test_a_voice_that_is_not_the_servers_is_an_error(server: SpeechServer) -> None:
    bank = {**VOICES, **HIBARI.voices, "ann": Voice("ann", "en", None, None, LICENCE, prompt=Prompt(b"", "text"))}
    speaker = HttpSpeechEngine(HttpParams(base_url=server.url, model="tts"), bank)
    results = speaker.synthesize([line("Hello.", voice) for voice in ("nobody", "ann", "hibari-heart")])
    assert [result.reason for result in results if isinstance(result, SpeechError)] == ["unknown_voice"] * 3
    assert not server.requests


def test_a_server_that_fails_for_every_line_ends_the_run_and_rejects_nothing(server: SpeechServer) -> None:
    server.statuses = [500] * 4
    with pytest.raises(TurnmillError, match=r"HTTP 500.*run the same command again"):
        engine(server).synthesize([line("One."), line("Two.")])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_lines_that_always_fail_never_end_the_run_of_a_server_that_speaks(server: SpeechServer, count: int) -> None:
    speaker = engine(server, retries=0)
    assert isinstance(speaker.synthesize([line("One.")])[0], Speech)
    for _ in range(3):
        results = speaker.synthesize([line(f"HTML. {n}.") for n in range(count)])
        assert [getattr(result, "reason", None) for result in results] == ["engine_failed"] * count
    assert isinstance(speaker.synthesize([line("Two.")])[0], Speech)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_server_that_spoke_and_fails_rejects_nothing(server: SpeechServer, count: int) -> None:
    speaker = engine(server, retries=0)
    assert isinstance(speaker.synthesize([line("One.")])[0], Speech)
    server.statuses = [500] * 99
    with pytest.raises(Failing, match="HTTP 500"):
        speaker.synthesize([line(f"Two {n}.") for n in range(count)])


def test_a_server_that_fails_amid_a_batch_is_not_asked_for_the_rest(server: SpeechServer) -> None:
    server.statuses = [200] * 6 + [500] * 200
    with pytest.raises(Failing, match="HTTP 500"):
        engine(server, retries=0, concurrency=2).synthesize([line(f"Two {n}.") for n in range(40)])
    assert len(server.requests) < 16


@pytest.mark.parametrize(
    ("form", "trouble"), [("wav", "WIDE"), ("wav", "FINE"), ("wav", "LONG"), ("flac", "LONG"), ("pcm", "LONG")]
)
def test_an_answer_that_unpacks_to_more_than_speech_is_refused(server: SpeechServer, form: str, trouble: str) -> None:
    bad, good = engine(server, retries=0, response_format=form).synthesize([line(f"{trouble}. Hi."), line("One.")])
    assert isinstance(good, Speech)
    assert isinstance(bad, SpeechError)
    assert bad.reason == "engine_failed"


def test_a_server_that_is_not_there_ends_the_run() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        params = HttpParams(base_url=f"http://127.0.0.1:{free.getsockname()[1]}/v1", model="tts", retries=0)
        with pytest.raises(TurnmillError, match="failed 1 times"):
            HttpSpeechEngine(params, VOICES).synthesize([line("One."), line("Two.")])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, '{"error": {"message": "String should have at most 4096 characters", "type": "string_too_long"}}'),
        (400, '{"error": {"message": "Input text exceeds maximum length of 4096 characters."}}'),
        (400, '{"error": {"message": "cannot be spoken", "param": "input"}}'),
        (422, '{"detail":[{"type":"value_error","loc":["body","input"],"msg":"no words","input":"..."}]}'),
        (413, ""),
    ],
)
def test_what_is_wrong_with_one_line_is_an_error_in_its_place(server: SpeechServer, status: int, said: str) -> None:
    server.said[f"{status}. Two."] = status, said
    results = engine(server).synthesize([line("One."), line(f"{status}. Two."), line("Three.")])
    assert [isinstance(result, Speech) for result in results] == [True, False, True]
    assert f"the endpoint refuses the request (HTTP {status}" in getattr(results[1], "detail", "")


def test_what_is_wrong_with_all_lines_ends_the_run_for_all_at_once(server: SpeechServer) -> None:
    said = """{"detail":[{"loc":["body","response_format"],"msg":"Input should be 'mp3'","input":"wav"}]}"""
    lines = [line(f"Line {n}.") for n in range(40)]
    server.said = {item.text: (422, said) for item in lines}
    speaker = engine(server, concurrency=2)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"\(HTTP 422\): mend speak\.http\.\*; it says: .*should be 'mp3'"):
            speaker.synthesize(lines)
    assert len(server.requests) <= 2, "nobody went on asking"


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_wrong_key_or_address_is_a_mistake_in_the_recipe(
    server: SpeechServer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH_KEY", KEY)
    server.statuses = [status] * 9
    with pytest.raises(UsageError, match=r"speak\.http") as error:
        engine(server, api_key_env="SPEECH_KEY").synthesize([line("One.")])
    assert server.requests[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(error.value)


def test_the_key_is_in_no_error_and_no_identity(server: SpeechServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_KEY", KEY)
    speaker = engine(server, api_key_env="SPEECH_KEY")
    (refused,) = speaker.synthesize([line("REFUSE. One.")])
    assert isinstance(refused, SpeechError)
    assert KEY not in f"{refused!r} {refused.detail}"
    assert "***" in refused.detail, "the server sent it back"
    server.statuses = [500, 500, 400]
    for ended, status in ((Failing, 500), (UsageError, 400)):
        with pytest.raises(ended, match=rf"HTTP {status}.*You sent Bearer \*\*\*") as error:
            speaker.synthesize([line("Two.")])
        assert KEY not in str(error.value)
    assert KEY not in speaker.identity
    monkeypatch.delenv("SPEECH_KEY")
    with pytest.raises(UsageError, match="SPEECH_KEY"):
        engine(server, api_key_env="SPEECH_KEY")


def test_identity_tells_what_is_heard_and_not_where_the_server_is(server: SpeechServer) -> None:
    here = engine(server).identity
    assert engine(server, base_url="https://elsewhere.example/v1", retries=7, concurrency=2).identity == here
    assert engine(server, model="other").identity != here
    assert engine(server, instructions="Say it {emotion}.").identity != here


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "localhost:8000"},
        {"base_url": "ftp://host/v1"},
        {"base_url": "http://me:sk-secret-0123456789@host/v1"},
        {"base_url": "http://host/v1?key=sk-secret-0123456789"},
        {"api_key_env": "sk-secret-0123456789"},
    ],
)
def test_addresses_and_keys_in_the_wrong_place_are_refused_unshown(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        HttpParams.model_validate({"base_url": "http://host/v1", "model": "tts"} | wrong)
    assert KEY not in str(error.value)
