"""A question of the user and what the assistant answers, a row each: Mini-Omni's VoiceAssistant-400K.

Contract: the columns, types and audio of gpt-omni/VoiceAssistant-400K on the Hub.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from turnmill.manifests.export.profile import Add, Drop, Place, Profile, Row, Written, no_index
from turnmill.manifests.export.sample import Sample, heard

RATE: Final = 22_050  # Hz, of the questions
LONGEST: Final = 30.0  # seconds that Whisper hears of a question
_ROW_GROUP: Final = 100  # rows: a question is about 0.2 MB

_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES: Final = (
    '{"info":{"features":{"split_name":{"dtype":"string","_type":"Value"},"index":{"dtype":"string","_type":"Value"},'
    '"round":{"dtype":"string","_type":"Value"},"question":{"dtype":"string","_type":"Value"},'
    '"question_audio":{"sampling_rate":22050,"_type":"Audio"},"answer":{"dtype":"string","_type":"Value"},'
    '"answer_snac":{"dtype":"string","_type":"Value"}}}}'
)
SCHEMA: Final = pa.schema(
    [
        ("split_name", pa.string()),
        ("index", pa.string()),
        ("round", pa.string()),
        ("question", pa.string()),
        ("question_audio", _AUDIO),
        ("answer", pa.string()),
        ("answer_snac", pa.string()),
    ],
    metadata={"huggingface": _FEATURES},
)

Turn = Mapping[str, Any]


def rounds_of(turns: Sequence[Turn]) -> Iterator[tuple[Sequence[Turn], Sequence[Turn]]]:
    """(questions, answers) in order: turns of one speaker that follow each other are together; one is empty where the
    assistant begins or the user ends."""
    question: Sequence[Turn] = ()
    for speaker, group in groupby(turns, key=lambda turn: turn["speaker"]):
        if speaker == "user":
            question = list(group)
        else:
            yield question, list(group)
            question = ()
    if question:
        yield question, ()


@contextmanager
def voiceassistant(place: Place) -> Iterator[Add]:
    """`data/SPLIT-NNNNN-of-NNNNN.parquet`: a row for each question that is answered. `answer_snac` is null: it is the
    trainer's to make. The audio is of the user's clean stem where it was kept, as of the published set."""
    name = f"data/{place.split}-{place.number:05d}-of-{place.count:05d}.parquet"
    with place.writer(name) as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as parquet:
        held: list[dict[str, Any]] = []

        def flush() -> None:
            parquet.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
            held.clear()

        def add(sample: Sample) -> Iterator[Row]:
            for number, (question, answer) in enumerate(rounds_of(sample.told["turns"])):
                item = f"{sample.told['id']}#{number}"
                seconds = question[-1]["end"] - question[0]["start"] if question else 0.0
                if (drop := _unfit(question, answer, seconds)) is not None:
                    yield Row(item, seconds, drop=drop)
                    continue
                held.append(_row(sample, number, question, answer))
                if len(held) == _ROW_GROUP:
                    flush()
                yield Row(item, seconds, {})

        yield add
        if held:
            flush()


def _unfit(question: Sequence[Turn], answer: Sequence[Turn], seconds: float) -> Drop | None:
    drop = unfit(question, answer)
    if drop is None and not said(question):
        return Drop.NO_TEXT
    return Drop.TOO_LONG if drop is None and seconds > LONGEST else drop


def unfit(question: Sequence[Turn], answer: Sequence[Turn]) -> Drop | None:
    """Why nothing is to be learnt from a round; None where there is."""
    if not question:
        return Drop.NO_QUESTION
    if not answer:
        return Drop.NO_ANSWER
    if any(turn["misheard"] for turn in answer):
        return Drop.MISHEARD
    return None if said(answer) else Drop.NO_TEXT


def rounds_held(
    turns: Sequence[Turn], why_not: Callable[[Sequence[Turn], Sequence[Turn]], Drop | None]
) -> tuple[list[tuple[Sequence[Turn], Sequence[Turn]]], list[Drop]]:
    """The rounds of a conversation that are written as one, and in order why others are not. One without text, or too
    long, ends it: what follows may speak of it."""
    kept, left = [], []
    for question, answer in rounds_of(turns):
        drop = why_not(question, answer)
        if drop is None:
            kept.append((question, answer))
            continue
        left.append(drop)
        if drop in (Drop.NO_TEXT, Drop.TOO_LONG):
            break
    return kept, left


def said(turns: Sequence[Turn]) -> str:
    """What is heard of turns."""
    return " ".join(turn["text_heard"].strip() for turn in turns if turn["text_heard"])


def _row(sample: Sample, number: int, question: Sequence[Turn], answer: Sequence[Turn]) -> dict[str, Any]:
    told = sample.told
    audio = heard(sample.user_sound, question[0]["start"], question[-1]["end"], RATE, sample.key)
    return {
        "split_name": told["source"]["corpus"],
        "index": told["id"],
        "round": str(number + 1),
        "question": said(question),
        "question_audio": {"bytes": audio, "path": f"{sample.key}-{number}.wav"},
        "answer": said(answer),
        "answer_snac": None,
    }


def knob(written: Written) -> str:
    return (
        f"questions last {written.lengths[0]:.1f} s, 95 % at most {written.lengths[1]:.1f} s: Whisper pads each to 30 s"
    )


_R: Final = ("dialogue", "rounds")
_VOICE: Final = 'load_dataset("parquet", data_dir="{folder}/data")  (Mini-Omni, by SLAM-LLM examples/s2s)'

PROFILES: Final = (Profile("voiceassistant", "Mini-Omni", *_R, voiceassistant, no_index, _VOICE, knob),)
