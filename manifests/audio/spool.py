"""Long sounds that are kept on disk while clips are cut from them, so that they are decoded once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from turnmill.manifests.audio.sound import BLOCK, FULL_SCALE_16, Float32, LongSound, block_to_int16


def append(spool: BinaryIO, blocks: Iterable[Float32]) -> None:
    """Add samples, float32 [channels, n], as 16 bits."""
    for block in blocks:
        spool.write(np.ascontiguousarray(block_to_int16(block).T).tobytes())


@dataclass(frozen=True)
class Spooled(LongSound):
    """Samples of 16 bits in a file: what FLAC of 16 bits is made of is the same. `spool` has to stay open."""

    spool: BinaryIO

    def stretch(self, first: int, last: int) -> Iterator[Float32]:
        width = 2 * self.channels
        for start in range(first, min(last, self.frames), BLOCK):
            self.spool.seek(start * width)
            data = self.spool.read((min(start + BLOCK, last, self.frames) - start) * width)
            samples = np.frombuffer(data, np.int16).reshape(-1, self.channels).T
            yield np.ascontiguousarray(samples, np.float32) / np.float32(FULL_SCALE_16)

    def _all(self) -> Iterator[Float32]:
        return self.stretch(0, self.frames)
