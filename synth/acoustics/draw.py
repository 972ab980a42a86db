"""Draw the acoustics of a dialogue: pure and seeded, each effect from its own random stream."""

import numpy as np

from turnmill.manifests.records import generator
from turnmill.synth.acoustics.noise import draw_background
from turnmill.synth.acoustics.params import AcousticsParams, GainParams, PacketLossParams
from turnmill.synth.acoustics.plan import Acoustics, Echo, PacketLoss, Room, Span
from turnmill.synth.acoustics.pools import Pools
from turnmill.synth.acoustics.rooms import draw_shoebox
from turnmill.synth.channels import RATE

PACKET = RATE // 50
"""A packet: 20 ms, as telephony over IP sends them (RFC 3551)."""


def draw_acoustics(params: AcousticsParams, pools: Pools, seed: int, dialogue: str, n_samples: int) -> Acoustics:
    """The acoustics of a dialogue of `n_samples` at 24 kHz; an effect's draws do not move when another one changes."""

    def stream(effect: str, probability: float) -> np.random.Generator | None:
        rng = generator(seed, dialogue, f"acoustics {effect}")
        return rng if rng.random() < probability else None

    noise = stream("noise", params.noise.probability)
    room = stream("room", params.room.probability)
    echo = stream("echo", params.echo.probability)
    gain = stream("gain", params.gain.probability)
    clipping = stream("clipping", params.clipping.probability)
    codec = stream("codec", params.codec.probability)
    loss = stream("packet loss", params.packet_loss.probability)
    return Acoustics(
        room=_room(params, pools, room) if room else None,
        echo=_echo(params, echo) if echo else None,
        noise=draw_background(params.noise, pools, noise, n_samples) if noise else None,
        gain_steps=_gain_steps(params.gain, gain, n_samples) if gain else (),
        clip_over_db=round(params.clipping.over_db.draw(clipping), 2) if clipping else None,
        codec=str(codec.choice(params.codec.kinds)) if codec else None,
        packet_loss=_packet_loss(params.packet_loss, loss, n_samples) if loss else None,
    )


def _room(params: AcousticsParams, pools: Pools, rng: np.random.Generator) -> Room:
    if pools.rooms and rng.random() < params.room.measured:
        return str(rng.choice(sorted(pools.rooms)))
    return draw_shoebox(params.room, rng)


def _echo(params: AcousticsParams, rng: np.random.Generator) -> Echo:
    return Echo(round(params.echo.gain.draw(rng), 4), round(params.echo.delay_s.draw(rng) * RATE))


def _gain_steps(params: GainParams, rng: np.random.Generator, n_samples: int) -> tuple[tuple[int, float], ...]:
    """The gain at the start, and at most one change a second."""
    level = round(params.gain_db.draw(rng), 2)
    steps = [(0, level)]
    if rng.random() < params.steps:
        wanted = int(rng.integers(1, params.most_steps + 1))
        for second in sorted(rng.permutation(np.arange(1, n_samples // RATE))[:wanted]):
            level = round(level + params.step_db.draw(rng), 2)
            steps.append((int(second) * RATE + int(rng.integers(RATE // 2)), level))
    return tuple(steps)


def _packet_loss(params: PacketLossParams, rng: np.random.Generator, n_samples: int) -> PacketLoss:
    """Runs of received and lost packets, geometric in length: the Gilbert model with these means."""
    rate, burst = params.rate.draw(rng), params.burst_packets.draw(rng)
    spans: list[Span] = []
    if rate > 0:
        at, lost = 0, bool(rng.random() < rate)
        while at < n_samples:
            run = int(rng.geometric(1 / burst if lost else rate / (burst * (1 - rate)))) * PACKET
            if lost:
                spans.append((at, min(at + run, n_samples)))
            at, lost = at + run, not lost
    return PacketLoss(round(sum(end - start for start, end in spans) / max(n_samples, 1), 4), tuple(spans))
