"""Finds the audio that rows name among the files that are there."""

from collections.abc import Collection
from functools import cached_property

from turnmill.sources.adapters.folder import Names, glob_pattern
from turnmill.sources.adapters.template import stem_of
from turnmill.sources.places.place import Place


def matching(paths: Collection[str], globs: tuple[str, ...], exclude: tuple[str, ...] = ()) -> list[str]:
    """Of some paths those of a glob, in the order of the globs, and in theirs; each once."""
    out = [glob_pattern(glob).fullmatch for glob in exclude]
    found: dict[str, None] = {}
    for glob in globs:
        match = glob_pattern(glob).fullmatch
        found.update((path, None) for path in paths if match(path) and not any(no(path) for no in out))
    return list(found)


class Finder:
    """`paths`: what is there. `globs`, `exclude`: what of it is found by its stem."""

    def __init__(self, root: Place, paths: Collection[str], globs: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self.root, self._paths, self._globs, self._exclude = root, paths, globs, exclude

    @cached_property
    def _names(self) -> Names:
        return Names(self.root, self._paths)

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = {}
        for path in matching(self._paths, self._globs, self._exclude):
            stems.setdefault(stem_of(path), []).append(path)
        return stems

    def find(self, path: str) -> str | None:
        """See `Names.find`."""
        return path if path in self._paths else self._names.find(path)

    def called(self, stem: str) -> list[str]:
        """The files of that stem."""
        return self._stems.get(stem, [])
