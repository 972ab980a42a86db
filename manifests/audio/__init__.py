"""Audio files to samples and back: which formats are read, and what is kept of them, is in docs/audio.md.

`read` gives a recording of any length, block by block; `decode` one that has to be whole in memory. The content decides
and never the file's ending. Libraries are called in one way (`errors.library`), so that what they raise is an
`AudioError` of one item, told in the same words in every run.
"""

from turnmill.manifests.audio.encode import encode_flac, pcm_hash, write_flac
from turnmill.manifests.audio.errors import AudioError, library
from turnmill.manifests.audio.files import LAKE_CODECS, Recording, decode, read
from turnmill.manifests.audio.lake import as_flac
from turnmill.manifests.audio.mix import (
    Levels,
    Mix,
    channels_at,
    levels,
    mix_of,
    mixed,
    mono,
    mono_at,
    mono_resampled,
)
from turnmill.manifests.audio.sound import (
    BLOCK,
    MAX_CHANNELS,
    RATES,
    Audio,
    Float32,
    Int16,
    LongSound,
    Sound,
    cut,
    quantize16,
    to_int16,
)
from turnmill.manifests.audio.views import SMALL_FILE, span

__all__ = [
    "BLOCK",
    "LAKE_CODECS",
    "MAX_CHANNELS",
    "RATES",
    "SMALL_FILE",
    "Audio",
    "AudioError",
    "Float32",
    "Int16",
    "Levels",
    "LongSound",
    "Mix",
    "Recording",
    "Sound",
    "as_flac",
    "channels_at",
    "cut",
    "decode",
    "encode_flac",
    "levels",
    "library",
    "mix_of",
    "mixed",
    "mono",
    "mono_at",
    "mono_resampled",
    "pcm_hash",
    "quantize16",
    "read",
    "span",
    "to_int16",
    "write_flac",
]
