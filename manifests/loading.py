"""How a published dataset is read, in snippets that run as they stand."""

from collections.abc import Sequence
from typing import Final

from turnmill.manifests.published import Config, table_path
from turnmill.manifests.samples import TARGET

_BESIDE: Final = {
    "user.flac": "the user's voice before room, noise and line",
    TARGET: "what is said, translated and spoken in the same voice",
}
"""Members of a sample beside its audio."""


def section(repo: str, configs: Sequence[Config], table: str | None) -> str:
    """The card's section: `datasets`, webdataset and Ray over the first config, DuckDB over one of the tables."""
    if not configs:
        return ""
    first = configs[0]
    split = first.splits[0].name
    names = ", ".join(f"`{config.name}`" for config in configs)
    several = f" Configs: {names}; the first is loaded where none is named." if len(configs) > 1 else ""
    text = "\n".join(
        [_intro(first, several), _datasets(repo, first, split), _webdataset(first, split), _ray(first, split)]
    )
    return f"{text}\nThe tables behind it, without a download:\n\n{query(repo, table)}" if table else text


def _intro(first: Config, several: str) -> str:
    beside = "".join(f" `{member}` is {what}." for member, what in _BESIDE.items() if member in first.members)
    return f"## Load\n\nWebDataset shards: of each sample the audio and a `.json`.{beside}{several}\n"


def _datasets(repo: str, config: Config, split: str) -> str:
    """`Audio` of datasets 5 needs torchcodec even to pass the bytes on, so the snippet asks for the bytes."""
    shape = "[samples, 2]: assistant, user" if config.half == "dialogue" else "[samples, channels]"
    two = (
        f'`row["{config.codec}"]["array"]` is the **average** of the two channels, '
        f'`row["{config.codec}"].get_all_samples().data` has both.'
        if config.half == "dialogue"
        else f'`row["{config.codec}"].get_all_samples()` decodes.'
    )
    return f"""Without torchcodec `datasets` loads no audio ("an error occurred"). Ask it for the bytes of the files:

```python
import io, soundfile
from datasets import Audio, Value, load_dataset, load_dataset_builder

features = load_dataset_builder("{repo}", "{config.name}").info.features
features |= {{name: Value("binary") for name, kind in features.items() if isinstance(kind, Audio)}}
for row in load_dataset("{repo}", "{config.name}", split="{split}", features=features, streaming=True):
    audio, rate = soundfile.read(io.BytesIO(row["{config.codec}"]), always_2d=True)  # {shape}
    print(row["__key__"], audio.shape, rate, row["json"]["duration"])
```

With torchcodec installed `load_dataset("{repo}", "{config.name}")` decodes by itself. {two}
"""


def _webdataset(config: Config, split: str) -> str:
    return f"""From a clone or a download of the repository, in the folder of this card:

```python
import glob, io, json, soundfile, webdataset

shards = sorted(glob.glob("{config.folder}/{split}/*.tar"))
for sample in webdataset.WebDataset(shards, shardshuffle=False):
    audio, rate = soundfile.read(io.BytesIO(sample["{config.codec}"]), always_2d=True)
    print(sample["__key__"], audio.shape, rate, json.loads(sample["json"])["duration"])
```
"""


def _ray(config: Config, split: str) -> str:
    return f"""```python
import os, ray

samples = ray.data.read_webdataset(os.path.abspath("{config.folder}/{split}"), decoder=None)
```
"""


def query(repo: str, table: str) -> str:
    """A first query of a table on the Hub."""
    return f"""```python
import duckdb

duckdb.sql("FROM 'hf://datasets/{repo}/{table_path(table)}' LIMIT 5").show()
```
"""
