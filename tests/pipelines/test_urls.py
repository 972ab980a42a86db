"""A run whose corpus and texts are named by URL makes the same bytes as one whose corpus and texts lie here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import tree_hashes
from tests.manifests.hub import REPO, TOKEN, Hub, serving
from tests.pipelines.conftest import Small

ROOT, TEXTS = f"hf://datasets/{REPO}/data/corpus", f"hf://datasets/{REPO}/data/dialogues.jsonl"


@pytest.fixture
def hub(small: Small) -> Iterator[Hub]:
    """The sources of the finished run, in a repository."""
    with serving() as hub:
        for path in small.corpus.rglob("*"):
            if path.is_file():
                hub.files[f"data/corpus/{path.relative_to(small.corpus)}"] = path.read_bytes()
        hub.files["data/dialogues.jsonl"] = (small.corpus.parent / "dialogues.jsonl").read_bytes()
        yield hub


def environment(hub: Hub, home: Path, token: str = TOKEN) -> Mapping[str, str]:
    """Of a process that takes the stand-in for the Hub."""
    return {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": token, "HF_HOME": str(home)}


def turnmill(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "turnmill.pipelines.cli", *arguments]


def test_killed_and_resumed_a_run_by_url_ends_with_the_bytes_of_the_run_of_the_folder(
    small: Small, hub: Hub, tmp_path: Path
) -> None:
    out, env = tmp_path / "out", environment(hub, tmp_path)
    command = turnmill("run", str(small.corpus.parent / "small.yaml"), "--out", str(out))
    command += ["--set", f"root={ROOT}", "--set", f"texts={TEXTS}"]
    for parts in (1, 9):  # killed when so many parts are there: in the middle of each half
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, env=env)
        while process.poll() is None and len(list(out.rglob("*.parquet"))) < parts:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert tree_hashes(out) != tree_hashes(small.out)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    assert tree_hashes(out) == tree_hashes(small.out)
    hub.files["data/corpus/plain.txt"] = b"The morning train leaves at eight."  # as long as it was
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    changed = {name for name, digest in tree_hashes(out).items() if tree_hashes(small.out).get(name) != digest}
    assert len([name for name in changed if name.startswith("clips/")]) == 1


def test_a_corpus_by_url_is_checked_and_priced_as_the_folder_is(small: Small, hub: Hub, tmp_path: Path) -> None:
    env = environment(hub, tmp_path)
    recipe, texts = str(small.corpus.parent / "small.yaml"), str(small.corpus.parent / "dialogues.jsonl")
    for arguments in (
        ("sources", "check", "files", "--root", "{root}"),
        ("sources", "check", "dialogue_text", "--root", "{texts}"),
        ("run", recipe, "--out", str(tmp_path / "out"), "--dry-run", "--set", "root={root}", "--set", "texts={texts}"),
    ):
        told = [
            subprocess.run(
                turnmill(*(each.format(root=root, texts=text) for each in arguments)),
                check=False,
                capture_output=True,
                text=True,
                env=env,
            )
            for root, text in ((str(small.corpus), texts), (ROOT, TEXTS))
        ]
        assert told[0].returncode == told[1].returncode
        assert told[0].stdout
        assert told[0].stdout == told[1].stdout


def test_a_store_that_refuses_is_told_by_one_sentence_without_the_token(small: Small, hub: Hub, tmp_path: Path) -> None:
    command = turnmill("run", str(small.corpus.parent / "small.yaml"), "--out", str(tmp_path / "out"))
    done = subprocess.run(
        [*command, "--set", f"root={ROOT}"],
        check=False,
        capture_output=True,
        text=True,
        env=environment(hub, tmp_path, "hf_of_nobody"),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"turnmill: {ROOT} cannot be read: ")
    assert "hf_of_nobody" not in done.stderr + done.stdout
    assert done.stderr.count("\n") == 1
