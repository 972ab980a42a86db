"""quality: speech, level, clipping, bandwidth and SNR of each clip (sources.measure)."""

from dataclasses import asdict

from turnmill.manifests.audio import Sound
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reject
from turnmill.pipelines.stage import ClipLabel, Row
from turnmill.sources.measure import quality
from turnmill.sources.presence import Segments


class QualityParams(Params):
    """Nothing to choose: thresholds belong to `select`."""


class Quality(ClipLabel):
    name = "quality"
    version = 4
    tables = ("quality",)
    params: QualityParams

    def label(self, uid: str, sound: Sound) -> Row | Reject:
        measures = quality(sound, uid)
        apart = measures.channel_segments
        spans = {
            "segments": _spans(measures.segments),
            "channel_segments": None if apart is None else [_spans(channel) for channel in apart],
        }
        return {"uid": uid, **asdict(measures), **spans}


def _spans(segments: Segments) -> list[Row]:
    return [{"start": start, "end": end} for start, end in segments]
