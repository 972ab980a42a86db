"""speakers: the voice of each clip, as numbers that are alike for one speaker, and whether it is one voice."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.pipelines.device import Device, check_torch_device, torch_device
from turnmill.pipelines.diarization.encoder import Encoder, spread
from turnmill.pipelines.diarization.models import ENCODER, check_installed, weights
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Resources, Row, Shard, Workspace
from turnmill.pipelines.stages.listen import MEMORY, SAMPLE_RATE, Listen, Pcm, in_samples, together

LEAST_S: Final = 1.0  # of speech, below which no voice is told
ONE_VOICE: Final = 0.25
"""Largest voice_spread of a clip of one speaker (docs/speakers.md); `select` may have another."""


class SpeakersParams(Params):
    device: Device = "auto"
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")


class Speakers(Listen):
    name = "speakers"
    needs = ("clips", "quality")
    tables = ("speakers",)
    host_params = frozenset({"device", "gpus"})

    params: SpeakersParams

    def __init__(self, params: SpeakersParams, language: str | None = None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self.resources = Resources(gpus=params.gpus, memory=MEMORY)

    def identity(self) -> Mapping[str, str]:
        return dict(ENCODER.sha256)

    def check_here(self) -> None:
        check_installed(self.name, "torch")
        check_torch_device("speakers.device", self.params.device)
        weights(ENCODER)

    def setup(self) -> None:
        check_installed(self.name, "torch")
        device = torch_device("speakers.device", self.params.device)
        self.loaded = self.encoder = self.loaded or Encoder(weights(ENCODER), device)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        self.spoken = {row["uid"]: row["segments"] for row in workspace.rows("quality", shard.key)}
        return super().process(shard, workspace, guard)

    def row(self, clip: Row, pcm: Pcm) -> Row:
        speech = together(pcm, in_samples(self.spoken.get(clip["uid"], ())))
        if len(speech) < LEAST_S * SAMPLE_RATE:
            nothing = dict.fromkeys(("embedding", "one_speaker", "voice_spread"))
            return {"uid": clip["uid"], "encoder": ENCODER.model, **nothing}
        (voice,) = self.listened(lambda pcm: self.encoder.embed([pcm], clip["uid"]), speech)
        apart = spread(voice.partials)
        return {
            "uid": clip["uid"],
            "embedding": [float(number) for number in voice.whole],
            "one_speaker": apart <= ONE_VOICE,
            "encoder": ENCODER.model,
            "voice_spread": apart,
        }

    def heard(self, label: Row) -> bool:
        return label["embedding"] is not None

    def noted(self) -> Sequence[str]:
        return self.encoder.batch.noted(self.name)

    @property
    def model(self) -> str:
        return f"the encoder {ENCODER.model}"
