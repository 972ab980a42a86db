"""The catalogue: one YAML entry per corpus, checked against the models below.

An entry says what a corpus is, what may be done with it, how to get it, and which family of adapters reads it with
which knobs. A new corpus of a known family is an entry, not code. Entries are those of `catalog/`, those of a folder of
one's own, which the environment variable TURNMILL_CATALOG names, any YAML file, and a mapping that a recipe holds.
"""

import difflib
import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from turnmill.manifests import records
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import LanguageTag
from turnmill.manifests.params import YAML, LicenceStatement, Params, mapping, names_file, validated
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.families import IngestKnobs
from turnmill.sources.places import Place, place

OWN_FOLDER = "TURNMILL_CATALOG"
"""The environment variable that names a folder of entries of one's own."""

NAME: Final = r"^[a-z0-9][a-z0-9_.-]*$"
Kind = Literal["speech", "dialogue-speech", "emotion", "sound", "music", "noise", "rir", "text"]
"""What a corpus is of: its audio, or written dialogues."""


class LicenceTerms(LicenceStatement):
    """`verified`: read by a person in the licence's own text; `note`: what the terms add."""

    verified: bool = False
    note: str = ""


class Access(Params):
    """How a corpus is had. `how`: what one does, and what the root of the corpus is then; `commands`: the same for a
    shell, where there is no more to it.
    """

    kind: Literal["public", "form", "gated", "paid", "urls_only", "withdrawn", "local", "generated"]
    url: str = ""
    how: str
    commands: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the material is the user's, who says what its licence is."""
        return self.kind in ("local", "generated")

    @property
    def is_generated(self) -> bool:
        """Whether a run makes it."""
        return self.kind == "generated"


class Expect(Params):
    """What the whole release holds. `sample_rate` in Hz and `channels` of its files, `hours` of audio, `items`: clips
    or dialogues; null where it varies or nobody knows."""

    sample_rate: int | None = None
    channels: int | None = None
    codec: str | None = None
    hours: float | None = None
    items: int | None = None


class Entry(Params):
    """A corpus.

    lang: BCP-47, of items that state none; null where it varies or is unknown. languages: all of them, where there are
    several. layout: what lies below its root, a path a line with <variable> parts; two spaces before what is said of
    it. text_style, trust: how its text is written, and who made it. overlaps: what its audio or texts come from, as
    `librivox` or the name of an entry, of which others may have the same; where it is known, a clip's `parent` is
    `librivox/<id there>`. eval_only: what models are judged on, and no recipe trains on. nothing: why there is nothing
    to ingest, in place of `ingest`.
    """

    name: str = Field(pattern=NAME)
    title: str
    kind: Kind
    lang: LanguageTag | None = None
    languages: tuple[LanguageTag, ...] = ()
    licence: LicenceTerms
    access: Access
    layout: str = ""
    expect: Expect = Expect()
    text_style: Literal["cased", "upper_nopunct", "lower_nopunct", "punct_tokens", "whisper", "ocr"] | None = None
    trust: Literal["human", "asr", "template"] | None = None
    overlaps: tuple[Annotated[str, Field(pattern=NAME)], ...] = ()
    eval_only: bool = False
    ingest: IngestKnobs | None = Field(default=None, discriminator="family")
    nothing: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_read_or_says_why_not(self) -> "Entry":
        if self.ingest is not None and self.nothing is not None:
            raise ValueError("has `ingest`, and `nothing`, the reason why there is nothing to ingest: keep one")
        if self.ingest is None:
            if self.nothing is None:
                raise ValueError("has no `ingest`: say how it is read, or in `nothing` why there is nothing to ingest")
            return self
        if (self.kind == "text") != (self.ingest.holds == "text"):
            raise ValueError(
                f"`kind` is {self.kind!r}, and the family {self.ingest.family!r} reads {self.ingest.holds}"
            )
        return self

    @model_validator(mode="after")
    def _lang_is_one_of_its_languages(self) -> "Entry":
        if self.languages and self.lang not in (None, *self.languages):
            raise ValueError(f"`lang` is {self.lang!r}, which is not among the `languages`: add it, or leave one out")
        return self

    @model_validator(mode="after")
    def _each_channel_has_a_role(self) -> "Entry":
        roles, channels = self.ingest.roles if self.ingest else (), self.expect.channels
        if roles and channels not in (None, len(roles)):
            raise ValueError(f"`ingest.roles` names {len(roles)} channels, and `expect.channels` is {channels}")
        return self

    @property
    def is_speech(self) -> bool:
        """Whether it is of people who speak, so that there are words to be heard."""
        return self.kind in ("speech", "dialogue-speech", "emotion")

    @property
    def family(self) -> IngestKnobs:
        """What reads it. Raises UsageError, with the reason, where there is nothing to ingest."""
        if self.ingest is None:
            raise UsageError(f"{self.name}: there is nothing to ingest: {self.nothing}")
        return self.ingest

    @property
    def spoken(self) -> tuple[str, ...]:
        """Its languages, as far as they are known."""
        return self.languages or tuple(filter(None, (self.lang,)))

    @property
    def licences_each(self) -> bool:
        """Whether its items have licences of their own, which may allow less than that of the corpus."""
        return "licence" in getattr(self.ingest, "fields", ())

    def corpus(
        self, root: Place | Path | str, licence: records.Licence | None = None, *, keep_untranscribed: bool = False
    ) -> Corpus[Any]:
        """The corpus where it lies, a path or URL. `licence`: in place of the entry's; see `Corpus` for the rest.
        Raises UsageError where there is nothing to ingest."""
        licence = licence or self.licence.licence
        return Corpus(self.name, place(root), self.family, licence, self.lang, keep_untranscribed)


