"""How much a file's bytes hold, counted without decoding: no container's own count is believed.

`count` walks chunks, pages, frames or boxes by the content's own structure. It tells three things that decoders do not:
how many seconds the bytes hold, how they are known to break off, and where one file ends and another that was joined to
it begins. What it does not know it leaves open; it never raises.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import BinaryIO

from turnmill.manifests.audio import boxes, chunks, frames, pages
from turnmill.manifests.audio.extent import Extent
from turnmill.manifests.audio.views import Bytes

_WALKERS: Mapping[bytes, Callable[[Bytes], Extent]] = {
    b"RIFF": chunks.wave,
    b"RF64": chunks.wave,
    b"BW64": chunks.wave,
    b"FORM": chunks.aiff,
    b"riff": chunks.wave64,
    b"caff": chunks.caf,
    b".snd": chunks.au,
    b"NIST": chunks.sphere,
    b"OggS": pages.ogg,
    b"fLaC": frames.flac,
    b"#!AM": frames.amr,
    b"wvpk": frames.wavpack,
    b"\x1a\x45\xdf\xa3": boxes.matroska,
}


def count(file: BinaryIO) -> Extent:
    """The extent of a file, as far as its bytes tell."""
    data = Bytes(file)
    head = data.at(0, 12)
    walker = _WALKERS.get(head[:4])
    if walker is None and head[4:8] == b"ftyp":
        walker = boxes.mp4
    if walker is None:
        walker = frames.mpeg_or_adts
    try:
        found = walker(data)
    except struct.error:  # the file ends inside a header
        found = Extent(cut="inside a header")
    return found if found.links else replace(found, links=((0, data.size),))


__all__ = ["Extent", "count"]
