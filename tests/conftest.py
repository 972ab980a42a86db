"""Fixtures shared by every test folder."""

import gc
import hashlib
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"

# What tells times and hosts is set apart from the result: when a run was, and how the sources looked to it.
APART = ("runs", "seen", ".lock")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real recordings and texts of the development workplace; a user's checkout does not have them."""
    if not SHARED.is_dir():
        pytest.skip("needs the recordings of the development workplace (../shared/data)")
    return SHARED


def tree_hashes(root: Path) -> dict[str, str]:
    """sha256 of every file of an output folder that must be the same for the same input."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.relative_to(root).parts[0] not in APART
    }


def pytest_unconfigure() -> None:
    """Hypothesis times the garbage collector by a callback that keeps every module alive past the end, of which the
    binding of DuckDB (nanobind) then reports a leak."""
    gc.callbacks.clear()
