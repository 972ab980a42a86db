"""The acoustics of one dialogue: every parameter exact, in integer samples at 24 kHz. No audio."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from turnmill.synth.channels import RATE

WHITE = "white"
"""The noise that needs no recording; its category has the same name."""

Span = tuple[int, int]
"""[start, end) in samples."""


@dataclass(frozen=True)
class Background:
    """Noise `name` of `category`, which sounds in the spans `bursts` of the dialogue and nowhere else; `seed` gives its
    samples, or where in the recording each burst begins.

    `snr_db` = 10 log10(mean power of the clean user stem through the room, over the words of the user's turns / mean
    power of the noise over `bursts`). What sounds beside the user, and the echo, count on neither side.
    """

    name: str
    category: str
    seed: int
    snr_db: float
    bursts: tuple[Span, ...]


@dataclass(frozen=True)
class Shoebox:
    """A room with six equal walls: metres, from one corner. `absorption` of energy by a wall, 0 to 1; `max_order` is
    the number of reflections after which an image source counts no more."""

    dimensions: tuple[float, float, float]
    source: tuple[float, float, float]
    microphone: tuple[float, float, float]
    absorption: float
    max_order: int


Room = Shoebox | str
"""A shoebox, or the name of an impulse response of the pool."""


@dataclass(frozen=True)
class Echo:
    """The assistant's channel times `gain`, `delay` samples later, through the same room as the user."""

    gain: float
    delay: int


@dataclass(frozen=True)
class PacketLoss:
    """Packets of 480 samples from sample 0; those in `lost` are digital silence. `rate` is their share."""

    rate: float
    lost: tuple[Span, ...]


@dataclass(frozen=True)
class Acoustics:
    """What happens to a user's channel, in this order: room, echo, noise, gain, clipping, codec, lost packets.

    `gain_steps`: (sample, dB) from that sample on, the first at sample 0; empty without a gain. `clip_over_db`: how far
    the loudest peak would have gone over the level at which it is cut.
    """

    room: Room | None = None
    echo: Echo | None = None
    noise: Background | None = None
    gain_steps: tuple[tuple[int, float], ...] = ()
    clip_over_db: float | None = None
    codec: str | None = None
    packet_loss: PacketLoss | None = None

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> "Acoustics":
        """The inverse of `dataclasses.asdict`, also after a trip through JSON."""
        noise, echo, loss = raw["noise"], raw["echo"], raw["packet_loss"]
        return Acoustics(
            room=_room(raw["room"]),
            echo=Echo(**echo) if echo else None,
            noise=Background(**{**noise, "bursts": _pairs(noise["bursts"])}) if noise else None,
            gain_steps=_pairs(raw["gain_steps"]),
            clip_over_db=raw["clip_over_db"],
            codec=raw["codec"],
            packet_loss=PacketLoss(loss["rate"], _pairs(loss["lost"])) if loss else None,
        )


@dataclass(frozen=True)
class Fitted:
    """What only the audio decides: `fit_db`, the gain that brought the whole channel under the peak limit (0 where it
    was under it); `clip_dbfs`, where the delivered peaks are cut; `rt60` of the room's response in seconds."""

    fit_db: float
    clip_dbfs: float | None
    rt60: float | None


def labels(acoustics: Acoustics, fitted: Fitted) -> dict[str, Any]:
    """`acoustics` of a sample's JSON: seconds, dB; null where an effect was not applied.

    `gain_db` is the whole gain of the user's channel at the start of the dialogue, that of the peak limit included;
    `gain_steps` has the whole gain from `start` on for each change. `rir` is the name of a measured response, `room`
    the fields of a `Shoebox`. `snr_db` is that of `Background`. `clip_dbfs` is in the delivered audio, before a codec.
    """
    noise, room, echo, loss = acoustics.noise, acoustics.room, acoustics.echo, acoustics.packet_loss
    gains = [(at / RATE, round(gain + fitted.fit_db, 2)) for at, gain in acoustics.gain_steps or ((0, 0.0),)]
    return {
        "snr_db": noise.snr_db if noise else None,
        "noise": noise.name if noise else None,
        "noise_category": noise.category if noise else None,
        "noise_bursts": _seconds(noise.bursts) if noise else None,
        "rir": room if isinstance(room, str) else None,
        "room": _listed(room) if isinstance(room, Shoebox) else None,
        "rt60": fitted.rt60,
        "echo_gain": echo.gain if echo else None,
        "echo_delay": echo.delay / RATE if echo else None,
        "codec": acoustics.codec,
        "gain_db": gains[0][1],
        "gain_steps": [{"start": start, "gain_db": gain} for start, gain in gains[1:]] or None,
        "clip_dbfs": fitted.clip_dbfs,
        "packet_loss": {"rate": loss.rate, "lost": _seconds(loss.lost)} if loss else None,
    }


def room_of(label: Mapping[str, Any]) -> Room | None:
    """The room that `labels` tells of."""
    return _room(label["room"] if label["rir"] is None else label["rir"])


def _room(raw: Any) -> Room | None:
    if not isinstance(raw, Mapping):
        name: str | None = raw
        return name
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Shoebox(**fields)


def spans_of(raw: Any) -> tuple[Span, ...]:
    """Spans in samples from those of `labels` in seconds; empty for null."""
    return tuple((round(span["start"] * RATE), round(span["end"] * RATE)) for span in raw or ())


def _pairs(raw: Any) -> tuple[Any, ...]:
    return tuple(tuple(pair) for pair in raw)


def _seconds(spans: tuple[Span, ...]) -> list[dict[str, float]]:
    return [{"start": start / RATE, "end": end / RATE} for start, end in spans]


def _listed(room: Shoebox) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(room).items()}
