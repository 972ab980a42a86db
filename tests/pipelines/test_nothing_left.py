"""A run that comes to nothing fails with one sentence that says where everything went."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import tree_hashes
from turnmill.manifests.errors import TurnmillError
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.run import run


def recipe(root: Path, keep: bool, select: str) -> Recipe:
    told = {"name": "none", "workers": 1, "corpus": "files", "root": root, "ingest": {"keep_untranscribed": keep}}
    return Recipe.model_validate({**told, "select": [{"name": "long_enough", "keep": select}]})


def test_a_half_of_which_nothing_is_left_fails_the_run_and_the_dataset_is_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(8000), 8000)
    out = tmp_path / "out"
    unselected = recipe(tmp_path, True, "duration > 10")
    with pytest.raises(TurnmillError, match=r"nothing is left of the speech half: select took 2 \(long_enough\)"):
        run(unselected, str(out))
    hashes = tree_hashes(out)
    with pytest.raises(TurnmillError, match="nothing is left"):  # nor is a rerun, which has nothing to do, content
        run(unselected, str(out))
    assert tree_hashes(out) == hashes
    with pytest.raises(TurnmillError, match=r"nothing is left .*: ingest took 2 \(untranscribed\)") as told:
        run(recipe(tmp_path, False, "TRUE"), str(tmp_path / "unmade"))
    assert told.value.exit_status == 1
    assert len(str(told.value).splitlines()) == 1
