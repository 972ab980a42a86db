"""CosyVoice 1, 2 and 3 in process, from the official checkout: cloned voices, emotions, eleven languages."""

from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.engines.cosyvoice.engine import CosyVoiceEngine
from turnmill.synth.tts.engines.cosyvoice.model import generation_of, refetch, unfetched
from turnmill.synth.tts.engines.cosyvoice.package import check_requirements, find_checkout
from turnmill.synth.tts.engines.cosyvoice.params import CosyVoiceParams
from turnmill.synth.tts.engines.cosyvoice.wording import LANGUAGES, PERFORMED
from turnmill.synth.voices import named

__all__ = ["DECLARATION", "CosyVoiceEngine", "CosyVoiceParams"]


def _check(params: CosyVoiceParams) -> None:
    find_checkout(params.repo)


def _check_here(params: CosyVoiceParams) -> None:
    check_requirements(find_checkout(params.repo))


def _examine() -> str:
    check_requirements(find_checkout(None))
    return "checkout and requirements found; a recipe names its model"


DECLARATION = Declaration(
    name="cosyvoice",
    role="speaks with cloned voices",
    choice="which clones",
    make=CosyVoiceEngine,
    params=CosyVoiceParams,
    models=("model",),
    folders=("repo",),
    secret=True,
    named=named,
    clones=True,
    languages=sorted(frozenset().union(*LANGUAGES.values())),
    states_times=False,
    performs=lambda params: PERFORMED[generation_of(params)] if params.emotions else (),
    heavy=True,
    gpu=True,
    check=_check,
    check_here=_check_here,
    unfetched=unfetched,
    fetch=refetch,
    examine=_examine,
    fix="git clone --recursive https://github.com/FunAudioLLM/CosyVoice && export COSYVOICE_REPO=$PWD/CosyVoice",
)
