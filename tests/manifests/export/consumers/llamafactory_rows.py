"""Run in an environment with what LLaMA-Factory needs: what its loader, its converter, its plugin of Qwen2-Audio and
its template make of an export, as JSON.

    python llamafactory_rows.py CHECKOUT EXPORT...

`torchaudio.load`, which wants a codec library, reads by soundfile.
"""

import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from qwen2_audio import processor, trained


def read(path: str) -> Any:
    import soundfile
    import torch

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T), rate


def rows_of(export: str, made: Any) -> list[Any]:
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.data.processor import SupervisedDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments

    settings = DataArguments(
        template="qwen2_audio", dataset="train", dataset_dir=export, cutoff_len=100_000, overwrite_cache=True
    )
    model, training = SimpleNamespace(cache_dir=None, hf_hub_token=None), SimpleNamespace(local_process_index=0, seed=0)
    template = get_template_and_fix_tokenizer(made.tokenizer, settings)
    loader, found = SupervisedDatasetProcessor(template, made.tokenizer, made, settings), []
    for row in _get_merged_dataset(["train"], model, settings, training, "sft"):
        try:
            encoded = loader.preprocess_dataset({name: [value] for name, value in row.items()})
        except (OSError, RuntimeError, ValueError) as error:  # the whole run ends here
            found.append({"refused": f"{type(error).__name__}: {error}"})
            continue
        if not encoded:
            found.append({"left out": "an example that is invalid"})
            continue
        (ids,), (labels,) = encoded["input_ids"], encoded["labels"]
        text = made.tokenizer.decode(ids)
        files = [part.split("<|audio_eos|>")[0] for part in text.split("<|audio_bos|>")[1:]]
        seconds = [len(file) / len("<|AUDIO|>") / 25 for file in files]
        found.append({"text": text, "trained": trained(labels, made), "seconds": seconds})
    return found


def main() -> None:
    checkout, *exports = sys.argv[1:]
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    sys.path.insert(0, f"{checkout}/src")
    import torchaudio

    torchaudio.load = read
    made = processor()
    made.audio_bos_token, made.audio_eos_token = "<|audio_bos|>", "<|audio_eos|>"
    print(json.dumps([rows_of(export, made) for export in exports]))


if __name__ == "__main__":
    main()
