"""Names of folders and files on the command line."""

from pathlib import Path

from turnmill.manifests.errors import UsageError


def place(text: str) -> str:
    """The name of a folder, file or URL. An empty one, as a shell makes of a variable that is not set, would mean the
    current folder."""
    if not text:
        raise UsageError("an empty name of a folder or file: name it in full, or '.' for the current folder")
    return text


def path(text: str) -> Path:
    """The same of what is on this machine."""
    return Path(place(text))
