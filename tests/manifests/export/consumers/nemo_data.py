"""What NeMo's `item_iter` makes of a manifest, as JSON.

python nemo_data.py CHECKOUT EXPORT/nemo/train.jsonl
"""

import importlib.util
import json
import logging
import sys
from pathlib import Path

import soundfile
import stubs


class Here:
    """A file that is not on an object store."""

    def __init__(self, path: str) -> None:
        self.path = path

    def get(self) -> str:
        return self.path


def main() -> None:
    checkout, listed = sys.argv[1:]
    stubs.module("nemo.utils", logging=logging.getLogger())
    stubs.module(
        "nemo.utils.data_utils", DataStoreObject=Here, get_datastore_object=None, is_datastore_path=lambda _: False
    )
    stubs.module("nemo.utils.nemo_logging", LogMode=None)
    path = Path(checkout) / "nemo/collections/common/parts/preprocessing/manifest.py"
    spec = importlib.util.spec_from_file_location("manifest", path)
    manifest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(manifest)
    found = []
    for item in manifest.item_iter(listed):
        file = soundfile.info(item["audio_file"])
        said = {name: item[name] for name in ("text", "speaker", "lang")}
        known = {"name": Path(item["audio_file"]).stem, "channels": file.channels, "heard": file.duration}
        found.append(known | said | {"seconds": item["duration"]})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
