"""The YAML that begins a dataset card: what the Hub and `datasets` read of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from turnmill.manifests.published import Config
from turnmill.manifests.samples import SAMPLES


def front_matter(metadata: Mapping[str, Any]) -> str:
    """Metadata between the marks that the Hub looks for."""
    return f"---\n{yaml.dump(dict(metadata), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)}---\n"


class _Dumper(yaml.SafeDumper):
    """Repeats what is repeated: an alias is harder to read, and no form of the Hub's."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def config_entries(configs: Sequence[Config]) -> list[dict[str, Any]]:
    """`configs`: the first is the one that is loaded where none is named."""
    return [
        {
            "config_name": config.name,
            **({"default": True} if config is configs[0] else {}),
            "data_files": [
                {"split": split.name, "path": f"{config.folder}/{split.name}/*.tar"} for split in config.splits
            ],
        }
        for config in configs
    ]


def info_entries(configs: Sequence[Config]) -> list[dict[str, Any]]:
    """`dataset_info`: the type of every field, so that nothing is inferred from the first rows, and the counts."""
    return [
        {
            "config_name": config.name,
            "features": features(config),
            "splits": [
                {"name": split.name, "num_bytes": split.size, "num_examples": split.samples} for split in config.splits
            ],
        }
        for config in configs
    ]


def features(config: Config) -> list[dict[str, Any]]:
    """The columns of a sample as the webdataset builder of `datasets` has them, in the YAML of its `Features`."""
    *audio, _ = config.members
    return [
        *({"name": member, "dtype": "audio"} for member in audio),
        {"name": "json", **_feature(SAMPLES[config.half])},
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
    ]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if isinstance(kind, pa.StructType):
        return {"struct": [{"name": field.name, **_feature(field.type)} for field in kind]}
    if isinstance(kind, pa.ListType):
        inner = _feature(kind.value_type)
        return {"list": inner.get("struct", inner.get("dtype", inner))}
    return {"dtype": _DTYPES.get(kind, str(kind))}


_DTYPES = {pa.float64(): "float64", pa.float32(): "float32"}  # Arrow says double, and float


def languages(found: Iterable[tuple[str | None, int]]) -> list[str]:
    """Languages of so many samples each that at least one in a hundred has: a recogniser names some by mistake."""
    counts: dict[str, int] = {}
    for language, n in found:
        if language is not None:
            counts[language] = counts.get(language, 0) + n
    total = sum(counts.values())
    return sorted(language for language, n in counts.items() if 100 * n >= total)


def size_category(samples: int) -> str:
    """The Hub's size class of so many samples."""
    bounds = [(1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M")]
    return next((name for bound, name in bounds if samples < bound), "10M<n<100M")
