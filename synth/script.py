"""The script of a spoken dialogue: who says which line, and where the parties interrupt, hesitate and nod. Text only,
no times."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from manifests.params import Params
from manifests.records import Licence, TextDialogue, generator, stable_hash
from synth.text import spoken_form
from synth.tts.engine import Line

Intent = Literal["topic", "correct", "clarify", "cancel"]

# Tokens that espeak and people say as one short sound; "mhm" is left out because espeak spells it.
BACKCHANNELS = ("yeah", "right", "okay", "uh-huh", "I see", "sure", "got it")
FILLERS = ("um", "uh")
CANCELS = ("stop", "okay, stop", "never mind", "that's enough")

_WORDS_PER_S = 2.7  # middle of the 2.0 to 3.5 of `duplex.md` 1.4, to estimate how long a turn will be
_MOST_BACKCHANNELS = 4  # per turn (`duplex.md` 1.3)
_CORRECT_STARTS = ("no", "actually", "wait", "sorry", "not", "i meant", "i said", "make it", "make that")
_CLARIFY_STARTS = (
    "what do you mean",
    "what does",
    "what was that",
    "how do you mean",
    "you mean",
    "do you mean",
    "sorry, what",
)
# A pause falls after these more often than after other words (`duplex.md` 1.3, pauses inside turns).
_LEADS_TO_PAUSE = frozenset({"and", "but", "so", "like", "or", "because", "that", "if", "to", "the", "a"})


class IntentMix(Params):
    """Shares of the kinds of barge-in (`duplex.md` 1.3)."""

    topic: float = Field(default=0.3, ge=0)
    correct: float = Field(default=0.25, ge=0)
    clarify: float = Field(default=0.25, ge=0)
    cancel: float = Field(default=0.2, ge=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.topic + self.correct + self.clarify <= 0:
            raise ValueError("one of topic, correct, clarify must be above 0")
        return self


class Interaction(Params):
    """How lively the talk is. Defaults are `duplex.md` 1.3 where no other source is named."""

    barge_in: float = Field(default=0.25, ge=0, le=1)
    """Share of the assistant's turns that the user interrupts (1.3 has 0.10 to 0.20 for whole sets; texts of one
    answer have room for none but `cancel`, hence more)."""
    intents: IntentMix = IntentMix()
    backchannels_per_minute: float = Field(default=1.5, ge=0, le=16)
    """The user's, per minute of the assistant's speech."""
    hesitation: float = Field(default=0.2, ge=0, le=1)
    """Share of the user's turns with a pause inside."""
    filler: float = Field(default=0.5, ge=0, le=1)
    """Share of hesitations that a filler announces."""


@dataclass(frozen=True)
class ScriptLine:
    """One thing to be spoken. `id` is dialogue#index; `turn` the turn it belongs to, of a backchannel the one it
    meets."""

    id: str
    role: Literal["turn", "backchannel", "filler"]
    turn: int
    speaker: Literal["assistant", "user"]
    voice: str
    text: str
    seed: int


@dataclass(frozen=True)
class ScriptTurn:
    """A turn: `text_written` as the source has it, `text` as spoken, fillers included; `lines` in the order they are
    spoken."""

    index: int
    speaker: Literal["assistant", "user"]
    voice: str
    text_written: str
    text: str
    lines: tuple[str, ...]
    emotion: str | None


@dataclass(frozen=True)
class BargeIn:
    """User turn `turn` interrupts assistant turn `target_turn`. An `added` one is no part of the source: it can be
    dropped."""

    turn: int
    target_turn: int
    intent: Intent
    added: bool


@dataclass(frozen=True)
class Backchannel:
    """A line of the user's inside assistant turn `target_turn`."""

    line: str
    target_turn: int


