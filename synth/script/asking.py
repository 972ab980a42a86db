"""What a turn asks: whether it can be asked again or instead of another, and how. English and Chinese; of other
languages no more than a question mark is known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from turnmill.manifests.languages import primary
from turnmill.synth.script import numerals
from turnmill.synth.script.context import content
from turnmill.synth.tokens import tokens

_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+")
# What a Chinese question does not do without: a condition, a place, what is asked for.
_BEARS_ON = re.compile("如果|要是|假如|假设|[若当在从对关除请帮用给把我有什怎哪为是能可想吗呢]")
_SAME: Final = {"s": "is", "re": "are", "d": "would"}
_UNHEARD: Final = {"a", "an", "the", "的"}  # in too many questions to make any two alike
_WHEN = re.compile(r"\bwhen\b|\bwhat (?:time|date|day)\b|什么时[候间]|何时|哪[年天]|几[点号]", re.IGNORECASE)
_MOST = 0.55  # of an answer
_LEAST_ALIKE, _ALIKE = 3, 0.4  # words, or characters of Chinese, that questions have in common that sound alike


@dataclass(frozen=True)
class _Wording:
    """Patterns of one language.

    `asks`: a question or a request. `opening`: what a question that is asked again does without. `points`: words that
    mean nothing without the sentence before. `back`: words that point at something in the answer that was just given,
    or want more of it. `reacts`: how a turn begins that takes up a complete answer. `awaits`: what a turn has that
    wants something of the other without a question mark. `personal`: what is asked of somebody one knows, or serves.
    `declines`: an answer that gives none. `orders`: what a user says who wants something brought, booked or bought.
    `forms`: what is asked for, by the first that a question has. `counts`: what asks for a number; `number`: one as it
    is said; `announces`: what has what is to come after it. `accepts`, `regrets`: how an answer begins that needs no
    other beginning. `greeting`, `courtesy`: how a turn begins that greets, or that thanks or takes leave. `shortest`,
    `longest`: tokens of what is asked again.
    """

    asks: re.Pattern[str]
    opening: re.Pattern[str]
    points: re.Pattern[str]
    back: re.Pattern[str]
    reacts: re.Pattern[str]
    awaits: re.Pattern[str]
    personal: re.Pattern[str]
    declines: re.Pattern[str]
    orders: re.Pattern[str]
    forms: tuple[re.Pattern[str], ...]
    counts: re.Pattern[str]
    number: re.Pattern[str]
    announces: re.Pattern[str]
    steps: re.Pattern[str]
    next_step: re.Pattern[str]
    accepts: re.Pattern[str]
    regrets: re.Pattern[str]
    greeting: re.Pattern[str]
    courtesy: re.Pattern[str]
    shortest: int
    longest: int


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


_WORDINGS: Final[Mapping[str, _Wording]] = {
    "en": _Wording(
        asks=_pattern(
            r"""\?|(?:^|[.!]\s+)(?:please|(?:can|could|would|will)\ you|i\ (?:want|need|would\ like)\ (?:you\ )?to|
            i'd\ like|add|advise|analyze|answer|arrange|book|brainstorm|build|calculate|call|categorize|check|classify|
            come\ up|compare|compose|compute|construct|convert|count|create|define|demonstrate|describe|design|
            determine|develop|discuss|draft|estimate|evaluate|explain|find|generate|get\ me|give|help|identify|imagine|
            list|look\ up|make|name|order|outline|plan|play|predict|prepare|propose|provide|put\ on|read|recommend|
            remind|schedule|search|send|set|show|sing|sort|spell|start|suggest|summarize|teach|tell|translate|
            turn\ (?:on|off|up|down)|walk\ me|what|when|where|which|who|why|how|write)\b"""
        ),
        opening=_pattern(
            r"""^(?:(?:ha(?:ha)+|hi|hello|hey|good\ (?:morning|afternoon|evening)|ok|okay|alright|well|oh|so|and|but|
            thanks|thank\ you|great|right|sure(?:\ thing)?|yes|yeah|no|i\ see|got\ it|cool|nice|perfect|awesome|
            no\ (?:problem|worries)|of\ course|certainly|absolutely|definitely|all\ right|understood|
            (?:that\ )?sounds\ (?:good|great)|i\ appreciate\ (?:it|the\ \w+)|
            that'?s\ (?:good|great|fine|cool|nice|all\ right|perfect))
            (?:\ there|\ again|\ so\ much|\ very\ much)?[,!.]+\s+|
            (?:hi|hello|hey)(?:\ there|\ again)?\s+|
            (?:and|but|so)\s+(?=(?:what|how|why|when|where|who|which|is|are|do|does|did|can|could|should|will|would)\b))+"""
        ),
        points=_pattern(
            r"""\b(?:it|its|that|this|they|them|their|those|these|there|ones?|he|him|his|she|her|we|us|our|both|
            same)\b"""
        ),
        back=_pattern(
            r"""^then\b|\b(?:they|them|their|those|these|both|former|latter|others?|ones?|first|second|third|last|next|else|
            rest|above|more|another|again|continue|go\ on|keep\ going|instead|rewrite|rephrase|shorten|shorter|longer|
            add|change|elaborate|examples?(?!\ of))\b"""
        ),
        reacts=_pattern(
            r"""(?:thank|thanks|that\b|that's|wow|perfect|awesome|amazing|excellent|interesting|nice|cool|i\ see|
            got\ it|sounds|ok\b|okay|great|good\b|yes|yeah|no\b|not\ really|maybe|sure|all\ right|alright|
            fine\b|of\ course|absolutely|definitely|exactly|right\b|true\b|don't\ worry|i'll\b|i\ (?:will|know|agree)\b|
            me\ too|same\ here|oh\b|ah\b|haha|lovely|wonderful|really\b)"""
        ),
        awaits=_pattern(
            r"""\b(?:let\ me\ (?:know|confirm|check|make\ sure)|feel\ free|go\ ahead|here\ you\ (?:go|are)|
            just\ (?:confirm|tell|say|ask|check)|take\ a\ look|look\ (?:over|it\ over)|make\ sure|(?:re)?view\ your|
            confirm\ (?:that|this|these|the|your|if|whether)|(?:is|are|looks?)\ (?:correct|accurate)|
            please\ (?:confirm|tell|wait|hold|provide|share|choose|check|give|let|specify|enter|say|look|review|
            verify))\b"""
        ),
        personal=_pattern(
            r"""\byou(?:r|rs)\b|\b(?:are|were|did|do|have)\ you\b(?!\ (?:have|know|sell|serve|offer|help|think|mind))"""
        ),
        declines=_pattern(
            r"""^no\b|\b(?:not\ sure|no\ idea|sorry|unfortunately|unable|cannot|can't|couldn't|apologi[sz]e|as\ an\ ai|
            language\ model|i\ (?:do\ not|don't)\ (?:have|know))\b"""
        ),
        orders=_pattern(
            r"""\b(?:i(?:'d|\ would)\ (?:like|love)|i'll\ (?:have|take|get)|(?:can|could|may)\ i\ (?:have|get|order|do)|
            i\ (?:want|need)|let\ me\ (?:have|get)|get\ me|make\ me|
            (?:book|order|reserve|buy|purchase|schedule|give\ me)\ (?:me|us|an?|one|two|some|the|it|my))\b
            (?!\ to\ (?:know|ask|hear|learn|understand|see|check|find\ out))"""
        ),
        forms=tuple(
            map(
                _pattern,
                (
                    r"\bhow\ (?:much|many|long|far|old|often|big|tall|high)\b",
                    r"\b(?:when|what\ (?:time|date|day|year))\b",
                    r"\b(?:where|what\ (?:city|place|address)|the\ address)\b",
                    r"\b(?:who|whose)\b",
                    r"\bwhy\b",
                    r"\bhow\b",
                    r"\b(?:what|what's|which)\b",
                    r"^(?:is|are|was|were|do|does|did|has|have|will|should|can\ (?:i|we|one|people)|may)\b",
                    r"^(?:can|could|will|would)\ you\b",
                    r"\bi(?:'d|\ would)\ like\b|\bi\ (?:want|need)\b|\blooking\ for\b",
                    r"^(?:please\ )?(?:find|get|show|search|book|order|play)\b",
                    r"^(?:please\ )?(?:create|compose|describe|design|explain|generate|give|list|make|name|provide)\b",
                    r"^(?:please\ )?(?:suggest|recommend|tell|write)\b",
                ),
            )
        ),
        counts=_pattern(
            r"""\bhow\ (?:much|many|long|far|old|often|big|tall|high)\b|\b(?:when|what\ (?:time|date|year)|plus|minus|
            prices?|costs?|balance|address|number|temperature|humidity|fare)\b"""
        ),
        announces=_pattern(r"\b(?:the\ following|here\ (?:are|is))\b|:$"),
        steps=_pattern(r"\bhow\ (?:do|does|can|could|should|would|to|is|are)\b|\b(?:steps|recipe|instructions)\b"),
        next_step=_pattern(r"\b(?:then|after\ that|afterwards|finally|next|last(?:ly)?|once)\b"),
        number=_pattern(rf"\b(?:{numerals.ENGLISH}|free|today|tomorrow|\w+day)\b"),
        accepts=_pattern(
            r"""(?:sure|of\ course|certainly|absolutely|definitely|okay|ok|all\ right|alright|yes|yeah|not?|well|great|
            good)\b"""
        ),
        regrets=_pattern(
            r"(?:i'm\ (?:so\ |very\ )?sorry|i\ am\ sorry|sorry|my\ apologies|i\ apologi[sz]e|unfortunately)\b"
        ),
        greeting=_pattern(r"(?:hello|hi|hey)\b"),
        courtesy=_pattern(
            r"""(?:you'?re\ welcome|you\ are\ welcome|my\ pleasure|goodbye|bye|good\ (?:luck|night|bye)|see\ you|
            take\ care|have\ a\ (?:nice|good|great|lovely|wonderful)|thanks?\b(?!.*\?)|thank\ you\b(?!.*\?))\b"""
        ),
        shortest=3,
        longest=18,
    ),
    "zh": _Wording(
        asks=_pattern(
            "[?？]|请|帮我|帮忙|给我|告诉我|介绍|解释|推荐|写一|列出|生成|翻译|总结|说说|讲讲|讲一|"
            "(?:怎么|如何|什么|哪|吗|多少|能不能|是否)[^。！!]*$"
        ),
        opening=_pattern(
            "^(?:(?:你好|您好|嗨|喂|啊+|哈+|[嗯恩唔]+|哦+|[呃额诶哎]|好的?|好吧|谢谢[你您]?了?|不好意思|那么?|对了|收到|(?:当然)?可以|当然|没问题|行|没关系|不客气|明白)+[啊呀哈了]?[，,！!。、]\\s*|(?:请问|那么|那(?=[请它他她你我这])|问(?![题候]))[，,]?|"
            "麻烦[你您]?|(?:知道|听过|看过|去过|是的|没有|有)[呀啊的了过]{0,2}[，,。])+"
        ),
        points=_pattern("[它这那他她其该此]|上面|前面"),
        back=_pattern(
            "[这那它]些|[它他她]们|两[个种者]|第[一二三四五]|[后前]者|上面|上述|其[他它余]|另外|别的|哪[个一种]|还有|再[给来说写换]|"
            "更多|更详细|继续|重新|接着|换[一个成]|改[一成为]|进一步|具体[说一例]|例子|举例"
        ),
        reacts=_pattern(
            "是的|不是|没有|对|可以|谢谢|感谢|太|非常|很好|好的|好吧|明白|原来|这[真很]|不错|哇|嗯|放心|别担心|没[事错]|没关系|没问题|行|当然|确实|真的|我也|我会|难怪|怪不得|也是|是[啊呀]|"
            "哦|噢|啊|哎|哈"
        ),
        awaits=_pattern("告诉我|跟我说|请[问您你]?(?:确认|稍等|提供|选择|说一下|输入|核对)|随时[问找]|你[看说]呢"),
        personal=_pattern(
            "[你您]们?(?!(?:好|知道|能|可以|会|听[过说]|看过|了解|认识|觉得|帮|喜欢|给|来|先|有什么|说|讲|还知道))|咱们?"
        ),
        declines=_pattern("^不|不知道|不[太是]?(?:清楚|了解)|抱歉|对不起|无法|不能|作为|遗憾|语言模型"),
        orders=_pattern("订[一个张间桌]|预[订定约]|买[一两个张份]|来[一两]?[份杯碗瓶]|点[一两]?[份杯]|我要[一两]"),
        forms=tuple(
            map(
                _pattern,
                (
                    "什么时[候间]|哪[年天]|何时|几[点号月]|多会儿",
                    "多少|几|多[久长远大高]",
                    "哪里|哪儿|在哪|地址|什么地方|位于",
                    "谁|哪位",
                    "为什么|为何|怎么会",
                    "怎么|如何|怎样",
                    "什么|啥|哪",
                    "知道|听[过说]|看过|去过|了解|认识",
                    "喜欢|爱[吃看听]",
                    "有[^，。]*吗|有没有",
                    "[能会]|可以|愿意",
                    "^(?:请|帮|写|给|把|介绍|解释|推荐|列|生成|翻译|总结)",
                ),
            )
        ),
        counts=_pattern(
            "多少|几[个点号月年岁天元块]|多[久长远大高]|什么时[候间]|哪年|何时|地址|电话|价格|票价|时长|评分"
        ),
        announces=_pattern("^.{0,4}(?:以下|如下|下面)|[：:]$"),
        steps=_pattern("怎么(?!样|会|回事)|如何|怎样|步骤|做法|方法"),
        next_step=_pattern("然后|最后|接着|[之以]后|再(?!见)|下一步"),
        number=_pattern(
            "(?!一(?:点[^钟半]|[些下起直定样般种]|个(?![半多]?(?:小时|钟头|月(?![亮饼球])|星期|礼拜|季度|学期|世纪|亿))))"
            f"{numerals.CHINESE}|免费|不要钱"
        ),
        accepts=_pattern("好|当然|可以|没问题|行|嗯|是的|对|不"),
        regrets=_pattern("很?抱歉|对不起|不好意思|我?很(?:抱歉|遗憾)"),
        greeting=_pattern("[你您]好|很高兴"),
        courtesy=_pattern("不客气|不用谢|再见|拜拜|晚安|祝[你您]|谢谢(?!.*[?？])"),
        shortest=4,
        longest=32,
    ),
}


