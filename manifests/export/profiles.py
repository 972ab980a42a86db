"""The targets: those of every family."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from turnmill.manifests.errors import UsageError
from turnmill.manifests.export import (
    audio_tasks,
    chat,
    conversations,
    duplex_audio,
    lucy,
    rounds,
    speech_synthesis,
    utterance_tars,
    utterances,
)
from turnmill.manifests.export.profile import Profile

_DIALOGUES: Final = (duplex_audio, rounds, conversations, chat, lucy)
_CLIPS: Final = (utterances, speech_synthesis, utterance_tars, audio_tasks)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile for family in (*_DIALOGUES, *_CLIPS) for profile in family.PROFILES
}


def named(formats: str) -> Sequence[Profile]:
    """The profiles of `A,B`, each once. Raises UsageError for one that is not there."""
    names = list(dict.fromkeys(name.strip() for name in formats.split(",")))
    for name in names:
        if name not in PROFILES:
            near = difflib.get_close_matches(name.lower(), PROFILES, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(PROFILES)}"
            raise UsageError(f"--format {name or repr(name)} is no format of Turnmill's: {meant}")
    return [PROFILES[name] for name in names]
