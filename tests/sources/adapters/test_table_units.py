"""How tables are listed: rows that name a file that is there by that name alone, all others by the whole of them."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.sources.adapters.items import Unit, UnitSize
from turnmill.sources.adapters.table_rows import Rows
from turnmill.sources.catalogue import load, override

KNOBS = {
    "tables": "**/*.tsv",
    "format": {"sep": "\t", "names": ["id", "group"]},
    "audio": "{dir}/{group}/{id}.wav",
    "audio_files": "**/*.wav",
    "split": "{stem}",
    "fields": {"text": "{id}"},
}
JOIN = {"format": {"sep": " ", "names": ["id"]}, "key": "{id}", "by": "{id}", "take": {"more": "{id}"}, "needed": True}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "two columns": {},
    "one after the other": {"audio": "{group}{id}.wav"},
    "a step": {"audio": "{dir}/{group|lower}/{id}.wav"},
    "several": {"audio": ["{dir}/{group}/{id}.wav", "{dir}/a/{id}.wav"]},
    "by stem": {"audio": "{id}", "by_stem": True},
    "where of a table": {"where": {"{stem}": "train"}},
    "where of a row": {"where": {"{group}": "a|b"}},
    "first": {"repeats": "first"},
    "captions": {"repeats": "captions", "fields": {"captions": "{id}"}},
    "split of a row": {"split": "{group}"},
    "span": {"span": {"start": "0", "end": "1"}},
    "join": {"join": [{**JOIN, "table": "more.txt"}]},
    "a name that ends like a command": {"audio": "{dir}/{group}/{id}", "audio_files": "**/a*"},
}
ROW = st.sampled_from(
    [
        *(("a", "a"), ("b", "a"), ("a", "b"), ("é", "a"), ("%s", "a"), ("a|", "a"), ("a", "a/a"), ("a", "A")),
        *(("A", "a"), ("", "a"), ("a", ""), ("..", "a"), ("./a", "a"), ("a/../b", "a"), ("a.wav", "a")),
    ]
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_names_a_file_that_is_there_is_listed_as_by_all_of_it(change: str) -> None:
    entry = override(load("ljspeech"), {"ingest": {**KNOBS, **CHANGES[change]}}, "it")

    @settings(max_examples=25, deadline=None)
    @given(
        tables=st.fixed_dictionaries(
            {name: st.lists(ROW, max_size=8) for name in ("train.tsv", "test.tsv", "a/train.tsv")}
        ),
        per_unit=st.integers(1, 5),
    )
    def check(tables: dict[str, list[tuple[str, str]]], per_unit: int) -> None:
        with tempfile.TemporaryDirectory() as root:
            for name in ("a/a.wav", "a/b.wav", "b/a.wav", "a/a|", "a/%s.wav", "a/é.wav", "a/a/a.wav", "a.wav"):
                (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(root) / name).write_bytes(b"RIFF" * len(name))
            (Path(root) / "more.txt").write_text("a\n")
            for name, rows in tables.items():
                (Path(root) / name).write_text("".join(f"{first}\t{second}\n" for first, second in rows))
            corpus = entry.corpus(root)
            units: list[Unit] = corpus.units(UnitSize(per_unit))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Rows, "naming", lambda *_: lambda _: None)
                assert units == corpus.units(UnitSize(per_unit))
            for unit in units:
                assert len(list(corpus.read(unit))) == unit.items

    check()
