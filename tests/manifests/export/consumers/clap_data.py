"""Run in an environment with what CLAP's loader needs: what `get_wds_dataset` makes of an export, as JSON.

python clap_data.py CHECKOUT EXPORT SPLIT

Texts stay texts: the tokenizers of three language models are not there.
"""

import argparse
import json
import sys
from typing import Any

import stubs


class Tokenizer:
    @classmethod
    def from_pretrained(cls, _: str) -> "Tokenizer":
        return cls()

    def __call__(self, *_: Any, **__: Any) -> Any:
        import torch

        return {"input_ids": torch.zeros((1, 77), dtype=torch.int64)}


def main() -> None:
    import torch
    import transformers

    checkout, export, split = sys.argv[1:]
    sys.path.insert(0, f"{checkout}/src/laion_clap")
    stubs.audio_by_soundfile()
    for name in ("BertTokenizer", "RobertaTokenizer", "BartTokenizer"):
        setattr(transformers, name, Tokenizer)
    stubs.module("torchvision.datasets")
    stubs.module("torchvision.transforms")
    stubs.module("clap_module", tokenize=None).__path__ = [f"{checkout}/src/laion_clap/clap_module"]
    stubs.module("torchvision.ops.misc", FrozenBatchNorm2d=torch.nn.Module)
    from clap_module.utils import get_tar_path_from_dataset_name
    from training.data import get_wds_dataset

    shards = get_tar_path_from_dataset_name(["clap"], [split], islocal=True, dataset_path=export)
    told = argparse.Namespace(
        train_data=shards, val_data=shards, remotedata=False, batch_size=1, workers=1, world_size=1, seed=0,
        parallel_eval=False, horovod=False, prefetch_factor=2, class_index_dict=None, data_filling="pad",
        data_truncating="rand_trunc", text_augment_selection=None, tmodel="roberta", val_num_samples=0,
    )  # fmt: skip
    config = {"audio_cfg": {"sample_rate": 48_000}}
    info = get_wds_dataset(told, config, is_train=False)
    found = []
    for batch in info.dataloader:
        for row, key in enumerate(batch["__key__"]):
            wave = batch["waveform"][row]
            seconds = (wave.nonzero().max().item() + 1) / 48_000  # what follows is padding
            level = float(wave.square().sum().div(seconds * 48_000).sqrt())
            found.append(
                {
                    "name": key.rpartition("/")[2],
                    "text": batch["full_text"][row],
                    "rate": int(batch["audio_orig_sr"][row]),
                    "seconds": seconds,
                    "level": level,
                }
            )
    assert info.dataloader.num_samples == len(found), "sizes.json"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
