"""Fixtures shared by every test folder."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real recordings and texts of the development workplace; a user's checkout does not have them."""
    if not SHARED.is_dir():
        pytest.skip("needs the recordings of the development workplace (../shared/data)")
    return SHARED