def asks(text: str, language: str) -> bool:
    """Whether a turn has a question or a request."""
    known = _WORDINGS.get(primary(language))
    return bool(known.asks.search(text)) if known else asks_back(text)


def asks_back(text: str) -> bool:
    """Whether a turn has a question, by its mark."""
    return bool(re.search("[?？؟]", text))


def awaits(text: str, language: str) -> bool:
    """Whether a turn wants something of the other, who then does not change the topic or say that all is clear."""
    known = _WORDINGS.get(primary(language))
    return asks_back(text) or (known is not None and bool(known.awaits.search(text)))


def asked_again(text: str, language: str, *, whole: bool = False) -> str | None:
    """What a turn asks, as somebody says it who asks it once more: without greeting, and unless `whole`, by its last
    sentence alone where that can do without the others. None where it asks nothing, or is too long or too short to be
    said again."""
    known = _WORDINGS.get(primary(language))
    if known is None or not known.asks.search(text):
        return None
    short = known.opening.sub("", text).strip()
    *before, last = _sentences(short)
    alone = len(tokens(last)) >= 2 * known.shortest and known.asks.search(last) and not known.points.search(last)
    if before and alone and not whole:
        short = known.opening.sub("", last)
    remark, _, question = short.rpartition("，")
    alone = len(tokens(question)) > known.shortest and known.asks.search(question) and not known.points.search(question)
    if remark and alone and not whole and not _BEARS_ON.search(remark):
        short = question  # what was remarked before it is not said again
    short = short[:1].upper() + short[1:]
    return short if known.shortest <= len(tokens(short)) <= known.longest else None


