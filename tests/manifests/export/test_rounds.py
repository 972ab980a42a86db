"""Rows as of VoiceAssistant-400K: its columns, types and audio; what is heard, and the user alone."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.manifests.export.conftest import RATE, Output, exported

COLUMNS = {
    "split_name": "string", "index": "string", "round": "string", "question": "string",
    "question_audio": "struct<bytes: binary, path: string>", "answer": "string", "answer_snac": "string",
}  # fmt: skip
ROUNDS = [
    ("1", "where is it open", "it is open from", 0.2, 1.2),
    ("2", "no I mean today", "today it is closed", 3.5, 4.6),
]


def reads_as_voiceassistant(folder: Path, output: Output) -> None:
    table = pq.read_table(folder / "data/train-00000-of-00001.parquet")
    assert {field.name: str(field.type) for field in table.schema} == COLUMNS
    rows = table.to_pylist()
    assert [(row["index"], row["round"]) for row in rows] == [(d, n) for d in ("d1", "d2") for n in ("1", "2")], "lost"
    for row, (_, question, answer, start, end) in zip(rows, 2 * ROUNDS, strict=True):
        assert (row["question"], row["answer"], row["answer_snac"]) == (question, answer, None)
        samples, rate = soundfile.read(io.BytesIO(row["question_audio"]["bytes"]))
        assert rate == 22_050
        assert samples.ndim == 1
        assert len(samples) == round((end - start) * rate)
        wanted = output.audio[row["index"]][1, round(start * RATE) : round(end * RATE)]
        level = float(np.sqrt(np.mean(wanted**2))) * (0.5 if row["index"] == "d1" else 1)  # its clean stem is quieter
        assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(level, rel=0.12), "not the user's channel"


def test_the_reader_finds_the_rounds(output: Output, tmp_path: Path) -> None:
    reads_as_voiceassistant(exported(output, "voiceassistant", tmp_path / "to"), output)


def _audio(row: Any, change: Callable[[Any, int], tuple[Any, int]]) -> Any:
    file = io.BytesIO()
    soundfile.write(file, *change(*soundfile.read(io.BytesIO(row["question_audio"]["bytes"]))), format="WAV")
    return row | {"question_audio": {"bytes": file.getvalue(), "path": "x.wav"}}


BROKEN: dict[str, Callable[[list[Any]], list[Any]]] = {
    "lost": lambda rows: rows[1:],
    "planned text": lambda rows: [row | {"answer": row["answer"] + " nine to six"} for row in rows],
    "another rate": lambda rows: [_audio(row, lambda pcm, _: (pcm, 24_000)) for row in rows],
    "two channels": lambda rows: [_audio(row, lambda pcm, rate: (np.stack([pcm, pcm], 1), rate)) for row in rows],
    "the assistant's channel": lambda rows: [_audio(row, lambda pcm, rate: (pcm * 0, rate)) for row in rows],
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_rows_that_are_wrong(broken: str, output: Output, tmp_path: Path) -> None:
    folder = exported(output, "voiceassistant", tmp_path / "to")
    path = folder / "data/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(BROKEN[broken](table.to_pylist()), schema=table.schema), path)
    with pytest.raises(AssertionError):
        reads_as_voiceassistant(folder, output)
