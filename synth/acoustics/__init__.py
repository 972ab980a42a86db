"""What a microphone and a line add to the user's channel. The assistant's channel is never touched.

params (what may happen, how often) -> `draw_acoustics` (-> `Acoustics`: exact, JSON) -> `deliver` (-> `Delivered`: the
user's channel) -> `labels` (-> `acoustics` of the sample's JSON) -> `measure` (audio and labels -> `Measured`).

`load_pools` reads the user's recordings of noise and rooms; without any, noise is white and rooms are shoeboxes.
`make_sound` and `colour_beside` make what sounds beside the user, for the stem `beside` of `deliver`. Audio is float32
mono [samples] at 24 kHz throughout; times in `Acoustics` are integer samples, in labels seconds.
"""

from synth.acoustics.deliver import PEAK_DBFS, Delivered, deliver
from synth.acoustics.draw import draw_acoustics
from synth.acoustics.measure import Measured, measure
from synth.acoustics.params import (
    AcousticsParams,
    ClippingParams,
    CodecName,
    CodecParams,
    EchoParams,
    GainParams,
    NoiseParams,
    PacketLossParams,
    RoomParams,
)
from synth.acoustics.plan import WHITE, Acoustics, Background, Echo, Fitted, PacketLoss, Shoebox, labels
from synth.acoustics.pools import Pools, divided, load_pools, pool_files
from synth.acoustics.sounds import MADE_SOUNDS, SIDE_TALK_DB, THIRD_PARTY_DB, colour_beside, make_sound

__all__ = [
    "MADE_SOUNDS",
    "PEAK_DBFS",
    "SIDE_TALK_DB",
    "THIRD_PARTY_DB",
    "WHITE",
    "Acoustics",
    "AcousticsParams",
    "Background",
    "ClippingParams",
    "CodecName",
    "CodecParams",
    "Delivered",
    "Echo",
    "EchoParams",
    "Fitted",
    "GainParams",
    "Measured",
    "NoiseParams",
    "PacketLoss",
    "PacketLossParams",
    "Pools",
    "RoomParams",
    "Shoebox",
    "colour_beside",
    "deliver",
    "divided",
    "draw_acoustics",
    "labels",
    "load_pools",
    "make_sound",
    "measure",
    "pool_files",
]
