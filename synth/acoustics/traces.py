"""Whether the delivered audio has what only one effect leaves: silent packets, cut peaks, a transmission's band.

Each is true where its label says that the effect was not applied and nothing shows that it was, and where the audio
cannot tell.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from turnmill.synth.acoustics.codecs import CODECS
from turnmill.synth.acoustics.draw import PACKET
from turnmill.synth.acoustics.plan import Span, spans_of
from turnmill.synth.channels import RATE

Float32 = NDArray[np.float32]

_STEP = 1 / 32_768  # of 16 bits
_HEARD = 32 * _STEP  # a packet whose peak is this loud does not become digital silence by rounding
_FRAME = 1024  # 43 ms
_ABOVE = 1.15  # of the band's edge: what resampling leaves just over it is not looked at
_LEAK = 1e-4  # share of the energy over the band of a transmission: of ours less than -60 dB, of speech without -25 dB
_LEAST = 1e-2  # share of the clean stem's energy above 4.6 kHz: all of it without a codec, -33 dB by telephone
_FLOOR = 4 * _STEP**2  # mean square, of rounding and its like


def lost_is_silent(delivered: Float32, label: Mapping[str, Any]) -> bool:
    """Whether the packets labelled as lost are digital silence, and as many as `rate` says.

    `delivered`: float32 [n_samples], the user's channel as decoded from the 16-bit file; `label`: of `labels`.
    """
    loss = label["packet_loss"]
    if loss is None:
        return True
    lost = spans_of(loss["lost"])
    share = sum(end - start for start, end in lost) / max(len(delivered), 1)
    return abs(share - loss["rate"]) < 1e-4 and not any(delivered[start:end].any() for start, end in lost)


def losses_are_labelled(delivered: Float32, clean_user: Float32, label: Mapping[str, Any]) -> bool:
    """Whether no packet in which the user is heard is digital silence without a label: both float32 [n_samples]. A
    codec makes digital silence of quiet sounds too: then this cannot tell."""
    if label["codec"] is not None:
        return True
    n_packets = len(delivered) // PACKET
    silent = ~delivered[: n_packets * PACKET].reshape(-1, PACKET).any(axis=1)
    said = np.abs(clean_user[: n_packets * PACKET]).reshape(-1, PACKET).max(axis=1, initial=0.0)
    lost = np.zeros(n_packets, np.bool_)
    for start, end in spans_of((label["packet_loss"] or {}).get("lost")):
        lost[start // PACKET : -(-end // PACKET)] = True
    return not (silent & ~lost & (said * _least_gain(label) > _HEARD)).any()


def peaks_are_clipped(delivered: Float32, label: Mapping[str, Any]) -> bool:
    """Whether the loudest sample is at `clip_dbfs`: float32 [n_samples]. Before a codec it was, which this cannot hear;
    and a lost packet may hide the one peak that was cut."""
    if label["clip_dbfs"] is None or label["codec"] is not None:
        return True
    level, peak = 10 ** (label["clip_dbfs"] / 20), float(np.abs(delivered).max(initial=0.0))
    tolerance = level * 0.002 + _STEP  # 0.01 dB of the label's rounding, twice, and a step of 16 bits
    return peak <= level + tolerance and (label["packet_loss"] is not None or peak >= level - tolerance)


def sounds_coded(delivered: Float32, clean_user: Float32, label: Mapping[str, Any]) -> bool:
    """Whether the labelled transmission's band is that of the audio, both float32 [n_samples]: nothing above half of
    the rate of the codec; without one, the highs of the clean stem where it has some.

    This tells the telephone (G.711, AMR, `narrowband`: one band) and G.722 from wider audio, and audio through a
    telephone from such without a codec. Opus and MP3, whose bandwidth moves, may be any audio. KeyError: no such codec.
    """
    lost = spans_of((label["packet_loss"] or {}).get("lost"))
    if label["codec"] is not None:
        rate = CODECS[label["codec"]].rate
        low, high = _energies(delivered, rate / 2 * _ABOVE, lost)
        return rate == RATE or high <= _LEAK * (low + high) + _FLOOR
    edge = 4000 * _ABOVE
    _, said = _energies(clean_user, edge, lost)
    _, heard = _energies(delivered, edge, lost)
    wanted = said * _least_gain(label) ** 2
    return wanted < 100 * _FLOOR or heard >= _LEAST * wanted


def _least_gain(label: Mapping[str, Any]) -> float:
    steps = (step["gain_db"] for step in label["gain_steps"] or ())
    least: float = min(label["gain_db"], *steps) if label["gain_steps"] else label["gain_db"]
    return math.pow(10, least / 20)


def _energies(pcm: Float32, edge: float, lost: Sequence[Span]) -> tuple[float, float]:
    """Mean squares below and above an edge in Hz over frames that no lost packet touches: its cut edges click."""
    n_frames = len(pcm) // _FRAME
    whole = np.ones(n_frames, np.bool_)
    for start, end in lost:
        whole[start // _FRAME : end // _FRAME + 1] = False
    window = scipy.signal.windows.blackmanharris(_FRAME)  # sidelobes below -92 dB
    split = math.ceil(edge / RATE * _FRAME)
    low = high = 0.0
    frames = pcm[: n_frames * _FRAME].reshape(-1, _FRAME)[whole]
    for at in range(0, len(frames), 256):  # memory does not grow with the dialogue
        power = np.square(np.abs(np.fft.rfft(frames[at : at + 256] * window)))
        low += float(power[:, :split].sum())
        high += float(power[:, split:].sum())
    scale = 2 / (_FRAME * float(np.square(window).sum()) * max(len(frames), 1))
    return low * scale, high * scale
