"""Kill a run in the middle of a shard of 500 clips (transcribe), and of 500 lines (speak), and run it again: how much
of a model's work is done twice, and whether the bytes are those of an undisturbed run.

    python tests/benchmarks/prove_pieces.py [--model FOLDER] [--clips 500] [--moment 0.7]

The work that is lost is what was done after the last piece was kept: the time between that and the kill. `--model` is
a Whisper that is slow enough for a shard to take minutes (tiny.en on a CPU); it also hears the spoken lines. Exit
status 1 where more than 60 s were lost, or a byte differs.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.prove_resume import differences, finish, report, start  # noqa: E402
from tests.conftest import tree_hashes  # noqa: E402
from turnmill.manifests.audio import Audio, encode_flac  # noqa: E402
from turnmill.pipelines.demo import SENTENCES, speak  # noqa: E402

MOST_LOST_S = 60.0
SPEECH = """
name: clips
corpus: files
licence: {{spdx: CC0-1.0, redistribute: true, commercial: true}}
ingest: {{unit_clips: {clips}, unit_bytes: 1000000000}}
quality: {{}}
transcribe: {{model: {model}, language: en, batch_size: 1}}
"""
DIALOGUE = """
name: lines
texts: {texts}
licence: {{spdx: CC0-1.0, redistribute: true, commercial: true}}
script: {{dialogues_per_shard: {clips}, limits: {{max_turn_chars: 400}}}}
speak: {{engine: espeak, recognise: {model}}}
"""


def write_corpus(folder: Path, clips: int) -> None:
    folder.mkdir()
    texts = SENTENCES.read_text("utf-8").splitlines()
    lines = [f"{texts[number % len(texts)]} That was number {number}." for number in range(clips)]
    for number, (text, pcm) in enumerate(zip(lines, speak(lines), strict=True)):
        (folder / f"{number:04d}.flac").write_bytes(encode_flac(Audio(pcm[None], 24_000)))
        (folder / f"{number:04d}.txt").write_text(text, "utf-8")


def prove(name: str, stage: str, recipe: Path, scratch: Path, moment: float, *settings: str) -> int:
    started = time.time()
    finish(start(recipe, scratch / "undisturbed", *settings))
    length, wanted = time.time() - started, tree_hashes(scratch / "undisturbed")
    out = scratch / "killed"
    process = start(recipe, out, *settings)
    time.sleep(moment * length)
    if process.poll() is not None:
        raise SystemExit(f"{name}: the run ended before {moment * length:.0f} s; choose an earlier --moment")
    os.killpg(process.pid, signal.SIGKILL)
    killed = time.time()
    process.wait()
    pieces = sorted((out / "pieces").rglob("*.json"))
    steps = sum(len(json.loads(path.read_bytes())) for path in pieces)
    lost = killed - max((path.stat().st_mtime for path in pieces), default=started)
    print(f"{name}: {length:.0f} s undisturbed, killed after {moment * length:.0f} s")
    print(
        f"  {steps} steps of {stage} were kept in {len(pieces)} files; {lost:.1f} s of work are done twice", flush=True
    )
    if not pieces:
        raise SystemExit(f"{name}: no piece was kept yet: the kill did not fall into {stage}; choose another --moment")
    finish(start(recipe, out, *settings))
    return report(f"  {name}: rerun", differences(wanted, tree_hashes(out))) + (lost > MOST_LOST_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--moment", type=float, default=0.7, help="of the kill, as a share of the undisturbed time")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("transcribe", "speak"):
            scratch = Path(folder) / name
            scratch.mkdir()
            recipe = scratch / f"{name}.yaml"
            if name == "transcribe":
                write_corpus(scratch / "corpus", options.clips)
                recipe.write_text(SPEECH.format(clips=options.clips, model=options.model), "utf-8")
                settings = (f"root={scratch / 'corpus'}", "workers=1")
            else:
                texts = ROOT / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
                recipe.write_text(DIALOGUE.format(clips=options.clips, model=options.model, texts=texts), "utf-8")
                settings = ("workers=1",)
            failed += prove(name, name, recipe, scratch, options.moment, *settings)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
