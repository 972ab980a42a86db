"""Run in an environment with protobuf: what fish-speech's build_dataset.py makes of an export, as JSON.

python fish_data.py CHECKOUT EXPORT/fish/train

Beside each WAV goes a stand-in for the codes that a model makes of it: the number of its samples.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import soundfile
import stubs


def main() -> None:
    checkout, folder = sys.argv[1:]
    sys.path[:0] = [checkout, f"{checkout}/tools/llama"]
    for name in ("datasets", "utils"):
        stubs.module(f"fish_speech.{name}").__path__ = [f"{checkout}/fish_speech/{name}"]
    from build_dataset import run_task, task_generator_folder
    from fish_speech.datasets.protos.text_data_stream import read_pb_stream
    from fish_speech.utils.file import AUDIO_EXTENSIONS, list_files

    for file in list_files(Path(folder), AUDIO_EXTENSIONS, recursive=True):
        np.save(file.with_suffix(".npy"), np.full((10, 1), soundfile.info(file).frames))
    found = []
    for task in task_generator_folder(Path(folder), ".lab"):
        for group in read_pb_stream(io.BytesIO(run_task(task))):
            for sentence in group.sentences:
                (text,), frames = sentence.texts, sentence.semantics[0].values[0]
                found.append({"speaker": group.name, "text": text, "frames": frames})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
