"""The texts of the proof of dialogues: five kinds of talk in English and Chinese, some 2,000 dialogues.

    pip download --no-deps --dest /tmp/texts chatterbot-corpus==1.3.3
    python tests/benchmarks/dialogue_texts.py /tmp/texts --shared ../shared
    turnmill run /tmp/texts/en.yaml --out OUT-en    # hibari
    turnmill run /tmp/texts/zh.yaml --out OUT-zh    # espeak
    python tests/benchmarks/prove_dialogues.py all OUT-en

    chat         MOSS-003 (shared/data/text): up to three exchanges of a conversation, answers by their first sentences
    instruction  AlpacaEval's answers of text-davinci-003 (shared/data/text), one or two of them a dialogue; English
    talk         small talk of chatterbot-corpus (BSD, a wheel of PyPI), three conversations of it a dialogue
    questions    its trivia and the like in English; else questions about capitals, sums and opening hours by grammar
    calls        consultations of PriMock57 (shared/data/two-channel), eight turns of one a dialogue; else calls to a
                 restaurant, a garage, a library, a hotel and a surgery by grammar

Of each kind up to 440, of which 260 are English where there is Chinese. What is real is taken first, and grammar fills
up; it prints how much of either there is. No dialogue is there twice. Nothing of these texts is in the repository.
"""

import argparse
import gzip
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import yaml

Talk = list[str]
"""The turns of a dialogue, the user's first."""

OF_A_KIND, ENGLISH, LONGEST = 440, 260, 420  # characters of an answer
SMALL_TALK = ("conversations", "greetings", "emotion", "food", "humor", "movies", "sports", "psychology", "ai", "money")
ASKS = ("trivia", "history", "science", "literature", "computers", "politics")
_SENTENCE = {"en": re.compile(r"(?<=[.?!])\s+"), "zh": re.compile("(?<=[。？！])")}
_MARKS = re.compile(r"<\|[^|]*\|>:?|<eo[a-z]>|<sup>.*?</sup>")


