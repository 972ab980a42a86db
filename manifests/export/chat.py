"""Dialogues as voice chat: what the user says as audio, what the assistant answers as text, for Qwen2-Audio.

Both trainers want a question before each answer: what the assistant says first is left out, and what is not answered.
So is a question whose answer is misheard, for the user asks again in the next. An answer that is interrupted is there
for those after it, and none to learn; it is never the last.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from turnmill.manifests.export.messages import (
    LLAMAFACTORY,
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
from turnmill.manifests.export.rounds import Round, held, rounds
from turnmill.manifests.export.sample import WHISPER_RATE, WHISPER_SECONDS, Sample, heard


@contextmanager
def chat(place: Place) -> Iterator[Add]:
    """`audio/KEY-TURN.wav` of each turn of the user: mono, 16 kHz, of the clean stem where it was kept."""

    def add(sample: Sample) -> Iterator[Row]:
        dialogue = sample.told["id"]
        together, why = held(rounds(sample), _why_not)
        while together and not together[-1].is_whole:
            together.pop()
            why = Drop.NO_ROUND
        if not together:
            yield Row(dialogue, sample.duration, drop=why)
            return
        messages: list[Message] = []
        audios: list[str] = []
        for one in together:
            for turn in one.question:
                path = f"audio/{sample.key}-{turn['index']:03d}.wav"
                place.write(path, heard(sample.user_sound, turn["start"], turn["end"], WHISPER_RATE, sample.key))
                audios.append(path)
            messages += [user(len(one.question)), assistant(one.answered, trained=one.is_whole)]
        yield Row(dialogue, sample.duration, entry(messages, audios))

    yield add


def _why_not(one: Round) -> Drop | None:
    long = any(turn["end"] - turn["start"] > WHISPER_SECONDS for turn in one.question)
    return Drop.TOO_LONG if one.unfit is None and long else one.unfit


_D: Final = ("dialogue", "dialogues")

PROFILES: Final = (
    Profile("swift_chat", "Qwen2-Audio", *_D, chat, swift_index, SWIFT, swift_knob, absolute=True),
    Profile("llamafactory_chat", "Qwen2-Audio", *_D, chat, llamafactory_index, LLAMAFACTORY, llamafactory_knob),
)
