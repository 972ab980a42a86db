"""Operators and other signs in written Chinese, and circled and Roman numbers."""

import re
import unicodedata

from turnmill.synth.reading.chinese.amounts import currency
from turnmill.synth.reading.chinese.numbers import NUMBER, TO, cardinal, spelt
from turnmill.synth.reading.rules import Specs

_SAID = {
    "+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负", "≤": "小于等于", "≥": "大于等于", "<": "小于",
    ">": "大于", "≠": "不等于", "≈": "约等于", "√": "根号", "∞": "无穷大", "→": "到", "←": "从", "%": "百分号",
    "‰": "千分号", "°": "度", "&": "和", "@": "艾特", "#": "井号", "∑": "求和", "∫": "积分",
    "∈": "属于", "\u222a": "并",
    "∩": "交", "∂": "偏", "§": "节", "\\": "反斜杠", "^": "的", "©": "版权",
}  # fmt: skip
_SUITS = {"♠": "黑桃", "♥": "红桃", "♣": "梅花", "♦": "方块", "♡": "红桃", "♢": "方块", "♤": "黑桃", "♧": "梅花"}
_NUMERAL = re.compile(r"[\u2460-\u249b\u2776-\u277f\u3220-\u3229\u3280-\u3289]+")


def _numerals(match: re.Match[str]) -> str:
    """①②③ as 一、二、三."""
    return "、".join(cardinal(str(int(unicodedata.numeric(char)))) for char in match[0])


def _roman(match: re.Match[str]) -> str:
    return cardinal(str(int(unicodedata.numeric(match[0]))))


def _other(match: re.Match[str]) -> str:
    """A sign of a currency or of mathematics without a word above is said by its name in Unicode."""
    sign = match[0]
    kind = unicodedata.category(sign)
    if kind == "Sc":
        return currency(sign) or f" {unicodedata.name(sign).lower().removesuffix(' sign')} "
    return f" {unicodedata.name(sign).lower()} " if kind == "Sm" and sign not in "|~～" else sign


FIRST: Specs = (
    (_NUMERAL.pattern, _numerals),
    (r"(?:…+|\.{3,})(?=[》」』”\"]?[吗呢吧啊呀的])", ""),  # a title that breaks off, in a question
    (r"[\u2160-\u216b]", _roman),
    (r"(?P<suit>[♠♥♣♦♡♢♤♧])\ufe0f?(?=[\dAKQJ])", lambda m: _SUITS[m["suit"]]),
    (r"(?P<rank>10|[2-9AKQJ])(?P<suit>[♠♥♣♦♡♢♤♧])\ufe0f?", lambda m: f"{_SUITS[m['suit']]}{m['rank']}"),
    (r"(?P<rank>[A-G])♯", r"升\g<rank>"),
    (r"(?P<rank>[A-G])♭", r"降\g<rank>"),
    (r"(?<=\d)[★⭐](?=[级\s]|酒店)", "星"),
    (r"(?<![A-Za-z])([A-G])#(?=\s?[小大]?调)", r"升\1"),
    ("(?<=[\uff10-\uff19])，(?=[\uff10-\uff19]{3}(?![\uff10-\uff19]))", ""),
    (r"(?<=[元块])/\s?(㎡|m[²2]|平米)(?![A-Za-z\d])", "/平方米"),
    (r"(?<![A-Za-z])([a-zA-Z])\s*-\s*(?=[a-zA-Z\d]\s*=)", r"\1减"),
    (r"(?<==)\s*([a-zA-Z\d])\s*-\s*(?=[a-zA-Z\d](?![A-Za-z]))", r"\1减"),
    (r"(?<![\w])\.NET(?![A-Za-z])", "点NET"),
    (r"(?<=[A-Za-z])#(?![A-Za-z#])", "井"),
    (r"(?<=[A-Za-z\d])\.(?=(?:com|cn|net|org|edu|gov|io|pdf|docx?|txt|jpg|png|mp3|mp4|js|py|xlsx?)(?![A-Za-z]))", "点"),
    (r"(?<=[A-Za-z\d])_(?=[A-Za-z\d])", "下划线"),
    (r"<=", "≤"),
    (r">=", "≥"),
    (r"[-=]>", "→"),
    (r"!=", "≠"),
)
NAMES: Specs = (
    (rf"(?<=\d)(°?[A-Za-z]+){TO}(?={NUMBER}\1(?![A-Za-z]))", r"\1到"),
    (r"(?<![A-Za-z])[Nn][Oo]\.\s*(?=\d)", "第"),
    (r"#\s*(?=\d)", ""),
    # Numbers that are names: of quarters, hospitals, buses, roads and rooms.
    (
        r"(?<![\d.共有约价格])(?:[1-9]\d\d(?=(?:艺术[区园]|艺术中心|文创园|创意园|工厂|厂区|医院|国道|省道|路(?:公交|车|公共汽车|电车)|房间?|室|号?包[间厢房]))"
        r"|798(?![\d.%]|[元块米人个年万千百多岁])|751(?=园区|火车))",
        lambda m: spelt(m[0]),
    ),
    (r"(?<=[A-Za-z])[-_](?=\d)", " "),
)
SUMS: Specs = (
    # A number that wetext meets right behind a sign, it tears apart.
    (rf"(?<=[\d)）])\s*-\s*(?={NUMBER}[^，。！？；=]{{0,40}}=)", "减"),
    (r"(?<=[\d)）a-zA-Z])\s*[x*×✕]\s*(?=[\d(（])(?!×)", "乘"),
    (r"(?<=[\dA-Za-z)）])\s*\+\s*(?=[\d(（])", "加"),
    (r"(?<=[\d)）])\s*[÷]\s*(?=[\d(（])", "除以"),
    (rf"(?<=[\d)）])\s*/\s*(?={NUMBER}\s*=)", "除以"),
    (r"\s*=\s*", "等于"),
    (r"(?<=等于)-(?=\d)", "负"),
    (r"(?<=[\d)])\+(?![\d+(])", "加"),
    (r"(?<=[\d一-鿿])\s?[≤≥<>≠≈±√]\s?(?=[\d√])", lambda m: _SAID[m[0].strip()]),
)
SIGNS: Specs = (
    (r"(?<=[A-Za-z])\+\+", "加加"),
    (r"(?<![Α-ω])π(?![Α-ω])", "派"),
    (r"(?<=[一二三四五六日天])\s*[-–~～]\s*(?=周|星期|礼拜)", "到"),
    (r"(?<=[一-鿿])\s*/\s*(?=[一-鿿])", "或"),
    (r"(?<=[A-Za-z\d])\^([一-鿿]|[a-z])(?![A-Za-z])", r"的\1次方"),
    (r"°C", "摄氏度"),
    (r"°F", "华氏度"),
    (r"\s*([+=×÷±≤≥<>≠≈√∞→←%‰°&@#∑∫∈\u222a∩∂§\\^©])\s*", lambda m: _SAID[m[1]]),
    (r"[^\w\s'\"~|／/，。！？；：、,.;:?!（）()\[\]…—–-]", _other),
    (r"[)）\]]\s*(?=[的吗呢吧呀](?!确))", ""),  # it closes what the word behind belongs to
    # Pauses.
    (r"\s*(?:[()（）\[\]]|…+|\.{2,}|[—–]+|\s-+\s)\s*", "，"),
)
