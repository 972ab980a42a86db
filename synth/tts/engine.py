"""What every speech engine does: lines of text in, speech with word times out.

An engine turns each line into exactly one result, in the order given: `Speech`, or a `SpeechError` in its place. A
line that cannot be spoken is therefore never lost and never stops the lines beside it.
"""

from collections.abc import Sequence
from typing import Protocol

from turnmill.synth.speech import Line, Speech, SpeechError


class Speaks(Protocol):
    """What turns lines into speech."""

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line: one result per line, in order; a line that fails is a `SpeechError` in its place."""
        ...


class Engine(Speaks, Protocol):
    """A speech engine."""

    @property
    def sample_rate(self) -> int:
        """Hz, of all it speaks."""
        ...

    @property
    def identity(self) -> str:
        """What its speech depends on besides lines and voices: name, versions, model digest, settings."""
        ...