@dataclass(frozen=True)
class Script:
    """Everything that is decided before anything is spoken."""

    id: str
    source: str
    language: str
    licence: Licence
    scenario: str | None
    assistant_voice: str
    user_voice: str
    seed: int
    turns: tuple[ScriptTurn, ...]
    lines: tuple[ScriptLine, ...]
    barge_ins: tuple[BargeIn, ...]
    backchannels: tuple[Backchannel, ...]

    def engine_lines(self) -> list[Line]:
        """What the speech engine gets, in order."""
        return [Line(line.id, line.text, line.voice, self.language, line.seed) for line in self.lines]

    def to_json(self) -> str:
        """The same text for the same script, always."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Script":
        """The inverse of `to_json`."""
        raw: dict[str, Any] = json.loads(text)
        turns = tuple(ScriptTurn(**{**turn, "lines": tuple(turn["lines"])}) for turn in raw["turns"])
        return Script(
            **{
                **raw,
                "licence": Licence(**raw["licence"]),
                "turns": turns,
                "lines": tuple(ScriptLine(**line) for line in raw["lines"]),
                "barge_ins": tuple(BargeIn(**item) for item in raw["barge_ins"]),
                "backchannels": tuple(Backchannel(**item) for item in raw["backchannels"]),
            }
        )


def write_script(
    dialogue: TextDialogue, interaction: Interaction, assistant_voice: str, user_voices: Sequence[str], seed: int
) -> Script:
    """Choose the interaction of a dialogue that `synth.text.speakable` let through, and write its lines.

    The user's voice is drawn from `user_voices`; ValueError where there is none. Random draws depend on seed and
    dialogue alone.
    """
    if not user_voices:
        raise ValueError("write_script needs at least one user voice")
    user_voice = str(user_voices[int(generator(seed, dialogue.id, "user voice").integers(len(user_voices)))])
    writer = _Writer(dialogue, {"assistant": assistant_voice, "user": user_voice}, seed)
    for index, turn in enumerate(dialogue.turns):
        text = spoken_form(turn.text, dialogue.language)
        rng = generator(seed, dialogue.id, f"interaction {index}")
        if turn.role == "user":
            writer.user_turn(index, turn.text, text, interaction, rng)
        else:
            writer.assistant_turn(index, turn.text, text, interaction, rng)
    writer.end(interaction)
    return Script(
        id=dialogue.id,
        source=dialogue.source,
        language=dialogue.language,
        licence=dialogue.licence,
        scenario=dialogue.scenario,
        assistant_voice=assistant_voice,
        user_voice=user_voice,
        seed=seed,
        turns=tuple(writer.turns),
        lines=tuple(writer.lines),
        barge_ins=tuple(writer.barge_ins),
        backchannels=tuple(writer.backchannels),
    )


def intent_of(text: str, mix: IntentMix, rng: np.random.Generator) -> Intent:
    """What an interrupting turn is after, from its first words where they tell, else drawn among those that get an
    answer."""
    opening = text.lower()
    if opening.startswith(_CLARIFY_STARTS):
        return "clarify"
    if opening.startswith(tuple(f"{start}{end}" for start in _CORRECT_STARTS for end in (" ", ","))):
        return "correct"
    kinds: tuple[Intent, ...] = ("topic", "correct", "clarify")
    weights = np.array([mix.topic, mix.correct, mix.clarify])
    return kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]


def pause_points(text: str) -> list[int]:
    """Word counts after which a speaker may pause mid-clause: at least two words on either side, no punctuation before.

    Where a word that leads on ("and", "to") allows it, only the points after such words.
    """
    words = text.split()
    points = [n for n in range(2, len(words) - 1) if words[n - 1][-1].isalpha()]
    return [n for n in points if words[n - 1].lower() in _LEADS_TO_PAUSE] or points


class _Writer:
    """Collects the lines and events of one script."""

    def __init__(self, dialogue: TextDialogue, voices: dict[Literal["assistant", "user"], str], seed: int) -> None:
        self.dialogue, self.voices, self.seed = dialogue, voices, seed
        self.turns: list[ScriptTurn] = []
        self.lines: list[ScriptLine] = []
        self.barge_ins: list[BargeIn] = []
        self.backchannels: list[Backchannel] = []

    def user_turn(
        self, index: int, written: str, text: str, interaction: Interaction, rng: np.random.Generator
    ) -> None:
        points = pause_points(text)
        if not points or rng.random() >= interaction.hesitation:
            self._turn(index, "user", written, [("turn", text)])
            return
        words, cut = text.split(), int(rng.choice(points))
        parts: list[tuple[Literal["turn", "filler"], str]] = [("turn", " ".join(words[:cut]))]
        if rng.random() < interaction.filler:
            parts.append(("filler", str(rng.choice(FILLERS))))
        self._turn(index, "user", written, [*parts, ("turn", " ".join(words[cut:]))])

    def assistant_turn(
        self, index: int, written: str, text: str, interaction: Interaction, rng: np.random.Generator
    ) -> None:
        self._turn(index, "assistant", written, [("turn", text)])
        minutes = len(text.split()) / _WORDS_PER_S / 60
        for _ in range(min(int(rng.poisson(interaction.backchannels_per_minute * minutes)), _MOST_BACKCHANNELS)):
            line = self._line("backchannel", index, "user", str(rng.choice(BACKCHANNELS)))
            self.backchannels.append(Backchannel(line, index))
        following = self.dialogue.turns[index + 1 : index + 2]
        if following and rng.random() < interaction.barge_in:
            intent = intent_of(spoken_form(following[0].text, self.dialogue.language), interaction.intents, rng)
            self.barge_ins.append(BargeIn(index + 1, index, intent, added=False))

    def end(self, interaction: Interaction) -> None:
        """After a last turn of the assistant's, the user may cut it short and want nothing more.

        Only there can a `cancel` be met with silence, so all of a dialogue's share of them falls on that turn.
        """
        last = self.turns[-1]
        if last.speaker != "assistant":
            return
        rng = generator(self.seed, self.dialogue.id, "cancel")
        assistant_turns = sum(turn.speaker == "assistant" for turn in self.turns)
        if rng.random() < interaction.barge_in * min(1.0, interaction.intents.cancel * assistant_turns):
            text = str(rng.choice(CANCELS))
            self._turn(last.index + 1, "user", text, [("turn", text)])
            self.barge_ins.append(BargeIn(last.index + 1, last.index, "cancel", added=True))

    def _turn(
        self,
        index: int,
        speaker: Literal["assistant", "user"],
        written: str,
        parts: Sequence[tuple[Literal["turn", "filler"], str]],
    ) -> None:
        lines = tuple(self._line(role, index, speaker, text) for role, text in parts)
        text = " ".join(text for _, text in parts)
        self.turns.append(ScriptTurn(index, speaker, self.voices[speaker], written, text, lines, emotion=None))

    def _line(
        self,
        role: Literal["turn", "backchannel", "filler"],
        turn: int,
        speaker: Literal["assistant", "user"],
        text: str,
    ) -> str:
        name = f"{self.dialogue.id}#{len(self.lines)}"
        seed = int(stable_hash(self.seed, name, "speech"), 16) % 2**31
        self.lines.append(ScriptLine(name, role, turn, speaker, self.voices[speaker], text, seed))
        return name
