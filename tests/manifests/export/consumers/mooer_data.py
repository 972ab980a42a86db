"""Run in an environment with torch and torchaudio: what MooER's processors make of an export, as JSON.

python mooer_data.py CHECKOUT EXPORT/wenet/train/data.list
"""

import json
import sys
from pathlib import Path

import stubs


def main() -> None:
    checkout, listed = sys.argv[1:]
    sys.path.insert(0, f"{checkout}/src")
    stubs.audio_by_soundfile()
    stubs.module("mooer").__path__ = [f"{checkout}/src/mooer"]
    from mooer.datasets import speech_processor as processor

    data = iter([{"src": line} for line in Path(listed).read_text("utf-8").splitlines()])
    for step in (processor.url_opener, processor.tar_file_and_group):
        data = step(data)
    found = []
    for sample in processor.resample(processor.filter(data, max_length=2000, min_length=20)):
        wave = sample["wav"]
        found.append(
            {
                "name": sample["key"],
                "text": sample["txt"],
                "channels": wave.shape[0],
                "seconds": wave.shape[1] / sample["sample_rate"],
                "level": float(wave.square().mean().sqrt()),
            }
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
