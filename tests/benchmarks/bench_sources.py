"""How long a large corpus takes to be split into units, and how much memory.

    python tests/benchmarks/bench_sources.py table|names|texts [--rows 1000000] [--folder DIR]

`table` is a synthetic Common Voice: train, dev and test tables of so many rows in all, and a file for each, of no
bytes: splitting opens no audio. `names` is a folder of so many spoken digits, whose names say all, and read as any
folder is, with a text looked for beside each. `texts` is a gzipped file of so many dialogues. `--folder`
keeps what is made, for a further run. Nothing is asserted.
"""

import argparse
import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.sources.adapters.base import Corpus  # noqa: E402
from turnmill.sources.adapters.items import UnitSize  # noqa: E402
from turnmill.sources.catalogue import load  # noqa: E402

HEADER = (
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes"),
    *("age", "gender", "accents", "variant", "locale", "segment"),
)


def common_voice(folder: Path, rows: int) -> None:
    """Nine of ten rows are train, the others dev and test; sixteen clips a speaker."""
    clips = folder / "clips"
    clips.mkdir(parents=True)
    tables = {split: (folder / f"{split}.tsv").open("w", encoding="utf-8") for split in ("train", "dev", "test")}
    for table in tables.values():
        table.write("\t".join(HEADER) + "\n")
    for number in range(rows):
        name = f"common_voice_xx_{20_000_000 + number}.mp3"
        (clips / name).touch()
        split = {0: "dev", 10: "test"}.get(number % 20, "train")
        speaker = f"{number // 320:064x}"
        sentence = f'The "sentence of number {number}, which goes on for a while.'
        row = (speaker, name, f"{number:064x}", sentence, "general", "2", "0", "twenties", "", "", "", "xx", "")
        tables[split].write("\t".join(row) + "\n")
    for table in tables.values():
        table.close()


def table(folder: Path, rows: int) -> None:
    if not (folder / "train.tsv").exists():
        common_voice(folder, rows)
    split_and_read(load("common_voice").corpus(folder))


def names(folder: Path, rows: int) -> None:
    recordings = folder / "recordings"
    if not recordings.exists():
        recordings.mkdir(parents=True)
        for number in range(rows):
            (recordings / f"{number % 10}_speaker{number // 1000:04}_{number % 1000}.wav").touch()
    for entry in ("free_spoken_digit", "files"):
        print(entry, end=": ")
        split_and_read(load(entry).corpus(folder))


def split_and_read(corpus: Corpus[Any]) -> None:
    before, begin = _peak(), time.perf_counter()
    units = corpus.units(UnitSize())
    seconds, peak = time.perf_counter() - begin, _peak()
    items = sum(unit.items for unit in units)
    print(f"split: {items:,} items into {len(units)} units in {seconds:.1f} s, {peak} MB at the most ({before} before)")
    begin = time.perf_counter()
    read = sum(1 for unit in units[::10] for _ in corpus.read(unit))
    print(f"read: {read:,} items of every tenth unit in {time.perf_counter() - begin:.1f} s")


def _peak() -> int:
    """MB of this process at the most until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def texts(folder: Path, rows: int) -> None:
    path = folder / "dialogues.jsonl.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
            for number in range(rows):
                asked = {"role": "user", "content": f"What is number {number} good for, and who asked for it first?"}
                told = {"role": "assistant", "content": f"For {7 * number} things, and nobody asked for it."}
                file.write(json.dumps({"id": f"d{number}", "language": "en", "messages": [asked, told]}) + "\n")
    corpus = load("dialogue_text").corpus(path)
    before, begin = _peak(), time.perf_counter()
    units = corpus.units(UnitSize())
    print(f"split: {len(units)} units in {time.perf_counter() - begin:.1f} s")
    begin = time.perf_counter()
    read = sum(1 for unit in units for _ in corpus.read(unit))
    seconds = time.perf_counter() - begin
    print(f"read: {read:,} dialogues in {seconds:.1f} s, {_peak()} MB at the most ({before} before)")


COMMANDS: Mapping[str, Callable[[Path, int], None]] = {"table": table, "names": names, "texts": texts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=COMMANDS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder is not None:
        COMMANDS[options.family](options.folder, options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        COMMANDS[options.family](Path(folder) / "corpus", options.rows)


if __name__ == "__main__":
    main()
