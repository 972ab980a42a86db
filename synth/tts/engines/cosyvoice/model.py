"""The model's folder: where it is, what it lacks, and a name for what is in it that costs no reading of gigabytes."""

import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import stable_hash
from turnmill.synth.tts.engines.cosyvoice.params import CosyVoiceParams
from turnmill.synth.tts.engines.cosyvoice.wording import Generation

# In the order in which the package's AutoModel looks for them.
_CONFIGS: dict[str, Generation] = {"cosyvoice.yaml": 1, "cosyvoice2.yaml": 2, "cosyvoice3.yaml": 3}
_QWEN = "CosyVoice-BlankEN"
_TRT = "flow.decoder.estimator.fp32.onnx"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_SAMPLE_RATE = re.compile(r"^sample_rate:\s*(\d+)", re.MULTILINE)
_ENDS = 65_536  # bytes read of either end of a file


@dataclass(frozen=True)
class ModelFolder:
    """A folder with all that a generation of CosyVoice loads, and the sample rate in Hz of what it speaks."""

    path: Path
    generation: Generation
    sample_rate: int

    @property
    def digest(self) -> str:
        """A name for the weights and settings, the same wherever the folder lies.

        Of each file that is loaded: its name, its size and its first and last 64 KiB. PyTorch's files are zip archives
        and keep a checksum of every tensor in their last bytes, so that a fine-tuned copy differs.
        """
        files = [self.path / name for name in (_config(self.generation), *_files(self.generation))]
        files += [path for pattern in ("spk2info.pt", f"{_QWEN}/*") for path in self.path.glob(pattern)]
        parts: list[object] = []
        for path in sorted(path for path in files if path.is_file()):
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                first = file.read(_ENDS)
                file.seek(max(size - _ENDS, 0))
                ends = hashlib.blake2b(first + file.read()).hexdigest()
            parts += [path.relative_to(self.path).as_posix(), size, ends]
        return stable_hash(*parts)


def find_model(params: CosyVoiceParams) -> ModelFolder:
    """The folder of `params.model`: it is one, or an id of the hub, whose local cache comes before the network.

    UsageError names the file it lacks.
    """
    path = _given(params) or _cached(params) or fetch_model(params)
    config = next((name for name in _CONFIGS if (path / name).is_file()), None)
    if config is None:
        raise UsageError(f"{params.model} is no CosyVoice model: it has none of {', '.join(_CONFIGS)}")
    generation = _CONFIGS[config]
    missing = [name for name in _wanted(generation, params) if not (path / name).is_file()]
    if missing:
        raise UsageError(f"{params.model} is no whole CosyVoice {generation} model: {missing[0]} is missing")
    if params.load_vllm and generation == 1:
        raise UsageError(f"{params.model} is CosyVoice 1, which does not run on vLLM: set load_vllm to false")
    rate = _SAMPLE_RATE.search((path / config).read_text("utf-8"))
    if rate is None:
        raise UsageError(f"{path / config} states no sample_rate")
    return ModelFolder(path, generation, int(rate.group(1)))


def generation_of(params: CosyVoiceParams) -> Generation:
    """The generation of a model, which need not be here: that of its folder, else as its name on the hub says it."""
    folder = _given(params)
    if folder is not None:
        return next((of for name, of in _CONFIGS.items() if (folder / name).is_file()), 1)
    named = re.search("CosyVoice([23])", params.model, re.IGNORECASE)
    return 1 if named is None else 2 if named[1] == "2" else 3


def published(params: CosyVoiceParams) -> bool:
    """Whether `params.model` is the id of a model on the hub."""
    return _given(params) is None and bool(_HUB_ID.fullmatch(params.model))


def unfetched(params: CosyVoiceParams) -> str | None:
    """The model, where it is one of the hub with files that are not in its local cache."""
    return params.model if published(params) and _cached(params) is None else None


def refetch(params: CosyVoiceParams) -> None:
    """Fetch a model of the hub, be it here: a copy may be old, or not whole. UsageError where the hub has none."""
    if published(params):
        fetch_model(params)


def _given(params: CosyVoiceParams) -> Path | None:
    path = Path(params.model).expanduser()
    return path if path.is_dir() else None


def _cached(params: CosyVoiceParams) -> Path | None:
    """The folder of a model in the hub's local cache, where all is there that is loaded."""
    if not published(params) or find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    def kept(name: str) -> Path | None:
        found = try_to_load_from_cache(params.model, name, revision=params.revision)
        return Path(found) if isinstance(found, str) else None

    for config, generation in _CONFIGS.items():
        place = kept(config)
        if place is not None and all(map(kept, _wanted(generation, params))):
            return place.parent
    return None


def _config(generation: Generation) -> str:
    return next(name for name, of in _CONFIGS.items() if of == generation)


def _files(generation: Generation) -> list[str]:
    weights = ["llm.pt", "flow.pt", "hift.pt", "campplus.onnx", f"speech_tokenizer_v{generation}.onnx"]
    return weights if generation == 1 else [*weights, f"{_QWEN}/config.json"]


def _wanted(generation: Generation, params: CosyVoiceParams) -> list[str]:
    return [*_files(generation), *([_TRT] if params.load_trt else [])]


def fetch_model(params: CosyVoiceParams) -> Path:
    """The folder of a model of the hub, as it is there now. UsageError where the hub has none of the name."""
    # The package itself would ask ModelScope for any folder it does not find.
    if not _HUB_ID.fullmatch(params.model):
        raise UsageError(f"there is no folder {params.model}, and it is no id of a model on the Hugging Face hub")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UsageError(
            "a model from the Hugging Face hub needs huggingface_hub: pip install huggingface_hub"
        ) from error
    wanted = [*_CONFIGS, "llm.pt", "flow.pt", "hift.pt", "campplus.onnx", "speech_tokenizer_v?.onnx", "spk2info.pt"]
    wanted += [f"{_QWEN}/*", *([_TRT] if params.load_trt else [])]
    try:
        return Path(snapshot_download(params.model, revision=params.revision, allow_patterns=wanted))
    except (OSError, ValueError) as error:
        what = f"{params.model}@{params.revision}" if params.revision else params.model
        raise UsageError(
            f"there is no folder {params.model}, and the Hugging Face hub gave no model {what}: {type(error).__name__}"
        ) from error
