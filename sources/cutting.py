"""A clip of the recording that it is a stretch of."""

from typing import Final

from turnmill.manifests.audio import Audio, AudioError, LongSound, cut
from turnmill.manifests.records import Reason
from turnmill.manifests.wording import plural
from turnmill.sources.adapters.items import ClipRef

SLACK: Final = 0.5
"""Seconds that a clip may end after its recording: annotations round, and decoders add or take the delay of a codec."""


def clip_of(ref: ClipRef, recording: Audio | LongSound) -> Audio | LongSound:
    """Raises AudioError where the recording ends before it, or has not got its channel, and where it is too short to
    hold a sample."""
    rate = recording.sample_rate
    first = 0 if ref.start is None else round(ref.start * rate)
    last = recording.frames if ref.end is None else round(ref.end * rate)
    if first >= recording.frames or last > recording.frames + SLACK * rate:
        detail = f"{ref.path} ends at {recording.duration:.3f} s, and a clip of it is to end at {last / rate:.3f} s"
        raise AudioError(Reason.TRUNCATED_AUDIO, detail)
    if ref.channel is not None and ref.channel >= recording.channels:
        detail = (
            f"{ref.path} has {plural(recording.channels, 'channel')}, and a clip of it is of the {ref.channel + 1}."
        )
        raise AudioError(Reason.OTHER_CHANNELS, detail)
    last = min(last, recording.frames)
    if first == last:
        detail = f"{ref.path} has {rate} samples in a second, and a clip of it that is to end at {ref.end} s has none"
        raise AudioError(Reason.NO_SAMPLES, detail)
    return cut(recording, first, last, ref.channel)
