"""Who speaks: the bank of voices that a recipe asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from manifests.errors import UsageError
from manifests.languages import PrimaryTag
from manifests.params import LicenceStatement, Params
from manifests.records import stable_hash
from pipelines.stage import Workspace
from pipelines.stages.voices import VoicesParams, read_bank
from synth.voices import EMBEDDED, Split, Voice, VoiceBank


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
    """Where the voices come from: a table of this run, names, or the embedded engine."""

    table: bool
    names: VoiceNames | None

    @property
    def needs(self) -> tuple[str, ...]:
        """The tables that `read` reads."""
        return ("voices",) if self.table else ()

    @property
    def identity(self) -> str:
        """A voice is its settings, not its name; the table has a fingerprint of its own."""
        return "" if self.fixed is None else stable_hash(repr(self.fixed))

    def read(self, workspace: Workspace) -> VoiceBank:
        """The voices, without prompts."""
        return self.fixed or read_bank(workspace, prompts=False)

    @property
    def fixed(self) -> VoiceBank | None:
        """The voices that need no table; None where they are in one."""
        if self.table:
            return None
        return EMBEDDED if self.names is None else _named(self.names)


def bank(engine: str, voices: VoicesParams | None, names: VoiceNames | None) -> Bank:
    """The bank for an engine. UsageError where the engine cannot use it."""
    if voices is not None and names is not None:
        raise UsageError("the recipe has both `voices` and `voice_names`: leave one out")
    if engine == "espeak" and (voices is not None or names is not None):
        raise UsageError("speak.engine is espeak, which has voices of its own: leave `voices` and `voice_names` out")
    if engine == "http" and voices is not None:
        raise UsageError("speak.engine is http, which clones no voices: name the server's own under `voice_names`")
    if engine != "espeak" and voices is None and names is None:
        cloned = (
            "`voices: {from: OUT}`, the output of a run whose clips are to be cloned, or " if engine != "http" else ""
        )
        raise UsageError(
            f"speak.engine is {engine}, and the recipe names no voice: add {cloned}`voice_names: {{assistants, train, "
            "valid, test, licence}`, lists of names that the engine knows"
        )
    if names is not None:
        every = [*names.assistants, *names.train, *names.valid, *names.test]
        if twice := sorted({name for name in every if every.count(name) > 1}):
            raise UsageError(f"voice_names: {twice[0]!r} is named twice; a voice belongs to one split")
    return Bank(voices is not None, names)


def _named(names: VoiceNames) -> VoiceBank:
    def voices(group: Sequence[str]) -> tuple[Voice, ...]:
        licence = names.licence.licence
        return tuple(Voice(name, language, None, None, licence) for language in names.languages for name in group)

    users: Mapping[Split, tuple[Voice, ...]] = {
        "train": voices(names.train),
        "valid": voices(names.valid),
        "test": voices(names.test),
    }
    return VoiceBank(voices(names.assistants), users)