def names() -> list[str]:
    """Names of the catalogue's entries, one's own among them, sorted."""
    return sorted(_files())


def own_names() -> list[str]:
    """Those of them that are in the folder of one's own."""
    return sorted(_own_files())


def load(source: str | Mapping[str, Any], where: str = "corpus") -> Entry:
    """The entry of that name, in that YAML file (`names_file`), or in that mapping, which errors call `where`.

    Raises UsageError naming near names when there is none, or the file and key of what is wrong with it.
    """
    if not isinstance(source, str):
        return _unlike_others(validated(Entry, dict(source), where), where)
    if names_file(source):
        path = Path(source)
        return _unlike_others(_read(path, source), source, path)
    known = _files()
    if source not in known:
        near = difflib.get_close_matches(source, known, n=3, cutoff=0.4)
        meant = f"did you mean {', '.join(near)}?" if near else "`turnmill sources` lists them."
        raise UsageError(
            f"no source is called {source!r}: {meant} Of a file of your own give the path, as in ./my-corpus.yaml"
        )
    entry = _read(known[source], origin(source))
    if entry.name != source:
        raise UsageError(f"{origin(source)}: `name` is {entry.name!r}, it must be the file's own name")
    return entry


def origin(name: str) -> str:
    """Where the entry of a name is written: one of ours by its place in the checkout, one's own by its path."""
    own = _own_files()
    return str(own[name]) if name in own else f"sources/catalog/{name}.yaml"


def override(entry: Entry, changes: Mapping[str, Any], where: str) -> Entry:
    """The entry with keys replaced, as a recipe states them; `ingest` is merged knob by knob, unless it names another
    family.

    Raises UsageError beginning with `where` (the recipe's file and key) for an unknown key or a bad value.
    """
    data = entry.model_dump()
    ingest, own = changes.get("ingest"), data["ingest"] or {}
    if isinstance(ingest, Mapping) and ingest.get("family", own.get("family")) == own.get("family"):
        changes = {**changes, "ingest": {**own, **ingest}}
    changed = validated(Entry, {**data, **changes}, where)
    return changed if changed.name == entry.name else _unlike_others(changed, where)


def shipped_names() -> list[str]:
    """Names of the entries that come with Turnmill, sorted."""
    return sorted(_entries(resources.files("turnmill.sources").joinpath("catalog")))


def _files() -> dict[str, Traversable]:
    """The files of the catalogue by the names of their entries. Raises UsageError where two have one name."""
    ours = _entries(resources.files("turnmill.sources").joinpath("catalog"))
    own = _own_files()
    for name in sorted(ours.keys() & own.keys()):
        raise UsageError(f"{own[name]}: the catalogue has an entry {name!r} already: give yours another name")
    return {**ours, **own}


def _own_files() -> dict[str, Traversable]:
    """The same of the folder of one's own, where there is one."""
    folder = os.environ.get(OWN_FOLDER)
    if not folder:
        return {}
    try:
        return _entries(Path(folder))
    except OSError as error:
        raise UsageError(f"{OWN_FOLDER}: {folder} is not a folder of entries: {error.strerror}") from error


def _entries(folder: Traversable) -> dict[str, Traversable]:
    files = sorted((file for file in folder.iterdir() if file.name.endswith(YAML)), key=lambda file: file.name)
    named: dict[str, Traversable] = {}
    for file in files:
        name = file.name.rpartition(".")[0]
        if name in named:
            raise UsageError(f"{file}: {named[name].name} beside it has the same name: rename or remove one")
        named[name] = file
    return named


def _read(file: Traversable, where: str) -> Entry:
    """The entry in a file, which errors call `where`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        name = Path(where).stem
        meant = f"that of the catalogue is `{name}`, without folder and ending" if name in _files() else "name a file"
        raise UsageError(f"{where}: there is no such catalogue entry; {meant}") from error
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a path with a zero byte
        raise UsageError(f"{where}: cannot be read as a catalogue entry: {error}") from error
    return _written(text, where)


@lru_cache(maxsize=256)  # a run asks for each of its entries several times
def _written(text: str, where: str) -> Entry:
    return validated(Entry, mapping(text, where, "an entry"), where)


def _unlike_others(entry: Entry, where: str, path: Path | None = None) -> Entry:
    """An entry from outside the catalogue, which may not be taken for one of its entries, unless it is that very file.

    Raises UsageError.
    """
    known = _files().get(entry.name)
    if known is None or (path is not None and isinstance(known, Path) and known.samefile(path)):
        return entry
    raise UsageError(f"{where}: name: the catalogue has an entry {entry.name!r} already: give yours another name")
