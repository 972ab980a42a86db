"""What a format is to the pass over the shards: how a shard is written, how the index is, what its trainer wants."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO

from turnmill.manifests.export.sample import Sample
from turnmill.manifests.records import Code
from turnmill.manifests.store import Store


class Drop(Code):
    """Why a format does not hold an item, and what that means."""

    UNREADABLE = "unreadable", "the sample's audio cannot be decoded"
    NOT_STEREO = "not_stereo", "the audio has not one channel for each of two parties"
    NO_WORD_TIMES = "no_word_times", "a turn says something, and no recogniser told when each word is said"
    NO_TEXT = "no_text", "nobody told what is said"
    NO_QUESTION = "no_question", "the assistant speaks first: it answers nothing, and this is no round"
    NO_ANSWER = "no_answer", "the dialogue ends before the user is answered: this is no round"
    NO_ROUND = "no_round", "no question of it is answered, rightly and to the end"
    MISHEARD = "misheard", "the assistant answers what the user did not ask: the question has no answer"
    CUT_SHORT = "cut_short", "the user interrupts the answer, and nobody hears its end: it is none to learn"
    TOO_LONG = "too_long", "longer than the trainer reads"
    NO_STATE = "no_state", "the trainer has no state for what the user interrupts with: thanks, or an order to stop"
    NO_HISTORY = "no_history", "the answer that it is heard in is not written"
    NO_LABEL = "no_label", "no label of the clip is what a task of the format asks for"
    TOO_SHORT = "too_short", "shorter than the trainer reads"
    LOW_RATE = "low_rate", "recorded at a lower sample rate than the trainer reads"
    LANGUAGE = "language", "in no language that the trainer knows, or nobody told in which"
    MARKUP = "markup", "the text has what the trainer's reader takes for a mark of its own: it splits or erases there"

    @property
    def of_no_item(self) -> bool:
        """Whether what it is said of is no item of a format: it has a row, and is not counted as dropped. A round is a
        question that is answered, rightly and to the end."""
        return self in (Drop.NO_QUESTION, Drop.NO_ANSWER, Drop.MISHEARD, Drop.CUT_SHORT)


@dataclass(frozen=True)
class Row:
    """An item of a sample: written, with what the index says of it, or dropped. `seconds`: of audio; `order`: what the
    index is sorted by, where its format asks for that."""

    item: str
    seconds: float
    entry: Any = None
    drop: Drop | None = None
    detail: str | None = None
    order: str = ""


Add = Callable[[Sample], Iterable[Row]]
"""Writes a sample and tells what became of each of its items."""


@dataclass(frozen=True)
class Place:
    """Where the part of a training shard goes: the format's folder, and the number of the shard among those of its
    split."""

    store: Store
    split: str
    number: int
    count: int

    def write(self, name: str, data: bytes) -> None:
        self.store.write(name, data)

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        return self.store.writer(name)


@dataclass(frozen=True)
class Index:
    """What the index files are made of: the format's folder and the entries of what was written, by split."""

    store: Store
    splits: Mapping[str, Callable[[], Iterator[Any]]]


@dataclass(frozen=True)
class Written:
    """What an export has of a format, for what its trainer is told. `lengths`: quantiles of the items' seconds at 50,
    95 and 100 %."""

    lengths: tuple[float, float, float]


@dataclass(frozen=True)
class Profile:
    """One target. `half`: whose samples it is made of; `items`: what it counts; `command`: what starts the trainer,
    with `{folder}` and `{split}` in it; `knob`: a setting of the trainer's that fits the set."""

    name: str
    serves: str
    half: str
    items: str
    part: Callable[[Place], AbstractContextManager[Add]]
    index: Callable[[Index], None]
    command: str
    knob: Callable[[Written], str]
    absolute: bool = False  # its index has absolute paths
    unspaced: bool = False  # its reader splits them at spaces


def json_line(value: Any) -> str:
    """A line of JSON, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_lines(index: Index, name: str, line: Callable[[Any], str] = json_line) -> None:
    """Write an index of a line an entry for each split; `name` has `{split}` in it."""
    for split, entries in index.splits.items():
        with index.store.writer(name.format(split=split)) as file:
            for entry in entries():
                file.write(line(entry).encode())


def one_list(index: Index) -> None:
    """`SPLIT.jsonl`: the entries as they are."""
    write_lines(index, "{split}.jsonl")


def write_list(index: Index, item: Callable[[Any], Any]) -> None:
    """Write `SPLIT.json`: what `item` makes of the entries, in one list. Rows without one are told by one before."""
    for split, entries in index.splits.items():
        with index.store.writer(f"{split}.json") as file:
            file.write(b"[")
            told = (json_line(item(entry)) for entry in entries() if entry is not None)
            for number, line in enumerate(told):
                file.write(f"{',' if number else ''}\n{line.rstrip()}".encode())
            file.write(b"\n]\n")


def no_index(index: Index) -> None:
    """The parts are all that there is."""
