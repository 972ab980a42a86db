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


# Which test of the pipelines is in which process, so that each takes as long; those of `SMALL` share a finished run.
SMALL = ("test_cli", "test_exporting", "test_pricing", "test_python", "test_rerun", "test_run", "test_verification")
OTHERS = ("test_cluster", "test_killed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`make test` runs three processes, with a Ray each, for whose workers tests wait half of the time. Which test is
    where, and after which, is the same in every run."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(nodeid.split("::")[0])
            if file.parent.name != "pipelines" or file.stem in OTHERS:
                return "others"
            return "small" if file.stem in SMALL else "pipelines"

    return ByFile(config, log)


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
