"""Dialogues as voice chat: what the user says as audio, what the assistant answers as text, for Qwen2-Audio.

Both trainers want a question before each answer: what the assistant says first is left out, and what is not answered.
So is a question whose answer is misheard, for the user asks again in the next. An answer that is interrupted is there
for those after it, and none to learn; it is never the last.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from turnmill.manifests.export.messages import (
    LLAMAFACTORY,
    LONGEST,
    RATE,
    SWIFT,
    Message,
    assistant,
    entry,
    llamafactory_index,
    llamafactory_knob,
    swift_index,
    swift_knob,
    user,
)
from turnmill.manifests.export.profile import Add, Drop, Place, Profile, Row
from turnmill.manifests.export.rounds import Turn, rounds_held, said, unfit
from turnmill.manifests.export.sample import Sample, heard


@contextmanager
def chat(place: Place) -> Iterator[Add]:
    """`audio/KEY-TURN.wav` of each turn of the user: mono, 16 kHz, of the clean stem where it was kept."""

    def add(sample: Sample) -> Iterator[Row]:
        dialogue = sample.told["id"]
        rounds, left = rounds_held(sample.told["turns"], _why_not)
        while rounds and not _is_whole(rounds[-1][1]):
            rounds.pop()
            left.append(Drop.CUT_SHORT)
        if not rounds:
            yield Row(dialogue, sample.duration, drop=left[-1])
            return
        messages: list[Message] = []
        audios: list[str] = []
        for question, answer in rounds:
            for turn in question:
                path = f"audio/{sample.key}-{turn['index']:03d}.wav"
                place.write(path, heard(sample.user_sound, turn["start"], turn["end"], RATE, sample.key))
                audios.append(path)
            messages += [user(len(question)), assistant(said(answer), trained=_is_whole(answer))]
        yield Row(dialogue, sample.duration, entry(messages, audios))

    yield add


def _is_whole(answer: Sequence[Turn]) -> bool:
    return not any(turn["interrupted"] for turn in answer)


def _why_not(question: Sequence[Turn], answer: Sequence[Turn]) -> Drop | None:
    drop = unfit(question, answer)
    long = any(turn["end"] - turn["start"] > LONGEST for turn in question)
    return Drop.TOO_LONG if drop is None and long else drop


_D: Final = ("dialogue", "dialogues")

PROFILES: Final = (
    Profile("swift_chat", "Qwen2-Audio", *_D, chat, swift_index, SWIFT, swift_knob, absolute=True),
    Profile("llamafactory_chat", "Qwen2-Audio", *_D, chat, llamafactory_index, LLAMAFACTORY, llamafactory_knob),
)
