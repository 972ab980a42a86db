"""A script: everything about a dialogue that is decided before anything is spoken. Text only, no times."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from turnmill.manifests.records import Intent, Licence, ToolCall

Party = Literal["assistant", "user"]
Role = Literal["turn", "backchannel", "filler", "failed_barge_in", "side_talk", "third_party"]
IntrusionKind = Literal["failed_barge_in", "noise_burst", "cough", "side_talk", "third_party"]


@dataclass(frozen=True)
class ScriptLine:
    """One thing to be spoken. `id` is dialogue#index; `turn` the turn it belongs to, or else meets."""

    id: str
    role: Role
    turn: int
    speaker: Literal["assistant", "user", "other"]
    voice: str
    text: str
    emotion: str | None
    seed: int
    style: str | None = None


@dataclass(frozen=True)
class ScriptTurn:
    """A turn: `text_written` as the source has it (None: no part of the source), `text` as spoken, fillers included;
    `lines` in the order they are spoken. `after_silence` says that the same party had the turn before; `misheard` that
    an assistant answers what was not asked; `shortened` that the source goes on; `borrowed` the id of the dialogue that
    a turn's text is of, where it is not the script's own."""

    index: int
    speaker: Party
    voice: str
    text_written: str | None
    text: str
    lines: tuple[str, ...]
    emotion: str | None
    tool: ToolCall | None
    after_silence: bool
    style: str | None = None
    misheard: bool = False
    shortened: bool = False
    borrowed: str | None = None


@dataclass(frozen=True)
class BargeIn:
    """User turn `turn` interrupts assistant turn `target_turn`, of which at least `said` tokens are heard first, and
    fewer than `until` (None: any). `turns` from `turn` on are there because of the interruption alone, and go with it
    where speech has no room for it; the others then follow when the assistant has ended."""

    turn: int
    target_turn: int
    intent: Intent
    said: int = 0
    until: int | None = None
    turns: int = 0


@dataclass(frozen=True)
class Backchannel:
    """A line of one party's inside turn `target_turn` of the other's. `after` are the counts of that turn's audible
    tokens after one of which it falls, the first that has room."""

    line: str
    speaker: Party
    target_turn: int
    after: tuple[int, ...]


@dataclass(frozen=True)
class Intrusion:
    """Something on the user's channel during assistant turn `target_turn` at which the assistant need not yield.

    `line` is that of who speaks; of noise_burst and cough it is a name that stands for the sound, and each take of the
    dialogue draws a `sound` for it. `resume`: the assistant stops at its next pause, and goes on. `after` are the
    counts of the turn's audible tokens after one of which it begins (None: anywhere).
    """

    kind: IntrusionKind
    target_turn: int
    line: str
    resume: bool
    sound: str | None = None
    after: tuple[int, ...] | None = None


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
    intrusions: tuple[Intrusion, ...]

    def to_json(self) -> str:
        """The same text for the same script, always."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Script":
        """The inverse of `to_json`."""
        raw: dict[str, Any] = json.loads(text)
        return Script(
            **{
                **raw,
                "licence": Licence(**raw["licence"]),
                "turns": tuple(_turn(turn) for turn in raw["turns"]),
                "lines": tuple(ScriptLine(**line) for line in raw["lines"]),
                "barge_ins": tuple(BargeIn(**item) for item in raw["barge_ins"]),
                "backchannels": tuple(_backchannel(item) for item in raw["backchannels"]),
                "intrusions": tuple(_intrusion(item) for item in raw["intrusions"]),
            }
        )


def _turn(raw: dict[str, Any]) -> ScriptTurn:
    tool = ToolCall(**raw["tool"]) if raw["tool"] else None
    return ScriptTurn(**{**raw, "lines": tuple(raw["lines"]), "tool": tool})


def _intrusion(raw: dict[str, Any]) -> Intrusion:
    return Intrusion(**{**raw, "after": None if raw["after"] is None else tuple(raw["after"])})


def _backchannel(raw: dict[str, Any]) -> Backchannel:
    return Backchannel(**{**raw, "after": tuple(raw["after"])})
