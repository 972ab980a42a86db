"""Who speaks: the bank of voices that a recipe asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import PrimaryTag
from turnmill.manifests.licences import licence_of
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import Licence, stable_hash
from turnmill.pipelines.stage import Row, Workspace, read_span
from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.declared import ENGINES, with_beside
from turnmill.synth.voices import Prompt, Split, Voice, VoiceBank

TABLE: Final = "voices"
ALL: Final = "all"
"""The table that a run keeps its voices in, and its one part."""

_CLONED: Final = "`voices: {from: OUT}`, the output of a run whose clips are to be cloned"
_NAMED: Final = "`voice_names: {assistants, train, valid, test, licence}`, lists of names that the engine knows"


class VoiceNames(Params):
    """Voices that the engine knows by name: a server's, or the speakers of a model. No name may be in two places."""

    assistants: tuple[str, ...] = Field(min_length=1)
    train: tuple[str, ...] = Field(min_length=1)
    valid: tuple[str, ...] = Field(min_length=1)
    test: tuple[str, ...] = Field(min_length=1)
    languages: tuple[PrimaryTag, ...] = Field(default=("en",), min_length=1, description="that each of them speaks")
    licence: LicenceStatement = Field(description="of the speech that is made with them")


@dataclass(frozen=True)
class Bank:
    """Where the voices come from: a table of this run, or else they are `fixed`."""

    fixed: VoiceBank | None

    @property
    def needs(self) -> tuple[str, ...]:
        """The tables that `read` reads."""
        return (TABLE,) if self.fixed is None else ()

    @property
    def identity(self) -> str:
        """A voice is its settings, not its name; the table has a fingerprint of its own."""
        return "" if self.fixed is None else stable_hash(repr(self.fixed))

    def read(self, workspace: Workspace) -> VoiceBank:
        """The voices, without prompts."""
        return self.fixed or read_bank(workspace, prompts=False)


def bank(engine: str, beside: Sequence[str], *, cloned: bool, names: VoiceNames | None) -> Bank:
    """The bank for an engine and those beside it: `cloned` from a run, of named voices, or the engine's own. UsageError
    where the engine cannot use it."""
    declared = ENGINES[engine]
    if cloned and names is not None:
        raise UsageError("the recipe has both `voices` and `voice_names`: leave one out")
    if not declared.clones and declared.named is None and (cloned or names is not None):
        raise UsageError(f"speak.engine is {engine}, which has voices of its own: leave `voices` and `voice_names` out")
    if not declared.clones and cloned:
        raise UsageError(f"speak.engine is {engine}, which clones no voices: name its own under `voice_names`")
    if names is not None:
        if declared.named is None:
            raise UsageError(f"speak.engine is {engine}, which knows no voice by a name: leave `voice_names` out")
        return Bank(with_beside(_named(names, declared, declared.named), beside))
    if cloned:
        return Bank(None)
    if declared.bank is None:
        ways = [_CLONED] if declared.clones else []
        ways += [_NAMED] if declared.named else []
        raise UsageError(f"speak.engine is {engine}, and the recipe names no voice: add {', or '.join(ways)}")
    return Bank(with_beside(declared.bank, beside))


def _named(names: VoiceNames, declared: Declaration[Any], named: Callable[[str, str, Licence], Voice]) -> VoiceBank:
    """The voices that an engine knows by names. UsageError for names that cannot be, or are in two places."""
    groups = {place: getattr(names, place) for place in ("assistants", "train", "valid", "test")}
    every = [name for group in groups.values() for name in group]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        raise UsageError(f"voice_names: {twice[0]!r} is named twice; a voice belongs to one split")
    declared.check_names(groups)
    if declared.languages and (foreign := sorted(set(names.languages).difference(declared.languages))):
        known = ", ".join(declared.languages)
        raise UsageError(f"voice_names.languages: {declared.name} speaks {known}, not {foreign[0]!r}: take it out")

    def voices(group: Sequence[str]) -> tuple[Voice, ...]:
        licence = names.licence.licence
        return tuple(named(name, language, licence) for language in names.languages for name in group)

    users: Mapping[Split, tuple[Voice, ...]] = {split: voices(groups[split]) for split in get_args(Split)}
    return VoiceBank(voices(names.assistants), users)


def read_bank(workspace: Workspace, *, prompts: bool = True) -> VoiceBank:
    """The bank that `stages.voices` wrote; without `prompts` no audio is read (a voice's prompt takes about 200 kB)."""
    rows = workspace.rows(TABLE, ALL)
    if not prompts:
        return _bank([_voice(row, None) for row in rows], rows)
    with workspace.open_tar(TABLE, ALL) as tar:
        flacs = [read_span(tar, row["offset"], row["size"]) for row in rows]
    return _bank([_voice(row, Prompt(flac, row["text"])) for row, flac in zip(rows, flacs, strict=True)], rows)


def _voice(row: Row, prompt: Prompt | None) -> Voice:
    licence = replace(licence_of(row["licence"], row["licence_redistribute"]), derivatives=True)  # no other is chosen
    return Voice(row["name"], row["language"], row["accent"], row["gender"], licence, prompt=prompt)


def _bank(voices: Sequence[Voice], rows: Sequence[Row]) -> VoiceBank:
    places = [(row["role"], row["split"]) for row in rows]
    users: dict[Split, tuple[Voice, ...]] = {
        split: tuple(voice for voice, place in zip(voices, places, strict=True) if place == ("user", split))
        for split in get_args(Split)
    }
    return VoiceBank(tuple(v for v, (role, _) in zip(voices, places, strict=True) if role == "assistant"), users)
