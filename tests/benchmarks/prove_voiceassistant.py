"""VoiceAssistant-400K, rebuilt: recipe `voice_assistant` on embedded voices, exported, and compared column by column.

    python tests/benchmarks/prove_voiceassistant.py [--texts DIR] [--limit 3] [--out DIR]

`--texts`: a folder with the files that the recipe names; without it, each gets texts of the quickstart. `--limit`:
texts of each part. `--out`: where the run and the export stay.

What the published set is: its card (gpt-omni/VoiceAssistant-400K, 65dab70) for names, order, types and files; a WAV
header of it for the audio; code that reads it for `round`, which counts from 0 in `rlhf` and is "None" in parts of
single rounds, and for `index`, which names a dialogue of its part. A round that is dropped leaves its number out. Exit
status 1 where something differs, or an item is lost.
"""

import argparse
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named
from turnmill.manifests.export.sample import USER, read
from turnmill.manifests.store import Store
from turnmill.pipelines.loading import load
from turnmill.pipelines.run import run

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"
PARTS = ("alpaca_gpt4", "identity", "qa", "rlhf", "trivia_singlechoice", "trivia_multichoice", "oasst")
EMBEDDED = ["speak.engine=hibari", "speak.cosyvoice=null", "speak.gpus=0", "speak.recognise=null", "voices=null"]
COLUMNS = {  # of the card, as Arrow and as `datasets` has them
    "split_name": ("string", {"dtype": "string", "_type": "Value"}),
    "index": ("string", {"dtype": "string", "_type": "Value"}),
    "round": ("string", {"dtype": "string", "_type": "Value"}),
    "question": ("string", {"dtype": "string", "_type": "Value"}),
    "question_audio": ("struct<bytes: binary, path: string>", {"_type": "Audio"}),
    "answer": ("string", {"dtype": "string", "_type": "Value"}),
    "answer_snac": ("string", {"dtype": "string", "_type": "Value"}),
}
SNAC = re.compile(r"#( \d+){7}( #( \d+){7})*")
EDGE = 0.05  # seconds: a window that the quietest part of a question is looked for with

Line = tuple[str, Any, Any]
"""What is compared, in the published set, here."""


def write_texts(folder: Path, limit: int) -> None:
    """English dialogues of the quickstart, dealt to the parts."""
    lines = (RECIPES / "quickstart/dialogues.jsonl").read_text("utf-8").splitlines()
    english = [line for line in lines if all(ord(letter) < 0x2FF for letter in line)]
    folder.mkdir(exist_ok=True)
    for place, part in enumerate(PARTS):
        rows = [json.loads(line) for line in english[place :: len(PARTS)][:limit]]
        told = "".join(json.dumps({"messages": row["messages"]}) + "\n" for row in rows)
        (folder / f"{part}.jsonl").write_text(told, "utf-8")


def columns(files: Sequence[Path]) -> Iterator[Line]:
    schema = pq.read_schema(files[0])
    yield "columns, in order", list(COLUMNS), schema.names
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    for name, (kind, feature) in COLUMNS.items():
        yield f"{name}: in Parquet", kind, str(schema.field(name).type)
        yield f"{name}: to `datasets`", feature, features[name]
    yield "files", True, all(re.fullmatch(r"\w+-\d{5}-of-\d{5}\.parquet", file.name) for file in files)


def values(rows: Sequence[Any]) -> Iterator[Line]:
    sounds = [soundfile.info(io.BytesIO(row["question_audio"]["bytes"])) for row in rows]
    formats = {(one.format, one.subtype, one.channels, one.samplerate) for one in sounds}
    yield "question_audio: files", {("WAV", "PCM_16", 1, 22_050)}, formats
    paths = [row["question_audio"]["path"] for row in rows]
    yield "question_audio: a name of its own", len(rows), len({path for path in paths if "/" not in path})
    yield "split_name: parts of the paper", True, {row["split_name"] for row in rows} <= set(PARTS)
    talks = [list(group) for _, group in groupby(rows, key=lambda row: (row["split_name"], row["index"]))]
    yield "index: a dialogue's rows together", len({(row["split_name"], row["index"]) for row in rows}), len(talks)
    rounds = [[int(row["round"]) for row in talk] for talk in talks]
    yield "round: upwards in a dialogue", [sorted(set(each)) for each in rounds], rounds
    yield "round: from 0", 0, min(each[0] for each in rounds)
    texts = [row[name] for row in rows for name in ("question", "answer")]
    yield "question, answer: never empty", True, all(text.strip() for text in texts)
    snac = [row["answer_snac"] for row in rows]
    yield "answer_snac: tokens or null", True, all(one is None or SNAC.fullmatch(one) for one in snac)


def quietest(samples: Any, rate: int) -> float:
    """Level of the quietest window, dBFS."""
    size = round(EDGE * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    return float(20 * np.log10(np.sqrt((frames**2).mean(axis=1)).min() + 1e-6))


def floors(out: Store, rows: Sequence[Any]) -> tuple[float, float]:
    """Median level of the quietest 50 ms of the questions, in the user's channel of the samples and as exported."""
    sent = {row["question_audio"]["path"]: row["question_audio"]["bytes"] for row in rows}
    mixed, clean = [], []
    for shard in Path(out.path("shards")).glob("*/*.tar"):
        with shard.open("rb") as file:
            keys = {path.rpartition("-")[0] for path in sent}
            for sample in read(file, "train", keys):
                first = next(turn for turn in sample.told["turns"] if turn["speaker"] == "user")
                path = f"{sample.key}-0.wav"
                if path not in sent:
                    continue
                start, end = (round(first[name] * sample.sound.sample_rate) for name in ("start", "end"))
                mixed.append(quietest(sample.sound.samples[USER, start:end], sample.sound.sample_rate))
                clean.append(quietest(*soundfile.read(io.BytesIO(sent[path]))))
    return float(np.median(mixed)), float(np.median(clean))


def proven(folder: Path, texts: Path | None, limit: int) -> bool:
    if texts is None:
        write_texts(folder / "texts", limit)
    else:
        shutil.copytree(texts, folder / "texts", dirs_exist_ok=True)
    shutil.copy(RECIPES / "voice_assistant.yaml", folder)
    run(load(folder / "voice_assistant.yaml", EMBEDDED), str(folder / "out"))
    print(export(Store(str(folder / "out")), named("voiceassistant"), str(folder / "to")))
    files = sorted((folder / "to/voiceassistant/data").iterdir())
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    items = pa.concat_tables(pq.read_table(file) for file in sorted((folder / "to/items").rglob("*.parquet")))
    written = items["drop"].null_count
    lines = [*columns(files), *values(rows), ("rows: items that were written", written, len(rows))]
    for what, published, ours in lines:
        same = published == ours
        told = f"{ours}" if len(f"{ours}") < 70 else f"{len(ours)} of them"
        print(f"{'same     ' if same else 'DIFFERENT'} {what:36} {told}" + ("" if same else f", not {published}"))
    mixed, clean = floors(Store(str(folder / "out")), rows)
    print(f"quietest 50 ms of a question: {clean:.0f} dBFS, in the dialogue's channel {mixed:.0f} dBFS")
    return all(published == ours for _, published, ours in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--limit", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = options.out or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if proven(where, options.texts, options.limit) else 1)


if __name__ == "__main__":
    main()
