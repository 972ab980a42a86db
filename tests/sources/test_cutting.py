"""A clip is the stretch of its recording that its row says, or a reject that says why not."""

import numpy as np
import pytest

from turnmill.manifests.audio import Audio, AudioError
from turnmill.manifests.records import Reason
from turnmill.sources.adapters.items import ClipRef
from turnmill.sources.cutting import clip_of

TALK = Audio(np.zeros((2, 8000), np.float32), 16_000)


@pytest.mark.parametrize(
    ("start", "end", "channel", "reason"),
    [
        (0.0, 0.00001, None, Reason.NO_SAMPLES),
        (0.25, 0.25003, None, Reason.NO_SAMPLES),
        (0.5, 0.6, None, Reason.TRUNCATED_AUDIO),
        (0.1, 1.1, None, Reason.TRUNCATED_AUDIO),
        (0.1, 0.2, 2, Reason.OTHER_CHANNELS),
    ],
)
def test_what_cannot_be_cut_says_why(start: float, end: float, channel: int | None, reason: Reason) -> None:
    with pytest.raises(AudioError, match=r"^\w+: talk\.wav ") as raised:
        clip_of(ClipRef("uid", "talk.wav", start=start, end=end, channel=channel), TALK)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("start", "end", "frames"), [(0.0, 0.5, 8000), (0.1, 0.9, 6400), (0.0, 0.00004, 1), (None, None, 8000)]
)
def test_a_clip_has_the_samples_of_its_stretch_that_there_are(
    start: float | None, end: float | None, frames: int
) -> None:
    assert clip_of(ClipRef("uid", "talk.wav", start=start, end=end), TALK).frames == frames
