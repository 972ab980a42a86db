"""What `--set` says: a key of a recipe and its value."""

from collections.abc import Collection
from typing import Any

import yaml

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import flaw, parsed


def setting(text: str, paths: Collection[str]) -> tuple[str, Any]:
    """The key and the value of a text `a.b=c`; the value of a key of `paths` is no YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: write it as key=value, e.g. --set transcribe.language=en")
    return key, _path_value(value) if key in paths else _yaml_value(key, value)


def set_key(raw: dict[str, Any], key: str, value: Any) -> None:
    """Put a value under a dotted key, with the sections that it lacks."""
    *parents, last = key.split(".")
    target = raw
    for parent in parents:
        child = target.setdefault(parent, {})
        if child is None:
            child = target[parent] = {}
        if not isinstance(child, dict):
            raise UsageError(f"--set {key}: '{parent}' has no keys below it")
        target = child
    target[last] = value


def _path_value(text: str) -> str | None:
    """A path is taken as it is written: `my #1 set` and `2024_01` mean something else in YAML."""
    return None if text in ("", "null", "~") else text


def _yaml_value(key: str, text: str) -> Any:
    try:
        return parsed(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {key}: the value is not valid YAML: {flaw(error)}") from error
