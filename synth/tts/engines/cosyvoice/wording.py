"""What CosyVoice is told in words: instructions, languages, tags, and what no line may tell it.

The instructions are those of `instruct_list` in the package's `cosyvoice/utils/common.py`, where it has one; the
languages are those of its README and `example.py`; the tags those of `cosyvoice/tokenizer/tokenizer.py` (commit
ace7c47).
"""

import re
from collections.abc import Mapping
from typing import Literal

from turnmill.manifests.cosyvoice import EMOTIONS, END_OF_PROMPT, SYSTEM_PROMPT
from turnmill.manifests.emotions import emotion_named
from turnmill.synth.speech import DIALECTS, MANNERS
from turnmill.synth.tags import TAG

Generation = Literal[1, 2, 3]

_DIALECTS: Mapping[str, str] = {
    "cantonese": "广东话",
    "dongbei": "东北话",
    "gansu": "甘肃话",
    "guizhou": "贵州话",
    "henan": "河南话",
    "hubei": "湖北话",
    "hunan": "湖南话",
    "jiangxi": "江西话",
    "minnan": "闽南话",
    "ningxia": "宁夏话",
    "shanxi": "山西话",
    "shaanxi": "陕西话",
    "shandong": "山东话",
    "shanghai": "上海话",
    "sichuan": "四川话",
    "tianjin": "天津话",
    "yunnan": "云南话",
}

INSTRUCTIONS: Mapping[str, str] = {
    **EMOTIONS,
    "loud": "Please say a sentence as loudly as possible.",
    "soft": "Please say a sentence in a very soft voice.",
    "slow": "请用尽可能慢地语速说一句话。",
    "fast": "请用尽可能快地语速说一句话。",
    "robot": "你可以尝试用机器人的方式解答吗？",
    "peppa": "我想体验一下小猪佩奇风格，可以吗？",
} | {name: f"请用{dialect}表达。" for name, dialect in _DIALECTS.items()}
"""Emotions and styles of `synth.speech`, two manners more, and the sentence that asks for each."""

_DIALECTS_OF_2 = frozenset({"cantonese", "hubei", "shanghai", "sichuan", "tianjin"})
PERFORMED: Mapping[Generation, frozenset[str]] = {
    1: frozenset(),  # which clones without instructions
    2: MANNERS - (frozenset(DIALECTS) - _DIALECTS_OF_2),
    3: MANNERS,
}
"""What of `synth.speech.MANNERS` each generation does as it is told, by the package's README."""

_FIVE = frozenset({"zh", "en", "ja", "ko", "yue"})
LANGUAGES: Mapping[Generation, frozenset[str]] = {1: _FIVE, 2: _FIVE, 3: _FIVE | {"de", "es", "fr", "it", "ru"}}
"""What each generation speaks, as first parts of BCP 47 tags. CosyVoice 3 wants Japanese written in katakana."""

# The package's normaliser writes the digits of any text without Chinese characters in English, those of any other in
# Chinese: "3 Uhr" would become "three Uhr". Only these languages may pass it; the models read digits themselves.
_NORMALISED = frozenset({"zh", "yue", "en"})

_CONTROL = re.compile(r"<\|[\w/.-]*\|>|<\||\|>")
_TAGS_OF_1 = frozenset({"[laughter]", "[breath]", "<laughter>", "</laughter>", "<strong>", "</strong>"})

_SENTENCE = re.compile(r"[^.!?。！？]+(?:[.!?。！？]+|$)\s*")
_LONGEST_PIECE = 200  # characters: about the 80 text tokens at which the package cuts


def normalised(language: str) -> bool:
    """Whether the package's text normaliser may see a text of this language."""
    return language in _NORMALISED


def spoken_text(text: str, generation: Generation) -> str:
    """`text` without control tokens, which would switch the normaliser off, and without tags the model would spell."""
    text = _CONTROL.sub(" ", text)
    if generation == 1:
        text = TAG.sub(lambda tag: tag.group() if tag.group() in _TAGS_OF_1 else " ", text)
    return text.strip()


def pieces(text: str) -> list[str]:
    """`text` in runs of whole sentences of up to about 80 tokens each, as the package cuts what it normalises."""
    parts: list[str] = []
    for sentence in _SENTENCE.findall(text) or [text]:
        if parts and len(parts[-1]) + len(sentence) <= _LONGEST_PIECE:
            parts[-1] += sentence
        else:
            parts.append(sentence)
    return parts


def instruction(emotion: str | None, style: str | None, general: str | None) -> str | None:
    """The sentence for a line's style, else for its emotion, else for the style of all lines; None for plain.

    A general style that is an emotion is not for lines with another, be it one that there is no sentence for; any other
    is for neutral lines too.
    """
    if style is not None:
        return INSTRUCTIONS.get(style)
    felt, of_all = emotion_named(emotion), emotion_named(general) or general
    if of_all and (not emotion or (of_all not in EMOTIONS and felt in (None, "neutral"))):
        return INSTRUCTIONS.get(of_all, of_all)
    return INSTRUCTIONS.get(felt) if felt else None


def prompt_text(sentence: str, generation: Generation) -> str:
    """A prompt's text or an instruction as a model wants it: CosyVoice 3 refuses what no end of prompt precedes."""
    return f"{SYSTEM_PROMPT}{END_OF_PROMPT}{sentence}" if generation == 3 else sentence


def instruct_text(sentence: str | None, generation: Generation) -> str:
    """An instruction as `inference_instruct2` and `inference_instruct` take it; None for no instruction but the end."""
    parts = [SYSTEM_PROMPT if generation == 3 else "", _CONTROL.sub(" ", sentence or "")]
    return " ".join(part for part in parts if part) + END_OF_PROMPT
