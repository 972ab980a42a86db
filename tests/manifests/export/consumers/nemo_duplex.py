"""Run in an environment with lhotse and torch: what NeMo's `DuplexS2SDataset` makes of an export, as JSON.

python nemo_duplex.py CHECKOUT EXPORT/nemo_duplex/train

Its file is loaded from the checkout; of the rest of NeMo it needs a type and a logger. A tokenizer of characters stands
for the trainer's.
"""

import importlib.util
import json
import logging
import sys
from types import ModuleType

FRAME = 0.08  # seconds, of Mimi and of NeMo's codec
LEVEL_MS = 500


class Characters:
    bos, eos, pad, unk_id = 1, 2, 0, 3

    def text_to_ids(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


def dataset_class(checkout: str) -> type:
    tokenizers, utils = ModuleType("nemo.collections.common.tokenizers"), ModuleType("nemo.utils")
    tokenizers.TokenizerSpec = object  # type: ignore[attr-defined]
    utils.logging = logging  # type: ignore[attr-defined]
    sys.modules |= {tokenizers.__name__: tokenizers, utils.__name__: utils}
    loaded = {}
    for name in ("utils", "s2s_dataset"):
        full = f"nemo.collections.speechlm2.data.{name}"
        spec = importlib.util.spec_from_file_location(full, f"{checkout}/{full.replace('.', '/')}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded[name] = sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[name])
    found: type = loaded["s2s_dataset"].DuplexS2SDataset
    return found


def main() -> None:
    from lhotse import CutSet

    dataset = dataset_class(sys.argv[1])(Characters(), FRAME, 16_000, 22_050, ["User"], ["Assistant"])
    found = []
    for cut in CutSet.from_shar(in_dir=sys.argv[2]):
        batch = dataset[CutSet.from_cuts([cut])]
        row = {"id": cut.id, "text": batch["target_texts"][0]}
        for side, rate in (("source", 16_000), ("target", 22_050)):
            audio = batch[f"{side}_audio"][0]
            size = rate * LEVEL_MS // 1000
            row[f"{side}_seconds"] = int(batch[f"{side}_audio_lens"][0]) / rate
            row[f"{side}_levels"] = (
                audio[: len(audio) // size * size].reshape(-1, size).square().mean(1).sqrt().tolist()
            )
            row[f"{side}_tokens"] = batch[f"{side}_tokens"][0].tolist()
        found.append(row)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
