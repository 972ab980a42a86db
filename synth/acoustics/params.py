"""What may be done to the user's channel, and how often. Every default names its source."""

from typing import Annotated

from pydantic import AfterValidator, Field

from turnmill.manifests.params import Params
from turnmill.synth.acoustics.codecs import CODECS
from turnmill.synth.distributions import Uniform, within


def _known(codec: str) -> str:
    if codec not in CODECS:
        raise ValueError(f"there is no codec {codec!r}; there are {', '.join(CODECS)}")
    return codec


class NoiseParams(Params):
    """Noise of the user's surroundings. Where the defaults are from is in docs/turn-taking.md."""

    probability: float = Field(default=0.4, ge=0, le=1)
    """Share of dialogues with noise."""
    snr_db: Annotated[Uniform, within(-40, 80)] = Uniform(low=15.0, high=25.0)
    """Power of the user's words over power of the noise while it is on (OmniFlatten); negative is legal."""
    categories: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """Weight of each category of the pool; those not named are not used. Empty: all are equally likely."""
    bursts: float = Field(default=0.5, ge=0, le=1)
    """Share of noisy dialogues whose noise comes and goes (Moshi 4.4)."""
    burst_s: Annotated[Uniform, within(0.5, 600)] = Uniform(low=2.0, high=10.0)
    """Length of a piece of noise, half a second at least (Moshi concatenates the 10 s of the DNS challenge's files)."""
    silence_s: Annotated[Uniform, within(0, 600)] = Uniform(low=0.0, high=30.0)
    """Length of the silence that takes the place of every other piece (Moshi: with probability 0.5, up to 30 s)."""


class RoomParams(Params):
    """The room that the user, what sounds beside the user, and the loudspeaker are in."""

    probability: float = Field(default=0.3, ge=0, le=1)
    """Share of dialogues in a room (Moshi 4.4: 0.3)."""
    measured: float = Field(default=0.5, ge=0, le=1)
    """Share of rooms that are impulse responses of the pool, where it has any; the others are shoeboxes."""
    length_m: Annotated[Uniform, within(1.5, 50)] = Uniform(low=3.0, high=8.0)
    width_m: Annotated[Uniform, within(1.5, 50)] = Uniform(low=2.5, high=6.0)
    height_m: Annotated[Uniform, within(1.5, 20)] = Uniform(low=2.4, high=3.5)
    rt60_s: Annotated[Uniform, within(0.05, 2)] = Uniform(low=0.15, high=0.5)
    """Reverberation time that the walls are chosen for (Sabine); the label has that of the response itself."""
    distance_m: Annotated[Uniform, within(0.05, 10)] = Uniform(low=0.3, high=1.5)
    """From the mouth to the microphone."""


class EchoParams(Params):
    """The assistant as the user's microphone hears it from the user's loudspeaker (Moshi 4.4)."""

    probability: float = Field(default=0.3, ge=0, le=1)
    gain: Annotated[Uniform, within(0.001, 2)] = Uniform(low=0.02, high=0.2)
    """Amplitude against the assistant's channel (Moshi: 0 to 0.2; below 0.02 nothing can be heard)."""
    delay_s: Annotated[Uniform, within(0, 1)] = Uniform(low=0.1, high=0.5)
    """Playback and recording (Moshi)."""


class GainParams(Params):
    """The level of the user's microphone. Moshi 4.4 draws -24 to +15 dB with probability 0.5; the default is gentler,
    since the stems are at -23 dBFS and the peak limit takes back what goes over it."""

    probability: float = Field(default=0.3, ge=0, le=1)
    gain_db: Annotated[Uniform, within(-60, 40)] = Uniform(low=-12.0, high=6.0)
    steps: float = Field(default=0.2, ge=0, le=1)
    """Share of the dialogues with a gain in which it changes on the way (a hand over the phone, a gain control)."""
    step_db: Annotated[Uniform, within(-40, 40)] = Uniform(low=-6.0, high=6.0)
    """One change, added to the gain before it."""
    most_steps: int = Field(default=3, ge=1, le=20)


class ClippingParams(Params):
    """A microphone that is driven too far: the peaks are cut off."""

    probability: float = Field(default=0.03, ge=0, le=1)
    over_db: Annotated[Uniform, within(0, 40)] = Uniform(low=1.0, high=6.0)
    """How far the loudest peak would have gone over the level at which it is cut."""


class CodecParams(Params):
    """The transmission of the user's channel."""

    probability: float = Field(default=0.1, ge=0, le=1)
    kinds: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(default=tuple(CODECS), min_length=1)
    """Keys of `synth.acoustics.codecs.CODECS`, equally likely: G.711 mu-law and A-law, AMR narrow-band (mobile
    telephone), G.722, Opus at 12 kbit/s, MP3 at 24 kbit/s, and a plain 8 kHz channel."""


class PacketLossParams(Params):
    """Lost packets of 20 ms, which are silent: a Gilbert model of two states."""

    probability: float = Field(default=0.05, ge=0, le=1)
    rate: Annotated[Uniform, within(0, 0.5)] = Uniform(low=0.01, high=0.05)
    """Mean share of packets that are lost."""
    burst_packets: Annotated[Uniform, within(1, 50)] = Uniform(low=1.0, high=3.0)
    """Mean number of packets that are lost in a row."""


class AcousticsParams(Params):
    """What a dialogue's user channel goes through: each effect with its own probability, independent of the others."""

    noise: NoiseParams = NoiseParams()
    room: RoomParams = RoomParams()
    echo: EchoParams = EchoParams()
    gain: GainParams = GainParams()
    clipping: ClippingParams = ClippingParams()
    codec: CodecParams = CodecParams()
    packet_loss: PacketLossParams = PacketLossParams()
