"""What a record, a JSON object or a row of nested columns, says of a clip."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    UNLISTED,
    ClipRef,
    FieldName,
    clip_uid,
    language,
    licence,
    split_name,
    transcript,
    untranscribed,
)
from turnmill.sources.adapters.template import TemplateText, parse, place_of

Record = Mapping[str, Any]
DEEPEST: Final = 100
"""How deep a record may be nested: how deep Python's own readers go depends on their caller."""


class DescribedFamily(Family[ClipRef]):
    """A family whose clips have a record each. Templates know its keys, those of a mapping in it as `outer.inner`.

    fields: what each field is made of: a template, or several, of which the first counts that gives anything. That of a
    key alone, `{tags}`, takes a list too; a mapping is nobody's tags. What no field takes is kept in `native`.
    maps: of a field or the split, what its values mean, which may be nothing (empty). split: knows `dir` and `stem` of
    the archive, as do the fields. drop: keys that are not kept.
    """

    fields: Mapping[FieldName, TemplateText | tuple[TemplateText, ...]] = {}
    maps: Mapping[FieldName | Literal["split"], Mapping[str, str]] = {}
    split: TemplateText = Field(default="train")
    drop: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _split_is_of_names(self) -> "DescribedFamily":
        if unknown := parse(self.split).variables - {"dir", "stem"}:
            raise ValueError(f"split: {self.split!r} uses {sorted(unknown)}: it knows `dir` and `stem` of the archive")
        return self

    @property
    def has_splits(self) -> bool:
        return bool(parse(self.split).variables)

    def split_of(self, archive: str) -> str:
        """The split of what is in an archive, by the name of that."""
        try:
            split = parse(self.split).render(place_of(archive))
        except LookupError:
            return UNLISTED
        split = self.maps.get("split", {}).get(split, split)
        return UNLISTED if split == "." else split_name(split)  # the root itself, which has no name here

    def clip(
        self, corpus: Corpus[ClipRef], record: Record, archive: str, path: str, at: tuple[Any, ...]
    ) -> ClipRef | Reject:
        """The clip of a record in an archive, or BAD_ROW or UNTRANSCRIBED."""
        split = self.split_of(archive)
        uid = clip_uid(corpus.name, DEFAULT_CONFIG, split, path)
        try:
            clip = self._clip(corpus, record, archive, uid, split, path, at)
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{path} {error}", uid, path)
        if clip.text is None and "text" in self.fields and not corpus.keep_untranscribed:
            return untranscribed(uid, path)
        return clip

    def _clip(
        self,
        corpus: Corpus[ClipRef],
        record: Record,
        archive: str,
        uid: str,
        split: str,
        path: str,
        at: tuple[Any, ...],
    ) -> ClipRef:
        """Raises ValueError for a value that a field cannot take."""
        known = {**record, **place_of(archive)}
        found = {name: _first_found(known, _several(templates)) for name, templates in self.fields.items()}
        words = {name: self._words(name, value) for name, (value, _) in found.items()}
        taken = {key for name, (_, key) in found.items() if name != "licence"} | set(self.drop)
        return ClipRef(
            uid,
            path,
            split=split,
            text=transcript(_one("text", words).strip()),
            speaker=_one("speaker", words) or None,
            parent=_one("parent", words) or None,
            language=language(_one("language", words), corpus.language),
            licence=licence(_one("licence", words)),
            captions=words.get("captions", ()),
            tags=words.get("tags", ()),
            native={key: plain(value) for key, value in record.items() if key not in taken},
            at=at,
        )

    def _words(self, name: FieldName, value: Any) -> tuple[str, ...]:
        """What a field says. Raises ValueError where that is no words."""
        meaning = self.maps.get(name, {})
        words = [_word(name, each) for each in (value if isinstance(value, list | tuple) else [value])]
        return tuple(filter(None, (meaning.get(word, word) for word in words)))


def _several(templates: str | tuple[str, ...]) -> tuple[str, ...]:
    return (templates,) if isinstance(templates, str) else templates


def _first_found(record: Record, templates: tuple[str, ...]) -> tuple[Any, str]:
    """The first value that a record has, and the key that it is the whole of (or empty)."""
    for text in templates:
        template = parse(text)
        alone = next(iter(template.variables)) if len(template.variables) == 1 else ""
        try:
            if text == f"{{{alone}}}":
                value = _look(record, alone)
                if not isinstance(value, Mapping) and value not in (None, "", [], ()):
                    return value, alone
            else:
                return template.render({name: _word(name, _look(record, name)) for name in template.variables}), ""
        except LookupError:
            continue
    return None, ""


def _look(record: Record, name: str) -> Any:
    """What a record has under a key, or a key of a mapping in it. Raises LookupError where it has nothing there."""
    if name not in record and "." in name:
        outer, _, inner = name.partition(".")
        below = record.get(outer)
        return _look(below if isinstance(below, Mapping) else {}, inner)
    value = record[name]
    if value is None or (isinstance(value, float) and not math.isfinite(value)):  # as some write what is missing
        raise LookupError(name)
    return value


def _word(name: str, value: Any) -> str:
    """Raises ValueError for a list or mapping, and for what no table takes."""
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise ValueError(f"has no word as its {name}, but {str(value)[:60]!r}")
    word = str(value)
    if "\0" in word:
        raise ValueError(f"has zero bytes in its {name}")
    return _whole(word)


def _one(name: FieldName, words: Mapping[FieldName, tuple[str, ...]]) -> str:
    said = words.get(name, ())
    if len(said) > 1:
        raise ValueError(f"has {len(said)} values where one {name} is expected")
    return said[0] if said else ""


def _whole(text: str) -> str:
    """Raises ValueError for half a character, which is legal JSON and in no table."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half a character (a lone surrogate)") from error
    return text


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it: what is no number is null, and what JSON has no word for is in words.

    Raises ValueError for what is nested too deeply, or holds half a character.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    if isinstance(value, Mapping):
        return dict(_plain_items(value, depth))
    if isinstance(value, list | tuple):
        if value and all(type(each) is int for each in value):  # codes of a neural codec, by the thousand
            return list(value)
        return [plain(each, depth + 1) for each in value]
    return _whole(str(value))


def _plain_items(value: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        yield _whole(str(key)), plain(each, depth + 1)
