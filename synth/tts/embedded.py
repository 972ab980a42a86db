"""What the embedded engines share: a line is spoken with the settings of its voice, or is an error in its place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from turnmill.manifests.languages import primary
from turnmill.manifests.records import Licence, Reason
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.voices import Voice

Settings = TypeVar("Settings")

UNCLAIMED: Final = Licence("CC0-1.0", redistribute=True, commercial=True)
"""Of what they speak, on which no claim is made: neither espeak-ng (GPL-3.0-or-later) nor a model (Apache-2.0; joe MIT)
makes the audio that it speaks a work derived of it."""


_PACES: Final[Mapping[str | None, float]] = {"fast": 1.25, "slow": 0.8}


def pace(line: Line) -> float:
    """The rate of speech that a line's style asks for, against its voice's own: all that these engines make of a
    style."""
    return _PACES.get(line.style, 1.0)


def spoken(
    engine: str,
    kind: type[Settings],
    voices: Mapping[str, Voice],
    lines: Sequence[Line],
    speak: Callable[[Line, Settings], Speech],
) -> list[Speech | SpeechError]:
    """Speak each line whose voice has settings of a `kind`. Reasons of failure: unknown_voice, unsupported_language,
    and what `speak` raises."""

    def one(line: Line) -> Speech | SpeechError:
        voice = voices.get(line.voice)
        if voice is None or not isinstance(voice.settings, kind):
            return SpeechError(
                Reason.UNKNOWN_VOICE, f"line {line.id}: {engine} has no voice {line.voice!r}; docs/voices.md lists them"
            )
        if primary(line.language) != voice.language:
            return SpeechError(
                Reason.UNSUPPORTED_LANGUAGE, f"line {line.id}: {line.voice} does not speak {line.language!r}"
            )
        try:
            return speak(line, voice.settings)
        except SpeechError as error:
            return error

    return [one(line) for line in lines]
