"""Run in an environment with torch: what GPT-SoVITS's 1-get-text.py writes of an export, as JSON.

python gptsovits_data.py CHECKOUT EXPORT/gptsovits/train.list EMPTY_FOLDER

Phones are letters, and its BERT, which looks at Chinese alone, is nothing.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import stubs


class Bert:
    @classmethod
    def from_pretrained(cls, _: str) -> "Bert":
        return cls()

    def to(self, _: str) -> "Bert":
        return self


def clean_text(text: str, language: str, _: Any) -> tuple[list[str], list[int], str]:
    return [language, *text.split()], [1], text


def main() -> None:
    checkout, listed, folder = sys.argv[1:]
    stubs.module("text.cleaner", clean_text=clean_text)
    stubs.module("transformers", AutoModelForMaskedLM=Bert, AutoTokenizer=Bert)
    stubs.module("tools.my_utils", clean_path=lambda path: path.strip(" '\n\""))
    told = {"inp_text": listed, "inp_wav_dir": "", "exp_name": "x", "i_part": "0", "all_parts": "1", "opt_dir": folder}
    os.environ |= told | {"bert_pretrained_dir": folder, "is_half": "False"}
    runpy.run_path(f"{checkout}/GPT_SoVITS/prepare_datasets/1-get-text.py")
    lines = (Path(folder) / "2-name2text-0.txt").read_text("utf-8").splitlines()
    print(json.dumps([dict(zip(("name", "phones", "_", "text"), line.split("\t"), strict=True)) for line in lines]))


if __name__ == "__main__":
    main()
