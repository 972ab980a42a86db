"""Run in an environment with what CosyVoice's datasets need: what its packer and Dataset make of an export.

python cosyvoice_data.py CHECKOUT EXPORT/cosyvoice/train EMPTY_FOLDER GENERATION

The tokenizer is Whisper's, of which version 1 has its own; the mel spectrogram is torchaudio's, and the embedding,
which an ONNX model gives, zeros.
"""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import stubs

CONFIGURED = {  # sample rate, samples that lengths are rounded up to, and limits in frames of 10 ms
    "1": (22_050, -1, {"max_length": 40_960, "min_length": 0}),
    "3": (24_000, 960, {"max_length": 6_000, "min_length": 100}),
}


class NoEmbedding:
    def inference(self, _: Any) -> Any:
        import torch

        return torch.zeros(192)


def packed(checkout: Path, source: str, folder: str) -> Path:
    told = ["--src_dir", source, "--des_dir", folder, "--num_utts_per_parquet", "2"]
    subprocess.run([sys.executable, checkout / "tools/make_parquet_list.py", *told], check=True)
    return Path(folder) / "data.list"


def main() -> None:
    import torchaudio

    checkout, source, folder, generation = sys.argv[1:]
    sys.path.insert(0, checkout)
    stubs.audio_by_soundfile()
    stubs.module("pyworld")
    stubs.module("hyperpyyaml")
    stubs.module("cosyvoice.utils.onnx", embedding_extractor=NoEmbedding(), online_feature=True)
    listed = packed(Path(checkout), source, folder)
    import whisper.tokenizer
    from cosyvoice.dataset import processor
    from cosyvoice.dataset.dataset import Dataset

    tokens = whisper.tokenizer.get_tokenizer(multilingual=True).encoding
    rate, frames, limits = CONFIGURED[generation]
    mel = torchaudio.transforms.MelSpectrogram(rate, n_fft=1920, hop_length=480, n_mels=80)
    pipeline = [
        processor.parquet_opener,
        partial(processor.tokenize, get_tokenizer=lambda: tokens, allowed_special="all"),
        partial(processor.filter, token_max_length=200, token_min_length=1, **limits),
        partial(processor.resample, resample_rate=rate),
        partial(processor.compute_fbank, feat_extractor=mel, num_frames=frames),
        partial(processor.parse_embedding, normalize=False),
        partial(processor.compute_whisper_fbank, num_frames=frames),
        partial(processor.shuffle, shuffle_size=1000),
        partial(processor.sort, sort_size=500),
        partial(processor.batch, batch_type="dynamic", max_frames_in_batch=2000),
        partial(heard, into=(sounds := {})),
        partial(processor.padding, use_spk_embedding=False),
    ]
    found = []
    for batch in Dataset(str(listed), pipeline, mode="train", shuffle=False):
        for row, utt in enumerate(batch["utts"]):
            told = batch["instruct_token"][row][: batch["instruct_token_len"][row]]
            said = {"text": batch["text"][row], "instruct": tokens.decode(told.tolist())}
            found.append({"name": utt} | said | sounds[utt])
    print(json.dumps(found))


def heard(data: Any, into: dict[str, Any], **_: Any) -> Any:
    """Notes what the waveforms are, which the batches no longer have."""
    for batch in data:
        for sample in batch:
            level = float(sample["speech"].square().mean().sqrt())
            into[sample["utt"]] = {"seconds": sample["speech"].shape[1] / sample["sample_rate"], "level": level}
        yield batch


if __name__ == "__main__":
    main()
