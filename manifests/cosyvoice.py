"""What CosyVoice is told before a text, in speaking and in training.

The sentences are those of `instruct_list` in the package's `cosyvoice/utils/common.py`, where it has one (commit
ace7c47).
"""

from collections.abc import Mapping
from typing import Final

SYSTEM_PROMPT: Final = "You are a helpful assistant."
END_OF_PROMPT: Final = "<|endofprompt|>"

# The package has those of joy, sadness and anger; the rest are in their form, which CosyVoice 2 and 3, taught in free
# text, take as well.
EMOTIONS: Final[Mapping[str, str]] = {
    "joy": "请非常开心地说一句话。",
    "sadness": "请非常伤心地说一句话。",
    "anger": "请非常生气地说一句话。",
    "fear": "请非常害怕地说一句话。",
    "surprise": "请非常惊讶地说一句话。",
    "disgust": "请非常厌恶地说一句话。",
    "sorry": "请非常抱歉地说一句话。",
    "neutral": "请非常平静地说一句话。",
}
"""The sentence that asks for each of `emotions.EMOTIONS`."""
