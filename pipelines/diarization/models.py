"""Where a diarization pipeline is: a folder, a published name, or two models that packages carry; found before anything
is loaded.

The published ones are gated: their terms are accepted on the Hub, and HF_TOKEN of the environment names who did.
"""

import importlib.util
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from turnmill.manifests.digests import digest_of_folder
from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.pipelines.asr.models import hub_answers

COMMUNITY: Final = "pyannote/speaker-diarization-community-1"
PACKAGED: Final = "pyannet-ge2e"
"""The segmentation model of pyannote and the encoder of Resemblyzer, in pyannote's pipeline: no hub, no token."""
CONFIG: Final = "config.yaml"
TOKEN: Final = "HF_TOKEN"

SEGMENTATION: Final = Packaged(
    "pyannet",
    ("whisperx==3.8.6",),
    {"pytorch_model.bin": ("whisperx/assets/pytorch_model.bin",)},
    {"pytorch_model.bin": "0b5b3216d60a2d32fc086b47ea8c67589aaeb26b7e07fcbe620d6d0b83e209ea"},
)
ENCODER: Final = Packaged(
    "ge2e",
    ("resemblyzer==0.1.4",),
    {"pretrained.pt": ("resemblyzer/pretrained.pt",)},
    {"pretrained.pt": "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"},
)

TUNED: Final[Mapping[str, Any]] = {
    "segmentation": {"threshold": 0.55, "min_duration_off": 0.0},
    "clustering": {"method": "centroid", "threshold": 0.5, "min_cluster_size": 12},
}
"""Parameters of the packaged pipeline, chosen on three pieces of AMI of 30 s (docs/speakers.md)."""

_NAME: Final = re.compile(r"([\w.-]+/[\w.-]+)(?:@(\S+))?")  # of the Hub, and a revision

_REQUIREMENTS: Final = " ".join((*SEGMENTATION.requirements, *ENCODER.requirements))
PIP: Final = f"pip install --no-deps {_REQUIREMENTS}"
EXTRA: Final = "pip install 'turnmill[diarization]'"
PYANNOTE: Final = "pyannote.audio"


def check_installed(stage: str, *packages: str) -> None:
    """Raise UsageError where a package of the extra that a stage needs is not installed."""
    if missing := [package for package in packages if not installed(package)]:
        raise UsageError(f"`{stage}` needs {missing[0]}, which is not installed: {EXTRA}")


def installed(package: str) -> bool:
    """Whether a package is here; it is not imported."""
    return importlib.util.find_spec(package.partition(".")[0]) is not None and bool(importlib.util.find_spec(package))


def weights(package: Packaged) -> Path:
    """The file of a model that a package carries. Raises ModelUnavailable where it is not installed."""
    folder = package.folder
    if folder is None:
        raise ModelUnavailable(f"the model {package.model!r} is not on this machine: {package.pip}")
    return folder / next(iter(package.files))


def check_model(model: str) -> None:
    """Raise ModelUnavailable for what is no pipeline, or is neither here nor to be had. Nothing is fetched."""
    if model == PACKAGED:
        weights(SEGMENTATION)
        weights(ENCODER)
    elif Path(model).is_dir():
        _check_folder(Path(model))
    elif model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelUnavailable(
            f"diarize.model: there is no folder {model!r}: give one with a {CONFIG} of pyannote.audio, a name of the "
            f"Hub such as {COMMUNITY}, or {PACKAGED}"
        )
    elif unfetched(model) and not hub_answers():
        raise ModelUnavailable(
            f"the pipeline {model!r} is not on this machine and the Hub is out of reach: {without_hub()}"
        )


def fetch(model: str) -> None:
    """Bring a published pipeline, and the published models that a pipeline names, to this machine: a token is tried
    before any work. Raises ModelUnavailable."""
    if model == PACKAGED:
        return
    for name, revision in _named(folder_of(model)):
        _fetched(name, revision)


def unfetched(model: str) -> list[str]:
    """Names of what `fetch` would bring: until it is here, nobody knows what a pipeline will say."""
    if model == PACKAGED:
        return []
    folder = Path(model) if Path(model).is_dir() else _snapshot(model, None)
    if folder is None:
        return [model]
    return [name for name, revision in _named(folder) if _snapshot(name, revision) is None]


