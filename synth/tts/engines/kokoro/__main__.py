"""What pip is to install for the packaged model."""

from turnmill.synth.tts.engines.kokoro.model import PACKAGE

print(*PACKAGE.requirements)
