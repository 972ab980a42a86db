"""What a newcomer who adds a corpus is told: the entry of the documents reads it, and one that lacks fields says so."""

import io
import re
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from tests.sources.catalog.miniature import build
from turnmill.pipelines.source_check import print_report
from turnmill.sources.catalogue import load
from turnmill.sources.check import check
from turnmill.sources.places import place

DOCS = Path(__file__).parents[2] / "docs" / "corpora.md"
FILES: dict[str, Any] = {
    "metadata.csv": 'LJ001-0001|It is "late".|it is late\nLJ002-0001|Go.|go\n',
    **{f"wavs/{name}.wav": {"audio": {"rate": 8000, "seconds": 0.5}} for name in ("LJ001-0001", "LJ002-0001")},
}


def documented() -> dict[str, Any]:
    """The entry that the documents show."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (block,) = (text for text in blocks if text.startswith("name: "))
    told: dict[str, Any] = yaml.safe_load(block)
    return told


def said(told: dict[str, Any], root: Path) -> str:
    entry, file = load(told), io.StringIO()
    print_report(check(entry, place(root)), entry, Console(file=file, width=200))
    return file.getvalue()


def test_the_entry_of_the_documents_reads_the_corpus_that_they_tell_of(tmp_path: Path) -> None:
    build(FILES, tmp_path)
    text = said(documented(), tmp_path)
    assert "my-corpus: 2 clips, 0 rejected" in text
    assert "speaker ann; parent LJ001; language en" in text
    assert "0 problems" in text


def test_a_column_that_is_called_as_a_field_is_offered_to_it(tmp_path: Path) -> None:
    build(FILES, tmp_path)
    told = documented()
    told["ingest"].pop("fields")
    assert 'the entry says it: `fields: {text: "{text}"}`' in said(told, tmp_path)
