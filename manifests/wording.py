"""How counts and text from data are shown to people."""

import re

# Controls of C0 but for tab and newline, DEL, C1, and the marks that turn the direction of text or break a line.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>|'?<none>'?|\b0x[0-9a-fA-F]{6,}\b")


def repeatable(line: str, stand_in: str) -> str:
    """What an error says, the same in every run: `stand_in` for each object, which is told by its address."""
    return _OBJECT.sub(stand_in, line)


def visible(text: str) -> str:
    """A text that a terminal shows as it is: what would move the cursor, colour, or turn the text is written as JSON
    escapes it (`\\u001b`)."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plural(count: int, word: str) -> str:
    """A count and its word: 1 clip, 2,000 clips."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def kind_name(kind: str) -> str:
    """A kind of event for people: `failed_barge_in` is a failed barge-in."""
    return kind.replace("barge_in", "barge-in").replace("_", " ")