def folder_of(model: str) -> Path:
    """The folder of a pipeline, which is fetched where it is a published one. Raises ModelUnavailable."""
    return Path(model) if Path(model).is_dir() else _fetched(model, None)


def _fetched(name: str, revision: str | None) -> Path:
    """The folder of something published, as the Hub has it now or, where that is out of reach, as it is here."""
    from huggingface_hub import snapshot_download

    here = None if hub_answers() else _snapshot(name, revision)
    if here is not None:
        return here
    try:
        return Path(snapshot_download(name, revision=revision, token=token()))
    except Exception as error:  # any failure of the Hub is the same news
        raise ModelUnavailable(f"the pipeline {name!r} could not be fetched: {refusal(name, error)}") from error


def _snapshot(name: str, revision: str | None) -> Path | None:
    """The folder, named by its revision, in which something published lies on this machine."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except Exception:  # noqa: BLE001  # not in the cache: huggingface-hub has several errors for it
        return None


def _named(folder: Path) -> list[tuple[str, str | None]]:
    """The models of the Hub, each with its revision, that the pipeline of a folder names."""
    values = (part.get("checkpoint") if isinstance(part, dict) else part for part in _params(folder).values())
    found = (_NAME.fullmatch(value) for value in values if isinstance(value, str) and not Path(value).exists())
    return [(match[1], match[2]) for match in found if match]


def refusal(model: str, error: BaseException) -> str:
    """Why the Hub, or the loading of what it gave, failed, and what to do; without what the token is."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        given = f"the token of {TOKEN}" if token() else f"no token, for {TOKEN} is not set"
        return (
            f"the Hub gives it to whoever accepted its terms and was shown {given} ({status}): accept them at "
            f"https://hf.co/{model}, set {TOKEN} to a token of yours that may read it, or {without_hub()}"
        )
    return f"{type(error).__name__}: {without_hub()}"


def without_hub() -> str:
    """How to do without the Hub."""
    return f"name {PACKAGED} as diarize.model ({PIP}), or the folder of a pipeline"


def token() -> str | None:
    """Of the Hub, from the environment alone."""
    return os.environ.get(TOKEN) or None


def model_digest(model: str) -> str:
    """Name what a pipeline will say: a hash of the files of a folder, or the revision of what is published, with those
    of the published models that it names; of the packaged one its files and parameters."""
    if model == PACKAGED:
        weights = [*SEGMENTATION.sha256.values(), *ENCODER.sha256.values()]
        return " ".join([PACKAGED, *weights, json.dumps(TUNED, sort_keys=True)])
    folder = Path(model) if Path(model).is_dir() else _snapshot(model, None)
    if folder is None:
        return model  # `unfetched`
    own = digest_of_folder(folder) if Path(model).is_dir() else f"{model}@{folder.name}"
    named = [(name, _snapshot(name, revision)) for name, revision in _named(folder)]
    return " ".join([own, *(f"{name}@{found.name if found else 'unfetched'}" for name, found in named)])


def model_name(model: str) -> str:
    """The name of a pipeline without the path of this host."""
    return Path(model).name if model != PACKAGED and Path(model).is_dir() else model


def _check_folder(folder: Path) -> None:
    """Raise ModelUnavailable for a folder that is no pipeline, or one that would ask the Hub for what it lacks."""
    params = _params(folder)
    missing = [part for part in ("segmentation", "embedding") if not params.get(part)]
    if missing:
        raise ModelUnavailable(f"{folder / CONFIG}: names no {missing[0]}, as `{missing[0]}: $model/{missing[0]}`")


def _params(folder: Path) -> Mapping[str, Any]:
    """What a pipeline is made of. Raises ModelUnavailable for a folder that is none."""
    if not (folder / CONFIG).is_file():
        raise ModelUnavailable(f"the folder {folder} has no {CONFIG}: it must be a pipeline of pyannote.audio 4")
    try:
        return dict(yaml.safe_load((folder / CONFIG).read_text("utf-8"))["pipeline"].get("params") or {})
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelUnavailable(f"{folder / CONFIG} does not say what the pipeline is: see pyannote.audio 4") from error


if __name__ == "__main__":  # for pip: the requirements of the packaged pipeline
    print(_REQUIREMENTS)
