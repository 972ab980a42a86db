"""Rounds that follow each other, together: LLaMA-Omni2, Ichigo.

All answers of a conversation are trained on, so it ends where a round cannot be held, or is none (misheard,
interrupted), and another begins after it.

Contracts: LLaMA-Omni2's inference/run_llama_omni2.py; Ichigo's synthetic_data (synthetic_data_multiturn.py,
audio_to_audio_tokens.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from turnmill.manifests.export.profile import Add, Index, Place, Profile, Row, no_index, write_list
from turnmill.manifests.export.rounds import R, Round, knob, rounds, write_question
from turnmill.manifests.export.sample import WHISPER_RATE, Sample
from turnmill.manifests.export.table import AUDIO, for_datasets, table


def _each(entry: Callable[[Sequence[Round]], Any]) -> Add:
    """Writes each conversation by `entry`, which tells what the index says of it: that is the entry of its first
    round, and the others have none."""

    def add(sample: Sample) -> Iterator[Row]:
        for drop, group in groupby(rounds(sample), key=lambda one: one.drop):
            together = list(group)
            first = entry(together) if drop is None else None
            for one in together:
                yield Row(one.item, one.seconds, first if one is together[0] else None, drop)

    return add


@contextmanager
def llama_omni2(place: Place) -> Iterator[Add]:
    """`wav/NAME.wav` of each question."""

    def turns(one: Round) -> list[dict[str, str]]:
        question = {"from": "human", "text": one.asked, "speech": write_question(place, one)}
        return [question, {"from": "gpt", "text": one.answered}]

    yield _each(
        lambda together: {"id": together[0].name, "conversation": [turn for one in together for turn in turns(one)]}
    )


def llama2_index(index: Index) -> None:
    """`SPLIT.json`: a conversation each. Paths are absolute, for they are opened from where it runs."""

    def turn(told: Any) -> Any:
        return told | {"speech": index.store.path(told["speech"])} if "speech" in told else told

    write_list(index, lambda one: one | {"conversation": [turn(told) for told in one["conversation"]]})


CONVERSATIONS: Final = pa.schema(
    [
        ("index", pa.int64()),
        ("conversations", pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
    ]
)
QUESTIONS: Final = for_datasets(
    pa.schema([("index", pa.int64()), ("turn", pa.int64()), ("text", pa.string()), ("audio", AUDIO)])
)


@contextmanager
def ichigo(place: Place) -> Iterator[Add]:
    """`data/SPLIT-NNNNN-of-NNNNN.parquet`: a conversation a row, as text, numbered within its split.
    `audio/SPLIT-NNNNN-of-NNNNN.parquet`: its questions in order, whose sound tokens take the place of the text of
    turn `turn` of conversation `index`. They are the trainer's to make."""
    with table(place, "data", CONVERSATIONS) as put, table(place, "audio", QUESTIONS) as put_question:
        index = place.number << 32  # of a shard's first: there are fewer samples in a shard

        def entry(together: Sequence[Round]) -> None:
            nonlocal index
            turns: list[dict[str, str]] = []
            for one in together:
                sound = {"bytes": one.sound(WHISPER_RATE), "path": f"{one.name}.wav"}
                put_question({"index": index, "turn": len(turns), "text": one.asked, "audio": sound})
                turns += [{"content": one.asked, "role": "user"}, {"content": one.answered, "role": "assistant"}]
            put({"index": index, "conversations": turns})
            index += 1

        yield _each(entry)


_LLAMA2: Final = (
    "llama_omni2/inference/run_llama_omni2.py reads conversations that end with a question: LLaMA-Omni2 has published "
    "no trainer"
)
_ICHIGO: Final = (
    "python synthetic_data/audio_to_audio_tokens.py --name {folder}/audio  (Ichigo; put its tokens into {folder}/data)"
)

PROFILES: Final = (
    Profile("llama_omni2", "LLaMA-Omni2", *R, llama_omni2, llama2_index, _LLAMA2, knob, absolute=True),
    Profile("ichigo", "Ichigo", *R, ichigo, no_index, _ICHIGO, knob),
)
