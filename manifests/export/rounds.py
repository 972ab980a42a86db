"""What a user asks and what is answered, a row each: Mini-Omni's VoiceAssistant-400K, SLAM-Omni, LLaMA-Omni.

A round is a question that is answered, rightly and to the end. A user's turn after which the dialogue ends, an
assistant's that begins it, an answer to what was misheard and one that the user interrupts are none: a model that has a
text to the end of it learns to break off. What a simulated assistant asks after a silence answers nothing.

Contracts: the card of gpt-omni/VoiceAssistant-400K on the Hub; SLAM-LLM's examples/s2s (README.md,
speech_dataset_s2s.py); LLaMA-Omni's omni_speech (infer/infer.py, datasets/preprocess.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from turnmill.manifests.export.profile import (
    Add,
    Drop,
    Index,
    Place,
    Profile,
    Row,
    Written,
    json_line,
    no_index,
    write_lines,
    write_list,
)
from turnmill.manifests.export.sample import WHISPER_RATE, WHISPER_SECONDS, Sample, heard, marked
from turnmill.manifests.export.table import AUDIO, for_datasets, table

VOICE_RATE: Final = 22_050  # Hz, of the questions of VoiceAssistant-400K

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


@dataclass(frozen=True)
class Round:
    """Turns of the user and those that answer them; `number`: questions of the dialogue before it."""

    sample: Sample
    number: int
    question: Sequence[Turn]
    answer: Sequence[Turn]

    @property
    def item(self) -> str:
        """The dialogue and the turn that it begins with."""
        return f"{self.sample.told['id']}#{(self.question or self.answer)[0]['index']}"

    @property
    def name(self) -> str:
        """Of its files; no other round's."""
        return f"{self.sample.key}-{self.number}"

    @property
    def seconds(self) -> float:
        """Length of the question."""
        return self.question[-1]["end"] - self.question[0]["start"] if self.question else 0.0

    @property
    def asked(self) -> str:
        return said(self.question)

    @property
    def answered(self) -> str:
        return said(self.answer)

    @property
    def before(self) -> Sequence[Turn]:
        """All turns before the question."""
        turns: Sequence[Turn] = self.sample.told["turns"]
        return turns[: self.question[0]["index"]]

    @property
    def unfit(self) -> Drop | None:
        """Why nothing is to be learnt from it, or it is no round."""
        if not self.question:
            return Drop.NO_QUESTION
        if not self.answer:
            return Drop.NO_ANSWER
        if any(turn["misheard"] for turn in self.answer):
            return Drop.MISHEARD
        if not all(turn["start"] < turn["end"] for turn in self.question):
            return Drop.TOO_SHORT
        if marked(self.asked) or marked(self.answered):
            return Drop.MARKUP
        return None if self.answered else Drop.NO_TEXT

    @property
    def is_whole(self) -> bool:
        """Whether the answer is said to its end."""
        return not any(turn["interrupted"] for turn in self.answer)

    @property
    def drop(self) -> Drop | None:
        """Why it is no row of question and answer."""
        if self.unfit is not None:
            return self.unfit
        if not self.is_whole:
            return Drop.CUT_SHORT
        if not self.asked:
            return Drop.NO_TEXT
        return Drop.TOO_LONG if self.seconds > WHISPER_SECONDS else None

    def sound(self, rate: int) -> bytes:
        """The question as mono WAV: of the user's clean stem, where it was kept."""
        start, end = self.question[0]["start"], self.question[-1]["end"]
        return heard(self.sample.user_sound, start, end, rate, self.sample.key)


def rounds(sample: Sample) -> Iterator[Round]:
    """The rounds of a dialogue, and what of it is none, in order. Who goes on after a silence in recorded talk, whose
    turns have no `text`, goes on with the same."""
    silences = {event["turn"] for event in sample.told["events"] if event["kind"] == "silence_timeout"}
    turns = [turn for turn in sample.told["turns"] if turn["text"] is None or turn["index"] not in silences]
    number = 0
    for question, answer in rounds_of(turns):
        yield Round(sample, number, question, answer)
        number += bool(question)


def held(every: Iterable[Round], why_not: Callable[[Round], Drop | None]) -> tuple[list[Round], Drop]:
    """The rounds of a conversation that are written as one, and why, where there is none. One whose text or sound
    cannot be held ends it: what follows may speak of it."""
    kept: list[Round] = []
    why = Drop.NO_ROUND
    for one in every:
        drop = why_not(one)
        if drop is None:
            kept.append(one)
        elif not drop.of_no_item:
            why = drop
        if drop in (Drop.NO_TEXT, Drop.MARKUP, Drop.TOO_LONG, Drop.TOO_SHORT):
            break
    return kept, why


def said(turns: Sequence[Turn]) -> str:
    """What is heard of turns."""
    return " ".join(turn["text_heard"].strip() for turn in turns if turn["text_heard"])


