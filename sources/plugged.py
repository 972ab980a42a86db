"""A function of the user's that a recipe names as `module:function`: a source separator, a classifier."""

import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
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
    """A hash of what a function is: the files of the module that names it and of the one that its function is from,
    and the values that `functools.partial` binds to that. Raises UsageError for values that are no JSON."""
    function, bound = _unwrapped(load(name, key))
    try:
        told = json.dumps(bound, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{key}: {name} binds what no recipe can know again ({error}): bind numbers and texts, or write "
            "a function that makes the rest"
        ) from error
    found = blake2b(told.encode(), digest_size=16)
    for module in dict.fromkeys((name.partition(":")[0], function.__module__)):
        file = getattr(sys.modules.get(module), "__file__", None)  # none of what is built in
        found.update(blake2b(Path(file).read_bytes() if file else b"").digest())
    return found.hexdigest()


def _unwrapped(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[Any]]:
    """The function under all partials and decorators, and what the partials bind, from without."""
    bound: list[Any] = []
    while True:
        if isinstance(function, partial):
            bound.append([function.args, function.keywords])
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function, bound
