"""Fixtures shared by every test folder."""

import gc
import hashlib
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # three processes have the cores already; before numpy is imported

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).parents[2] / "shared" / "data"

# What tells times and hosts is set apart from the result: when a run was, and how the sources looked to it.
APART = ("runs", "seen", ".lock")

# A property is tried on the same examples in every run, so that a test never fails by chance; `make fuzz` draws others.
settings.register_profile("test", derandomize=True, deadline=None, database=None)
settings.register_profile(
    "fuzz",
    max_examples=1000,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


# Tests that use the fixture `small`; the other tests of the pipelines take as long.
WITH_SMALL = ("test_cli", "test_pricing", "test_rerun", "test_run", "test_verification")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`make test` runs three processes: two have the tests of the pipelines, which wait for Ray half of the time, and a
    Ray each; one has all others. Which test is where, and after which, is the same in every run."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(nodeid.split("::")[0])
            if file.parent.name != "pipelines":
                return "others"
            return "small" if file.stem in WITH_SMALL else "pipelines"

    return ByFolder(config, log)


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
