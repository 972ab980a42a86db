"""pyannote.audio's diarization pipelines, loaded: a published one, that of a folder, or the packaged one.

Telemetry is off, and nothing asks the Hub but a published name. pyannote.audio 4 fetches a PLDA whenever a pipeline
is built, which VBx alone uses: the others get an empty one.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

import yaml

from turnmill.manifests.audio.errors import sentence
from turnmill.manifests.packaged import ModelUnavailable
from turnmill.pipelines.diarization import models
from turnmill.pipelines.diarization.encoder import Encoder

VBX: Final = "VBxClustering"


def load(model: str, device: str) -> Any:
    """A pipeline of pyannote.audio on a device that torch knows. Raises ModelUnavailable, in one sentence."""
    try:
        with _quiet():
            import torch

            pipeline = _packaged() if model == models.PACKAGED else _loaded(model)
            if pipeline is None:
                raise LookupError("pyannote.audio gave nothing")
            return pipeline.to(torch.device(device))
    except ModelUnavailable:
        raise
    except Exception as error:  # whatever it is, there is no model
        raise ModelUnavailable(f"the pipeline {model!r} cannot be loaded: {_why(model, error)}") from error


def _why(model: str, error: Exception) -> str:
    if model == models.PACKAGED or Path(model).is_dir():
        return f"{type(error).__name__}: {sentence(error)}"
    return models.refusal(model, error)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without telemetry, advice on a decoder that nobody asks for, and what pyannote.audio prints of a refusal."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _loaded(model: str) -> Any:
    from pyannote.audio import Pipeline
    from pyannote.audio.core.pipeline import expand_subfolders

    folder = models.folder_of(model)
    config = yaml.safe_load((folder / models.CONFIG).read_text("utf-8"))
    expand_subfolders(config, folder)
    params = config["pipeline"].setdefault("params", {})
    if "plda" not in params and params.get("clustering", VBX) != VBX:
        params["plda"] = _no_plda()
    return Pipeline.from_pretrained(config, token=models.token())


def _no_plda() -> Any:
    from pyannote.audio.core.plda import PLDA

    return PLDA.__new__(PLDA)


def _packaged() -> Any:
    """pyannote's pipeline of its own segmentation model and Resemblyzer's encoder."""
    from pyannote.audio import Model

    from turnmill.pipelines.diarization.assembled import Assembled

    segmentation = Model.from_pretrained(models.weights(models.SEGMENTATION))
    pipeline = Assembled(segmentation, Encoder(models.weights(models.ENCODER)), _no_plda())
    pipeline.instantiate(models.TUNED)
    return pipeline
