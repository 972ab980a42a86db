"""A function of the user's that a recipe names as `module:function`: a source separator, a classifier."""

import importlib
import inspect
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from turnmill.manifests.errors import UsageError


def load(name: str, key: str) -> Callable[..., Any]:
    """The function that `module:function` names under a recipe's `key`. Raises UsageError where there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # whatever a module of the user's does when it is imported
        raise UsageError(f"{key}: {module} cannot be imported ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise UsageError(f"{key}: {module} has no function {function!r}: write it as module:function")
    return found  # type: ignore[no-any-return]  # callable is all that can be seen


def digest(name: str, key: str) -> str:
    """A hash of the file that its module is: one that is written anew is another. Raises UsageError."""
    file = inspect.getsourcefile(sys.modules[load(name, key).__module__])
    return blake2b(Path(file).read_bytes() if file else b"", digest_size=16).hexdigest()
