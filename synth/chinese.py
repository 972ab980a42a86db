"""How written Chinese is said: numbers, dates, money and units in characters, by WeTextProcessing's rules (wetext).

wetext is given text without quotes and layout, in which what it reads wrongly (ranges of percentages, thousands commas,
model names such as GPT-4, telephone numbers in groups) has been written in a way that it reads right. Latin words stay.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from turnmill.manifests.errors import UsageError
from turnmill.synth.layout import plain_digit, without_layout, without_pictures

_DIGITS = "零一二三四五六七八九"
_SIGNS = {
    "℃": "°C", "℉": "°F", "㎡": "平方米", "km²": "平方公里", "cm²": "平方厘米", "mm²": "平方毫米", "m²": "平方米",
    "cm³": "立方厘米", "m³": "立方米", "〇": "零", "№": "号", "−": "-", "－": "-", "％": "%", "＝": "=", "＋": "+",
    "／": "/", "：": ":", "￥": "¥",
}  # fmt: skip
_NUMBER = r"\d+(?:\.\d+)?"
_TO = r"\s*[-–—~～]+\s*"

_SOUND = re.compile(r"[\[【（(](?:笑|大笑|轻笑|苦笑|笑声|咳嗽|叹气|叹息|哭|掌声|停顿|沉默)[\])）】]")
_CLAUSE_WITH_DIGIT = re.compile(r"[^，。！？；\d]*\d[^，。！？；]*")

_Say = Callable[[re.Match[str]], str] | str


def spoken_form(text: str) -> str:
    """Chinese text as it is said, on one line, without a digit. Saying what is already said changes nothing.

    Raises UsageError where wetext is not installed and the text has a digit.
    """
    # What one pass takes away can leave a new mark of layout at the start; passes only ever shorten such leftovers.
    while (said := _pass(text)) != text:
        text = said
    return text


def _pass(text: str) -> str:
    text = _plain(without_layout(_SOUND.sub("", text), stop="。"))
    if any(c.isdigit() for c in text):
        for pattern, say in _BEFORE:
            text = pattern.sub(say, text)
        normalize = _normalizer()
        text = _CLAUSE_WITH_DIGIT.sub(lambda m: normalize(m[0]), text)  # its time grows with the length
        text = re.sub(r"\d", lambda m: _DIGITS[int(m[0])], text)
    for pattern, say in _AFTER:
        text = pattern.sub(say, text)
    return _tidy(text)


def _plain(text: str) -> str:
    """One kind of digit, minus and colon; no emoji, quote or control character."""
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = re.sub(r"(?<=\d)(?=[½¼¾⅓⅔⅛⅜])", "又", text)
    text = re.sub(r"(?<=[\d)])[²³]", lambda m: "的平方" if m[0] == "²" else "的立方", text)
    text = "".join(_folded(c) for c in without_pictures(text, keep="°^"))
    return re.sub(r"[\"'“”‘’「」『』《》〈〉【】\\{}\x00-\x1f\x7f]+", _quote, text)


def _folded(char: str) -> str:
    """Full-width letters and numeric signs as plain ones; Chinese punctuation and characters as they are."""
    if char.isascii() or unicodedata.category(char)[0] not in "LN":
        return char
    if unicodedata.category(char) == "Lo" or "一" <= char <= "鿿":
        return char
    return "".join(plain_digit(c) for c in unicodedata.normalize("NFKC", char).replace("⁄", "/"))


def _quote(match: re.Match[str]) -> str:
    """An apostrophe within a Latin word is one of its letters; other quotes and brackets leave nothing."""
    text, start, end = match.string, match.start(), match.end()
    within = start > 0 and end < len(text) and (text[start - 1] + text[end]).isascii()
    if within and (text[start - 1] + text[end]).isalpha() and match[0] in ("'", "’"):
        return "'"
    return " " if match[0].isspace() else ""


@lru_cache(maxsize=1)
def _normalizer() -> Callable[[str], str]:
    """wetext's rules, loaded once a process from its own files (0.3 s); nothing is written or fetched."""
    try:
        from wetext import Normalizer
    except ImportError as error:
        raise UsageError("Chinese numbers need wetext, which is not installed: pip install wetext") from error
    normalize = Normalizer(lang="zh", operator="tn").normalize
    return lambda text: str(normalize(text))


def _range(match: re.Match[str]) -> str:
    """3-5 goes from three to five; 3-1, which goes down, is a score."""
    first, last = match["first"], match["last"]
    return f"{first}{'到' if float(first) <= float(last) else '比'}{last}"


def _marks(match: re.Match[str]) -> str:
    """4.5/5 is a mark out of the highest; 4/5 alone is a fraction."""
    mark, highest = match[1] or match[3], match[2] or match[4]
    return f"{mark}分，满分{highest}分"


def _telephone(match: re.Match[str]) -> str:
    return "".join("幺" if c == "1" else _DIGITS[int(c)] for c in match[0] if c.isdigit())


def _half(match: re.Match[str]) -> str:
    return f"{'上午' if match['half'] in 'aA' else '下午'}{match['hour']}{match['minute'] or '点'}"


