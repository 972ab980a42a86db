"""quality: speech, level, clipping, bandwidth and SNR of each clip (sources.measure)."""

from dataclasses import asdict

from turnmill.manifests.audio import Sound
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reject
from turnmill.pipelines.stage import ClipLabel, Row
from turnmill.sources.measure import quality


class QualityParams(Params):
    """Nothing to choose: thresholds belong to `select`."""


class Quality(ClipLabel):
    name = "quality"
    version = 2
    tables = ("quality",)
    params: QualityParams

    def label(self, uid: str, sound: Sound) -> Row | Reject:
        measures = quality(sound, uid)
        segments = [{"start": start, "end": end} for start, end in measures.segments]
        return {"uid": uid, **asdict(measures), "segments": segments}
