"""Check what happened to the user's channel: noise and echo as loud and as late as their labels say, and nothing that
has no label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.acoustics import (
    Pools,
    losses_are_labelled,
    lost_is_silent,
    measure,
    peaks_are_clipped,
    sounds_coded,
)
from turnmill.synth.acoustics.codecs import CODECS
from turnmill.synth.channels import ASSISTANT
from turnmill.synth.duplex.checking.evidence import Evidence
from turnmill.synth.duplex.checking.sample import EventLabel
from turnmill.synth.duplex.checking.tally import LEVEL_TOLERANCE_DB, Tally
from turnmill.synth.duplex.lengths import POST, PRE
from turnmill.synth.energy import active_level

SNR_TOLERANCE_DB = 0.5
ECHO_GAIN_TOLERANCE = 0.05
"""Of the labelled gain (docs/turn-taking.md)."""
ECHO_DELAY_TOLERANCE_MS = 1.0
LEAKAGE_DB = -45.0
"""The assistant in the user's channel where no echo is labelled. The bound was -50; two voices that say something
alike at the same time have reached -49 by chance, once in some thousand dialogues."""
_STEP = 3 / 32_768  # of 16 bits, once for each file and once for their difference
_LEAST_S = 0.1  # a level is measured over more than that


@dataclass(frozen=True)
class AcousticErrors:
    """Measured minus labelled; of the echo's gain, as a share of it. None where there is nothing to measure, or the
    audio does not show it."""

    snr_error_db: float | None = None
    echo_gain_error: float | None = None
    echo_delay_error_ms: float | None = None


def check_acoustics(evidence: Evidence, pools: Pools | None, tally: Tally) -> AcousticErrors:
    """Check the delivered channel against its labels."""
    sample, clean = evidence.sample, evidence.clean
    if clean is None:
        return _without_stem(evidence, tally)
    if sample.untouched:
        stray = float(np.abs(evidence.delivered - clean).max(initial=0.0))
        tally.expect(stray < _STEP, "acoustics", "the user's channel has something that no label names", stray)
        return AcousticErrors()
    found = measure(
        sample.acoustics,
        delivered=evidence.delivered,
        clean_user=clean,
        assistant=evidence.stems[ASSISTANT],
        speech_spans=sample.user_words(),
        beside_spans=[(event.start, event.end) for event in sample.beside],
        pools=pools,
    )
    _transmission(evidence, clean, tally)
    echoes = bool(sample.of("echo")) == (sample.acoustics["echo_gain"] is not None)
    tally.expect(echoes, "echo", "the event of an echo and the label of its gain are not both there")
    if found.gain_db is not None:
        off = found.gain_db - sample.acoustics["gain_db"]
        detail = f"the user's gain is {found.gain_db:.2f} dB, the label says {sample.acoustics['gain_db']:.2f}"
        tally.expect(abs(off) <= SNR_TOLERANCE_DB, "gain", detail, off)
        for event in sample.beside:
            _level(event, found.gain_db, evidence, tally)
        if sample.only_beside:
            _named(clean, evidence, tally)
    if found.leakage_db is not None:
        detail = f"the assistant is in the user's channel at {found.leakage_db:.1f} dB, and no echo is labelled"
        tally.expect(found.leakage_db < LEAKAGE_DB, "echo", detail, found.leakage_db)
    return AcousticErrors(
        _snr(found.snr_db, evidence, tally),
        _echo_gain(found.echo_gain, evidence, tally),
        _echo_delay(found.echo_delay, evidence, tally),
    )


def _transmission(evidence: Evidence, clean: NDArray[np.float32], tally: Tally) -> None:
    """Lost packets, cut peaks and the codec are those of the label."""
    heard, label = evidence.delivered, evidence.sample.acoustics
    known = label["codec"] is None or label["codec"] in CODECS
    tally.expect(known, "codec", f"there is no codec {label['codec']!r}")
    if known:
        coded = sounds_coded(heard, clean, label)
        tally.expect(coded, "codec", f"the channel does not sound as through {label['codec'] or 'no codec'}")
    lost = lost_is_silent(heard, label) and losses_are_labelled(heard, clean, label)
    tally.expect(lost, "loss", "the lost packets are not those of the label")
    cut = peaks_are_clipped(heard, label)
    tally.expect(cut, "clipping", f"the peaks are not cut at {label['clip_dbfs']} dBFS")


def _without_stem(evidence: Evidence, tally: Tally) -> AcousticErrors:
    return AcousticErrors(snr_error_db=_snr(evidence.snr_in_noise(), evidence, tally))


def _snr(found: float | None, evidence: Evidence, tally: Tally) -> float | None:
    label = evidence.sample.acoustics["snr_db"]
    if found is None or label is None:
        return None
    error = found - label
    tally.expect(abs(error) <= SNR_TOLERANCE_DB, "snr", f"the SNR is {found:.2f} dB, the label says {label:.2f}", error)
    return float(error)


def _echo_gain(found: float | None, evidence: Evidence, tally: Tally) -> float | None:
    label = evidence.sample.acoustics["echo_gain"]
    if found is None or label is None:
        return None
    error = found / label - 1
    detail = f"the echo's gain is {found:.4f}, the label says {label:.4f}"
    tally.expect(abs(error) <= ECHO_GAIN_TOLERANCE, "echo", detail, error)
    return float(error)


def _echo_delay(found: float | None, evidence: Evidence, tally: Tally) -> float | None:
    label = evidence.sample.acoustics["echo_delay"]
    if found is None or label is None:
        return None
    error = 1000 * (found - label)
    detail = f"the echo is {1000 * found:.1f} ms late, the label says {1000 * label:.1f}"
    tally.expect(abs(error) <= ECHO_DELAY_TOLERANCE_MS, "echo", detail, error)
    return float(error)


def _named(clean: NDArray[np.float32], evidence: Evidence, tally: Tally) -> None:
    """Whatever is heard besides the user has an event, where nothing else was done to the channel."""
    rest = np.abs(evidence.delivered - clean * np.float32(10 ** (evidence.sample.acoustics["gain_db"] / 20)))
    for event in evidence.sample.beside:
        rest[max(event.start - PRE, 0) : event.end + POST] = 0
    stray = float(rest.max(initial=0.0))
    tally.expect(stray < _STEP, "acoustics", "the user's channel has a sound that no event names", stray)


def _level(event: EventLabel, gain_db: float, evidence: Evidence, tally: Tally) -> None:
    """What sounds beside the user is as loud as its label says, where nothing else is in the way."""
    sample = evidence.sample
    alone = all(
        sample.acoustics[name] is None for name in ("noise", "rir", "room", "echo_gain", "packet_loss", "gain_steps")
    )
    speaks = any(turn.channel == event.channel for turn in sample.turns)
    if not alone or not speaks or event.end - event.start < _LEAST_S * sample.sample_rate:
        return
    heard = active_level(evidence.delivered[event.start : event.end])
    usual = evidence.turn_level(event.channel)
    name = f"{event.kind} at {event.start / sample.sample_rate:.3f} s"
    tally.expect(heard is not None and usual is not None, "level", f"{name}: it is not heard")
    if heard is None or usual is None:
        return
    off = heard - gain_db - usual - event.params["level_db"]
    detail = f"{name}: it is {off:+.1f} dB from its labelled level"
    tally.expect(abs(off) <= LEVEL_TOLERANCE_DB, "level", detail, off)
