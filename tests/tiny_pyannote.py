"""A pipeline of pyannote.audio so small that tests build it: random models, which hear something in everything."""

from pathlib import Path
from typing import Any

import torch
import yaml
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from torch import nn

SPEAKERS = 3
CONFIG: dict[str, Any] = {
    "pipeline": {
        "name": "pyannote.audio.pipelines.SpeakerDiarization",
        "params": {
            "segmentation": "$model/segmentation",
            "embedding": "$model/embedding",
            "clustering": "AgglomerativeClustering",
            "segmentation_step": 0.5,
        },
    },
    "params": {
        "segmentation": {"min_duration_off": 0.0},
        "clustering": {"method": "average", "threshold": 0.4, "min_cluster_size": 1},
    },
}


class Levels(Model):  # type: ignore[misc]  # pyannote.audio has no types that mypy follows
    """An embedding of two numbers, from the levels of the samples that are weighted in."""

    dimension = 2

    def __init__(self, sample_rate: int = 16_000, num_channels: int = 1, task: None = None) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, waveforms: Any, weights: Any = None) -> Any:
        loud = waveforms.abs().mean(dim=(1, 2)) * self.scale
        share = torch.ones_like(loud) if weights is None else weights.mean(dim=1)
        return torch.stack([loud + 0.01, share + 0.01], dim=1)


def build(folder: Path, **config: Any) -> Path:
    """Write it into a folder, with changes of `pipeline.params`."""
    torch.manual_seed(1)
    segmentation = PyanNet(
        lstm={"hidden_size": 8, "num_layers": 1, "monolithic": True, "bidirectional": True, "dropout": 0.0},
        linear={"hidden_size": 8, "num_layers": 1},
    )
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=4.0,
        classes=[f"speaker{number}" for number in range(SPEAKERS)],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segmentation.build()
    embedding = Levels()
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=4.0, classes=None
    )
    for name, model in (("segmentation", segmentation), ("embedding", embedding)):
        checkpoint = {
            "state_dict": model.state_dict(),
            "hyper_parameters": dict(model.hparams),
            "pytorch-lightning_version": "2.0.0",
            "epoch": 0,
            "global_step": 0,
        }
        model.on_save_checkpoint(checkpoint)
        (folder / name).mkdir(parents=True)
        torch.save(checkpoint, folder / name / "pytorch_model.bin")
    params = {**CONFIG["pipeline"]["params"], **config}
    told = {**CONFIG, "pipeline": {**CONFIG["pipeline"], "params": params}}
    (folder / "config.yaml").write_text(yaml.safe_dump(told), "utf-8")
    return folder
