"""Finds the audio that rows name among the files that are there."""

import re
from collections.abc import Collection, Iterable
from functools import cached_property

from turnmill.sources.adapters.folder import Names, glob_pattern
from turnmill.sources.adapters.template import stem_of
from turnmill.sources.places.place import Place


def matching(paths: Iterable[str], globs: tuple[str, ...], exclude: tuple[str, ...] = ()) -> list[str]:
    """Of some paths those of a glob, in the order of the globs, and in theirs; each once."""
    found = list(filter(_one_of(globs).fullmatch, paths)) if globs else []
    if exclude:
        out = _one_of(exclude).fullmatch
        found = [path for path in found if not out(path)]
    if len(globs) == 1:
        return found
    return list(dict.fromkeys(path for glob in globs for path in found if glob_pattern(glob).fullmatch(path)))


def _one_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(glob_pattern(glob).pattern for glob in globs), re.DOTALL)


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
