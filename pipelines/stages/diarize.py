"""diarize: who speaks when in each clip, by a pipeline of pyannote.audio."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Self

from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.pipelines.device import Device, check_torch_device, torch_device
from turnmill.pipelines.diarization.diarizer import Diarizer, overlap_ratio
from turnmill.pipelines.diarization.models import (
    COMMUNITY,
    PYANNOTE,
    check_installed,
    check_model,
    fetch,
    model_digest,
    model_name,
    unfetched,
)
from turnmill.pipelines.stage import Resources, Row
from turnmill.pipelines.stages.listen import MEMORY, Listen, Pcm


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
        check_torch_device("diarize.device", self.params.device)

    def unfetched(self) -> str | None:
        names = unfetched(self.params.model)
        return f"the pipeline {' with '.join(names)}" if names else None

    def fetch(self) -> None:
        fetch(self.params.model)

    def setup(self) -> None:
        check_installed(self.name, PYANNOTE)
        p = self.params
        device = torch_device("diarize.device", p.device)
        self.loaded = self.diarizer = self.loaded or Diarizer(p.model, device, p.batch_size, p.bounds)

    def row(self, clip: Row, pcm: Pcm) -> Row:
        segments = self.listened(partial(self.diarizer.segments, name=clip["uid"]), pcm)
        return {
            "uid": clip["uid"],
            "speaker_segments": [asdict(segment) for segment in segments],
            "overlap_ratio": overlap_ratio(segments),
            "n_speakers": len({segment.speaker for segment in segments}),
            "diarizer": model_name(self.params.model),
        }

    def noted(self) -> Sequence[str]:
        return self.diarizer.batch.noted(self.name)

    @property
    def model(self) -> str:
        return f"the pipeline {model_name(self.params.model)}"
