"""The timeline of a dialogue: what sounds when, in integer samples at 24 kHz, and every label that follows from it. No
audio."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from turnmill.synth.acoustics import Acoustics
from turnmill.synth.channels import RATE

Speaker = Literal["assistant", "user"]

BACKCHANNELS = ("user_backchannel", "assistant_backchannel")
SAID = (*BACKCHANNELS, "failed_barge_in")
"""Events in which a party says what belongs to no turn."""


@dataclass(frozen=True)
class Clip:
    """Samples [start, stop) of a line, put at sample `at` of a channel with a gain and raised-cosine fades (in
    samples)."""

    line: str
    channel: int
    at: int
    start: int
    stop: int
    gain_db: float
    fade_in: int
    fade_out: int

    @property
    def end(self) -> int:
        """First sample of the channel after the clip."""
        return self.at + self.stop - self.start


@dataclass(frozen=True)
class TimedWord:
    """A word that is heard in [start, end), or one that its speaker did not get to say: that has no time."""

    text: str
    start: int | None
    end: int | None

    @property
    def heard(self) -> bool:
        return self.end is not None


@dataclass(frozen=True)
class Turn:
    """A turn that was taken: [start, end) is its speech. `fto` is the start minus the end of the other party's last
    turn.

    `text` is what it would have said, `text_heard` what it says. `words` has the heard ones, then the unheard. Of
    recorded talk nobody knows what was planned, nor the voice, and what is said only where it was recognised.
    """

    index: int
    speaker: Speaker
    channel: int
    start: int
    end: int
    text: str | None
    text_heard: str | None
    voice: str | None
    emotion: str | None
    style: str | None
    interrupted: bool
    misheard: bool | None
    shortened: bool | None
    borrowed: str | None
    fto: int | None
    words: tuple[TimedWord, ...]


@dataclass(frozen=True)
class Event:
    """Something that happens between the parties in [start, end).

    `turn` is the turn of the event's own speaker, `target_turn` the other party's that it meets. Per kind
    (`manifests.schema.EVENT_KINDS`):

    - turn_shift: the gap before turn `turn`.
    - cooperative_overlap: from the start of turn `turn`, in the last 0.8 s and the final IPU of `target_turn`, to the
      end of that, which is complete.
    - long_overlap: the same, earlier or longer: for a while both talk.
    - barge_in: the user's turn that makes the assistant yield. `latency` is the time to `stop`; `params`:
      intent, stop (the assistant is digital silence from here), fade (its length, before the stop), onset (clause or
      word), cut_word (text or null), said and until (the script's bounds of the target's tokens: at least so many are
      heard before the start, fewer than so many in all).
    - failed_barge_in: the user starts and gives up, the assistant goes on; `params`: resumed (whether it had stopped
      first), then stop and resume (it is silent in between; null unless resumed), level_db.
    - user_backchannel, assistant_backchannel: a short token while the other party keeps the floor; `params`: level_db
      against the speaker's turns.
    - hesitation: the silence inside a user's turn; `params`: filler (text or null).
    - silence_timeout: nobody speaks between the end of `target_turn` and turn `turn`, both the assistant's.
    - noise_burst, cough: `params`: sound (its name), level_db against the user's turns. These and the next two are on
      the user's delivered channel alone.
    - side_talk, third_party: words of the user, or of somebody else, to somebody else; `params`: voice, level_db.
    - echo: what the assistant says, as the user's microphone hears it; `params`: gain, delay.

    `stop`, `fade`, `resume`, `delay` and `latency` are samples here and seconds in the sample's JSON, where each of
    `params` is a field of its own.
    """

    kind: str
    channel: int
    start: int
    end: int
    turn: int | None
    target_turn: int | None
    latency: int | None
    text: str | None
    params: dict[str, Any]


@dataclass(frozen=True)
class ChannelWord:
    """A word of a channel; `turn` is None in a backchannel or a failed barge-in."""

    word: TimedWord
    turn: int | None


class Labels(Protocol):
    """What is told of a dialogue, planned or recorded."""

    @property
    def dialogue(self) -> str: ...

    @property
    def turns(self) -> tuple[Turn, ...]: ...

    @property
    def events(self) -> tuple[Event, ...]: ...

    @property
    def words(self) -> tuple[tuple[ChannelWord, ...], tuple[ChannelWord, ...]]: ...


@dataclass(frozen=True)
class Unplaced:
    """Something that the script asked for and the speech had no room for: it is in neither audio nor labels."""

    kind: str
    turn: int
    why: str


@dataclass(frozen=True)
class Timeline:
    """A planned dialogue of `n_samples` per channel. Turns, events and clips are in the order of their start.

    `clips` make the two clean stems; `beside` is what the user's microphone hears besides. `acoustics` is what happens
    to the user's channel then.
    """

    dialogue: str
    seed: int
    sample_rate: int
    n_samples: int
    clips: tuple[Clip, ...]
    beside: tuple[Clip, ...]
    turns: tuple[Turn, ...]
    events: tuple[Event, ...]
    words: tuple[tuple[ChannelWord, ...], tuple[ChannelWord, ...]]
    unplaced: tuple[Unplaced, ...]
    acoustics: Acoustics

    def to_json(self) -> str:
        """The same text for the same timeline, always."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Timeline":
        """The inverse of `to_json`."""
        raw = json.loads(text)
        turns = tuple(Turn(**{**turn, "words": _words(turn["words"])}) for turn in raw["turns"])
        assistant, user = (
            tuple(ChannelWord(TimedWord(**word["word"]), word["turn"]) for word in words) for words in raw["words"]
        )
        return Timeline(
            **{
                **raw,
                "clips": tuple(Clip(**clip) for clip in raw["clips"]),
                "beside": tuple(Clip(**clip) for clip in raw["beside"]),
                "turns": turns,
                "events": tuple(Event(**event) for event in raw["events"]),
                "words": (assistant, user),
                "unplaced": tuple(Unplaced(**item) for item in raw["unplaced"]),
                "acoustics": Acoustics.from_dict(raw["acoustics"]),
            }
        )


def _words(raw: list[dict[str, Any]]) -> tuple[TimedWord, ...]:
    return tuple(TimedWord(**word) for word in raw)


def seconds(samples: int) -> float:
    """Samples at 24 kHz as float64 seconds on the sample grid."""
    return samples / RATE
