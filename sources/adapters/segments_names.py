"""The files that annotations mean by the names that they have for recordings and for what lies beside them.

Which file that is depends on all that there are, so `units` finds it, and says it to `read`, which knows those of one
unit alone: of rows of other units, which stand between those of this one, it may find a file that they do not mean.
"""

import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from turnmill.sources.adapters.folder import Names, glob_pattern
from turnmill.sources.places.place import Place

ANYWHERE: Final = "**/"


@dataclass(frozen=True)
class NamedFiles:
    """Finds files among `paths`. `told`: those of names that `units` found among all; null for who looks himself."""

    root: Place
    paths: Sequence[str]
    told: Mapping[str, Sequence[str]] | None = None
    _matched: dict[str, Sequence[str]] = field(default_factory=dict)

    def called(self, name: str) -> Sequence[str] | None:
        """The one file of a path, as the disk spells it, or none; null where it is of another unit. Raises
        UnsafeNameError where it leads out of the root."""
        if self.told is not None and name in self.told:
            return self.told[name]
        found = self._names.find(name)
        if self.told is not None and found not in (None, name):
            return None
        return () if found is None else (found,)

    def like(self, pattern: str) -> Sequence[str] | None:
        """The files of one name anywhere (`**/name`), or those in a folder that match one (`folder/*name*`); null where
        they are of another unit. Raises UnsafeNameError as `called` does."""
        if self.told is not None:
            return self.told.get(pattern)
        if pattern not in self._matched:  # which may be as many as there are files, and named by turns
            self._matched[pattern] = self._matching(pattern)
        return self._matched[pattern]

    def _matching(self, pattern: str) -> Sequence[str]:
        folder, name = posixpath.split(pattern)
        if not pattern.startswith(ANYWHERE):
            match = glob_pattern(_common(name)).fullmatch
            return [path for path in self._by_folder.get(folder, ()) if match(_common(posixpath.basename(path)))]
        found = self._by_name.get(_common(name).lower(), ())
        if "/" not in (named := pattern.removeprefix(ANYWHERE)):
            return found or self.called(named) or ()
        end = f"/{_common(named).lower()}"
        return self.called(named) or [path for path in found if _common(path).lower().endswith(end)]

    @cached_property
    def _names(self) -> Names:
        return Names(self.root, self.paths)

    @cached_property
    def _by_name(self) -> Mapping[str, list[str]]:
        return _grouped(self.paths, lambda path: _common(posixpath.basename(path)).lower())

    @cached_property
    def _by_folder(self) -> Mapping[str, list[str]]:
        return _grouped(self.paths, posixpath.dirname)


def _common(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _grouped(paths: Iterable[str], key: Callable[[str], str]) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        groups.setdefault(key(path), []).append(path)
    return groups