def write_question(place: Place, one: Round) -> str:
    """Write a question as `wav/NAME.wav` for Whisper; the path."""
    path = f"wav/{one.name}.wav"
    place.write(path, one.sound(WHISPER_RATE))
    return path


def _each(entry: Callable[[Round], Any]) -> Add:
    """Writes each round by `entry`, which tells what the index says of it."""

    def add(sample: Sample) -> Iterator[Row]:
        for one in rounds(sample):
            if (drop := one.drop) is None:
                yield Row(one.item, one.seconds, entry(one))
            else:
                yield Row(one.item, one.seconds, drop=drop)

    return add


VOICE: Final = for_datasets(
    pa.schema(
        [
            ("split_name", pa.string()),
            ("index", pa.string()),
            ("round", pa.string()),
            ("question", pa.string()),
            ("question_audio", AUDIO),
            ("answer", pa.string()),
            ("answer_snac", pa.string()),
        ]
    )
)


@contextmanager
def voiceassistant(place: Place) -> Iterator[Add]:
    """`data/SPLIT-NNNNN-of-NNNNN.parquet`: a row a round, `round` from 0. As in the published set, a row
    tells nothing of the others. `answer_snac` is null: it is the trainer's to make."""
    with table(place, "data", VOICE) as put:

        def entry(one: Round) -> None:
            told = one.sample.told
            sound = {"bytes": one.sound(VOICE_RATE), "path": f"{one.name}.wav"}
            values = (told["source"]["corpus"], told["id"], str(one.number), one.asked, sound, one.answered, None)
            put(dict(zip(VOICE.names, values, strict=True)))

        yield _each(entry)


@contextmanager
def slam_omni(place: Place) -> Iterator[Add]:
    """`wav/NAME.wav` of each question."""
    yield _each(lambda one: {"key": one.name, "source_wav": write_question(place, one)} | _slam_texts(one))


def _slam_texts(one: Round) -> dict[str, Any]:
    """What was said so far is in the text of the question; the loader makes it a part of the prompt."""
    history = [
        f"{'USER' if speaker == 'user' else 'ASSISTANT'}: {text}"
        for speaker, turns in groupby(one.before, key=lambda turn: turn["speaker"])
        if (text := said(list(turns))) and not marked(text)
    ]
    asked = " ".join([*history, f"<USER>: {one.asked}"])
    return {"source_text": asked, "target_token": None, "target_text": one.answered}


def slam_index(index: Index) -> None:
    """`SPLIT.jsonl`. The loader opens `source_wav` from where it runs, so the paths are absolute."""
    write_lines(
        index, "{split}.jsonl", lambda one: json_line(one | {"source_wav": index.store.path(one["source_wav"])})
    )


PROMPT: Final = "<speech>\nPlease directly answer the questions in the user's speech."
"""Of LLaMA-Omni, as its examples have it."""


@contextmanager
def llama_omni(place: Place) -> Iterator[Add]:
    """`wav/NAME.wav` of each question."""
    yield _each(lambda one: {"id": one.name, "speech": write_question(place, one), "answer": one.answered})


def llama_index(index: Index) -> None:
    """`SPLIT.json`: one question and its answer each, for it trains on single rounds. Paths are absolute, for they are
    opened from where it runs."""

    def line(one: Any) -> Any:
        turns = [{"from": "human", "value": PROMPT}, {"from": "gpt", "value": one["answer"]}]
        return {"id": one["id"], "speech": index.store.path(one["speech"]), "conversations": turns}

    write_list(index, line)


def knob(written: Written) -> str:
    half, most, _ = written.lengths
    return f"nothing: half of the questions last up to {half:.1f} s, 95 % up to {most:.1f} s; Whisper pads each to 30 s"


R: Final = ("dialogue", "rounds")
_VOICE: Final = (
    "bash examples/s2s/scripts/finetune/mini-omni/finetune_s2s.sh  "
    "(SLAM-LLM; its train_data_path: {folder}, load_from_cache_file: true)"
)
_SLAM: Final = (
    "bash examples/s2s/scripts/finetune/finetune_s2s_group.sh  "
    "(SLAM-LLM; its manifest_format: jsonl, train_data_path: {folder}/{split}.jsonl, val_data_path: another split's)"
)
_LLAMA: Final = "omni_speech/infer/infer.py --question-file {folder}/{split}.json: LLaMA-Omni has published no trainer"

PROFILES: Final = (
    Profile("voiceassistant", "Mini-Omni", *R, voiceassistant, no_index, _VOICE, knob),
    Profile("slam_omni", "SLAM-Omni", *R, slam_omni, slam_index, _SLAM, knob, absolute=True),
    Profile("llama_omni", "LLaMA-Omni", *R, llama_omni, llama_index, _LLAMA, knob, absolute=True),
)
