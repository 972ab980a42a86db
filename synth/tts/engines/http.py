"""Any server that speaks OpenAI's `/v1/audio/speech`: vLLM-Omni, Kokoro-FastAPI, openedai-speech, OpenAI itself.

The request is `{model, input, voice, response_format}`, with `instructions` for a line with an emotion or a style and
`seed` where asked for; the answer is the audio and nothing else. There are no word times. The same line gives the same
bytes only as far as the server does.
"""

import io
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.records import Reason
from turnmill.synth.http import HOST_FACTS, Endpoint, EndpointParams, Failing, Fault, Refused
from turnmill.synth.speech import DIALECTS, MANNERS, STYLES, Line, Speech, SpeechError
from turnmill.synth.tags import without_tags
from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.voices import Voice, named

_LARGEST = 64 << 20  # bytes of an answer: 5 minutes of 48 kHz mono float, far more than any line
# What an answer may unpack to: a few kB of FLAC can be hours of silence in 8 channels.
_LONGEST_S = 120
_MOST_CHANNELS = 2
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000


_STYLES: Mapping[str, str] = {
    "fast": "Speak fast.",
    "slow": "Speak slowly.",
    "loud": "Speak in a loud voice.",
    "soft": "Speak in a very soft, quiet voice.",
    "cantonese": "Speak Cantonese.",
} | {name: f"Speak Chinese with the {name.title()} dialect." for name in DIALECTS if name != "cantonese"}


def _a_manner(name: str) -> str:
    if name not in MANNERS:
        raise ValueError(f"there is no such emotion or style: name some of {', '.join((*EMOTIONS, *STYLES))}")
    return name


_Manner = Annotated[str, AfterValidator(_a_manner)]


class HttpParams(EndpointParams):
    """A server that speaks."""

    where: ClassVar[str] = "speak.http"

    response_format: Literal["wav", "flac", "pcm"] = Field(default="wav", description="pcm: 16 bit, little endian")
    pcm_rate: int = Field(
        default=24_000, ge=_LOWEST_RATE, le=_HIGHEST_RATE, description="of 'pcm', which has no header; Hz"
    )
    instructions: str = Field(
        default="Speak in a {emotion} tone.", description="sent for a line with an emotion, {emotion} filled in"
    )
    style_instructions: Mapping[str, str] = Field(
        default=_STYLES, description="sent for a line with a style: rates, loudness and dialects, each with its text"
    )
    performs: tuple[_Manner, ...] = Field(
        default=(), description="emotions and styles that are heard when told to the server: others are no labels"
    )
    send_seed: bool = Field(default=False, description="send each line's seed; OpenAI's own API knows none")

    @property
    def identity(self) -> str:
        """What the speech depends on besides lines and voices: not where the server is, nor how it is asked."""
        return f"http {json.dumps(self.model_dump(mode='json', exclude=set(HOST_FACTS)), sort_keys=True)}"


