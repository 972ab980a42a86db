"""What a walk over a file's bytes finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """What the bytes of a file hold.

    codec: flac, mp3, ogg (Vorbis in Ogg), opus (in Ogg), wav or other.
    seconds: null where the bytes do not tell. slack: seconds by which a right decoder may differ (a codec's frame).
    cut: where it breaks off, as a part of a sentence; empty where it is whole or nobody can know.
    plain: one stream of one shape whose own count is true, which every reader reads alike.
    links: [start, end) in bytes of each of the files that were joined to this one.
    truth: a file like it whose header tells the true size, as bytes and [start, end) of this one; empty where its own
        header does.
    """

    codec: str = "other"
    seconds: float | None = None
    slack: float = 0.0
    cut: str = ""
    plain: bool = True
    links: tuple[tuple[int, int], ...] = ()
    truth: tuple[bytes | tuple[int, int], ...] = ()


def short_of(held: int, declared: int) -> str:
    """What is said of a file that ends before its header says; both in bytes."""
    return f"{held} of the {declared} bytes it declares are there"
