"""What stages have in common whose model hears clips as 16 kHz mono."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import AudioError, channels_at, mono_at
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import MIB, LabelStage, Made, Row, Shard, Workspace, clip_item, clip_sound, hours

Pcm = NDArray[np.float32]
_Result = TypeVar("_Result")

SAMPLE_RATE: Final = 16_000
_LONG_S: Final = 600  # 38 MB of samples
_KEPT_S: Final = 30  # seconds of a clip that are heard again to see whether the model works
MEMORY: Final = 2688 * MIB
"""Of a worker, with torch, pyannote.audio, the encoder and a clip of an hour or less (docs/speakers.md): stages of this
kind that stand together share one."""


class Listen(LabelStage):
    """A label stage that is given the audio of each clip. A clip is a step, and the next one is decoded meanwhile."""

    in_steps = True

    _good: Pcm | None = None  # the first of what the model heard last

    @property
    @abstractmethod
    def model(self) -> str:
        """For errors."""

    @abstractmethod
    def row(self, clip: Row, pcm: Pcm) -> Row:
        """The label of a clip, float32 [samples] at 16 kHz, which is the stage's own. Raises ItemError where it has
        none."""

    def heard(self, label: Row) -> bool:  # noqa: ARG002
        """Whether the model made a label that is no reject."""
        return True

    def noted(self) -> Sequence[str]:
        """What whoever runs the stage is to know of its work since this was last asked."""
        return ()

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        guard.expect(len(clips))
        results: list[Row | Reject] = []
        with workspace.open_tar("clips", shard.key) as tar:
            for clip, pcm in ahead(guard, clips, self._audio(clips, tar, guard)):
                results += guard.step([clip["uid"]], partial(self._label, clip, pcm, guard))
                guard.did(1)
                del pcm  # before the next one is decoded
        labels = [result for result in results if not isinstance(result, Reject)]
        rejects = [result for result in results if isinstance(result, Reject)]
        check_working(rejects, Reason.MODEL_FAILED, any(map(self.heard, labels)), self.model)
        return Made({self.tables[-1]: labels}, rejects, len(clips), hours(clips), self.noted())

    def listened(self, hear: Callable[[Pcm], _Result], pcm: Pcm) -> _Result:
        """What a model hears in the audio of a clip. Raises as `heard`."""
        again = None if self._good is None else partial(hear, self._good)
        found = heard(partial(hear, pcm), again, self.model)
        self._good = pcm[: _KEPT_S * SAMPLE_RATE].copy()
        return found

    def _audio(self, clips: Sequence[Row], tar: BinaryIO, guard: Guard) -> Iterator[tuple[Row, Pcm | Reject]]:
        """Clips with their audio; without it where an earlier worker has heard them."""
        for clip in clips:
            done = guard.has([clip["uid"]])
            yield clip, np.zeros(0, np.float32) if done else guard.caught(clip_item(clip), partial(narrow, tar, clip))

    def _label(self, clip: Row, pcm: Pcm | Reject, guard: Guard) -> list[Row | Reject]:
        return [pcm if isinstance(pcm, Reject) else guard.caught(clip_item(clip), partial(self.row, clip, pcm))]


def ahead(guard: Guard, clips: Sequence[Row], things: Iterator[_Result]) -> Iterator[_Result]:
    """What is decoded of clips, each while the one before it is heard; where one is long one at a time: two would take
    twice the memory, and the time is the model's."""
    return things if any(clip["duration"] > _LONG_S for clip in clips) else guard.ahead(things)


def narrow(tar: BinaryIO, clip: Row) -> Pcm:
    """The audio of a row of `clips`, as one channel at 16 kHz. Raises AudioError."""
    return mono_at(clip_sound(tar, clip), SAMPLE_RATE, clip["uid"])


def channels_narrow(tar: BinaryIO, clip: Row) -> list[Pcm]:
    """The audio of each channel of a row of `clips`, at 16 kHz. Raises AudioError."""
    return list(channels_at(clip_sound(tar, clip), SAMPLE_RATE, clip["uid"]))


def in_samples(segments: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Segments of `quality` in samples at 16 kHz."""
    return [(round(s["start"] * SAMPLE_RATE), round(s["end"] * SAMPLE_RATE)) for s in segments]


def together(pcm: Pcm, spans: Sequence[tuple[int, int]]) -> Pcm:
    """Spans in order, one behind the other, in the place of what was before them: hours of speech are there once."""
    count = 0
    for start, end in spans:
        part = pcm[start:end]
        pcm[count : count + len(part)] = part
        count += len(part)
    return pcm[:count]


def heard(hear: Callable[[], _Result], again: Callable[[], object] | None, model: str) -> _Result:
    """What a model hears. `again` has it hear what it heard before, where there is some; `model` names it in an error.

    Raises AudioError for what the model fails on, and TurnmillError where it is the model that no longer works: it
    fails on what it heard before too, as after an error of the GPU.
    """
    try:
        return hear()
    except AudioError as error:
        if again is not None:
            try:
                again()
            except AudioError:
                raise TurnmillError(f"{model} no longer works: {error.detail}") from error
        raise


def check_working(rejects: Sequence[Reject], reason: Reason, anything: bool, model: str) -> None:
    """Raise TurnmillError where it is the model, and no clip, that fails: on all that it was given, so that it heard
    not `anything`."""
    failed = [reject for reject in rejects if reject.reason is reason]
    if len(failed) > 1 and not anything:
        raise TurnmillError(f"{model} fails on every clip: {failed[0].detail}")
