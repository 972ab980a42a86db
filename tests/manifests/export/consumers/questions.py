"""Run in an environment with torch, whisper, librosa and datasets, and ffmpeg on PATH: what the loaders of rounds make
of an export, as JSON.

    python questions.py slam CHECKOUT EXPORT/voiceassistant
    python questions.py slam CHECKOUT EXPORT/slam_omni/train.jsonl
    python questions.py llama CHECKOUT EXPORT/llama_omni/train.json
    python questions.py llama2 CHECKOUT EXPORT/llama_omni2/train.json
    python questions.py ichigo CHECKOUT EXPORT/ichigo

Of a folder with Parquet the answers are SNAC, of lines CosyVoice in threes. Tokenizers have a token for each character,
and Ichigo's quantiser one for the level of each 40 ms. Their models, and what is only loaded for them, are left out.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

IGNORED, SPEECH, PAD = -100, -200, 1


def stub(name: str, **names: Any) -> None:
    """A module that has those names alone."""
    module = ModuleType(name)
    module.__path__ = []
    for key, value in names.items():
        setattr(module, key, value)
    sys.modules[name] = module


def text_of(tokens: Sequence[int]) -> str:
    return "".join(chr(token) for token in tokens if 1 < token < 0x1_0000)


def seconds_of(mel: Any) -> float:
    """Length of what is not silence in a mel spectrogram, [frames, bands] of 10 ms."""
    levels = mel.mean(dim=1)
    return float((levels > levels.min() + 0.1).sum()) / 100


class Characters:
    """A tokenizer of a token a character, the first one BOS."""

    bos_token_id, pad_token_id, model_max_length, legacy = 0, PAD, 1 << 20, True

    def encode(self, text: str) -> list[int]:
        return [ord(one) for one in text]

    def __call__(self, text: str) -> Any:
        return SimpleNamespace(input_ids=[self.bos_token_id, *self.encode(text)])

    def convert_tokens_to_ids(self, token: str) -> int:
        assert token == "<speech>"
        return 0xFFFF

    def apply_chat_template(self, messages: Any, add_generation_prompt: bool, return_tensors: str) -> Any:
        import torch

        assert add_generation_prompt
        assert return_tensors == "pt"
        told = "".join(f"{one['role']}: {one['content']}\n" for one in messages) + "assistant: "
        first, *others = told.split("<speech>")
        ids = self.encode(first)
        for other in others:
            ids += [self.convert_tokens_to_ids("<speech>"), *self.encode(other)]
        return torch.tensor([ids])


class Config(dict[str, Any]):
    __getattr__ = dict.__getitem__


def slam(checkout: Path, export: Path) -> Any:
    sys.path.insert(0, str(checkout / "examples/s2s"))
    stub("slam_llm")
    stub("slam_llm.utils")
    stub("slam_llm.utils.train_utils", print_module_size=None)
    stub("torchaudio")
    from s2s_config import VocabConfig
    from speech_dataset_s2s import SpeechDatasetJsonl

    parquet = export.is_dir()
    layers = 7 if parquet else 3
    config = Config(
        train_data_path=str(export), val_data_path=str(export), manifest_format="parquet" if parquet else "jsonl",
        load_from_cache_file=True, split_size=0.25, input_type="mel", mel_size=80, prompt="Converse.",
        vocab_config=VocabConfig(code_layer=layers), code_type="SNAC" if parquet else "CosyVoice",
        do_layershift=parquet, num_latency_tokens=0, task_type="s2s",
    )  # fmt: skip
    sets = [SpeechDatasetJsonl(config, Characters(), split) for split in ("train", "val")[: 1 + parquet]]
    found = []
    for one in (one for each in sets for one in each):
        text, labels = one["input_ids"][layers].tolist(), one["labels"]
        found.append(
            {
                "key": one["key"],
                "source": one["source_text"],
                "prompt": text_of(text[: one["prompt_length"]]),
                "learnt": text_of(labels[layers].tolist()),
                "sounds": int((labels[:layers] != IGNORED).sum()),
                "places": one["audio_length"],
                "seconds": seconds_of(one["audio_mel"]),
            }
        )
    batch = sets[0].collator([sets[0][0], sets[0][1]])
    shapes = [list(batch[name].shape) for name in ("input_ids", "labels", "audio_mel")]
    items = sorted(found, key=lambda one: str(one["key"])) if parquet else found  # it shuffles what it splits
    return {"items": items, "batch": shapes, "declared": not parquet or as_published(export)}


def as_published(export: Path) -> bool:
    """Whether `datasets` would write those columns, in that order and as those types, of what the card of
    VoiceAssistant-400K declares."""
    import pyarrow.parquet as pq
    from datasets import Audio, Features, Value

    names = ("split_name", "index", "round", "question", "question_audio", "answer", "answer_snac")
    card = Features({name: Audio() if name == "question_audio" else Value("string") for name in names})
    files = (export / "data").iterdir()
    return all(pq.read_schema(file).equals(card.arrow_schema, check_metadata=True) for file in files)


def llama(checkout: Path, export: Path) -> Any:
    sys.path.insert(0, str(checkout))
    tokenizer = Characters()
    stub("shortuuid")
    stub("tokenizers", __version__="0.15.0")
    stub("transformers", PreTrainedTokenizer=Characters)
    stub("omni_speech.model")
    stub("omni_speech.model.builder", load_pretrained_model=None)
    stub("omni_speech.utils", disable_torch_init=None)
    stub("omni_speech.arguments", DataArguments=None)
    from omni_speech.datasets.preprocess import preprocess
    from omni_speech.infer.infer import CustomDataset, collate_fn

    items = json.loads(export.read_text("utf-8"))
    found = []
    data = CustomDataset(items, tokenizer, None, "mel", 128, "llama_3")
    for item, one in zip(items, (data[place] for place in range(len(data))), strict=True):
        ids, speech, lengths = collate_fn([one])
        learnt = preprocess([item["conversations"]], tokenizer, has_speech=True)
        found.append(
            {
                "id": item["id"],
                "speeches": int((ids == SPEECH).sum()),
                "frames": int(lengths[0]),
                "bands": speech.shape[2],
                "seconds": seconds_of(speech[0]),
                "learnt": text_of(learnt["labels"][0].tolist()).removesuffix("<|eot_id|>"),
                "inputs": int((learnt["input_ids"] == SPEECH).sum()),
            }
        )
    return found


def llama2(checkout: Path, export: Path) -> Any:
    sys.path.insert(0, str(checkout))
    stub("transformers", AutoTokenizer=None, AutoConfig=None)
    stub("llama_omni2.model")
    from llama_omni2.inference.run_llama_omni2 import MultiturnSpeechDataset, collate_fn

    items = json.loads(export.read_text("utf-8"))
    asked = [item | {"conversation": item["conversation"][:-1]} for item in items]  # it is to answer the last
    data = MultiturnSpeechDataset(asked, Characters(), None)
    found = []
    for item, one in zip(items, (data[place] for place in range(len(data))), strict=True):
        ids, speech, lengths = collate_fn([one])
        found.append(
            {
                "id": item["id"],
                "speeches": int((ids == SPEECH).sum()),
                "text": text_of(ids[0].tolist()),
                "frames": lengths.tolist(),
                "seconds": [seconds_of(mel) for mel in speech],
                "answer": item["conversation"][-1]["text"],
            }
        )
    return found


def ichigo(checkout: Path, export: Path) -> Any:
    """Its pipeline from text, in which our sound is what is spoken; then the one from audio."""
    from multiprocessing import Value

    import torch
    from datasets import load_dataset

    sys.path.insert(0, str(checkout / "synthetic_data"))
    tables = {
        name: load_dataset("parquet", data_dir=str(export / name), split="train") for name in ("data", "audio")
    }  # fmt: skip
    spoken = iter(tables["audio"])

    class Spoken:
        def __init__(self, device: str) -> None:
            pass

        def convert_text_to_audio(self, text: str, _: Any) -> Any:
            question = next(spoken)
            assert question["text"] == text
            return torch.from_numpy(question["audio"]["array"]).float()[None]

    class Levels:
        def __init__(self, device: str) -> None:
            pass

        def encode(self, audio: Any) -> list[int]:
            samples, rate = audio
            samples = samples.reshape(-1)[: samples.numel() // (rate // 25) * (rate // 25)]
            return [int(level) for level in (512 * samples.reshape(-1, rate // 25).pow(2).mean(1).sqrt()).tolist()]

    stub("fire")
    stub("boto3")
    stub("audio_tokenizer", WhisperVQTokenizer=Levels)
    stub("tts_processor", TTSProcessor=Spoken, TTSementicToken=None)
    import audio_to_audio_tokens
    import pyarrow.parquet as pq
    import synthetic_data_multiturn

    with tempfile.TemporaryDirectory() as folder:
        for name, module in (("talks", synthetic_data_multiturn), ("audio", audio_to_audio_tokens)):
            module.logger = SimpleNamespace(debug=print, warning=print, info=print, error=print)
            (Path(folder) / name).mkdir()
        common = {"device": "cpu", "process_id": 0, "save_batch_size": 1, "max_retries": 1, "format": "parquet"}
        synthetic_data_multiturn.process_and_save_text(
            tables["data"], processed_count=Value("i", 0), save_dir=f"{folder}/talks", sample_rate=16_000,
            speaker=None, **common,
        )  # fmt: skip
        audio_to_audio_tokens.process_and_save_audio(
            tables["audio"], processed_count=Value("i", 0), save_dir=f"{folder}/audio", tokenizer_cls=Levels, **common
        )
        theirs = Path(folder) / "talks/audio_tokens_0.parquet"
        (ours,) = (export / "data").glob("train-*")
        return {
            "same": pq.read_schema(theirs).equals(pq.read_schema(ours)),
            "talks": pq.read_table(theirs).to_pylist(),
            "questions": pq.read_table(f"{folder}/audio/audio_tokens_0.parquet").to_pylist(),
        }


def main() -> None:
    what, checkout, export = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HF_DATASETS_CACHE"] = cache
        loaders = {"slam": slam, "llama": llama, "llama2": llama2, "ichigo": ichigo}
        told = json.dumps(loaders[what](checkout, export))
    print(told)


if __name__ == "__main__":
    main()
