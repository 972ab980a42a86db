"""All speech engines, and what their declarations come to together."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.engines import cosyvoice, espeak, hibari, http, kokoro, piper
from turnmill.synth.voices import Voice, VoiceBank

_DECLARED: Final[Sequence[Declaration[Any]]] = (
    hibari.DECLARATION,
    piper.DECLARATION,
    espeak.DECLARATION,
    kokoro.DECLARATION,
    cosyvoice.DECLARATION,
    http.DECLARATION,
)

if len({declared.name for declared in _DECLARED}) < len(_DECLARED):
    raise ValueError("two speech engines have one name: rename one")

ENGINES: Final[Mapping[str, Declaration[Any]]] = {declared.name: declared for declared in _DECLARED}
"""Each engine by its name. Voices beside a bank join it in this order."""

EMBEDDED: Final[Mapping[str, Voice]] = {
    name: voice for declared in _DECLARED if declared.bank for name, voice in declared.bank.voices.items()
}
"""Every voice that an engine comes with, by its name."""
if len(EMBEDDED) < sum(len(declared.bank.voices) for declared in _DECLARED if declared.bank):
    raise ValueError("two engines have a voice of one name: rename one")


def with_beside(bank: VoiceBank, beside: Sequence[str]) -> VoiceBank:
    """A bank with voices of engines beside its own. UsageError where they do not go together."""
    for declared in _DECLARED:
        if declared.name in beside and declared.beside is not None:
            bank = declared.beside.join(bank)
    return bank


def engine_of(voice: Voice) -> str | None:
    """The engine that a voice's settings are for; None for a voice without any."""
    kinds = (name for name, declared in ENGINES.items() if declared.settings is type(voice.settings))
    return None if voice.settings is None else next(kinds, None)
