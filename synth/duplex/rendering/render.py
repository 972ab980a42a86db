"""Obey a timeline: from lines of speech to two clean stems, and the acoustics on the user's delivered channel alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.acoustics import PEAK_DBFS, Fitted, Pools, deliver
from turnmill.synth.acoustics.noise import rise
from turnmill.synth.channels import ASSISTANT, USER
from turnmill.synth.duplex.timeline import Clip, Timeline


@dataclass(frozen=True)
class Rendered:
    """Float32 mono stems [n_samples] at 24 kHz. `user_clean` is what the user says to the assistant, at its own level;
    `user` is what is delivered of it, and `fitted` what only the audio decided."""

    assistant: NDArray[np.float32]
    user_clean: NDArray[np.float32]
    user: NDArray[np.float32]
    fitted: Fitted

    @property
    def channels(self) -> NDArray[np.float32]:
        """Float32 [2, n_samples] as delivered: assistant, user."""
        return np.stack((self.assistant, self.user))


def render(timeline: Timeline, pcm: Mapping[str, NDArray[np.float32]], pools: Pools) -> Rendered:
    """Render a timeline. `pcm` has each line, float32 mono [samples] at 24 kHz, as it was measured.

    KeyError where a line of the timeline is missing; ValueError where the clean stems go over the peak, which no plan
    allows.
    """
    stems = np.zeros((2, timeline.n_samples), np.float32)
    for clip in timeline.clips:
        stems[clip.channel, clip.at : clip.end] += shaped(clip, pcm[clip.line])
    beside = None
    if timeline.beside:
        beside = np.zeros(timeline.n_samples, np.float32)
        for clip in timeline.beside:
            beside[clip.at : clip.end] += shaped(clip, pcm[clip.line])
    if np.abs(stems).max(initial=0.0) > 10 ** (PEAK_DBFS / 20):
        raise ValueError(f"{timeline.dialogue}: a clean stem is louder than {PEAK_DBFS} dBFS")
    delivered = deliver(
        timeline.acoustics,
        clean_user=stems[USER],
        beside=beside,
        assistant=stems[ASSISTANT],
        speech_spans=user_words(timeline),
        pools=pools,
        dialogue=timeline.dialogue,
    )
    return Rendered(stems[ASSISTANT], stems[USER], delivered.user, delivered.fitted)


def shaped(clip: Clip, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples that a clip puts on its channel, with gain and fades: float32 [stop - start]."""
    cut = pcm[clip.start : clip.stop] * np.float32(10 ** (clip.gain_db / 20))
    if clip.fade_in:
        cut[: clip.fade_in] *= rise(clip.fade_in)
    if clip.fade_out:
        cut[-clip.fade_out :] *= rise(clip.fade_out)[::-1]
    return cut


def user_words(timeline: Timeline) -> list[tuple[int, int]]:
    """[start, end) of the words of the user's turns, over which the level of the user's speech is defined; turns
    without word times count whole."""
    spans: list[tuple[int, int]] = []
    for turn in timeline.turns:
        if turn.channel == USER:
            timed = [(w.start, w.end) for w in turn.words if w.start is not None and w.end is not None]
            spans += timed or [(turn.start, turn.end)]
    return spans
