"""When people speak: the timing parameters of a dialogue, with `duplex.md` 1.3 as defaults."""

from pydantic import Field

from manifests.params import Params
from synth.distributions import ExGaussian, LogNormal, Uniform


class FloorTransfer(Params):
    """How one party follows the other: a gap, or with probability `p_overlap` a cooperative overlap. Seconds."""

    gap: LogNormal
    p_overlap: float = Field(ge=0, le=1)
    overlap: LogNormal


# Lengths of overlaps: Switchboard (Levinson & Torreira 2015), as in preset `telephone`, cut at the 0.8 s of the
# definition in 1.2.
_OVERLAP = LogNormal(median=0.207, sigma=0.877, low=0.04, high=0.79)


class Timing(Params):
    """Preset `assistant` of `duplex.md` 1.3, the source of every default here that names no other. Seconds and dB."""

    user_to_assistant: FloorTransfer = FloorTransfer(
        gap=LogNormal(median=0.25, sigma=0.5, low=0.08, high=1.5), p_overlap=0.02, overlap=_OVERLAP
    )
    """The assistant follows the user."""
    # 1.3 gives no bounds for this gap: 5 s keeps the tail, and 0.08 s is that of the other direction.
    assistant_to_user: FloorTransfer = FloorTransfer(
        gap=LogNormal(median=0.45, sigma=0.6, low=0.08, high=5.0), p_overlap=0.12, overlap=_OVERLAP
    )
    """The user follows the assistant."""
    dialogue_sigma: float = Field(default=0.25, ge=0)
    """Medians of gaps and overlaps of a dialogue are multiplied by LogN(0, this)."""
    speaker_sigma: float = Field(default=0.15, ge=0)
    """The same per speaker."""

    barge_in_lead: float = Field(default=0.3, ge=0)
    """Least time from the assistant's start to a barge-in."""
    barge_in_remaining: float = Field(default=0.6, gt=0)
    """Least planned speech of the assistant left at a barge-in."""
    p_clause: float = Field(default=0.5, ge=0, le=1)
    """Share of barge-ins at the end of a clause."""
    reaction: LogNormal = LogNormal(median=0.35, sigma=0.35, low=0.16, high=1.0)
    """From the barge-in to the point where the assistant begins to fade."""
    fade: Uniform = Uniform(low=0.02, high=0.08)
    """Fade-out of a yielding speaker."""

    backchannel_onset: ExGaussian = ExGaussian(mu=-0.32, sigma=0.18, tau=0.20)
    """From the end of a clause, or a pause, of the other party (TACT)."""
    backchannel_level_db: Uniform = Uniform(low=-8.0, high=-3.0)
    """Against the speaker's own turns."""

    pause: LogNormal = LogNormal(median=0.87, sigma=0.3, low=0.3, high=3.0)
    """Hesitation within a user's turn (Candor)."""
    filler_gap: Uniform = Uniform(low=0.08, high=0.25)
    """Silence before a filler; Turnmill's choice: below the 0.2 to 0.3 s from which silence counts as a pause."""

    lead_in: Uniform = Uniform(low=0.2, high=0.8)
    """Silence before the first turn; Turnmill's choice."""
    tail: Uniform = Uniform(low=1.5, high=3.0)
    """Silence after the last sound: `duplex.md` 1.5 names audio that ends with the last word as a fault of public
    sets."""
    level_dbfs: float = Field(default=-23.0, ge=-60, le=-10)
    """RMS of the active speech of each line before gain (`duplex.md` 1.5: -23 LUFS; EBU R 128)."""
