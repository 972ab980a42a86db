"""Turnmill makes training data for voice models that listen while they speak."""

from pathlib import Path

# In a checkout the packages are the folders beside this one; an installed Turnmill has them inside.
if not (Path(__file__).parent / "pipelines").is_dir():
    __path__.append(str(Path(__file__).parents[1]))
