"""Run in an environment with what F5-TTS's preparation needs: what it and CustomDataset make of an export, as JSON.

python f5_data.py CHECKOUT EXPORT/f5/train.csv EMPTY_FOLDER

The mel spectrogram is no spectrogram: it gives the waveform back.
"""

import json
import sys
from pathlib import Path
from typing import Any

import stubs


class Waveform:
    def __init__(self, **_: Any) -> None: ...

    def __call__(self, audio: Any) -> Any:
        return audio[:, None]


def main() -> None:
    checkout, source, folder = sys.argv[1:]
    sys.path.insert(0, f"{checkout}/src")
    stubs.audio_by_soundfile()
    root = f"{checkout}/src/f5_tts"
    stubs.module("f5_tts").__path__ = [root]
    stubs.module("f5_tts.model").__path__ = [f"{root}/model"]  # what it imports itself is models
    stubs.module("f5_tts.model.modules", MelSpec=Waveform)
    from datasets import Dataset
    from f5_tts.model.dataset import CustomDataset, DynamicBatchSampler, collate_fn
    from f5_tts.train.datasets.prepare_csv_wavs import prepare_and_save_set
    from torch.utils.data import DataLoader, SequentialSampler

    prepare_and_save_set(source, folder, is_finetune=False, num_workers=1)
    rows = Dataset.from_file(f"{folder}/raw.arrow")
    durations = json.loads((Path(folder) / "duration.json").read_text("utf-8"))["duration"]
    dataset = CustomDataset(rows, durations=durations)
    sampler = DynamicBatchSampler(SequentialSampler(dataset), 38_400)
    found = []
    for numbers, batch in zip(sampler, DataLoader(dataset, batch_sampler=sampler, collate_fn=collate_fn), strict=True):
        for row, number in enumerate(numbers):
            speech = batch["mel"][row].flatten()[: batch["mel_lengths"][row]]
            assert abs(durations[number] - len(speech) / 24_000) < 1e-3
            found.append(
                {
                    "name": Path(rows[number]["audio_path"]).stem,
                    "text": "".join(batch["text"][row]),
                    "seconds": len(speech) / 24_000,
                    "level": float(speech.square().mean().sqrt()),
                }
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
