"""hibari: an embedded voice of English, and users made of it."""

from turnmill.synth.speech import RATES
from turnmill.synth.tts.declaration import Declaration, NoParams
from turnmill.synth.tts.engines.hibari.engine import REQUIREMENT, HibariEngine
from turnmill.synth.tts.engines.hibari.voices import HIBARI, PseudoSpeaker

__all__ = ["DECLARATION", "HIBARI", "HibariEngine", "PseudoSpeaker"]

DECLARATION = Declaration(
    name="hibari",
    role="speaks English, embedded",
    choice="English",
    make=lambda _, voices: HibariEngine(voices),
    params=NoParams,
    bank=HIBARI,
    settings=PseudoSpeaker,
    languages=HIBARI.languages,
    states_times=True,
    performs=lambda _: RATES,
    fix=f"pip install {REQUIREMENT}",
    limit="Lines are spoken by hibari, a small neural voice of English. Its users are pseudo-speakers, the one voice "
    "with another pitch and timbre: they speak with one accent and one manner.",
)