class HttpSpeechEngine:
    """`synth.tts.engine.Engine` over HTTP. The server knows a voice by its name in the bank; such a voice has neither
    espeak settings nor a prompt."""

    sample_rate = 24_000

    def __init__(self, params: HttpParams, voices: Mapping[str, Voice]) -> None:
        """Raises UsageError for a key that is not there. The server is first asked when it has to speak."""
        self._params, self._voices = params, voices
        self._endpoint = Endpoint(params, "audio/speech", _LARGEST)
        self._spoken: Line | None = None  # one that the server has spoken

    @property
    def identity(self) -> str:
        return self._params.identity

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, nothing_spoken, engine_failed.

        Raises UsageError where the server refuses every request, and `Failing` where it is the server that fails and
        not the lines, which may be spoken another time: it no longer speaks a line that it spoke before, or has spoken
        none.
        """
        with ThreadPoolExecutor(self._params.concurrency) as pool:
            results = list(pool.map(self._spoken_or_not, lines))
        return [
            self._judged(line, result) if isinstance(result, Failing) else result
            for line, result in zip(lines, results, strict=True)
        ]

    def _spoken_or_not(self, line: Line) -> Speech | SpeechError | Failing:
        """What comes of a line; Failing where no line was spoken yet that could tell whether it is the server."""
        try:
            result = self._speak(line)
        except Failing as error:
            return error if self._spoken is None else self._judged(line, error)
        if isinstance(result, Speech):
            self._spoken = line
        return result

    def _judged(self, line: Line, error: Failing) -> SpeechError:
        """The error of a line that the server fails for while it speaks another; raises Failing where it does not."""
        if self._spoken is None:
            raise error
        try:
            self._speak(self._spoken)
        except Failing as failing:
            self._endpoint.stop(failing)
            raise
        return SpeechError(Reason.ENGINE_FAILED, f"line {line.id}: the speech server failed again and again")

    def _speak(self, line: Line) -> Speech | SpeechError:
        voice = self._voices.get(line.voice)
        if voice is None or voice.settings is not None or voice.prompt is not None:
            return SpeechError(
                Reason.UNKNOWN_VOICE, f"line {line.id}: {line.voice!r} is not the name of a voice of a speech server"
            )
        try:
            pcm = self._endpoint.post(self._request(line), self._decoded)
        except Refused as error:
            return SpeechError(Reason.ENGINE_FAILED, f"line {line.id}: {error}")
        if not pcm.any():
            return SpeechError(Reason.NOTHING_SPOKEN, f"line {line.id}: the speech server sent silence")
        return Speech(pcm, self.sample_rate, None)

    def _request(self, line: Line) -> dict[str, Any]:
        params = self._params
        request = {"model": params.model, "input": " ".join(without_tags(line.text).split()), "voice": line.voice}
        extra: dict[str, Any] = {"response_format": params.response_format}
        style = params.style_instructions.get(line.style or "")
        if style is not None:
            extra["instructions"] = style
        elif line.emotion is not None:
            extra["instructions"] = params.instructions.replace("{emotion}", line.emotion)
        if params.send_seed:
            extra["seed"] = line.seed
        return request | extra

    def _decoded(self, data: bytes) -> NDArray[np.float32]:
        """Float32 mono at 24 kHz, in [-1, 1]. Raises Fault for an answer that is not the audio that was asked for."""
        pcm, rate = self._pcm(data) if self._params.response_format == "pcm" else self._file(data)
        if rate != self.sample_rate:
            pcm = soxr.resample(pcm, rate, self.sample_rate)
        return np.clip(pcm, -1.0, 1.0).astype(np.float32)

    def _pcm(self, data: bytes) -> tuple[NDArray[np.float32], int]:
        if not data or len(data) % 2:
            raise Fault("its answer is not 16-bit pcm")
        if len(data) > 2 * _LONGEST_S * self._params.pcm_rate:
            raise Fault(f"its answer is longer than {_LONGEST_S} s")
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768), self._params.pcm_rate

    def _file(self, data: bytes) -> tuple[NDArray[np.float32], int]:
        try:
            info = soundfile.info(io.BytesIO(data))
            if (
                info.channels > _MOST_CHANNELS
                or not _LOWEST_RATE <= info.samplerate <= _HIGHEST_RATE
                or not 0 < info.frames <= _LONGEST_S * info.samplerate
            ):
                raise Fault(f"its answer is {info.frames} samples of {info.channels} channels at {info.samplerate} Hz")
            channels, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise Fault(f"its answer is not a {self._params.response_format} file ({len(data)} bytes)") from error
        return channels.mean(axis=1), rate


DECLARATION = Declaration(
    name="http",
    role="speaks with a server",
    choice="any OpenAI-compatible server",
    make=HttpSpeechEngine,
    params=HttpParams,
    host_facts=sorted(HOST_FACTS),
    secret=True,
    named=named,
    states_times=False,
    performs=lambda params: [m for m in params.performs if m in EMOTIONS or m in params.style_instructions],
    gpu=True,
    at_once=lambda params: params.concurrency,
    has_time_limits=True,
    identity=lambda params: params.identity,  # a server's key is needed to speak, not to know what was spoken
)
