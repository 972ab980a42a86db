"""URLs that fsspec opens, and how they are told: never with what opens them."""

import re
from typing import Final

import fsspec

from turnmill.manifests.errors import UsageError

_URL: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)(://|::)"
)  # the second begins a chain: simplecache::s3://bucket/file
_USER: Final = re.compile(r"(?<=://)(?:[^\s/@:'\"]*:[^\s@]*|[^\s/@'\"]+)@")  # an object store's secret may have slashes
_QUERY: Final = re.compile(r"(?<=://)([^\s?'\"]*\?)[^\s'\"]+")  # where signed URLs carry their signature
_NETWORK: Final = frozenset({"aiohttp", "botocore", "httpcore", "httpcore2", "httpx", "httpx2"})


def is_url(text: str) -> bool:
    """Whether a text that names a folder or file is a URL, such as `s3://bucket/folder`, and no path."""
    found = _URL.match(text)
    return found is not None and (found[2] == "://" or found[1] in fsspec.available_protocols())


def redacted(text: str) -> str:
    """A text without the users, passwords and queries of the URLs in it."""
    return _QUERY.sub(r"\1...", _USER.sub("...@", text))


def of_network(error: BaseException) -> bool:
    """Whether an error is of one of the libraries by which fsspec's filesystems talk to a server. Those of `requests`
    and sockets are OSErrors."""
    return any(kind.__module__.partition(".")[0] in _NETWORK for kind in type(error).__mro__)


def filesystem(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The filesystem of a path or URL, and the path as it spells it. Raises UsageError where there is none for it, or
    this environment lacks the package."""
    told = redacted(url)
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except ImportError as error:
        package = str(getattr(error.__cause__, "name", None) or error).partition(".")[0]
        raise UsageError(f"{told} needs the package {package}: pip install {package}") from error
    except ValueError as error:
        raise UsageError(f"{told} is no folder and no URL that fsspec can open: {redacted(str(error))}") from error
