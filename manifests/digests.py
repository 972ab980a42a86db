"""Folders of models, named by what is in them."""

import hashlib
from collections.abc import Collection
from pathlib import Path


def digest_of_folder(folder: Path, suffixes: Collection[str] | None = None) -> str:
    """A hash of the names and contents of the files in a folder, not below it, that end so (".bin"); None: of all in
    and below it. It is the same wherever the folder lies. No file is held in memory. Raises OSError."""
    if suffixes is None:
        files = [path for path in folder.rglob("*") if path.is_file()]
    else:
        files = [path for path in folder.iterdir() if path.suffix in suffixes]
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(files):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, hashlib.blake2b).digest()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()
