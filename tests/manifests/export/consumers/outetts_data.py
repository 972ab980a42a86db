"""Run in an environment with torch and ftfy: the training prompts that OuteTTS 1.0 makes of an export, as JSON.

python outetts_data.py CHECKOUT FILE.parquet

The codec is a stand-in: 75 frames of two codes a second, each its own number.
"""

import io
import json
import sys
from typing import Any

import pyarrow.parquet as pq
import soundfile
import stubs
import torch


class Codec:
    sr = 24_000

    def __init__(self, *_: Any) -> None: ...

    def load_audio(self, file: io.BytesIO) -> torch.Tensor:
        samples, rate = soundfile.read(file, dtype="float32")
        assert samples.ndim == 1
        return torch.nn.functional.interpolate(torch.from_numpy(samples)[None, None], scale_factor=self.sr / rate)

    def encode(self, audio: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.arange(audio.shape[-1] * 75 // self.sr).expand(1, 2, -1)


def main() -> None:
    checkout, file = sys.argv[1:]
    sys.path.insert(0, checkout)
    for name in ("", ".version", ".version.v3", ".utils"):
        stubs.module(f"outetts{name}").__path__ = [f"{checkout}/outetts{name.replace('.', '/')}"]
    stubs.module("uroman", Uroman=object)
    stubs.module("MeCab", Tagger=object)
    stubs.module("outetts.dac.interface", DacInterface=Codec)
    stubs.module("outetts.whisper.transcribe", transcribe_once_word_level=None)
    import argparse

    from outetts.version.v3.audio_processor import AudioProcessor
    from outetts.version.v3.prompt_processor import PromptProcessor

    audio, prompts = AudioProcessor(argparse.Namespace(device="cpu", audio_codec_path=None)), PromptProcessor(None)
    found = []
    for row in pq.read_table(file).to_pylist():
        seconds = soundfile.info(io.BytesIO(row["audio"]["bytes"])).duration
        said = {"name": row["audio"]["path"], "text": row["transcript"], "seconds": seconds}
        if row["words"] is not None:
            speaker = audio.create_speaker_from_dict({**row, "text": row["transcript"]})
            said["words"] = [[word["word"], len(word["c1"])] for word in speaker["words"]]
            said["prompt"] = prompts.get_training_prompt(speaker)
        found.append(said)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
