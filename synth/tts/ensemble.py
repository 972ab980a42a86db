"""Several engines as one: each line is spoken by the engine that its voice belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.declared import engine_of
from turnmill.synth.tts.engine import Engine
from turnmill.synth.voices import Voice


@dataclass(frozen=True)
class Ensemble:
    """`synth.tts.engine.Engine`. A voice of none of the `engines` is left to the first, which says so."""

    engines: Mapping[str, Engine]
    voices: Mapping[str, Voice]

    @property
    def sample_rate(self) -> int:
        """Hz, of its first engine, as of all."""
        return next(iter(self.engines.values())).sample_rate

    @property
    def identity(self) -> str:
        return ", ".join(sorted(engine.identity for engine in self.engines.values()))

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line, one result per line, in order."""
        results: dict[int, Speech | SpeechError] = {}
        mine: dict[str, list[int]] = {}
        for place, line in enumerate(lines):
            mine.setdefault(self._of(line), []).append(place)
        for name, places in mine.items():
            results.update(zip(places, self.engines[name].synthesize([lines[place] for place in places]), strict=True))
        return [results[place] for place in range(len(lines))]

    def _of(self, line: Line) -> str:
        voice = self.voices.get(line.voice)
        name = engine_of(voice) if voice else None
        return name if name is not None and name in self.engines else next(iter(self.engines))
