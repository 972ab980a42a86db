"""Stretches of files, read in fewer reads than there are stretches."""

from dataclasses import dataclass
from typing import Final

from turnmill.sources.places.place import Place

_AHEAD: Final = 1 << 20  # bytes


@dataclass
class Stretches:
    """Reads stretches of files. One that begins where the last ended is read with what is behind it, for most follow
    each other, and each read of a file takes a while."""

    root: Place
    table: str = ""
    begin: int = 0
    held: bytes = b""
    end: int = 0  # of the last

    def read(self, table: str, offset: int, length: int) -> bytes:
        """Raises as `Place.read` does."""
        place = offset - self.begin
        if table != self.table or place < 0 or place + length > len(self.held):
            follows = (table, offset) == (self.table, self.end)
            self.held = self.root.read(table, offset, max(length, _AHEAD) if follows else length)
            self.table, self.begin, place = table, offset, 0
        self.end = offset + length
        return self.held[place : place + length]
