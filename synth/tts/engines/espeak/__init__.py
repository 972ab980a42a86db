"""espeak-ng, a formant synthesizer of English and Chinese: exact word times, nothing to download."""

from turnmill.synth.speech import RATES
from turnmill.synth.tts.declaration import Beside, Declaration, NoParams
from turnmill.synth.tts.engines.espeak.engine import EspeakEngine
from turnmill.synth.tts.engines.espeak.voices import ESPEAK, EspeakSettings, beside

__all__ = ["DECLARATION", "ESPEAK", "EspeakEngine", "EspeakSettings"]

DECLARATION = Declaration(
    name="espeak",
    role="speaks like a formant synthesizer",
    choice="English and Chinese, formants",
    make=lambda _, voices: EspeakEngine(voices),
    params=NoParams,
    bank=ESPEAK,
    settings=EspeakSettings,
    beside=Beside("bystanders, and everybody in languages that the engine does not speak", beside),
    languages=ESPEAK.languages,
    states_times=True,
    performs=lambda _: RATES,
    fix="pip install 'turnmill[demo]'",
    limit="Lines are spoken by espeak-ng, a formant synthesizer: words and times are exact, but the voices sound "
    "robotic and do not stand for human speech.",
)
