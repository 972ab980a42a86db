"""Stage directions: `*laughs*`, `(sighs)`, `（笑）`. Nobody reads them; speech models perform some, as tags."""

import re
from dataclasses import replace

from turnmill.manifests.records import TextDialogue
from turnmill.synth.tags import TAG

_SOUNDS = {
    "[laughter]": r"laugh|chuckl|giggl|snicker|guffaw|cackl|snort|笑",
    "[sigh]": r"sigh|groan|叹",
    "[cough]": r"cough|clears? (?:\w+ )?throat|clearing (?:\w+ )?throat|咳|清嗓",
    "[breath]": r"breath|inhal|exhal|gasp|deep breath|呼吸|吸气|喘",
}
"""Tag -> how a direction that asks for it begins."""
_SOUND_TAGS = tuple((re.compile(sound, re.IGNORECASE), tag) for tag, sound in _SOUNDS.items())

_VERBS = (
    "laugh|chuckle|giggle|snicker|guffaw|cackle|snort|sigh|groan|cough|gasp|inhale|exhale|breathe|sniff|sniffle|sob|"
    "weep|yawn|gulp|hum|whistle|whisper|mumble|mutter|pause|smile|grin|smirk|frown|wink|nod|shrug|blush|wave|bow|hug|"
    "kiss|blink|cheer|clap|applaud|point|stare|lean|look|glance|tilt|shake|raise|roll|rub|scratch|tap|take"
)
_ACTS = rf"(?:{_VERBS})(?:s|es)|clears|claps|(?:{'|'.join(v.removesuffix('e') for v in _VERBS.split('|'))})ing|clearing"
_HOW = r"(?:\w+ly\s+)?"
_BARE = r"laughter|laugh|chuckle|giggle|sigh|cough|applause|pause|smile|wink|nod|grin|music|silence|crying|beat"
_CHINESE = (
    r"(?:[轻大微苦哈偷坏傻干冷狂]?笑(?:声|了笑|着)?|捂嘴笑|咳嗽|咳|清嗓子|叹气|叹息|叹了口气|哭|哭泣|掌声|鼓掌|停顿|沉默|"
    r"点头|摇头|眨眼|耸肩|深呼吸|吸气|喘气|打哈欠|挥手)"
)
_OPENING = re.compile(r"[*(\[（【<]")
_STARRED = re.compile(
    rf"(?<![\w*])\*{{1,2}}\s?(?P<what>{_HOW}(?:{_ACTS})(?:[ ,][\w ,'-]{{0,60}})?|{_CHINESE})\s?\*{{1,2}}(?![\w*])"
)
_BRACKETED = re.compile(
    rf"(?!{TAG.pattern})[(\[（【<](?P<what>{_HOW}(?:{_ACTS}|{_BARE})(?:\s+(?:\w+ly|out loud|again|throat|a little))?"
    rf"|{_CHINESE})[)\]）】>]",
    re.IGNORECASE,
)


def directed(text: str, tagged: bool) -> str:
    """`text` without its stage directions; where they are to be `tagged`, a sound that a speech model knows becomes its
    tag (`synth.tags`)."""
    if _OPENING.search(text) is None:
        return text
    for pattern in (_STARRED, _BRACKETED):
        text = pattern.sub(lambda m: _performed(m["what"]) if tagged else " ", text)
    return text


def without_directions(dialogue: TextDialogue, tagged: bool) -> TextDialogue:
    """The dialogue with each text `directed`."""
    turns = tuple(replace(turn, text=directed(turn.text, tagged)) for turn in dialogue.turns)
    return dialogue if turns == dialogue.turns else replace(dialogue, turns=turns)


def _performed(what: str) -> str:
    tag = next((tag for sound, tag in _SOUND_TAGS if sound.search(what)), "")
    return f" {tag} "
