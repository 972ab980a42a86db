"""Run in an environment with datasets 3.6: what its builder `audiofolder`, `webdataset` or `parquet` makes of files.

python hub_data.py BUILDER EMPTY_FOLDER FILE...
"""

import json
import sys
from typing import Any

import numpy as np


def told(value: Any) -> Any:
    """A value as JSON has it, of audio what is heard."""
    if isinstance(value, dict) and "array" in value:
        rate = value["sampling_rate"]
        return {
            "path": value["path"],
            "rate": rate,
            "seconds": len(value["array"]) / rate,
            "level": float(np.sqrt(np.mean(np.square(value["array"])))),
        }
    return value


def main() -> None:
    from datasets import Audio, load_dataset

    builder, cache, *files = sys.argv[1:]
    rows = load_dataset(builder, data_files=files, split="train", cache_dir=cache)
    if builder == "parquet":
        rows = rows.cast_column("audio", Audio())
    print(json.dumps([{name: told(value) for name, value in row.items()} for row in rows]))


if __name__ == "__main__":
    main()
