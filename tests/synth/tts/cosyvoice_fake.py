"""A stand-in for `cosyvoice/cli/cosyvoice.py`: its signatures, and its behaviour where the engine has to mind it.

`write_checkout` puts this file into a folder in the place of the real one, so that the engine's own import finds it.
What it keeps of the real package (commit ace7c47, docs/engines.md):

- every call is a generator of {"tts_speech": float32 [1, samples]}, one item for each piece of the text;
- the language model runs in a thread: what it raises there is printed, and the caller gets an unrelated RuntimeError
  or, after some tokens, a short clip; the state of a request that failed is never dropped;
- CosyVoice 3 asserts, in that thread, that an end of prompt is in its input;
- a text with a control token is neither normalised nor cut; `add_zero_shot_spk` normalises nothing;
- with the id of a cached speaker, instructions and recordings given along are ignored without a word;
- recordings are paths, of at most 30 s at 16 kHz or more;
- importing it sets up the root logger at DEBUG, and each call draws a progress bar.

The speech is noise from numpy's global stream, 80 ms for each character; for a text shorter than half of its prompt's,
between 80 and 800 ms. `REQUESTS` is what reached the language model; `TROUBLES` is what befalls the next requests.
"""

# ruff: noqa: ARG002  # the arguments are those of the package

import logging
import re
import shutil
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

TROUBLES: list[str] = []  # "thread", "midway", "empty", "nan", "silent", "loud" or "" for each request to come
REQUESTS: list[dict[str, Any]] = []
RECORDINGS: list[tuple[int, float]] = []  # rate and seconds of those that were read
LOADED: list[dict[str, Any]] = []  # what AutoModel was given

HOP = 960  # samples of a speech token at 24 kHz

STUBS = {
    "torch": "class cuda:\n    @staticmethod\n    def is_available(): return False\n",
    "torchaudio": "__version__ = '2.3.1'\n",
    **dict.fromkeys(("hyperpyyaml", "modelscope", "whisper"), ""),
}
_UTILS = "import numpy\n\ndef set_all_random_seed(seed):\n    numpy.random.seed(seed)\n"


