"""The package `cosyvoice`: found in its checkout, imported without its side effects, and loaded."""

import hashlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import stable_hash
from turnmill.synth.tts.declaration import Missing
from turnmill.synth.tts.engines.cosyvoice.model import ModelFolder
from turnmill.synth.tts.engines.cosyvoice.params import CosyVoiceParams

_HOW = (
    "git clone --recursive https://github.com/FunAudioLLM/CosyVoice, pip install its requirements,"
    " and set COSYVOICE_REPO (or `repo`) to it"
)


class Frontend(Protocol):
    """What the engine uses of the package's CosyVoiceFrontEnd."""

    text_frontend: str
    spk2info: dict[str, dict[str, Any]]

    def text_normalize(self, text: str, split: bool = True, text_frontend: bool = True) -> Any: ...


class Model(Protocol):
    """What the engine uses of the package's CosyVoice, CosyVoice2 and CosyVoice3."""

    sample_rate: int
    frontend: Frontend
    model: Any

    def list_available_spks(self) -> list[str]: ...
    def add_zero_shot_spk(self, prompt_text: str, prompt_wav: str, zero_shot_spk_id: str) -> bool: ...
    def inference_sft(self, tts_text: str, spk_id: str, **settings: Any) -> Iterator[Mapping[str, Any]]: ...
    def inference_instruct(
        self, tts_text: str, spk_id: str, instruct_text: str, **settings: Any
    ) -> Iterator[Mapping[str, Any]]: ...
    def inference_zero_shot(
        self, tts_text: str, prompt_text: str, prompt_wav: str, zero_shot_spk_id: str, **settings: Any
    ) -> Iterator[Mapping[str, Any]]: ...
    def inference_cross_lingual(
        self, tts_text: str, prompt_wav: str, zero_shot_spk_id: str, **settings: Any
    ) -> Iterator[Mapping[str, Any]]: ...
    def inference_instruct2(
        self, tts_text: str, instruct_text: str, prompt_wav: str, zero_shot_spk_id: str, **settings: Any
    ) -> Iterator[Mapping[str, Any]]: ...


def find_checkout(repo: str | None) -> Path:
    """The checkout named by `repo`, COSYVOICE_REPO or the Python path; UsageError says what it lacks.

    The package `cosyvoice` of PyPI is another project (a fork of 2024 without its models' code), and is refused.
    """
    named = repo or os.environ.get("COSYVOICE_REPO")
    if named:
        root = Path(named).expanduser().resolve()
        if not _is_package(root):
            raise UsageError(f"{named} is no checkout of CosyVoice: cosyvoice/cli/cosyvoice.py is missing; {_HOW}")
    else:
        spec = find_spec("cosyvoice")
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise UsageError(f"the cosyvoice engine needs its checkout: {_HOW}")
        root = Path(places[0]).resolve().parent
        if not _is_package(root) or root.name in ("site-packages", "dist-packages"):
            raise UsageError(f"the package cosyvoice of PyPI is not CosyVoice: pip uninstall cosyvoice; {_HOW}")
    if not (_matcha(root) / "matcha").is_dir() and find_spec("matcha") is None:
        raise Missing(f"{root} lacks third_party/Matcha-TTS", "git submodule update --init --recursive in it")
    return root


def check_requirements(root: Path) -> None:
    """UsageError where this Python lacks what the package imports."""
    for needed in ("torch", "torchaudio", "hyperpyyaml", "modelscope", "onnxruntime", "whisper"):
        if find_spec(needed) is None:
            raise Missing(f"CosyVoice needs {needed}", f"pip install -r {root.name}/requirements.txt")


def package_digest(root: Path) -> str:
    """A name for the package's code: a hash of its Python files, whether or not git is there to tell the commit."""
    sources = {path.relative_to(root).as_posix(): path for path in (root / "cosyvoice").rglob("*.py")}
    hashes = [(name, hashlib.blake2b(path.read_bytes()).hexdigest()) for name, path in sorted(sources.items())]
    return stable_hash(*hashes)


def load_model(root: Path, folder: ModelFolder, params: CosyVoiceParams) -> Model:
    """Import the package and load the model; UsageError where either is impossible."""
    check_requirements(root)
    flags = {name: True for name in ("fp16", "load_trt", "load_vllm") if getattr(params, name)}
    with _quiet_import(root):
        try:
            package = importlib.import_module("cosyvoice.cli.cosyvoice")
            torch = importlib.import_module("torch")
            if params.load_vllm:
                _register_with_vllm()
        except ImportError as error:
            raise UsageError(f"CosyVoice could not be imported ({error}): pip install its requirements") from error
        if Path(str(package.__file__)).resolve().parents[2] != root:
            raise UsageError(f"another package named cosyvoice was imported before {root}: pip uninstall cosyvoice")
        # Without CUDA the package goes on without these flags, and says so only in its log.
        if flags and not torch.cuda.is_available():
            raise UsageError(f"{', '.join(flags)} of the cosyvoice engine needs a CUDA device, and there is none")
        package.tqdm = iter  # type: ignore[attr-defined]  # a progress bar for each line spoken
        _let_torchaudio_read()
        try:
            model: Model = package.AutoModel(model_dir=str(folder.path), **flags)
        except Exception as error:  # whatever a wrong file makes torch, onnxruntime or hyperpyyaml raise
            raise UsageError(f"CosyVoice could not load {folder.path}: {type(error).__name__}: {error}") from error
    if not model.frontend.text_frontend:
        raise UsageError("CosyVoice found no text normaliser and would misread numbers: pip install 'wetext>=0.1'")
    return model


def seed_all(seed: int) -> None:
    """Seed every random stream that the package draws from, as its own `set_all_random_seed` does."""
    importlib.import_module("cosyvoice.utils.common").set_all_random_seed(seed)


def _is_package(root: Path) -> bool:
    return (root / "cosyvoice" / "cli" / "cosyvoice.py").is_file()


def _matcha(root: Path) -> Path:
    return root / "third_party" / "Matcha-TTS"


@contextmanager
def _quiet_import(root: Path) -> Iterator[None]:
    """Put the checkout on the Python path, and keep it from setting up the log of the whole process at DEBUG."""
    for path in (_matcha(root), root):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    # logging.basicConfig does nothing where the root logger has a handler.
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)


def _register_with_vllm() -> None:
    architecture = "CosyVoice2ForCausalLM"
    module = importlib.import_module("cosyvoice.vllm.cosyvoice2")
    importlib.import_module("vllm").ModelRegistry.register_model(architecture, getattr(module, architecture))


def _let_torchaudio_read() -> None:
    """Let `torchaudio.load` read WAV files through soundfile where it cannot: from 2.9 on it needs torchcodec."""
    torchaudio: ModuleType = importlib.import_module("torchaudio")
    version = tuple(int(part) for part in torchaudio.__version__.split(".")[:2])
    if version < (2, 9) or find_spec("torchcodec") is not None:
        return
    import soundfile
    import torch

    def load(path: Any, **_: Any) -> tuple[Any, int]:
        pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(np.ascontiguousarray(pcm.T)), rate

    torchaudio.load = load  # type: ignore[attr-defined]
