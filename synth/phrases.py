"""What people say around the turns of a written dialogue: short lines that the scripts of every language need."""

from collections.abc import Mapping
from dataclasses import dataclass

from turnmill.manifests.records import Intent


@dataclass(frozen=True)
class Phrases:
    """The stock of one language.

    `backchannels` claim no floor; `fillers` announce a hesitation; `cancels` want silence; `interruptions` are
    (what the user says, how the assistant's answer begins before it says its turn again) by intent; `attempts` are
    starts that are given up; `side_talk` is said by the user to somebody in the room, `third_party` by somebody else;
    `reprompts` end a silence. `corrects` and `clarifies` are how a user's own turn begins that corrects or asks back.
    A pause falls after `leads_to_pause` more often than elsewhere: words where these are written apart, else endings.
    """

    backchannels: tuple[str, ...]
    fillers: tuple[str, ...]
    cancels: tuple[str, ...]
    interruptions: Mapping[Intent, tuple[tuple[str, str], ...]]
    attempts: tuple[str, ...]
    side_talk: tuple[str, ...]
    third_party: tuple[str, ...]
    reprompts: tuple[str, ...]
    corrects: tuple[str, ...]
    clarifies: tuple[str, ...]
    leads_to_pause: frozenset[str]
    words_apart: bool
    words_per_s: float


_ENGLISH = Phrases(
    # Tokens that espeak and people say as one short sound; "mhm" is left out because espeak spells it.
    backchannels=("yeah", "right", "okay", "uh-huh", "I see", "sure", "got it"),
    fillers=("um", "uh"),
    cancels=("stop", "okay, stop", "never mind", "that's enough", "stop, please"),
    interruptions={
        "clarify": (
            ("Sorry, what was that?", "Sure."),
            ("Wait, can you say that again?", "Of course."),
            ("Hold on, I didn't catch that.", "No problem."),
            ("Could you start over, please?", "Sure thing."),
            ("Sorry, I got distracted, say it again.", "All right."),
        ),
        "correct": (
            ("No, that's not what I asked.", "Sorry about that, let me try again."),
            ("Wait, I think you misheard me.", "I may have, so here it is once more."),
            ("No, no, answer my question.", "Sorry, here is my answer."),
        ),
    },
    attempts=("But what", "So is it", "And how", "Wait, but", "Does that"),
    side_talk=(
        "Can you close the door?",
        "I'm on the phone, give me a minute.",
        "Yes, it's on the table.",
        "Put it over there, please.",
        "I'll be right with you.",
        "Did you feed the cat?",
    ),
    third_party=(
        "Has anybody seen my keys?",
        "Dinner is almost ready.",
        "The train leaves from the other platform.",
        "I told him we would be there by noon.",
        "Could you pass me the salt?",
        "They said it would rain all week.",
    ),
    reprompts=(
        "Are you still there?",
        "Is there anything else I can help you with?",
        "Take your time, I'm here when you need me.",
        "Would you like me to go on?",
    ),
    corrects=(
        *("no, i ", "no, not", "no, that", "no, the", "no, make", "no, it's", "actually, ", "i meant", "i said "),
        *("make it ", "make that ", "sorry, i meant", "wait, i meant", "not that one"),
    ),
    clarifies=(
        "what do you mean",
        "what was that",
        "how do you mean",
        "you mean",
        "do you mean",
        "sorry, what",
    ),
    # A pause falls after these more often than after other words (docs/turn-taking.md).
    leads_to_pause=frozenset({"and", "but", "so", "like", "or", "because", "that", "if", "to", "the", "a"}),
    words_apart=True,
    words_per_s=2.7,  # middle of the 2.0 to 3.5 of talk (docs/turn-taking.md)
)

_CHINESE = Phrases(
    backchannels=("嗯", "对", "是的", "好的", "哦", "明白", "嗯嗯"),
    fillers=("嗯", "那个"),
    cancels=("停", "算了", "好了，不用了", "别说了", "停一下"),
    interruptions={
        "clarify": (
            ("不好意思，你刚才说什么？", "好的。"),
            ("等一下，再说一遍好吗？", "没问题。"),
            ("等等，我没听清楚。", "我再说一遍。"),
        ),
        "correct": (
            ("不对，我问的不是这个。", "抱歉，我重新回答。"),
            ("等等，你好像听错了。", "对不起，我再说一次。"),
        ),
    },
    attempts=("那是不是", "可是如果", "等等，那", "所以我"),
    side_talk=("你帮我把门关一下。", "我在打电话，等我一会儿。", "放在桌子上就行。", "我马上就来。"),
    third_party=("谁看见我的钥匙了？", "饭马上就好了。", "他说明天会下雨。", "我们中午就到。"),
    reprompts=("你还在吗？", "还有什么可以帮你的吗？", "不着急，慢慢想。"),
    corrects=("不对", "不是", "等等", "我是说", "我说的是"),
    clarifies=("什么意思", "你是说", "你的意思是"),
    # Not "了" or "和" alone: inside "了解" or "和平" they end no word.
    leads_to_pause=frozenset(
        {"但是", "因为", "所以", "就是", "如果", "然后", "或者", "还有", "比如", "关于", "我想", "我觉得"}
    ),
    words_apart=False,
    words_per_s=4.5,  # characters; 4 to 5 syllables a second are usual in Mandarin
)

PHRASES: Mapping[str, Phrases] = {"en": _ENGLISH, "zh": _CHINESE}
"""By the first part of a BCP 47 tag. In other languages a dialogue has its turns, and the sounds that need no words."""
