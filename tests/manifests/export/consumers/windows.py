"""Run in an environment with torch, moshi and sphn: what moshi-finetune's own loader makes of an export, as JSON.

    python windows.py CHECKOUT EXPORT/moshi SECONDS

Weights are random: shapes, the order of channels and the places of text do not depend on them.
"""

import json
import sys
from pathlib import Path
from typing import Any


def tokenizer(folder: Path) -> Any:
    """A tiny SentencePiece model with a piece for every byte."""
    import sentencepiece

    text, prefix = folder / "text", folder / "spm"
    text.write_text("it is open from mm-hm today it is closed nine to\n" * 20, "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=300, byte_fallback=True, hard_vocab_limit=False,
        normalization_rule_name="identity", model_type="bpe",
    )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")


class Energy:
    """In Mimi's place: each of its 8 codes of a frame is the frame's level, so that a row tells whose audio it is."""

    sample_rate, frame_rate = 24_000, 12.5

    def encode(self, audio: Any) -> Any:
        import torch

        frames = -(-audio.shape[-1] // 1920)
        padded = torch.nn.functional.pad(audio, (0, frames * 1920 - audio.shape[-1]))
        level = padded.reshape(audio.shape[0], frames, 1920).pow(2).mean(-1).sqrt()
        return (1000 * level).round().long()[:, None].expand(-1, 8, -1)


def main() -> None:
    checkout, export, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    sys.path.insert(0, checkout)
    import tempfile

    import torch
    from finetune.data.args import DataArgs
    from finetune.data.data_loader import build_data_loader
    from finetune.data.interleaver import InterleavedTokenizer, Interleaver

    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]
    with tempfile.TemporaryDirectory() as folder:
        spm = tokenizer(Path(folder))
        interleaver = Interleaver(spm, 12.5, 3, 0, -1, keep_main_only=True, device="cpu")
        loader = build_data_loader(
            InterleavedTokenizer(Energy(), interleaver, seconds),
            DataArgs(eval_data=str(export / "train.jsonl")),
            batch_size=1, seed=0, rank=0, world_size=1, is_eval=True,
        )  # fmt: skip
        found = []
        for batch in loader:
            codes = batch.codes[0]
            text = [int(code) for code in codes[0] if code not in (3, 0, -1)]
            rows = {"rows": len(codes), "frames": codes.shape[1], "text": spm.decode(text)}
            found.append(rows | {"assistant": codes[1].tolist(), "user": codes[9].tolist() if len(codes) > 9 else []})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