def without_opening(text: str, language: str) -> str:
    """A turn without the "well", "oh" or "haha" that it begins with."""
    known = _WORDINGS.get(primary(language))
    return (known.opening.sub("", text).strip() if known else "") or text


def stands_alone(text: str, language: str) -> bool:
    """Whether a question points at nothing outside it."""
    known = _WORDINGS.get(primary(language))
    return known is not None and not known.points.search(text) and not known.back.search(text)


def follows_up(text: str, language: str) -> bool:
    """Whether a user's turn needs no more than the beginning of the answer before it."""
    known = _WORDINGS.get(primary(language))
    if known is None:
        return asks_back(text)
    reacts = known.back.search(text) or known.reacts.match(text) or known.courtesy.match(text)
    return len(tokens(text)) >= known.shortest and not reacts


def reacts(text: str, language: str) -> bool:
    """Whether a turn begins with what it makes of the one before."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.reacts.match(text) or known.courtesy.match(text))


def is_personal(text: str, language: str) -> bool:
    """Whether a turn is said to somebody one knows or serves, and not to an assistant."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.personal.search(text))


def declines(text: str, language: str) -> bool:
    """Whether an answer gives none."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.declines.search(text))


def orders(text: str, language: str) -> bool:
    """Whether a turn wants something brought, booked or bought, which is not dropped for another question."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.orders.search(text))


