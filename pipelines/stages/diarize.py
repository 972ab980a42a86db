"""diarize: who speaks when in each clip, by a pipeline of pyannote.audio."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Final, Self

from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason
from turnmill.pipelines.diarization.device import Device, chosen
from turnmill.pipelines.diarization.diarizer import Diarizer, Segment, overlap_ratio
from turnmill.pipelines.diarization.models import (
    COMMUNITY,
    PYANNOTE,
    check_installed,
    check_model,
    fetch_config,
    model_digest,
    model_name,
)
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Resources, Row, Shard, Workspace
from turnmill.pipelines.stages.listen import MEMORY, SAMPLE_RATE, Listen, Pcm, check_working, heard


class DiarizeParams(Params):
    model: str = Field(
        default=COMMUNITY,
        description="a published pipeline (owner/name), the folder of one, or pyannet-ge2e (docs/speakers.md)",
    )
    num_speakers: int | None = Field(default=None, ge=1, description="speakers of each clip, where it is known")
    min_speakers: int | None = Field(default=None, ge=1, description="speakers of each clip, at least")
    max_speakers: int | None = Field(default=None, ge=1, description="speakers of each clip, at most")
    device: Device = "auto"
    batch_size: int | None = Field(
        default=None,
        ge=1,
        description="windows that the models hear at once; null: 8 on a CPU, 32 on a GPU. Halved where memory runs out",
    )
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        low, high = self.min_speakers, self.max_speakers
        if self.num_speakers is not None and not (low is None and high is None):
            raise ValueError("`num_speakers` says how many there are: leave `min_speakers` and `max_speakers` out")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`min_speakers` is {low} and `max_speakers` {high}: the first must not be larger")
        return self

    @property
    def bounds(self) -> Mapping[str, int]:
        """What the pipeline is told of the number of speakers."""
        names = ("num_speakers", "min_speakers", "max_speakers")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


_KEPT_S: Final = 30  # seconds of a clip that are heard again to see whether the model works


class Diarize(Listen):
    name = "diarize"
    tables = ("diarization",)
    host_params = frozenset({"model", "device", "gpus"})

    params: DiarizeParams

    def __init__(self, params: DiarizeParams, language: str | None = None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self.resources = Resources(gpus=params.gpus, memory=MEMORY)

    def identity(self) -> Mapping[str, str]:
        return {"model": model_digest(self.params.model)}

    def check(self) -> None:
        check_model(self.params.model)

    def check_here(self) -> None:
        check_installed(self.name, PYANNOTE)

    def fetch(self) -> None:
        fetch_config(self.params.model)

    def setup(self) -> None:
        check_installed(self.name, PYANNOTE)
        p = self.params
        self.loaded = self.diarizer = self.loaded or Diarizer(p.model, chosen(p.device), p.batch_size, p.bounds)
        self._good: Pcm | None = None  # the first of a clip that the model has heard

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        made = super().process(shard, workspace, guard)
        check_working(made.rejects, Reason.MODEL_FAILED, bool(made.tables["diarization"]), self._model)
        return replace(made, notes=self.diarizer.noted())

    def row(self, clip: Row, pcm: Pcm) -> Row:
        segments = self._segments(pcm, clip["uid"])
        return {
            "uid": clip["uid"],
            "speaker_segments": [asdict(segment) for segment in segments],
            "overlap_ratio": overlap_ratio(segments),
            "n_speakers": len({segment.speaker for segment in segments}),
            "diarizer": model_name(self.params.model),
        }

    def _segments(self, pcm: Pcm, name: str) -> list[Segment]:
        """Raises as `listen.heard`."""
        again = None if self._good is None else partial(self.diarizer.segments, self._good)
        segments: list[Segment] = heard(partial(self.diarizer.segments, pcm, name), again, self._model)
        self._good = pcm[: _KEPT_S * SAMPLE_RATE].copy()
        return segments

    @property
    def _model(self) -> str:
        """For errors."""
        return f"the pipeline {model_name(self.params.model)}"
