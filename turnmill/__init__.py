"""Turnmill makes training data for voice models that listen while they speak.

What is named here is the public API (docs/python.md). Each name is loaded when it is first asked for.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from turnmill.manifests.audio import AudioError
    from turnmill.manifests.errors import TurnmillError, UsageError
    from turnmill.manifests.records import Reject
    from turnmill.manifests.training.loader import loader
    from turnmill.pipelines.corpus import Corpus, open_corpus
    from turnmill.pipelines.dataset import Dataset, Sample, open_dataset
    from turnmill.pipelines.loading import load_recipe
    from turnmill.pipelines.notebook import Dialogue, Spoken, simulate, speak, verify
    from turnmill.pipelines.progress import progress
    from turnmill.pipelines.recipe import Recipe
    from turnmill.pipelines.run import Result, run

__all__ = [
    "AudioError",
    "Corpus",
    "Dataset",
    "Dialogue",
    "Recipe",
    "Reject",
    "Result",
    "Sample",
    "Spoken",
    "TurnmillError",
    "UsageError",
    "load_recipe",
    "loader",
    "open_corpus",
    "open_dataset",
    "progress",
    "run",
    "simulate",
    "speak",
    "verify",
]

_MODULES = {
    "manifests.errors": ("TurnmillError", "UsageError"),
    "manifests.records": ("Reject",),
    "pipelines.corpus": ("Corpus", "open_corpus"),
    "pipelines.dataset": ("Dataset", "Sample", "open_dataset"),
    "pipelines.loading": ("load_recipe",),
    "pipelines.notebook": ("Dialogue", "Spoken", "simulate", "speak", "verify"),
    "pipelines.progress": ("progress",),
    "pipelines.recipe": ("Recipe",),
    "pipelines.run": ("Result", "run"),
    "manifests.audio": ("AudioError",),
    "manifests.training.loader": ("loader",),
}

# In a checkout the packages are the folders beside this one; an installed Turnmill has them inside.
if not (Path(__file__).parent / "pipelines").is_dir():
    __path__.append(str(Path(__file__).parents[1]))


if not TYPE_CHECKING:  # else every name would be one, to those who look for slips

    def __getattr__(name: str) -> Any:
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"turnmill.{module}"), name)
        if name == "__version__":
            return import_module("importlib.metadata").version("turnmill")
        raise AttributeError(f"module 'turnmill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