def shortened(text: str, language: str) -> str:
    """The first sentences of a paragraph that are no longer than an answer may be; empty where the first is."""
    said, text = "", text.strip().split("\n")[0]
    for sentence in _SENTENCE[language].split(text):
        if len(said) + len(sentence) + 1 > (LONGEST if language == "en" else LONGEST // 4):
            break
        said = f"{said} {sentence}".strip() if language == "en" else said + sentence
    return said


def language_of(text: str) -> str:
    return "zh" if re.search("[\u4e00-\u9fff]", text) else "en"


def chat(shared: Path) -> Iterator[Talk]:
    rows = (shared / "data/text/moss-003-sample.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, rows):
        turns: Talk = []
        language = language_of(row["chat"]["turn_1"]["Human"])
        for turn in row["chat"].values():
            asked, said = (_MARKS.sub("", turn[who]).strip() for who in ("Human", "MOSS"))
            turns += [asked, shortened(said, language)]
        yield from (turns[n : n + 6] for n in range(0, len(turns), 6))


def instruction(shared: Path) -> Iterator[Talk]:
    rows = json.loads((shared / "data/text/alpaca_eval_text_davinci_003.json").read_text("utf-8"))
    found = [[row["instruction"], shortened(row["output"], "en")] for row in rows]
    found = [talk for talk in found if all(talk) and len(talk[0]) < LONGEST and "\n" not in talk[0]]
    yield from found[:320]
    yield from (one + other for one, other in zip(found[320::2], found[321::2], strict=False))


def packaged(wheel: Path, language: str, names: Sequence[str]) -> list[Talk]:
    """Conversations of chatterbot-corpus."""
    found: list[Talk] = []
    with zipfile.ZipFile(wheel) as archive:
        for name in names:
            path = f"chatterbot_corpus/data/{language}/{name}.yml"
            if path in archive.namelist():
                found += yaml.safe_load(archive.read(path))["conversations"]
    return [[str(text) for text in talk[: len(talk) // 2 * 2]] for talk in found if len(talk) > 1]


def chained(found: Sequence[Talk], length: int, rng: np.random.Generator) -> Iterator[Talk]:
    """Some of them one after the other, again and again in another order."""
    while True:
        order = rng.permutation(len(found))
        for n in range(0, len(order) - length + 1, length):
            yield [text for place in order[n : n + length] for text in found[place]]


def consultations(shared: Path) -> Iterator[Talk]:
    """Doctors, as the assistant, and patients."""
    with gzip.open(shared / "data/two-channel/primock57-timing.json.gz") as file:
        for parties in json.load(file).values():
            said = [(start, who, text) for who, spans in parties.items() for start, _, text in spans]
            turns: list[tuple[str, str]] = []
            for _, who, text in sorted(said):
                text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
                if turns and turns[-1][0] == who:
                    turns[-1] = (who, f"{turns[-1][1]} {text}")
                elif text:
                    turns.append((who, text))
            apart = all(one[0] != other[0] for one, other in pairwise(turns))
            first = next((n for n, (who, _) in enumerate(turns) if who != "doctor"), len(turns))
            texts = [text for _, text in turns[first:]] if apart else []
            yield from (texts[n : n + 8] for n in range(0, len(texts) - 7, 8))


CAPITALS = {
    "en": "France Paris,Italy Rome,Spain Madrid,Norway Oslo,Egypt Cairo,Kenya Nairobi,Peru Lima,Cuba Havana,"
    "Japan Tokyo,Austria Vienna,Portugal Lisbon,Greece Athens,Ireland Dublin,Hungary Budapest,Chile Santiago",
    "zh": "法国 巴黎,意大利 罗马,西班牙 马德里,挪威 奥斯陆,埃及 开罗,肯尼亚 内罗毕,秘鲁 利马,古巴 哈瓦那,日本 东京,"
    "奥地利 维也纳,葡萄牙 里斯本,希腊 雅典,爱尔兰 都柏林,匈牙利 布达佩斯,智利 圣地亚哥",
}
QUESTIONS = {
    "en": (
        ("What is the capital of {country}?", "It is {capital}, which is also one of the largest cities of {country}."),
        ("What is {a} plus {b}?", "{a} plus {b} is {sum}. You can check it by taking {b} away from {sum} again."),
        (
            "When does the {shop} close today?",
            "The {shop} closes at {hour} tonight, but the doors shut a little earlier.",
        ),
        (
            "How long is a {sport} match?",
            "It depends on the players, but a {sport} match often takes {a} minutes or more.",
        ),
    ),
    "zh": (
        ("{country}的首都是哪里？", "是{capital}，那里也是{country}最大的城市之一，每年有很多游客。"),
        ("{a}加{b}等于多少？", "{a}加{b}等于{sum}，你可以用{sum}减去{b}再检查一遍。"),
        ("{shop}今天几点关门？", "{shop}今天晚上{hour}关门，不过大门会提前一点关上，最好早点去。"),
        ("一场{sport}比赛要多长时间？", "这要看选手的水平，不过一场{sport}比赛常常要{a}分钟以上。"),
    ),
}
CALLS = {
    "en": (
        (
            "Hi, I'd like to book a table for {n} on {day}.",
            "Of course, for {n} people on {day} I have a table by the "
            "window at {hour}, and another one in the garden half an hour later. Which of them would you like?",
            "The one by the {place}, please.",
            "Good, that is booked. Please come on time, since we can keep the table for "
            "fifteen minutes only, and tell us if anybody has an allergy.",
        ),
        (
            "Hello, my {car} makes a strange noise.",
            "I am sorry to hear that. Does the {car} make it all the time, or "
            "only when you brake or go around a corner?",
            "Mostly when I {verb}.",
            "Then it may be the {part}. You can "
            "bring it in on {day} at {hour}, and we will have a look at it within an hour.",
        ),
        (
            "Can I still renew the book about {topic}?",
            "Let me see. The book about {topic} is due on {day}, and nobody "
            "else has asked for it, so you can keep it for another {n} weeks.",
            "Great, and do you have more on {topic}?",
            "Yes, there are {n} more on the second floor, on the shelves beside the {place}, and two of them are new.",
        ),
        (
            "Good evening, do you have a room for {n} nights?",
            "We do. From {day} on there is a quiet room with a view of "
            "the {place}, and breakfast is from seven to ten in the hall downstairs.",
            "Is there somewhere to leave the {car}?",
            "There is a yard behind the house where you can leave the {car}, but it is locked after {hour}.",
        ),
        (
            "I need to see a doctor about my {body}.",
            "I can offer you {day} at {hour} with a doctor who knows a lot "
            "about that. Has your {body} been hurting for long?",
            "For about {n} days now.",
            "Then please rest it until {day}, do not carry anything heavy, and call us again at once if it gets worse.",
        ),
    ),
    "zh": (
        (
            "你好，我想订{day}{n}个人的位子。",
            "好的，{day}{n}个人，{hour}靠窗还有一张桌子，半小时以后花园里也有一张，您想要哪一张？",
            "要靠{place}的那一张。",
            "好的，已经给您订好了，位子只能保留十五分钟，如果有人对什么过敏，请提前告诉我们。",
        ),
        (
            "你好，我的{car}有奇怪的声音。",
            "您别着急，这个声音是一直都有，还是只在刹车或者转弯的时候才有？",
            "大多是{verb}的时候。",
            "那可能是{part}的问题，您可以{day}{hour}开过来，我们一个小时之内就能检查好。",
        ),
        (
            "那本关于{topic}的书还能续借吗？",
            "我看一下，那本关于{topic}的书{day}到期，没有别人预约，所以您还可以再借{n}个星期。",
            "太好了，还有别的{topic}的书吗？",
            "有的，二楼{place}旁边的书架上还有{n}本，其中两本是新的。",
        ),
        (
            "晚上好，请问还有房间吗？我要住{n}个晚上。",
            "有的，从{day}开始有一间安静的房间，可以看到{place}，早饭从七点到十点在楼下大厅。",
            "有地方停{car}吗？",
            "房子后面有一个院子可以停{car}，不过{hour}以后就锁门了。",
        ),
        (
            "我的{body}不舒服，想看医生。",
            "{day}{hour}有一位很有经验的医生可以给您看，您的{body}疼了很久了吗？",
            "大概有{n}天了。",
            "那请您在{day}之前好好休息，不要提重的东西，如果更疼了就马上再打电话给我们。",
        ),
    ),
}
SLOTS = {
    "en": {
        "n": "two,three,four,five,six",
        "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
        "hour": "six,half past six,seven,half past seven,eight,nine",
        "place": "window,garden,river,entrance,stairs",
        "car": "car,van,motorbike,scooter,old truck",
        "verb": "brake,turn left,go uphill,start it,drive fast",
        "part": "brakes,exhaust,front wheel,belt,clutch",
        "topic": "whales,bridges,tea,volcanoes,opera,bees,glass",
        "body": "back,knee,shoulder,left ear,ankle",
        "shop": "bakery,museum,swimming pool,post office,market",
        "sport": "tennis,chess,badminton,squash,table tennis",
    },
    "zh": {
        "n": "两,三,四,五,六",
        "day": "星期一,星期二,星期三,星期四,星期五,星期六,星期天",
        "hour": "六点,六点半,七点,七点半,八点,九点",
        "place": "窗户,花园,河边,门口,楼梯",
        "car": "汽车,面包车,摩托车,电动车,旧卡车",
        "verb": "刹车,左转,上坡,启动,开得快",
        "part": "刹车,排气管,前轮,皮带,离合器",
        "topic": "鲸鱼,桥梁,茶叶,火山,京剧,蜜蜂,玻璃",
        "body": "后背,膝盖,肩膀,左耳,脚踝",
        "shop": "面包店,博物馆,游泳馆,邮局,菜市场",
        "sport": "网球,象棋,羽毛球,壁球,乒乓球",
    },
}


def slots(language: str, rng: np.random.Generator) -> dict[str, str]:
    drawn = {name: str(rng.choice(values.split(","))) for name, values in SLOTS[language].items()}
    a, b = (int(rng.integers(11, 89)) for _ in range(2))
    country, capital = str(rng.choice(CAPITALS[language].split(","))).split()
    return {**drawn, "a": str(a), "b": str(b), "sum": str(a + b), "country": country, "capital": capital}


def by_grammar(kinds: Sequence[Sequence[str]], each: int, language: str, rng: np.random.Generator) -> Iterator[Talk]:
    """`each` of the kinds one after the other, with what they leave open drawn."""
    while True:
        filled = slots(language, rng)
        drawn = [kinds[n] for n in rng.permutation(len(kinds))[:each]]
        yield [text.format(**filled) for talk in drawn for text in talk]


def real(name: str, language: str, shared: Path, wheel: Path, rng: np.random.Generator) -> Iterator[Talk]:
    """What people or models wrote, of a kind and language."""
    folder = {"en": "english", "zh": "chinese"}[language]
    if name == "chat":
        yield from (talk for talk in chat(shared) if language_of(talk[0]) == language)
    elif name == "instruction" and language == "en":
        yield from instruction(shared)
    elif name == "talk":
        yield from islice(chained(packaged(wheel, folder, SMALL_TALK), 3, rng), 2 * OF_A_KIND)
    elif name == "questions" and language == "en":
        yield from islice(chained(packaged(wheel, folder, ASKS), 2, rng), ENGLISH // 2)
    elif name == "calls" and language == "en":
        yield from islice(consultations(shared), ENGLISH // 2)


GRAMMARS = {"questions": (QUESTIONS, 3), "calls": (CALLS, 1)}


def dialogues(name: str, language: str, shared: Path, wheel: Path) -> tuple[list[Talk], int]:
    """The dialogues of a kind, and how many of them were composed here."""
    rng = np.random.default_rng([len(name), language == "en"])
    wanted = OF_A_KIND if name == "instruction" else {"en": ENGLISH, "zh": OF_A_KIND - ENGLISH}[language]
    found = {" / ".join(talk): talk for talk in real(name, language, shared, wheel, rng) if all(talk)}
    kept = list(found.values())[: wanted if language == "en" or name != "instruction" else 0]
    composed = 0
    if name in GRAMMARS:
        kinds, each = GRAMMARS[name]
        for talk in by_grammar(kinds[language], each, language, rng):
            if len(kept) >= wanted:
                break
            if found.setdefault(" / ".join(talk), talk) is talk:
                kept.append(talk)
                composed += 1
    return kept, composed


def recipe(language: str, names: Sequence[str]) -> str:
    engine = {"en": "hibari", "zh": "espeak"}[language]
    texts = [{"name": name, "path": f"{name}.{language}.jsonl"} for name in names]
    licence = {"spdx": "LicenseRef-mixed", "redistribute": False, "commercial": False}
    limits = {"max_turn_chars": 2 * LONGEST}
    whole = {"name": f"proof_{language}", "seed": 12, "licence": licence, "texts": texts, "script": {"limits": limits}}
    return yaml.safe_dump({**whole, "speak": {"engine": engine}, "verify": {}, "shard": {"keep_clean_user": True}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the wheel is, and the texts go")
    parser.add_argument("--shared", type=Path, required=True)
    asked = parser.parse_args()
    [wheel] = asked.folder.glob("chatterbot_corpus-*.whl")
    for language in ("en", "zh"):
        written = []
        for name in ("chat", "instruction", "talk", "questions", "calls"):
            found, composed = dialogues(name, language, asked.shared, wheel)
            if not found:
                continue
            written.append(name)
            print(f"{name} {language}: {len(found)} dialogues, {composed} of them composed")
            rows = []
            for number, talk in enumerate(found):
                messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(talk)]
                rows.append({"id": f"{number:04}", "language": language, "messages": messages})
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (asked.folder / f"{name}.{language}.jsonl").write_text("".join(lines), "utf-8")
        (asked.folder / f"{language}.yaml").write_text(recipe(language, written), "utf-8")


if __name__ == "__main__":
    main()