def likeness(first: str, second: str, language: str) -> float:
    """How alike two questions sound that ask for the same kind of thing: the share of the words of the shorter one that
    the other has too. 0 where it is too small for one to be heard for the other."""
    known = _WORDINGS.get(primary(language))
    if known is None:
        return 0.0
    one, other = (
        next((n for n, form in enumerate(known.forms) if form.search(text)), None) for text in (first, second)
    )
    words = [
        {_SAME.get(word.lower(), word.lower()) for word in _WORD.findall(text)} - _UNHEARD for text in (first, second)
    ]
    common, (shorter, longer) = len(words[0] & words[1]), sorted(map(len, words))
    alike = one is not None and one == other and longer <= 2 * shorter and common >= max(_LEAST_ALIKE, _ALIKE * shorter)
    return common / shorter if alike else 0.0


def is_told(heard: str, answer: str, question: str, language: str) -> bool:
    """Whether the beginning of an answer can be what a question is after. It has a number where one is asked for, and
    nothing of when, nor a next step of what is done, is to come; else, with less than two sentences that are most of it
    heard, what is to come has no word of the question's. Of a question of several sentences the last is answered."""
    known = _WORDINGS.get(primary(language))
    if known is None:
        return True
    to_come = answer[len(heard) :]
    has_number, is_when = known.number.search(heard), _WHEN.search(question)
    is_next = known.steps.search(question) and known.next_step.search(to_come)
    if known.announces.search(to_come) or is_next or (is_when and known.number.search(to_come)):
        return False
    if known.counts.search(question):
        if not has_number:
            return False
    elif _stems(question) & _stems(to_come) and not _is_most(heard, answer):
        return False
    *before, last = _sentences(known.opening.sub("", question).strip())
    return not before or bool(_stems(last) & _stems(heard))


def _is_most(heard: str, answer: str) -> bool:
    """Whether what is heard is most of the answer, with a sentence behind the first, which may only lead up to it."""
    return len(_sentences(heard.strip())) > 1 and len(tokens(heard)) >= _MOST * len(tokens(answer))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|(?<=[。！？])\s*(?=.)", text)


def _stems(text: str) -> set[str]:
    """What of a text one can refer to, by its first letters."""
    return {word[:5] for word in content(text)}


def greets(text: str, language: str) -> bool:
    """Whether a turn begins with a greeting."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.greeting.match(text))


def is_courtesy(text: str, language: str) -> bool:
    """Whether a turn thanks or takes leave: nobody hesitates in it, nods at it or needs to interrupt."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.courtesy.match(text))


def accepts(answer: str, language: str) -> bool:
    """Whether an answer begins with "sure" or the like."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.accepts.match(answer))


def regrets(answer: str, language: str) -> bool:
    """Whether an answer begins with an apology."""
    known = _WORDINGS.get(primary(language))
    return known is not None and bool(known.regrets.match(answer))
