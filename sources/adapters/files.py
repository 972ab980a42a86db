"""Any folder of audio: files told by their content, fields read from names, transcripts from files beside them.

Knobs: `sources.catalogue.FilesIngest`. A recording without a transcript is UNTRANSCRIBED unless those are kept.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.folder import Names, UnsafeNameError, audio_files, ending, is_raw, list_folder, safe_join
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    DEFAULT_SPLIT,
    ClipRef,
    Unit,
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
from turnmill.sources.adapters.template import parse
from turnmill.sources.catalogue import Entry, FilesIngest

_KNOWN_GROUPS = frozenset({"split", "speaker", "parent", "language", "text", "tags"})


def units(root: Path, entry: Entry, unit_clips: int, unit_bytes: int) -> list[Unit]:
    """See `base.Adapter`. Within a split: files in the order of their paths, then links that are not read."""
    folder = list_folder(root, entry.name)
    names = Names(root, folder.sizes)
    by_split: dict[str, list[tuple[str, str]]] = {}
    for path in audio_files(folder, texts=ending(_knobs(entry).sidecar)):
        by_split.setdefault(_split(entry, path), []).append((path, ""))
    if not by_split:
        raise UsageError(f"{entry.name}: {root} holds no audio: give a folder of recordings")
    for path, why in folder.unsafe.items():
        by_split.setdefault(_split(entry, path), []).append((path, why))
    made = []
    for split, items in sorted(by_split.items()):
        groups = fill(((item, folder.sizes.get(item[0], 0)) for item in items), unit_clips, unit_bytes)
        for number, group in enumerate(groups):
            audio = [path for path, why in group if not why]
            sidecars = {_sidecar(entry, path, names) for path in audio} - {None}
            spec = {"split": split, "audio": audio, "unsafe": [[path, why] for path, why in group if why]}
            made.append(
                Unit(unit_name(split, number), tuple(sorted({*audio, *filter(None, sidecars)})), spec, len(group))
            )
    return made


def read(root: Path, entry: Entry, unit: Unit, keep_untranscribed: bool) -> Iterator[ClipRef | Reject]:
    """See `base.Adapter`."""
    names = Names(root, unit.files)
    split = unit.spec["split"]
    for path in unit.spec["audio"]:
        uid = clip_uid(entry.name, DEFAULT_CONFIG, split, path)
        if is_raw(root, path):
            yield raw_audio(uid, path)
            continue
        try:
            clip = _clip(root, entry, uid, path, split, names)
        except ValueError as error:
            yield Reject(Reason.BAD_ROW, f"{path}: {error}", uid=uid, source_uri=path)
            continue
        yield clip if keep_untranscribed or clip.text is not None else untranscribed(uid, path)
    for path, why in unit.spec["unsafe"]:
        yield unsafe(entry.name, split, path, why)


def _clip(root: Path, entry: Entry, uid: str, path: str, split: str, names: Names) -> ClipRef:
    """Raises ValueError where the name does not match the pattern or the transcript cannot be read."""
    groups = _groups(entry, path)
    if groups is None:
        raise ValueError(f"it does not match the pattern {_knobs(entry).pattern!r}")
    text = transcript(groups.get("text"))
    sidecar = _sidecar(entry, path, names) if text is None else None
    return ClipRef(
        uid,
        path,
        split=split,
        text=_read_text(root, sidecar) if sidecar is not None else text,
        speaker=groups.get("speaker") or None,
        parent=groups.get("parent") or groups.get("speaker") or None,
        language=language(groups.get("language"), entry.lang),
        tags=(groups["tags"],) if groups.get("tags") else (),
        native={name: value for name, value in groups.items() if name not in _KNOWN_GROUPS},
    )


def _knobs(entry: Entry) -> FilesIngest:
    assert isinstance(entry.ingest, FilesIngest)
    return entry.ingest


def _groups(entry: Entry, path: str) -> dict[str, str] | None:
    """The pattern's named groups in a path; null where it does not match."""
    pattern = _knobs(entry).pattern
    if pattern is None:
        return {}
    found = re.search(pattern, path)
    return None if found is None else found.groupdict(default="")


def _split(entry: Entry, path: str) -> str:
    return split_name((_groups(entry, path) or {}).get("split") or DEFAULT_SPLIT)


def _sidecar(entry: Entry, path: str, names: Names) -> str | None:
    """The transcript file of a recording, null where there is none."""
    groups = _groups(entry, path) or {}
    place = PurePosixPath(path)
    values = {**groups, "dir": str(place.parent), "stem": place.stem}
    try:
        return names.find(safe_join(parse(_knobs(entry).sidecar).render(values), groups.values()))
    except (LookupError, UnsafeNameError):
        return None


def _read_text(root: Path, sidecar: str) -> str | None:
    """The transcript in a file. Raises ValueError where it is not text."""
    with (root / sidecar).open("rb") as file:
        data = file.read(MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise ValueError(f"{sidecar} is longer than {MAX_LINE} bytes: it is no transcript")
    try:
        text = transcript(data.decode("utf-8-sig").strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"{sidecar} is not UTF-8: {error.reason} at byte {error.start}") from error
    if text is not None and "\0" in text:
        raise ValueError(f"{sidecar} has zero bytes: it is UTF-16, or no text")
    return text
