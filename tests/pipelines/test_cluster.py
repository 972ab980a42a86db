"""A cluster's head, started as README says: a job and `--address` from another folder make the bytes of a local run."""

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import tree_hashes
from turnmill.manifests.errors import UsageError
from turnmill.pipelines.cluster import check_address, check_lasting
from turnmill.pipelines.loading import load
from turnmill.pipelines.run import run

ROOT = Path(__file__).parents[2]
RECIPE = """
name: tiny
texts: dialogues.jsonl
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
"""
TURNS = [{"role": "user", "content": "Is it open?"}, {"role": "assistant", "content": "It is open until six."}]


@dataclass(frozen=True)
class Head:
    gcs: str  # HOST:PORT
    jobs: str  # URL
    environment: dict[str, str]


def free_ports(count: int) -> list[int]:
    """Below those that Ray's workers and other programs take."""
    found: list[int] = []
    for port in range(7000, 10_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    if importlib.util.find_spec("aiohttp_cors") is None:
        pytest.skip("needs the extra `cluster`: pip install -c constraints.txt -e '.[cluster]'")
    folder = Path(tempfile.mkdtemp(prefix="tm", dir="/tmp"))  # short, for Ray's sockets
    ray = [str(Path(sys.executable).with_name("ray"))]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "PATH": f"{Path(ray[0]).parent}:{os.environ['PATH']}",
    }
    environment |= {"PYTHONPATH": str(ROOT), "RAY_TMPDIR": str(folder), "COLUMNS": "80"}
    gcs, dashboard, agent, client = free_ports(4)
    ports = [f"--port={gcs}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"]
    start = [*ray, "start", "--head", *ports, f"--ray-client-server-port={client}", "--num-cpus=2", "--block"]
    subprocess.run([*ray, "get-auth-token", "--generate"], env=environment, capture_output=True, check=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*start, f"--temp-dir={folder}/t", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        while process.poll() is None and "Ray runtime started" not in (folder / "log").read_text():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
        assert process.poll() is None, (folder / "log").read_text()
        yield Head(f"127.0.0.1:{gcs}", f"http://127.0.0.1:{dashboard}", environment)
    finally:
        process.kill()  # its children share its fate; asked to end, it waits half a minute for nothing
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_job_and_an_address_make_the_bytes_of_a_local_run(head: Head, tmp_path: Path) -> None:
    row = {"id": "d1", "messages": TURNS}
    (tmp_path / "dialogues.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE, "utf-8")
    run(load(recipe), str(tmp_path / "local"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    turnmill = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(recipe)]

    def called(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=elsewhere, env=head.environment | environment, capture_output=True, text=True, check=False
        )

    # A relative --out, the default, is this folder's, whatever the workers' is.
    ended = called(*turnmill, "--address", head.gcs)
    assert ended.returncode == 0, ended.stderr
    assert "1 two-channel dialogue, " in ended.stdout
    assert not re.findall(r"\b1 \w+s\b", ended.stdout)
    assert tree_hashes(elsewhere / "out" / "tiny") == tree_hashes(tmp_path / "local")
    # What docs/clusters.md says, but for the folder: this checkout's could be large.
    out = str(tmp_path / "job")
    job = ["submit", "--address", head.jobs, "--working-dir", ".", "--", *turnmill, "--out", out, "--address", "auto"]
    shutil.rmtree(elsewhere / "out")
    ended = called(str(Path(sys.executable).with_name("ray")), "job", *job, PYTHONPATH="")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert tree_hashes(tmp_path / "job") == tree_hashes(tmp_path / "local")
    # What the head has not, and who has no token, is a sentence.
    ended = called(*turnmill, "--out", "gpu", "--address", head.gcs, "--set", "speak.gpus=1")
    assert ended.returncode == 2
    assert "it asks for 1 GPU, and the most that a node has is 0 GPU; lower speak.gpus" in ended.stderr
    ended = called(*turnmill, "--out", "none", "--address", head.gcs, RAY_AUTH_MODE="disabled")
    assert ended.returncode == 2
    assert "wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ray://head:10001", r"a run does not go through ray://.*`ray job submit .* turnmill run"),
        ("head", "write it as HOST:PORT"),
        ("head:port", "write it as HOST:PORT"),
        ("head:99999", "write it as HOST:PORT"),
    ],
)
def test_an_address_that_cannot_work_is_refused_before_anything(tmp_path: Path, address: str, sentence: str) -> None:
    (tmp_path / "dialogues.jsonl").write_text("", "utf-8")
    (tmp_path / "tiny.yaml").write_text(RECIPE, "utf-8")
    with pytest.raises(UsageError, match=sentence):
        run(load(tmp_path / "tiny.yaml"), str(tmp_path / "out"), address=address)
    assert not (tmp_path / "out").exists()


def test_auto_means_what_ray_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    check_address("auto")
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(UsageError, match="ray job submit"):
        check_address("auto")


def test_a_folder_that_goes_with_the_job_is_refused() -> None:
    check_lasting("/data/out")
    with pytest.raises(UsageError, match="which Ray removes: name an --out that all nodes see"):
        check_lasting("/tmp/ray/session_x/runtime_resources/working_dir_files/_ray_pkg_0a/out/tiny")
