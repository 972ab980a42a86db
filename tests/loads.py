"""A published folder as its users load it."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile
import yaml

datasets.disable_progress_bars()


def front_matter(folder: Path) -> dict[str, Any]:
    text = (folder / "README.md").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def written(folder: Path, config: str, split: str) -> dict[str, dict[str, Any]]:
    """By key what the tars hold: the bytes of each member, of the JSON its value."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(f"data/{config}/{split}/*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                key, _, extension = member.name.partition(".")
                data = file.read()
                found.setdefault(key, {})[extension] = json.loads(data) if extension == "json" else data
    return found


def loaded(folder: Path, config: str | None, cache: Path, streaming: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """By split and key what `datasets` gives of a config, the audio as bytes, as the card says."""
    where = {"path": str(folder), "name": config, "cache_dir": str(cache)}
    features = datasets.load_dataset_builder(**where).info.features
    audio = [name for name, kind in features.items() if isinstance(kind, datasets.Audio)]
    features |= dict.fromkeys(audio, datasets.Value("binary"))
    found = datasets.load_dataset(**where, features=features, streaming=streaming)
    return {
        split: {row["__key__"]: {k: v for k, v in row.items() if not k.startswith("__")} for row in rows}
        for split, rows in found.items()
    }


def check_every_row(folder: Path, cache: Path) -> int:
    """Every config, and the one that is loaded where none is named, streaming and not: every row and every field is
    that of the shards. Returns how many rows there are."""
    matter, count = front_matter(folder), 0
    default = [entry["config_name"] for entry in matter["configs"] if entry.get("default")]
    for name in (None, *(entry["config_name"] for entry in matter["configs"])):
        config = name or default[0]
        [entry] = [entry for entry in matter["configs"] if entry["config_name"] == config]
        for streaming in (True, False):
            rows = loaded(folder, name, cache, streaming)
            assert list(rows) == [item["split"] for item in entry["data_files"]]
            for split, found in rows.items():
                assert found == written(folder, config, split), (name, split, streaming)
        count += sum(len(found) for found in rows.values()) if name else 0
    return count


def check_two_channels(folder: Path) -> None:
    """What the dialogues' FLAC gives: two channels that differ."""
    for row in list(written(folder, "dialogue", "train").values())[:5]:
        audio, rate = soundfile.read(io.BytesIO(row["flac"]), always_2d=True)
        assert audio.shape[1] == 2
        assert rate == 24_000
        assert not np.array_equal(audio[:, 0], audio[:, 1])


def without_torchcodec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `datasets` pass on bytes that are encoded already: it does so, as here, only where torchcodec can be
    imported, of which it calls nothing then."""
    if find_spec("torchcodec") is None:
        monkeypatch.setattr(datasets.Audio, "encode_example", lambda _, value: {k: value[k] for k in ("bytes", "path")})


def snippets(folder: Path) -> Iterator[str]:
    """The Python of the card."""
    text = (folder / "README.md").read_text("utf-8")
    yield from re.findall(r"```python\n(.*?)```", text, re.DOTALL)
