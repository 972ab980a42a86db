"""Speak lines until they are good: retakes of what fails the gate, and word times for what passes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from turnmill.manifests.records import Reason, stable_hash
from turnmill.synth.channels import RATE
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.align import Aligner, on_grid
from turnmill.synth.tts.engine import Speaks
from turnmill.synth.tts.gate import GateParams, Heard, judge, judge_heard

BATCH = 16  # lines given to an engine at once: of a slow one, some 20 s of work

_RETAKEN = frozenset({Reason.ENGINE_FAILED, Reason.NOTHING_SPOKEN, Reason.POOR_SPEECH, Reason.NOT_ALIGNED})
"""Failures that another seed may mend."""

Hear = Callable[[Sequence[tuple[Line, NDArray[np.float32]]]], list[Heard | None]]
"""What a recogniser hears of lines, given each with its float32 mono [samples] at 16 kHz; None for a language that it
does not know."""


@dataclass(frozen=True)
class Take:
    """The last take of a line: speech at 24 kHz with word times, or why there is none; `tries` counts all takes."""

    line: Line
    result: Speech | SpeechError
    tries: int


class Examines(Protocol):
    """What passes or refuses takes."""

    def examine(self, lines: Sequence[Line], takes: Sequence[Speech | SpeechError]) -> list[Speech | SpeechError]:
        """One result per take, in order."""
        ...


@dataclass(frozen=True)
class Examiner:
    """Passes on good speech, at 24 kHz and with word times, and says of the rest why it is not."""

    gate: GateParams
    aligner: Aligner
    hear: Hear | None = None

    def examine(self, lines: Sequence[Line], takes: Sequence[Speech | SpeechError]) -> list[Speech | SpeechError]:
        """One result per take, in order: POOR_SPEECH names the measure, NOT_ALIGNED the line, UNSUPPORTED_LANGUAGE the
        language that the aligner does not know."""
        results = [self._judged(line, take) for line, take in zip(lines, takes, strict=True)]
        if self.hear is not None:
            good = [(index, take) for index, take in enumerate(results) if isinstance(take, Speech)]
            heard = self.hear([(lines[index], soxr.resample(take.pcm, RATE, 16_000)) for index, take in good])
            for (index, _), said in zip(good, heard, strict=True):
                why = None if said is None else judge_heard(said, lines[index].text, self.gate).why
                if why is not None:
                    results[index] = _poor(lines[index], why)
        return [self._aligned(line, take) for line, take in zip(lines, results, strict=True)]

    def _judged(self, line: Line, take: Speech | SpeechError) -> Speech | SpeechError:
        if isinstance(take, SpeechError):
            return take
        take = at_dialogue_rate(take)
        why = judge(take.pcm, line.text, line.language, self.gate, line.style).why
        return take if why is None else _poor(line, why)

    def _aligned(self, line: Line, take: Speech | SpeechError) -> Speech | SpeechError:
        if isinstance(take, SpeechError) or take.words is not None:
            return take
        if not self.aligner.knows(line.language):
            return SpeechError(
                Reason.UNSUPPORTED_LANGUAGE, f"line {line.id}: the aligner gives no word times for {line.language!r}"
            )
        words = self.aligner.align(take.pcm, take.sample_rate, line.text, line.language)
        if words is None:
            return SpeechError(
                Reason.NOT_ALIGNED, f"line {line.id}: no times were found for the {len(tokens(line.text))} words"
            )
        return replace(take, words=words)


def takes(
    engine: Speaks, lines: Sequence[Line], examiner: Examines, tries: int, batch: int = BATCH, ahead: bool = True
) -> Iterator[Take]:
    """Speak each line up to `tries` times, each time with another seed, and yield it once, in order.

    With `ahead`, the engine speaks a batch of so many lines while the examiner hears the one before. A line that
    sounds the same again is given up: such an engine has no use for seeds.
    """
    batches = [lines[first : first + batch] for first in range(0, len(lines), batch)]
    with ThreadPoolExecutor(1) as pool:  # the engine's thread

        def speak(some: Sequence[Line], attempt: int) -> Future[list[Speech | SpeechError]]:
            return pool.submit(engine.synthesize, [_retake(line, attempt) for line in some])

        coming = speak(batches[0], 1) if batches else None
        for number, mine in enumerate(batches):
            spoken = (coming or speak(mine, 1)).result()
            more = ahead and number + 1 < len(batches)
            coming = speak(batches[number + 1], 1) if more else None
            yield from _until_good(mine, spoken, speak, examiner, tries)


def _until_good(
    lines: Sequence[Line],
    spoken: list[Speech | SpeechError],
    speak: Callable[[Sequence[Line], int], Future[list[Speech | SpeechError]]],
    examiner: Examines,
    tries: int,
) -> list[Take]:
    """The lines of a batch, in order, given their first takes."""
    done: dict[str, Take] = {}
    sounded: dict[str, str] = {}
    todo = lines
    for attempt in range(1, tries + 1):
        failed = []
        for line, take, result in zip(todo, spoken, examiner.examine(todo, spoken), strict=True):
            if isinstance(result, SpeechError) and attempt < tries and result.reason in _RETAKEN:
                sound = blake2b(take.pcm.tobytes()).hexdigest() if isinstance(take, Speech) else f"no {attempt}"
                if sounded.get(line.id) != sound:
                    sounded[line.id] = sound
                    failed.append(line)
                    continue
            done[line.id] = Take(line, result, attempt)
        if not failed:
            break
        todo = failed
        spoken = speak(failed, attempt + 1).result()
    return [done[line.id] for line in lines]


def at_dialogue_rate(speech: Speech) -> Speech:
    """The same speech at 24 kHz, its word times on the new grid."""
    if speech.sample_rate == RATE:
        return speech
    pcm = np.clip(soxr.resample(speech.pcm, speech.sample_rate, RATE), -1.0, 1.0).astype(np.float32)
    if speech.words is None:
        return Speech(pcm, RATE, None)
    spans = [(word.start, word.end) for word in speech.words]
    return Speech(pcm, RATE, on_grid([word.text for word in speech.words], spans, len(pcm), RATE))


def _retake(line: Line, attempt: int) -> Line:
    """The line as it is, then with a seed of its own for each further try."""
    return line if attempt == 1 else replace(line, seed=int(stable_hash(line.seed, "try", attempt), 16) % 2**31)


def _poor(line: Line, why: str) -> SpeechError:
    return SpeechError(Reason.POOR_SPEECH, f"line {line.id}: {why}")
