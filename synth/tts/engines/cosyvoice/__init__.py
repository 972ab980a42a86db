"""CosyVoice 1, 2 and 3 in process, from the official checkout: cloned voices, emotions, eleven languages."""

from turnmill.synth.tts.engines.cosyvoice.engine import CosyVoiceEngine
from turnmill.synth.tts.engines.cosyvoice.params import CosyVoiceParams

__all__ = ["CosyVoiceEngine", "CosyVoiceParams"]
