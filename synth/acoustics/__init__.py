"""What a microphone and a line add to the user's channel. The assistant's channel is never touched.

params (what may happen, how often) -> `draw_acoustics` (-> `Acoustics`: exact, JSON) -> `deliver` (-> `Delivered`: the
user's channel) -> `labels` (-> `acoustics` of the sample's JSON) -> `measure` (audio and labels -> `Measured`) and
the checks of `traces`.

`load_pools` lists the user's recordings of noise and rooms; without any, noise is white and rooms are shoeboxes.
`make_sound` and `colour_beside` make what sounds beside the user, for the stem `beside` of `deliver`. Audio is float32
mono [samples] at 24 kHz throughout; times in `Acoustics` are integer samples, in labels seconds.
"""

from turnmill.synth.acoustics.deliver import PEAK_DBFS, Delivered, deliver
from turnmill.synth.acoustics.draw import draw_acoustics
from turnmill.synth.acoustics.measure import Measured, measure
from turnmill.synth.acoustics.noise import check_categories
from turnmill.synth.acoustics.params import (
    AcousticsParams,
    ClippingParams,
    CodecParams,
    EchoParams,
    GainParams,
    NoiseParams,
    PacketLossParams,
    RoomParams,
)
from turnmill.synth.acoustics.plan import WHITE, Acoustics, Background, Echo, Fitted, PacketLoss, Shoebox, labels
from turnmill.synth.acoustics.pools import NOISE, Pools, check_pools, divided, load_pools, pool_files
from turnmill.synth.acoustics.sounds import MADE_SOUNDS, colour_beside, make_sound
from turnmill.synth.acoustics.traces import losses_are_labelled, lost_is_silent, peaks_are_clipped, sounds_coded

__all__ = [
    "MADE_SOUNDS",
    "NOISE",
    "PEAK_DBFS",
    "WHITE",
    "Acoustics",
    "AcousticsParams",
    "Background",
    "ClippingParams",
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
    "check_categories",
    "check_pools",
    "colour_beside",
    "deliver",
    "divided",
    "draw_acoustics",
    "labels",
    "load_pools",
    "losses_are_labelled",
    "lost_is_silent",
    "make_sound",
    "measure",
    "peaks_are_clipped",
    "pool_files",
    "sounds_coded",
]
