"""Two parties as espeak speaks them, and pools of real recordings."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from turnmill.synth.acoustics import (
    Acoustics,
    AcousticsParams,
    ClippingParams,
    CodecParams,
    Delivered,
    EchoParams,
    GainParams,
    NoiseParams,
    PacketLossParams,
    Pools,
    RoomParams,
    deliver,
    load_pools,
)
from turnmill.synth.channels import RATE
from turnmill.synth.energy import active_level
from turnmill.synth.speech import Line, Speech

TEXTS = (
    "Could you tell me about the weather in the mountains tomorrow morning, please?",
    "I would rather take the train, since the road is often blocked by snow.",
    "Well, there is a train at seven and another one at half past nine.",
    "The museum opens at ten and closes at six, and on Mondays it is closed.",
    "What about a table for four people in a quiet corner?",
    "My name is Robinson, and my number is five five five, two oh one.",
)
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Talk:
    """Clean stems of two parties, float32 [n_samples] at 24 kHz, and the words of the user."""

    assistant: Float32
    user: Float32
    words: tuple[tuple[int, int], ...]

    @property
    def n_samples(self) -> int:
        return len(self.user)

    def delivered(self, acoustics: Acoustics, pools: Pools | None = None, beside: Float32 | None = None) -> Delivered:
        return deliver(
            acoustics,
            clean_user=self.user,
            beside=beside,
            assistant=self.assistant,
            speech_spans=self.words,
            pools=pools or Pools(),
            dialogue="d",
        )


class Talks:
    """Dialogues of any length and seed, from few lines that are spoken once."""

    def __init__(self) -> None:
        from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

        self._engine = EspeakEngine(ESPEAK.voices)
        self._assistant = ESPEAK.assistants_of("en")[0].name
        self._users = [voice.name for voice in ESPEAK.users_of("train", "en")]
        self._said: dict[tuple[str, int], tuple[Float32, list[tuple[int, int]]]] = {}

    def __call__(self, seed: int, seconds: float = 30.0) -> Talk:
        rng = np.random.default_rng(seed)
        stems = np.zeros((2, round(seconds * RATE)), np.float32)
        words: list[tuple[int, int]] = []
        at, turn = RATE // 2, 0
        while True:
            voice = self._users[seed % len(self._users)] if turn % 2 == 0 else self._assistant
            pcm, spoken = self._say(voice, int(rng.integers(len(TEXTS))))
            if at + len(pcm) > stems.shape[1] - RATE // 2:
                return Talk(stems[0], stems[1], tuple(words))
            stems[1 - turn % 2, at : at + len(pcm)] += pcm
            words += [(at + start, at + end) for start, end in spoken] if turn % 2 == 0 else []
            at, turn = at + len(pcm) + round(rng.normal(0.2, 0.2) * RATE), turn + 1

    def _say(self, voice: str, text: int) -> tuple[Float32, list[tuple[int, int]]]:
        if (voice, text) not in self._said:
            (speech,) = self._engine.synthesize([Line("l", TEXTS[text], voice, "en", text)])
            assert isinstance(speech, Speech)
            assert speech.words is not None
            level = active_level(speech.pcm)
            assert level is not None
            pcm = (speech.pcm * 10 ** ((-23 - level) / 20)).astype(np.float32)
            self._said[voice, text] = pcm, [(round(w.start * RATE), round(w.end * RATE)) for w in speech.words]
        return self._said[voice, text]


@pytest.fixture(scope="session")
def talks() -> Talks:
    pytest.importorskip("espeakng_loader")
    return Talks()


@pytest.fixture(scope="session")
def real(shared: Path) -> Pools:
    """Noise of dishes, rain, dogs and more, and rooms that were measured or simulated by others."""
    return load_pools([shared / "noise", shared / "ESC-10"], [shared / "rir"])


def only(
    noise: NoiseParams | None = None,
    room: RoomParams | None = None,
    echo: EchoParams | None = None,
    gain: GainParams | None = None,
    clipping: ClippingParams | None = None,
    codec: CodecParams | None = None,
    packet_loss: PacketLossParams | None = None,
) -> AcousticsParams:
    """Parameters under which nothing happens but what is given."""
    return AcousticsParams(
        noise=noise or NoiseParams(probability=0),
        room=room or RoomParams(probability=0),
        echo=echo or EchoParams(probability=0),
        gain=gain or GainParams(probability=0),
        clipping=clipping or ClippingParams(probability=0),
        codec=codec or CodecParams(probability=0),
        packet_loss=packet_loss or PacketLossParams(probability=0),
    )


def to_16_bit(audio: Float32) -> Float32:
    return (np.clip(np.round(audio * 32_768), -32_768, 32_767) / 32_768).astype(np.float32)


def power(pcm: Float32, spans: tuple[tuple[int, int], ...]) -> float:
    cut = np.concatenate([pcm[start:end] for start, end in spans]).astype(np.float64)
    return float(np.mean(cut**2))
