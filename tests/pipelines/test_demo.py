"""The demo corpus: the same bytes everywhere, in LJSpeech layout, with every fault it says it has."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import tree_hashes
from turnmill.manifests.audio import AudioError, decode
from turnmill.pipelines.demo import make_demo_corpus


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "corpus"
    make_demo_corpus(root)
    return root


def test_planted_faults_are_there(demo: Path) -> None:
    faults = json.loads((demo / "faults.json").read_text())
    wavs = {kind: [demo / "wavs" / f"{name}.wav" for name in names] for kind, names in faults.items()}
    rows = dict(line.split("|")[:2] for line in (demo / "metadata.csv").read_text("utf-8").splitlines())
    assert len(rows) == 100
    assert len(list((demo / "wavs").iterdir())) == 100
    assert {kind: len(names) for kind, names in faults.items()} == {
        "wrong_text": 5,
        "duplicate": 2,
        "clipped": 1,
        "silent": 1,
        "truncated": 1,
        "zero_bytes": 1,
        "over_long": 1,
    }
    assert wavs["zero_bytes"][0].stat().st_size == 0
    with pytest.raises(AudioError, match="truncated_audio"):
        decode(wavs["truncated"][0].read_bytes(), "truncated")
    assert not soundfile.read(wavs["silent"][0])[0].any()
    assert np.mean(np.abs(soundfile.read(wavs["clipped"][0])[0]) > 0.999) > 0.01
    assert soundfile.info(wavs["over_long"][0]).duration > 30
    every = [path.read_bytes() for path in (demo / "wavs").iterdir()]
    for copy in wavs["duplicate"]:
        assert every.count(copy.read_bytes()) == 2
    sentences = [line.split("|")[1] for line in (demo / "metadata.csv").read_text("utf-8").splitlines()]
    assert len(set(sentences)) >= 95


def test_a_part_made_corpus_is_made_again_to_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    half = tmp_path / "corpus"
    (half / "wavs").mkdir(parents=True)
    (half / "wavs" / "left-over.wav").write_bytes(b"x")
    make_demo_corpus(half)
    assert tree_hashes(half) == tree_hashes(demo)
