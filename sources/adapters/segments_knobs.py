"""What an entry says of the rows of annotations."""

import posixpath
from collections.abc import Mapping
from typing import Final

from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.sources.adapters.items import FieldName
from turnmill.sources.adapters.segments_formats import AnyFormat
from turnmill.sources.adapters.template import TemplateText, parse, place_of

PLACE: Final = frozenset({"dir", "stem"})
"""What is known of a file by its name."""
MAP: Final = "channel_map"


class RowKnobs(Params):
    """What the rows of annotations mean.

    Templates know what a row says, and `dir` and `stem` of its file. audio: the recording; `**/name` is a file of that
    name anywhere, and `folder/*name*` the one that matches. split, splits: the split, and by which name it goes here.
    fields: where text and speaker are not what a row calls so; what a row does not say is null. where: rows that are
    meant have one of these values. channel: what a row says of the channel that it is of. channels: of two-channel
    recordings, which one that is. channel_map: a JSON file beside the annotation, `{"L": "ann", "R": "bob"}`, of who is
    on which of them, where `channel` says who. tokens: words of a text -> the marks that they stand for, which join the
    word before; empty for those that go. ticks: in a second, of the times.
    """

    format: AnyFormat
    audio: TemplateText
    split: TemplateText = "train"
    splits: Mapping[str, str] = {}
    fields: Mapping[FieldName, TemplateText] = {}
    where: Mapping[str, tuple[str, ...]] = {}
    channel: TemplateText = "{channel}"
    channels: Mapping[str, int] = {}
    channel_map: TemplateText | None = None
    tokens: Mapping[str, str] = {}
    ticks: float = Field(default=1.0, gt=0)

    @property
    def _beside(self) -> Mapping[str, TemplateText]:
        return {**self.format.beside, **({} if self.channel_map is None else {MAP: self.channel_map})}

    @model_validator(mode="after")
    def _what_lies_beside_is_told_by_a_name(self) -> "RowKnobs":
        for name, text in self._beside.items():
            if unknown := parse(text).variables - PLACE:
                raise ValueError(f"{name}: {text!r} uses {sorted(unknown)}, and only dir and stem are known of a file")
        return self

    def beside(self, table: str) -> Mapping[str, str]:
        """Names of the files that are read with an annotation, by what they are. Raises ValueError where its own name
        has not got what theirs is made of."""
        try:
            return {
                name: posixpath.normpath(parse(text).render(place_of(table))) for name, text in self._beside.items()
            }
        except LookupError as error:
            raise ValueError(f"does not say what lies beside it: its name {error}") from error