def write_checkout(folder: Path) -> Path:
    """A checkout of the package in `folder`, this file being the package."""
    for package in ("cosyvoice", "cosyvoice/cli", "cosyvoice/utils", "third_party/Matcha-TTS/matcha"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    shutil.copy(__file__, folder / "cosyvoice" / "cli" / "cosyvoice.py")
    (folder / "cosyvoice" / "utils" / "common.py").write_text(_UTILS)
    return folder


def write_stubs(folder: Path) -> Path:
    """What the package imports that CI does not have, as empty modules."""
    folder.mkdir(parents=True)
    for name, source in STUBS.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def write_model(folder: Path, generation: int) -> Path:
    """A model folder with every file that is looked for, none with anything in it but the configuration."""
    folder.mkdir(parents=True)
    names = ["llm.pt", "flow.pt", "hift.pt", "campplus.onnx", f"speech_tokenizer_v{generation}.onnx"]
    if generation > 1:
        (folder / "CosyVoice-BlankEN").mkdir()
        names.append("CosyVoice-BlankEN/config.json")
    for name in names:
        (folder / name).write_bytes(name.encode())
    config = "cosyvoice.yaml" if generation == 1 else f"cosyvoice{generation}.yaml"
    rate = 22_050 if generation == 1 else 24_000
    (folder / config).write_text(f"sample_rate: {rate}\nllm: !new:cosyvoice.llm\n")
    return folder


if __name__ == "cosyvoice.cli.cosyvoice":
    logging.basicConfig(level=logging.DEBUG)


def tqdm(items: list[str]) -> Iterator[str]:
    for count, item in enumerate(items):
        print(f"\r{count}it", file=sys.stderr)
        yield item


class FrontEnd:
    def __init__(self, sample_rate: int) -> None:
        self.text_frontend = "wetext"
        self.sample_rate = sample_rate
        self.spk2info: dict[str, dict[str, Any]] = {}

    def text_normalize(self, text: str, split: bool = True, text_frontend: bool = True) -> Any:
        if "<|" in text and "|>" in text:
            text_frontend = False
        if text_frontend is False or text == "":
            return [text] if split is True else text
        text = text.strip()
        text = re.sub(r"\d+", lambda number: f"number-{number.group()[::-1]}", text)
        text += "" if text[-1] in ".?!。？！" else "."
        pieces = [piece for piece in re.findall(r"[^.?!。？！]+[.?!。？！]", text) if re.search(r"\w", piece)]
        return pieces if split is True else text

    def zero_shot(self, text: str, prompt_text: str, prompt_wav: str, speaker: str) -> dict[str, Any]:
        if speaker != "":
            return {**self.spk2info[speaker], "text": text}
        recording = soundfile.info(prompt_wav)
        assert recording.samplerate >= 16_000, "wav sample rate must be greater than 16000"
        assert recording.duration <= 30, "do not support extract speech token for audio longer than 30s"
        RECORDINGS.append((recording.samplerate, recording.duration))
        prompt = {"prompt_text": prompt_text, "llm_prompt_speech_token": recording.frames, "llm_embedding": 1}
        return {**prompt, "prompt_speech_feat": recording.frames, "text": text}


class CosyVoiceModel:
    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.tts_speech_token_dict: dict[str, list[int]] = {}
        self.llm_end_dict: dict[str, bool] = {}
        self.hift_cache_dict: dict[str, Any] = {}
        self.token_hop_len = 25
        self.running = 0

    def llm_job(self, text: str, prompt_text: str, request: str, trouble: str) -> None:
        if self.generation == 3:
            assert "<|endofprompt|>" in prompt_text + text, "<|endofprompt|> not detected in CosyVoice3 text"
        if trouble == "thread":
            raise ValueError("should not get token 6563")
        count = 2 * len(text)
        if 2 * len(text) < len(prompt_text):
            count = int(np.random.randint(2, 21))
        for _ in range(0 if trouble == "empty" else count):
            self.tts_speech_token_dict[request].append(1)
            if trouble == "midway" and len(self.tts_speech_token_dict[request]) == count // 2:
                raise IndexError("index out of range in self")
        self.llm_end_dict[request] = True

    def tts(self, text: str, stream: bool, speed: float, **given: Any) -> Iterator[dict[str, Any]]:
        assert not self.running, "two requests at a time"
        self.running += 1
        trouble = TROUBLES.pop(0) if TROUBLES else ""
        REQUESTS.append({"text": text, "speed": speed, **given})
        request = str(uuid.uuid1())
        self.tts_speech_token_dict[request], self.llm_end_dict[request] = [], False
        self.hift_cache_dict[request] = None
        if stream is True:
            self.token_hop_len = 100
        thread = threading.Thread(target=self.llm_job, args=(text, given.get("prompt_text", ""), request, trouble))
        thread.start()
        thread.join()
        tokens = len(self.tts_speech_token_dict[request])
        self.running -= 1
        if tokens == 0:
            raise RuntimeError("Calculated padded input size per channel: (2). Kernel size can't be greater")
        pcm = np.random.uniform(-0.5, 0.5, (1, int(tokens * HOP / speed))).astype(np.float32)
        yield {"tts_speech": pcm * {"nan": np.nan, "silent": 0, "loud": 3}.get(trouble, 1)}
        self.tts_speech_token_dict.pop(request)
        self.llm_end_dict.pop(request)
        self.hift_cache_dict.pop(request)


class CosyVoice:
    generation = 1

    def __init__(self, model_dir, load_jit=False, load_trt=False, fp16=False, trt_concurrent=1):
        self._load(model_dir)

    def _load(self, model_dir: str) -> None:
        if not Path(model_dir).exists():
            raise AssertionError(f"asked ModelScope for {model_dir}")
        self.sample_rate = 22_050 if self.generation == 1 else 24_000
        self.frontend = FrontEnd(self.sample_rate)
        self.model = CosyVoiceModel(self.generation)
        if self.generation == 1:
            self.frontend.spk2info["中文女"] = {"embedding": 7}

    def list_available_spks(self):
        return list(self.frontend.spk2info.keys())

    def add_zero_shot_spk(self, prompt_text, prompt_wav, zero_shot_spk_id):
        assert zero_shot_spk_id != "", "do not use empty zero_shot_spk_id"
        given = self.frontend.zero_shot("", prompt_text, prompt_wav, "")
        del given["text"]
        self.frontend.spk2info[zero_shot_spk_id] = given
        return True

    def save_spkinfo(self):
        raise AssertionError("the model's folder is the user's")

    def _speak(self, text, inputs, stream, speed, text_frontend):
        for piece in tqdm(self.frontend.text_normalize(text, split=True, text_frontend=text_frontend)):
            logging.info("synthesis text %s", piece)
            yield from self.model.tts(**inputs(piece), stream=stream, speed=speed)

    def inference_sft(self, tts_text, spk_id, stream=False, speed=1.0, text_frontend=True):
        embedding = self.frontend.spk2info[spk_id]["embedding"]
        yield from self._speak(
            tts_text, lambda piece: {"text": piece, "llm_embedding": embedding}, stream, speed, text_frontend
        )

    def inference_zero_shot(
        self, tts_text, prompt_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0, text_frontend=True
    ):
        prompt_text = self.frontend.text_normalize(prompt_text, split=False, text_frontend=text_frontend)

        def inputs(piece):
            return self.frontend.zero_shot(piece, prompt_text, prompt_wav, zero_shot_spk_id)

        yield from self._speak(tts_text, inputs, stream, speed, text_frontend)

    def inference_cross_lingual(
        self, tts_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0, text_frontend=True
    ):
        def inputs(piece):
            given = self.frontend.zero_shot(piece, "", prompt_wav, zero_shot_spk_id)
            del given["prompt_text"], given["llm_prompt_speech_token"]
            return given

        yield from self._speak(tts_text, inputs, stream, speed, text_frontend)

    def inference_instruct(self, tts_text, spk_id, instruct_text, stream=False, speed=1.0, text_frontend=True):
        assert self.__class__.__name__ == "CosyVoice", "inference_instruct is only implemented for CosyVoice!"
        instruct_text = self.frontend.text_normalize(instruct_text, split=False, text_frontend=text_frontend)
        yield from self._speak(
            tts_text, lambda piece: {"text": piece, "prompt_text": instruct_text}, stream, speed, text_frontend
        )


class CosyVoice2(CosyVoice):
    generation = 2

    def __init__(self, model_dir, load_jit=False, load_trt=False, load_vllm=False, fp16=False, trt_concurrent=1):
        self._load(model_dir)

    def inference_instruct2(
        self, tts_text, instruct_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0, text_frontend=True
    ):
        def inputs(piece):
            given = self.frontend.zero_shot(piece, instruct_text, prompt_wav, zero_shot_spk_id)
            del given["llm_prompt_speech_token"]
            return given

        yield from self._speak(tts_text, inputs, stream, speed, text_frontend)


class CosyVoice3(CosyVoice2):
    generation = 3

    def __init__(self, model_dir, load_trt=False, load_vllm=False, fp16=False, trt_concurrent=1):
        self._load(model_dir)


def AutoModel(**kwargs):
    LOADED.append(kwargs)
    for name, kind in (("cosyvoice", CosyVoice), ("cosyvoice2", CosyVoice2), ("cosyvoice3", CosyVoice3)):
        if (Path(kwargs["model_dir"]) / f"{name}.yaml").exists():
            return kind(**kwargs)
    raise TypeError("No valid model type found!")
