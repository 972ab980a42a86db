"""A turn that a script is going to have, before it has an index, a voice and lines."""

from dataclasses import dataclass

from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.text import spoken_form


@dataclass(frozen=True)
class Part:
    """`turn` as it was written, `text` as it is spoken. `written` is what of a source it says, None for nothing;
    `borrowed` the id of the dialogue that it is of, where it is another one. `interrupted`: not said to its
    end."""

    turn: TextTurn
    text: str
    written: str | None = None
    borrowed: str | None = None
    misheard: bool = False
    interrupted: bool = False

    @property
    def is_user(self) -> bool:
        return self.turn.role == "user"


def parts_of(dialogue: TextDialogue, borrowed: bool = False) -> tuple[Part, ...]:
    """The turns of a dialogue, in order."""
    of = dialogue.id if borrowed else None
    return tuple(Part(turn, spoken_form(turn.text, dialogue.language), turn.written, of) for turn in dialogue.turns)
