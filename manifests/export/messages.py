"""Messages about audio, as ms-swift and LLaMA-Factory read them for Qwen2-Audio: a row of both is the same.

Contracts: swift/dataset/preprocessor/core.py and swift/template/base.py; llamafactory/data/converter.py and
mm_plugin.py. Of a row, `<audio>` in the messages stands for the next file of `audios`; there are as many of each.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from turnmill.manifests.export.profile import Index, Written, json_line, one_list, write_lines

AUDIO: Final = "<audio>"
_TOKENS: Final = 32  # a second: 25 of audio, or fewer of text that is read out, and both where audio is written down
_PROMPT: Final = 128  # tokens around them

Message = Mapping[str, Any]


def user(files: int, text: str = "") -> Message:
    """What the user says: so many files, then text. It has a `loss` for all messages are to have the same fields."""
    return {"role": "user", "content": AUDIO * files + text, "loss": False}


def assistant(text: str, *, trained: bool = True) -> Message:
    """`trained`: whether ms-swift learns it; LLaMA-Factory learns all that the assistant says."""
    return {"role": "assistant", "content": text, "loss": trained}


def entry(messages: Sequence[Message], audios: Sequence[str]) -> dict[str, Any]:
    """`audios`: paths from the format's folder."""
    return {"messages": messages, "audios": audios}


def swift_index(index: Index) -> None:
    """`SPLIT.jsonl`. ms-swift looks for audio from where it runs, and leaves out a row without it: paths are whole."""
    write_lines(index, "{split}.jsonl", lambda one: json_line(entry(one["messages"], _absolute(index, one["audios"]))))


def _absolute(index: Index, paths: Sequence[str]) -> list[str]:
    return [index.store.path(path) for path in paths]


def llamafactory_index(index: Index) -> None:
    """`SPLIT.jsonl`, and `dataset_info.json`, which says how to read each by the name of its split. Paths are from its
    folder, where LLaMA-Factory looks for audio unless `media_dir` is another."""
    one_list(index)
    info = {split: {"file_name": f"{split}.jsonl", **_SHAREGPT} for split in index.splits}
    index.store.write("dataset_info.json", (json.dumps(info, indent=2) + "\n").encode())


_SHAREGPT: Final = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "audios": "audios"},
    "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
}


def swift_knob(written: Written) -> str:
    return f"max_length: {_tokens(written)}  (25 tokens a second of audio, and text: the longest row fits)"


def llamafactory_knob(written: Written) -> str:
    return f"cutoff_len: {_tokens(written)}  (25 tokens a second of audio, and text: what is longer is cut off)"


def _tokens(written: Written) -> int:
    return math.ceil(_TOKENS * written.lengths[2]) + _PROMPT


SWIFT: Final = "swift sft --model Qwen/Qwen2-Audio-7B-Instruct --dataset {folder}/{split}.jsonl"
LLAMAFACTORY: Final = (
    "llamafactory-cli train --stage sft --do_train --model_name_or_path Qwen/Qwen2-Audio-7B-Instruct "
    "--template qwen2_audio --dataset_dir {folder} --dataset {split}"
)