_BEFORE_SPECS: tuple[tuple[str, _Say], ...] = (
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (r"\+86[ -]?(?=1[3-9]\d)", "加八六"),
    (r"(?<!\d)1[3-9]\d[ -]\d{4}[ -]\d{4}(?!\d)", _telephone),
    (r"(?<![\d-])0\d{2,3}[- ]\d{3,4}[ -]?\d{4}(?![\d-])", _telephone),
    (r"(?<![\d.])\d{12,}(?![\d.])", lambda m: "".join(_DIGITS[int(c)] for c in m[0])),
    (r"(?<![A-Za-z])[Nn][Oo]\.\s*(?=\d)", "第"),
    (r"#\s*(?=\d)", ""),
    (r"(?<!\d)((?:19|20)\d0)s(?![A-Za-z])", r"\1年代"),
    (rf"(?<=\d)([A-Za-z]+){_TO}(?={_NUMBER}\1(?![A-Za-z]))", r"\1到"),
    (r"(?<=[A-Za-z])[-_](?=\d)", " "),
    (r"(?P<hour>(?<!\d)\d{1,2})(?P<minute>:[0-5]\d)?\s*(?P<half>[AaPp])\.?[Mm](?![A-Za-z])\.?", _half),
    (r"(\d+)\^(\d+)", r"\1的\2次方"),
    (r"(?<![\d./])24/7(?![\d./])", "七天二十四小时"),
    (rf"(?<![\d./])({_NUMBER})/(5|10|100)分(?![之钟])|(?<![\d./])(\d+\.\d+)/(5|10|100)(?![\d./])", _marks),
    # Sums: a number that wetext meets right behind a sign, it tears apart.
    (rf"(?<=\d)\s*-\s*(?={_NUMBER}\s*=)", "减"),
    (r"(?<=[\d)）])\s*[x*×]\s*(?=[\d(（])", "乘"),
    (r"(?<=[\d)）])\s*\+\s*(?=[\d(（])", "加"),
    (r"\s*=\s*", "等于"),
    (rf"({_NUMBER}[一-鿿]{{1,2}})/((?:平方|立方)(?:公里|厘米|米))", r"每\2\1"),
    # Ranges.
    (rf"({_NUMBER})%?{_TO}({_NUMBER})%", r"\1%到\2%"),
    (r"(?<!\d)((?:19|20)\d\d)-(?=\d\d(?![\d-]))0?(1[0-2]|[1-9])月?", r"\1年\2月"),
    (r"(?<![\d-])((?:19|20)\d\d)-((?:19|20)\d\d)(?![\d-])年?", r"\1年到\2年"),
    (rf"(?<![\d.:/-])(?P<first>{_NUMBER}){_TO}(?P<last>{_NUMBER})(?![\d.:/-])", _range),
    (r"(?<=[年月日号时点分元岁天%])[–—~～](?=\d)", "到"),
)
_AFTER_SPECS: tuple[tuple[str, _Say], ...] = (
    (r"(?<=[A-Za-z])\+\+", "加加"),
    (r"(?<![Α-ω])π(?![Α-ω])", "派"),
    (r"([零一二三四五六七八九十百千万亿点]+)‰", r"千分之\1"),
    (r"(?<=[一二三四五六日天])\s*[-–~～]\s*(?=周|星期|礼拜)", "到"),
    (r"\s*=\s*", "等于"),
    (r"\s*\+\s*(?=\S)", "加"),
    (r"\s*×\s*(?=\S)", "乘"),
    (r"\s*÷\s*(?=\S)", "除以"),
    (r"%", "百分号"),
    (r"°C", "摄氏度"),
    (r"°F", "华氏度"),
    (r"°", "度"),
    (r"\s*&\s*", "和"),
    (r"[$]", "美元"),
    (r"€", "欧元"),
    (r"£", "英镑"),
    (r"¥", "元"),
    # Pauses.
    (r"\s*(?:[()（）\[\]]|…+|\.{2,}|[—–]+|\s-+\s)\s*", "，"),
)
_BEFORE = tuple((re.compile(pattern), say) for pattern, say in _BEFORE_SPECS)
_AFTER = tuple((re.compile(pattern), say) for pattern, say in _AFTER_SPECS)
"""In order: what an earlier rule has said, a later one no longer sees."""

_WIDE = {",": "，", ".": "。", ";": "；", ":": "：", "?": "？", "!": "！"}
_MARKS = "？?！!。.；;：:，,、"  # of several in a row, the first of these stays


def _tidy(text: str) -> str:
    """Letters and the punctuation that shapes speech, which after a Chinese character is Chinese."""
    text = "".join(
        c if c.isalpha() or unicodedata.category(c) in ("Mn", "Mc") or c in f"'-{_MARKS} " else " " for c in text
    )
    text = re.sub(r"(?<![A-Za-z])['-]+|['-]+(?![A-Za-z])", "", " ".join(text.split()))
    text = re.sub(rf"\s*([{_MARKS}])(?:\s*[{_MARKS}])+", lambda m: next(c for c in _MARKS if c in m[0]), text)
    text = re.sub(rf"\s+(?=[{_MARKS}])|(?<=[？！。；：，、])\s+", "", text)
    text = re.sub(r"(?<=[一-鿿])[,.;:?!]", lambda m: _WIDE[m[0]], text)
    text = re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text)
    text = text.lstrip(_MARKS + " ").rstrip(" ，,、")  # a comma at the end was a closing bracket
    return text if any(map(str.isalpha, text)) else ""
