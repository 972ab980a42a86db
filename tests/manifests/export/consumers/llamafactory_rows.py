"""Run in an environment with what LLaMA-Factory needs: what its loader, its converter, its plugin of Qwen2-Audio and
its template make of an export, as JSON.

    python llamafactory_rows.py CHECKOUT EXPORT

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


def main() -> None:
    checkout, export = sys.argv[1:]
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    sys.path.insert(0, f"{checkout}/src")
    import torchaudio
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.data.processor import SupervisedDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments

    torchaudio.load = read
    made = processor()
    settings = DataArguments(
        template="qwen2_audio", dataset="train", dataset_dir=export, cutoff_len=100_000, overwrite_cache=True
    )
    model = SimpleNamespace(cache_dir=None, hf_hub_token=None)
    rows = _get_merged_dataset(["train"], model, settings, SimpleNamespace(local_process_index=0, seed=0), "sft")
    template = get_template_and_fix_tokenizer(made.tokenizer, settings)
    made.audio_bos_token, made.audio_eos_token = "<|audio_bos|>", "<|audio_eos|>"
    loader = SupervisedDatasetProcessor(template, made.tokenizer, made, settings)
    found = []
    for row in rows:
        try:
            encoded = loader.preprocess_dataset({name: [value] for name, value in row.items()})
        except (OSError, ValueError) as error:  # the whole run ends here
            found.append({"refused": f"{type(error).__name__}: {error}"})
            continue
        if not encoded:
            found.append({"left out": "an example that is invalid"})
            continue
        (ids,), (labels,) = encoded["input_ids"], encoded["labels"]
        text = made.tokenizer.decode(ids)
        seconds = [len(part.split("<|audio_eos|>")[0]) / len("<|AUDIO|>") / 25 for part in text.split("<|audio_bos|>")[1:]]
        found.append({"text": text, "trained": trained(labels, made), "seconds": seconds})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
