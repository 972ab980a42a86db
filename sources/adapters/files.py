"""Any folder of audio: files told by their content, fields read from names, transcripts from files beside them.

A recording without a transcript is UNTRANSCRIBED unless those are kept.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from pydantic import field_validator, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.folder import Names, audio_files, ending, is_raw, list_folder, safe_join
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    DEFAULT_SPLIT,
    ClipRef,
    Unit,
    UnitSize,
    clip_uid,
    fill,
    language,
    raw_audio,
    split_name,
    transcript,
    unit_name,
    unsafe,
    untranscribed,
)
from turnmill.sources.adapters.lines import MAX_LINE
from turnmill.sources.adapters.template import TemplateText, parse
from turnmill.sources.places.place import Place, UnsafeNameError

_KNOWN_GROUPS = frozenset({"split", "speaker", "parent", "language", "text", "tags"})


class FilesIngest(Family[ClipRef]):
    """Any folder of audio. `pattern`: a regular expression searched in each file's path below the root; its named
    groups become the fields of the same name (split, speaker, parent, language, text, tags) or else native fields.
    `sidecar`: the file with the transcript; templates know `dir`, `stem` and the pattern's groups.
    """

    family: Literal["files"]
    pattern: str | None = None
    sidecar: TemplateText = "{dir}/{stem}.txt"

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        return pattern

    @field_validator("sidecar")
    @classmethod
    def _stays_inside(cls, sidecar: str) -> str:
        deep = sidecar.replace("{dir}", "/".join("d" * len(sidecar)))  # `dir` may be of any depth
        if posixpath.normpath(deep).startswith(("/", "..")):
            raise ValueError(f"{sidecar!r} leaves the folder of the corpus: begin with {{dir}}, or give a `root` above")
        return sidecar

    @model_validator(mode="after")
    def _groups_exist(self) -> "FilesIngest":
        known = {"dir", "stem", *re.compile(self.pattern or "").groupindex}
        if unknown := parse(self.sidecar).variables - known:
            raise ValueError(
                f"sidecar: {self.sidecar!r} uses {sorted(unknown)}, which is not among dir, stem and the groups of the "
                f"pattern: {sorted(known)}"
            )
        return self

    @property
    def has_splits(self) -> bool:
        return "split" in re.compile(self.pattern or "").groupindex

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: files in the order of their paths, then links that are not read."""
        folder = list_folder(corpus.root, corpus.name)
        names = Names(corpus.root, folder.sizes)
        by_split: dict[str, list[tuple[str, str]]] = {}
        for path in audio_files(folder, texts=ending(self.sidecar)):
            by_split.setdefault(self._split(path), []).append((path, ""))
        if not by_split:
            raise UsageError(f"{corpus.name}: {corpus.root} holds no audio: give a folder of recordings")
        for path, why in folder.unsafe.items():
            by_split.setdefault(self._split(path), []).append((path, why))
        made = []
        for split, items in sorted(by_split.items()):
            groups = fill(((item, folder.sizes.get(item[0], 0)) for item in items), size)
            made += [self._unit(split, number, group, names) for number, group in enumerate(groups)]
        return made

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        names = Names(corpus.root, unit.files)
        split = unit.spec["split"]
        for path in unit.spec["audio"]:
            uid = clip_uid(corpus.name, DEFAULT_CONFIG, split, path)
            if is_raw(corpus.root, path):
                yield raw_audio(uid, path)
                continue
            try:
                clip = self._clip(corpus, uid, path, split, names)
            except ValueError as error:
                yield Reject(Reason.BAD_ROW, f"{path}: {error}", uid=uid, source_uri=path)
                continue
            yield clip if corpus.keep_untranscribed or clip.text is not None else untranscribed(uid, path)
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)

    def _unit(self, split: str, number: int, items: list[tuple[str, str]], names: Names) -> Unit:
        """`items`: paths, each with the reason why it is not read, or none."""
        audio = [path for path, why in items if not why]
        sidecars = filter(None, (self._sidecar(path, names) for path in audio))
        spec = {"split": split, "audio": audio, "unsafe": [[path, why] for path, why in items if why]}
        return Unit(unit_name(split, number), tuple(sorted({*audio, *sidecars})), spec, len(items))

    def _clip(self, corpus: Corpus[ClipRef], uid: str, path: str, split: str, names: Names) -> ClipRef:
        """Raises ValueError where the name does not match the pattern or the transcript cannot be read."""
        groups = self._groups(path)
        if groups is None:
            raise ValueError(f"it does not match the pattern {self.pattern!r}")
        text = transcript(groups.get("text"))
        sidecar = self._sidecar(path, names) if text is None else None
        return ClipRef(
            uid,
            path,
            split=split,
            text=_read_text(corpus.root, sidecar) if sidecar is not None else text,
            speaker=groups.get("speaker") or None,
            parent=groups.get("parent") or None,
            language=language(groups.get("language"), corpus.language),
            tags=(groups["tags"],) if groups.get("tags") else (),
            native={name: value for name, value in groups.items() if name not in _KNOWN_GROUPS},
        )

    def _groups(self, path: str) -> dict[str, str] | None:
        """The pattern's named groups in a path; null where it does not match."""
        if self.pattern is None:
            return {}
        found = re.search(self.pattern, path)
        return None if found is None else found.groupdict(default="")

    def _split(self, path: str) -> str:
        return split_name((self._groups(path) or {}).get("split") or DEFAULT_SPLIT)

    def _sidecar(self, path: str, names: Names) -> str | None:
        """The transcript file of a recording, null where there is none."""
        groups = self._groups(path) or {}
        place = PurePosixPath(path)
        values = {**groups, "dir": str(place.parent), "stem": place.stem}
        try:
            return names.find(safe_join(parse(self.sidecar).render(values), groups.values()))
        except (LookupError, UnsafeNameError):
            return None


def _read_text(root: Place, sidecar: str) -> str | None:
    """The transcript in a file. Raises ValueError where it is not text."""
    data = root.read(sidecar, 0, MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise ValueError(f"{sidecar} is longer than {MAX_LINE} bytes: it is no transcript")
    try:
        text = transcript(data.decode("utf-8-sig").strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"{sidecar} is not UTF-8: {error.reason} at byte {error.start}") from error
    if text is not None and "\0" in text:
        raise ValueError(f"{sidecar} has zero bytes: it is UTF-16, or no text")
    return text
