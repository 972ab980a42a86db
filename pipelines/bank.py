"""Who speaks: the bank of voices that a recipe asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import PrimaryTag
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import stable_hash
from turnmill.pipelines.stage import Workspace
from turnmill.pipelines.stages.speak import SpeakParams
from turnmill.pipelines.stages.voices import VoicesParams, read_bank
from turnmill.synth.banks import OWN, with_beside
from turnmill.synth.voices import Blend, Split, Voice, VoiceBank


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
        return ("voices",) if self.fixed is None else ()

    @property
    def identity(self) -> str:
        """A voice is its settings, not its name; the table has a fingerprint of its own."""
        return "" if self.fixed is None else stable_hash(repr(self.fixed))

    def read(self, workspace: Workspace) -> VoiceBank:
        """The voices, without prompts."""
        return self.fixed or read_bank(workspace, prompts=False)


def bank(speak: SpeakParams, voices: VoicesParams | None, names: VoiceNames | None) -> Bank:
    """The bank for an engine. UsageError where the engine cannot use it."""
    engine = speak.engine
    if voices is not None and names is not None:
        raise UsageError("the recipe has both `voices` and `voice_names`: leave one out")
    if engine in ("espeak", "hibari") and (voices is not None or names is not None):
        raise UsageError(f"speak.engine is {engine}, which has voices of its own: leave `voices` and `voice_names` out")
    if engine in ("http", "kokoro") and voices is not None:
        raise UsageError(f"speak.engine is {engine}, which clones no voices: name its own under `voice_names`")
    if engine not in OWN and voices is None and names is None:
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
        if engine == "kokoro":
            _check_blends(names)
    if voices is not None:
        return Bank(None)
    own = OWN[engine] if names is None else _named(names, engine)
    if "piper" in speak.beside and "en" not in own.languages:
        raise UsageError("speak.beside: piper speaks English, and no other voice of the recipe does: take it out")
    return Bank(with_beside(own, speak.beside))


def _check_blends(names: VoiceNames) -> None:
    """UsageError for what is no name and no blend of two, and for a voice that is part of people of two splits."""
    places: dict[str, str] = {}
    people: set[frozenset[str]] = set()
    for place in ("assistants", "train", "valid", "test"):
        for name in getattr(names, place):
            parts = name.split("+")
            if len(parts) > 2 or not all(parts) or len(set(parts)) < len(parts):
                raise UsageError(f"voice_names.{place}: {name!r} is neither a voice nor two with a plus between them")
            if frozenset(parts) in people:
                raise UsageError(f"voice_names.{place}: {name!r} is there already, its two voices the other way round")
            people.add(frozenset(parts))
            for part in parts:
                if places.setdefault(part, place) != place:
                    raise UsageError(f"voice_names: {part!r} is a part of {places[part]} and of {place}: choose one")


def _named(names: VoiceNames, engine: str) -> VoiceBank:
    """Kokoro blends the voices between whose names is a plus."""

    def voices(group: Sequence[str]) -> tuple[Voice, ...]:
        licence = names.licence.licence
        blends = engine == "kokoro"
        return tuple(
            Voice(f"kokoro-{language}-{name}", language, None, None, licence, Blend(tuple(name.split("+"))))
            if blends
            else Voice(name, language, None, None, licence)
            for language in names.languages
            for name in group
        )

    users: Mapping[Split, tuple[Voice, ...]] = {
        "train": voices(names.train),
        "valid": voices(names.valid),
        "test": voices(names.test),
    }
    return VoiceBank(voices(names.assistants), users)
