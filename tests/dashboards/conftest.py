"""The same dataset folder as the tests of manifests."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("tiny_dataset", Path(__file__).parents[1] / "manifests" / "conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_TINY = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_TINY)

make, dataset, connection = _TINY.make, _TINY.dataset, _TINY.connection
