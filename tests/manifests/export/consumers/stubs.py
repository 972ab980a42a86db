"""What trainers ask for and a small machine has not: audio is read by soundfile, modules without a part in the test are
empty."""

import importlib
import importlib.machinery
import io
import sys
from types import ModuleType
from typing import Any


def module(name: str, **values: Any) -> ModuleType:
    """Stand in for a module, and for the packages above it where they are not there."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        if path not in sys.modules and (depth == len(parts) or not _is_there(path)):
            sys.modules[path] = ModuleType(path)
            sys.modules[path].__path__ = []
            sys.modules[path].__spec__ = importlib.machinery.ModuleSpec(path, None, is_package=True)
            if depth > 1:
                setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[path])
    vars(sys.modules[name]).update(values)
    return sys.modules[name]


def _is_there(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def audio_by_soundfile() -> None:
    """torchaudio reads audio by a package that needs FFmpeg's libraries; here by soundfile."""
    import soundfile
    import torch
    import torchaudio

    def load(source: Any) -> Any:
        file = io.BytesIO(source.read()) if hasattr(source, "read") else source
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        return torch.from_numpy(samples.T.copy()), rate

    torchaudio.load = load
