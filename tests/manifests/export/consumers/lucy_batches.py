"""Run in an environment with torch, torchaudio and transformers: what LUCY's TA2TADataset and its collate function make
of an export, as JSON.

    python lucy_batches.py CHECKOUT FILE TASK [FILE TASK ...]

The tokenizer has a token for each word and LUCY's numbers for its own; the encoder's features are empty. Tasks that
speak get as many tokens of the codec as SNAC would make of the assistant's audio, for those are the trainer's.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

OWN = {
    "<|im_start|>": 151_644,
    "<|im_end|>": 151_645,
    "<|audio|>": 151_646,
    "<|pad|>": 151_647,
    "<|": 90_001,
    "|>": 90_002,
}
NAMES = (
    "Neutral", "Joy", "Sadness", "Fear", "Anger", "Surprise", "Disgust", "Sorry",
    "tirq", "airq_denial", "airq_inquiry", "airq_change", "airq_affirm", "airq_noise",
)  # fmt: skip
OWN |= {f"<|{name}|>": number for number, name in enumerate(NAMES, start=151_648)}
TEXT = {name: 151_936 + number for number, name in enumerate(("EOT", "PAD_T", "BOT", "ANS_T", "TTS", "TQA", "TQAA"))}
AUDIO = {name: 4_096 + number for number, name in enumerate(("EOA", "PAD_A", "BOA", "ANS_A", "ASR", "AQA", "AQAA"))}
FRAMES = 24_000 / 2_048  # a second, of seven tokens


class Tokenizer:
    """Numbers words as they come. A token for each byte would be more of them than the codec has frames, which stops
    the collate function."""

    def __init__(self) -> None:
        self.words: list[str] = [""]

    def convert_tokens_to_ids(self, token: str) -> int:
        return OWN[token]

    def encode(self, text: str, **_: Any) -> Any:
        import torch

        own = "|".join(map(re.escape, sorted(OWN, key=len, reverse=True)[:-2]))
        parts = [part for part in re.split(rf"({own}|\s*[^\s<]+|<)", text) if part]
        return torch.tensor([[OWN[part] if part in OWN else self._number(part) for part in parts]])

    def _number(self, word: str) -> int:
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)

    def decode(self, ids: list[int]) -> str:
        names = {number: name for name, number in OWN.items()}
        return "".join(names.get(number) or self.words[number] for number in ids if number in names or number < 90_000)


class Encoder:
    """In Whisper's place: notes the length and the level of what it is given."""

    def __init__(self) -> None:
        self.heard: list[list[float]] = []

    def __call__(self, wav: Any, sampling_rate: int, **_: Any) -> Any:
        import torch

        self.heard.append([len(wav) / sampling_rate, float((wav**2).mean() ** 0.5)])
        return type("Features", (), {"input_features": torch.zeros(1, 80, 3000)})


def with_codec(file: str, folder: Path) -> str:
    import soundfile

    rows = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    for row in rows:
        for message in row["conversations"]:
            if message["role"] == "assistant" and "wavpath" in message:
                message["codec"] = [7] * 7 * round(soundfile.info(message["wavpath"]).duration * FRAMES)
    name = folder / "train.jsonl"
    name.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(name)


def loaded(module: Any, file: str, task: str) -> list[Any]:
    settings = module.DataArguments(
        data_jsons=[file], tasks=[task], audio_encoder_type="whisper", max_input_length=100_000,
        text_additional_tokens=TEXT, audio_additional_tokens=AUDIO, padded_vocab_size=152_000,
        padded_audio_vocab_size=4_160,
    )  # fmt: skip
    encoder, tokenizer = Encoder(), Tokenizer()
    data = module.TA2TADataset(tokenizer, encoder, settings, split="train")
    data.split = "eval"  # takes the last answer that has a codec, not a random one
    found = []
    for number in range(len(data)):
        encoder.heard.clear()
        try:
            batch = data.collate_fn([data[number]])
        except (AssertionError, AttributeError, KeyError, OSError, TypeError, RuntimeError, ValueError) as error:
            found.append({"refused": f"{type(error).__name__}: {error}"[:300]})
            continue
        labels = batch["labels"][0]
        found.append(
            {
                "text": tokenizer.decode(
                    [number for number in batch["input_ids"][0, :, -1].tolist() if number != 151_646]
                ),
                "trained": tokenizer.decode([number for number in labels[:, -1].tolist() if number != -100]),
                "states": batch["states"].tolist(),
                "heard": list(encoder.heard),
                "codec": int((labels[:, 0] != -100).sum()),
            }
        )
    return found


def main() -> None:
    checkout, *asked = sys.argv[1:]
    sys.path.insert(0, checkout)
    import pdb

    from vita.util import data_util

    def stopped() -> None:
        raise ValueError("it stops in the debugger")

    pdb.set_trace = stopped
    found = []
    for file, task in zip(asked[::2], asked[1::2], strict=True):
        with tempfile.TemporaryDirectory() as folder:
            found.append(loaded(data_util, with_codec(file, Path(folder)) if "CONVA" in task else file, task))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
