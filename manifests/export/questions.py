"""How clips are asked about, and the words of the answers, in English and Chinese."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from turnmill.manifests.emotions import Emotion
from turnmill.manifests.languages import primary
from turnmill.manifests.records import stable_hash

Task = Literal["asr", "s2tt", "ser", "vsc"]
Sound = Literal["laughter", "sigh", "cough", "throat clearing", "sneeze", "sniff"]
"""The six of VocalSound."""

_SPELT: Final[Mapping[str, Sound]] = {
    **{sound.replace(" ", ""): sound for sound in get_args(Sound)},
    **{"laughing": "laughter", "sighing": "sigh", "coughing": "cough", "sneezing": "sneeze", "sniffing": "sniff"},
}
"""By what corpora call them, in small letters and nothing else: ESC-50, FSD50K and AudioSet have some of them."""


@dataclass(frozen=True)
class Wording:
    """`asks`: phrasings of each task, `{choices}` the words of its answers, `{language}` that of its answer; `pair`: of
    two readings of a text; `languages`: by the first part of a tag."""

    asks: Mapping[Task, Sequence[str]]
    pair: Sequence[str]
    emotions: Mapping[Emotion, str]
    sounds: Mapping[Sound, str]
    one: str
    two: str
    each: str  # how the first sounds, and the second
    between: str  # choices
    languages: Mapping[str, str]

    def question(self, task: Task, key: str, language: str | None = None) -> str:
        """The phrasing that a clip's key chooses; `language`: the tag of the answer's, of a translation."""
        words = {"ser": self.emotions.values(), "vsc": self.sounds.values()}.get(task, ())
        named = self.languages.get(primary(language or ""), language)
        return _chosen(self.asks[task], task, key).format(choices=self.between.join(words), language=named)

    def pair_question(self, *keys: str) -> str:
        return _chosen(self.pair, *keys)

    def pair_answer(self, one_speaker: bool, emotions: tuple[Emotion | None, Emotion | None]) -> str:
        """Whether one speaker reads both, and how each sounds where both labels are there."""
        speakers, (first, second) = self.one if one_speaker else self.two, emotions
        if first is None or second is None:
            return speakers
        return speakers + self.each.format(self.emotions[first], self.emotions[second])


def _chosen(phrasings: Sequence[str], *key: str) -> str:
    return phrasings[int(stable_hash(*key), 16) % len(phrasings)]


_ENGLISH: Final = Wording(
    asks={
        "asr": ("Write down what is said.", "What does the speaker say?", "Transcribe the recording."),
        "s2tt": (
            "Translate what is said into {language}.",
            "What does the speaker say, in {language}?",
            "Write in {language} what is said.",
        ),
        "ser": (
            "How does the speaker feel? Choose one of: {choices}.",
            "Which emotion is in the voice? One of: {choices}.",
            "Name the emotion of the speaker: {choices}.",
        ),
        "vsc": (
            "Which sound does the person make? One of: {choices}.",
            "What do you hear the person do? Choose one of: {choices}.",
            "Name the vocal sound: {choices}.",
        ),
    },
    pair=(
        "Both recordings say the same words. Is it one speaker or two, and how does each sound?",
        "The same text is read twice. By one speaker or by two, and in which tone?",
    ),
    emotions={
        "neutral": "neutral", "joy": "happy", "sadness": "sad", "fear": "fearful", "anger": "angry",
        "surprise": "surprised", "disgust": "disgusted", "sorry": "apologetic",
    },
    sounds={sound: sound for sound in get_args(Sound)},
    one="One speaker.",
    two="Two speakers.",
    each=" The first sounds {}, the second {}.",
    between=", ",
    languages={
        "ar": "Arabic", "ca": "Catalan", "cy": "Welsh", "de": "German", "en": "English", "es": "Spanish",
        "et": "Estonian", "fa": "Persian", "fr": "French", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
        "ko": "Korean", "lv": "Latvian", "mn": "Mongolian", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian",
        "sl": "Slovenian", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish", "yue": "Cantonese", "zh": "Chinese",
    },
)  # fmt: skip

_CHINESE: Final = Wording(
    asks={
        "asr": ("请写下录音中说的话。", "说话人说了什么？", "请转写这段录音。"),
        "s2tt": (
            "请把录音中说的话翻译成{language}。",
            "用{language}说，说话人说了什么？",
            "请用{language}写下录音的意思。",
        ),
        "ser": (
            "说话人的情绪是什么？请从以下选择：{choices}。",
            "这段语音带有哪种情绪？可选：{choices}。",
            "请判断说话人的情绪：{choices}。",
        ),
        "vsc": (
            "这个人发出了什么声音？可选：{choices}。",
            "你听到这个人在做什么？请从以下选择：{choices}。",
            "请判断这是哪种人声：{choices}。",
        ),
    },
    pair=(
        "两段录音说的是同样的话。是同一个人还是两个人？语气各如何？",
        "同一段文字读了两遍。是一个人读的还是两个人读的？语气怎样？",
    ),
    emotions={
        "neutral": "平静", "joy": "高兴", "sadness": "悲伤", "fear": "恐惧", "anger": "愤怒",
        "surprise": "惊讶", "disgust": "厌恶", "sorry": "抱歉",
    },
    sounds={
        "laughter": "笑声", "sigh": "叹气", "cough": "咳嗽",
        "throat clearing": "清嗓子", "sneeze": "打喷嚏", "sniff": "吸鼻子",
    },
    one="同一个人。",
    two="两个人。",
    each="第一段听起来{}，第二段听起来{}。",
    between="、",
    languages={
        "ar": "阿拉伯语", "ca": "加泰罗尼亚语", "cy": "威尔士语", "de": "德语", "en": "英语", "es": "西班牙语",
        "et": "爱沙尼亚语", "fa": "波斯语", "fr": "法语", "id": "印尼语", "it": "意大利语", "ja": "日语",
        "ko": "韩语", "lv": "拉脱维亚语", "mn": "蒙古语", "nl": "荷兰语", "pt": "葡萄牙语", "ru": "俄语",
        "sl": "斯洛文尼亚语", "sv": "瑞典语", "ta": "泰米尔语", "tr": "土耳其语", "yue": "粤语", "zh": "中文",
    },
)  # fmt: skip


def wording_of(language: str | None) -> Wording:
    """That of a clip's language; English where there is none of it."""
    return _CHINESE if primary(language or "") in ("zh", "yue") else _ENGLISH


def sound_among(tags: Iterable[str]) -> Sound | None:
    """The vocal sound that tags name; None where they name none, or several."""
    found = {sound for tag in tags if (sound := _SPELT.get(re.sub(r"[^a-z]", "", tag.lower())))}
    return found.pop() if len(found) == 1 else None
