"""What Turnmill is told of a speech engine, once: recipes, banks of voices, prices, cards and `turnmill doctor` derive
from it.

A declaration stands in the engine's own module, below its class; `synth.tts.declared` lists them all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.manifests.records import Licence
from turnmill.synth.tts.engine import Engine
from turnmill.synth.voices import Voice, VoiceBank

P = TypeVar("P", bound=Params)


class NoParams(Params):
    """Of an engine that a recipe says nothing of but its name."""


class Missing(UsageError):
    """What an engine lacks here, and the command that gets it."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(f"{what}: {command}")
        self.what = what
        self.command = command


def _nothing(_: object) -> None:
    """What most engines have to do or to say."""


@dataclass(frozen=True)
class Beside:
    """How an engine speaks beside another one that has voices of its own. `choice` says for whom, to who chooses
    `speak.beside`; `join` gives a bank these voices too. It raises UsageError where they do not go together."""

    choice: str
    join: Callable[[VoiceBank], VoiceBank]


@dataclass(frozen=True, kw_only=True)
class Declaration(Generic[P]):
    """An engine, its parameters of class P."""

    name: str
    """As recipes and the column `engine` have it."""
    role: str
    """What it does, in a few words, e.g. "speaks English, embedded"."""
    choice: str = ""
    """The same for who chooses `speak.engine`, where it can be that."""
    make: Callable[[P, Mapping[str, Voice]], Engine]
    """The engine with voices by name. What is heavy is imported and loaded by its first line. Raises UsageError where
    something is missing."""

    params: type[P]
    """Its keys, under `speak.<name>`: none where the class has no fields; a recipe must have them where one of the
    fields has no default."""
    models: Sequence[str] = ()
    """Those of its keys that name a model, or its folder on this host: results tell the model's name."""
    folders: Sequence[str] = ()
    """Those that may name another folder of this host: results do not tell it."""
    host_facts: Sequence[str] = ()
    """Those that say where and how it is run or asked, and change nothing that is heard: results do not tell them."""
    secret: bool = False
    """Whether a key or token may have been pasted below `speak.<name>`: errors do not repeat what was given there."""

    bank: VoiceBank | None = None
    """Its own voices. Without an assistant among them it only speaks beside another engine."""
    settings: type | None = None
    """The class of `Voice.settings` that tells its voices from those of others; None for voices without settings."""
    beside: Beside | None = None
    """None where it does not speak beside others."""
    named: Callable[[str, str, Licence], Voice] | None = None
    """The voice that a recipe means by a name, in a language (the first part of a BCP 47 tag), with the licence of what
    it speaks; None where a recipe names no voices."""
    check_names: Callable[[Mapping[str, Sequence[str]]], None] = _nothing
    """UsageError for what cannot be names, by their place in `voice_names`."""
    clones: bool = False
    """Whether it speaks in the voices of recordings."""
    languages: Sequence[str] | None = None
    """What it speaks at most, as first parts of BCP 47 tags; None where that is for others to know."""
    states_times: bool
    """Whether its speech comes with the times of its words; else they are found by an aligner."""
    performs: Callable[[P], Collection[str]] = lambda _: ()
    """What of `synth.speech.MANNERS` is heard when a line asks for it. Dialogues ask for nothing else, nor does a label
    say anything else. It is known without the model."""

    heavy: bool = False
    """Whether its model wants a worker of its own, with 4 GiB."""
    gpu: bool = False
    """Whether its speech is reckoned to cost time of a GPU, here or at a server."""
    at_once: Callable[[P], int] = lambda _: 1
    """Lines that it should be given together at least."""
    has_time_limits: bool = False
    """Whether it gives up by itself on a line that takes too long."""
    identity: Callable[[P], str] | None = None
    """The `identity` of the engine where it can be known without making one."""

    check: Callable[[P], None] = _nothing
    """UsageError for what is missing on any machine, models of the Hub apart."""
    check_here: Callable[[P], None] = _nothing
    """UsageError for what is missing in the Python that speaks."""
    unfetched: Callable[[P], str | None] = _nothing
    """The model of the Hub that has to be fetched before the first line; None where all is here."""
    fetch: Callable[[P], object] = _nothing
    """Fetch the model from the Hub, where it is one of the Hub's, as it is there now."""

    examine: Callable[[], str] | None = None
    """Try it, quickly and offline, and say what is here. Raises where it cannot run, `Missing` with a command. None
    where it is enough to make it with its own bank, or nothing can be tried."""
    fix: str = ""
    """The command that makes it run."""
    limit: str | None = None
    """A sentence for the card of a dataset that it spoke, on what its speech is not."""

    @property
    def leads(self) -> bool:
        """Whether it can be `speak.engine`."""
        return self.bank is None or bool(self.bank.assistants)

    @property
    def embedded(self) -> bool:
        """Whether it has voices of its own to lead a dialogue."""
        return self.bank is not None and self.leads

    @property
    def can_be_tried(self) -> bool:
        """Whether it can be told here whether it runs."""
        return self.examine is not None or self.bank is not None

    def tried(self) -> str:
        """What was found by trying it, as `examine`."""
        if self.examine is not None:
            return self.examine()
        assert self.bank is not None
        self.make(self.params(), self.bank.voices)
        return f"{len(self.bank.voices)} voices: {', '.join(self.bank.languages)}"
