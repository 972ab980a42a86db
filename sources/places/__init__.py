"""Where a corpus lies: a folder or file of this machine, or an fsspec URL (`s3://`, `gs://`, `hf://datasets/`; one file
of a web server by `https://`). Both are read through the same few functions, those of `Place`.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from fsspec.implementations.local import LocalFileSystem
from pydantic import PlainSerializer, PlainValidator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.urls import filesystem, is_url
from turnmill.sources.places.local import Local
from turnmill.sources.places.place import Place
from turnmill.sources.places.remote import Remote

__all__ = ["Place", "PlaceKey", "place"]


def place(where: "Place | str | os.PathLike[str]") -> Place:
    """The place of a path or URL. Raises UsageError for a URL that nothing here opens."""
    if isinstance(where, Place):
        return where
    text = os.fspath(where)
    if not is_url(text):
        return Local(Path(text))
    fs, path = filesystem(text)
    return Local(Path(path)) if isinstance(fs, LocalFileSystem) else Remote(text)


def _parsed(value: Any) -> Place:
    try:
        return place(value)
    except (UsageError, TypeError) as error:
        raise ValueError(str(error) if isinstance(error, UsageError) else "is neither a path nor a URL") from error


PlaceKey = Annotated[Place, PlainValidator(_parsed), PlainSerializer(str, when_used="json-unless-none")]
"""A key of a recipe that is a path or URL. As JSON, it is told without credentials."""
