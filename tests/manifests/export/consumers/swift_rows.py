"""Run in an environment with what ms-swift needs: what its preprocessor and its template of Qwen2-Audio make of an
export, as JSON.

    python swift_rows.py CHECKOUT EXPORT...

No weights are read: what is learnt and which files are heard do not depend on them.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any

from qwen2_audio import processor, trained


def rows_of(export: str, template: Any) -> list[Any]:
    from datasets import load_dataset
    from swift.dataset import AutoPreprocessor

    rows, made, found = load_dataset("json", data_files=f"{export}/train.jsonl", split="train"), template.processor, []
    for row in AutoPreprocessor()(rows, load_from_cache_file=False):
        try:
            encoded = template.encode({key: row[key] for key in ("messages", "audios")})
        except (AssertionError, OSError, ValueError) as error:  # such a row ms-swift leaves out
            found.append({"left out": f"{type(error).__name__}: {error}"})
            continue
        frames = encoded["feature_attention_mask"].sum(-1) if "feature_attention_mask" in encoded else []
        text = made.tokenizer.decode(encoded["input_ids"])
        seconds = [float(count) / 100 for count in frames]
        found.append({"text": text, "trained": trained(encoded["labels"], made), "seconds": seconds})
    return found


def main() -> None:
    checkout, *exports = sys.argv[1:]
    sys.path.insert(0, checkout)
    from swift.template import TEMPLATE_MAPPING

    meta, made = TEMPLATE_MAPPING["qwen2_audio"], processor()
    made.model_info = SimpleNamespace(config=None, task_type="causal_lm", max_model_len=100_000, model_dir="")
    made.model_meta = SimpleNamespace(is_multimodal=True)
    template = meta.template_cls(made, meta)
    template.set_mode("train")
    print(json.dumps([rows_of(export, template) for export in exports]))


if __name__ == "__main__":
    main()
