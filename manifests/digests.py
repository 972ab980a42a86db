"""Folders of models, named by what is in them."""

import hashlib
from collections.abc import Collection
from pathlib import Path


def digest_of_folder(folder: Path, suffixes: Collection[str]) -> str:
    """A hash of the names and contents of the files in a folder, not below it, that end so (".bin"), wherever it lies.
    No file is held in memory. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.suffix in suffixes):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, hashlib.blake2b).digest()
        digest.update(path.name.encode() + b"\0" + content)
    return digest.hexdigest()
