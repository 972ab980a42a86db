"""`import turnmill`: what it offers, and that it costs nothing until it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import turnmill
from tests.manifests.conftest import make_dataset


def test_importing_turnmill_loads_nothing_heavy() -> None:
    code = "import sys, turnmill; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "turnmill" in done.stdout
    for heavy in ("ray", "duckdb", "numpy", "pyarrow", "pydantic", "typer"):
        assert f"'{heavy}'" not in done.stdout


def test_every_public_name_is_there_and_no_other_is_promised() -> None:
    lazily = [name for names in turnmill._MODULES.values() for name in names]
    assert sorted(lazily) == sorted(turnmill.__all__) == sorted(set(lazily))
    for name in turnmill.__all__:
        assert getattr(turnmill, name).__name__ == name
        assert name in dir(turnmill)
    assert turnmill.__version__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'turnmill' has no attribute 'nothing'"):
        _ = turnmill.nothing  # type: ignore[attr-defined]


def test_a_dataset_shows_a_given_text_above_what_was_heard(tmp_path: Path) -> None:
    made = turnmill.open_dataset(make_dataset(str(tmp_path / "out")).url)
    assert made.compared("t/c1").splitlines()[:2] == ["tiny.en", "given: words of t c one"]
    with pytest.raises(turnmill.UsageError, match="has no transcript of a clip 't/c5' with a given text"):
        made.compared("t/c5")
