"""Numbers, dates, times, scores and telephone numbers in written Chinese."""

import re

from turnmill.synth.reading.rules import Specs

DIGITS = "零一二三四五六七八九"
NUMBER = r"(?<!\d)\d+(?:\.\d+)?"
TO = r"\s*[-–—~～]+\s*"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
_SPORT = "比分|比分是|比分为|以|战胜|战平|击败|逆转|负于|踢成|大胜|惜败|领先"


_SO_LONG = "将近|近|大约|约|超过|至少|多达|长达|不到|足足|整整|历经|历时|距今已?有?|至今已?有?|存在了|有着"
_COUNTED = (
    "[年月日号时点分秒天届级元块角米里斤克吨升度倍岁个人名位只头条件台辆本张家所座间栋层页字句次场套部种项股票盒瓶杯颗粒"
    "棵亩户桌份道题首余多万亿千百左上以]|平方|立方|公[里斤分顷]|千[米克瓦]|[毫厘分]米|小时|英[里尺镑]|美元|欧元|日元|韩元"
)
"""What follows a number that counts, and is no year."""


def cardinal(digits: str) -> str:
    """Up to 16 digits as a number: 10000100000 as 一百亿零一十万."""
    digits = digits.lstrip("0") or "0"
    if digits == "0":
        return DIGITS[0]
    groups = [digits[max(end - 4, 0) : end] for end in range(len(digits), 0, -4)]
    said, empty = "", False
    for place in range(len(groups) - 1, -1, -1):
        group = _thousands(groups[place])
        if group:
            said += f"{'零' if said and (empty or groups[place][0] == '0') else ''}{group}{_GROUPS[place]}"
        empty = not group
    return said.removeprefix("一") if said.startswith("一十") else said


def _thousands(group: str) -> str:
    said, gap = "", False
    for place, digit in zip(range(len(group) - 1, -1, -1), group, strict=True):
        if digit == "0":
            gap = bool(said)
            continue
        two = "两" if digit == "2" and place >= 2 and not said else DIGITS[int(digit)]
        said += f"{'零' if gap else ''}{two}{_PLACES[place]}"
        gap = False
    return said


def spelt(digits: str, one: str = "一") -> str:
    """Digit by digit; in numbers of telephones a one is 幺."""
    return "".join(one if c == "1" else DIGITS[int(c)] for c in digits if c.isdigit())


def _telephone(match: re.Match[str]) -> str:
    plus = "加" if match[0].startswith("+") else ""
    return plus + spelt(match[0], "幺")


def _range(match: re.Match[str]) -> str:
    """3-5 goes from three to five; 3-1, which goes down, and 1-1 are scores."""
    first, last = match["first"], match["last"]
    return f"{first}{'到' if float(first) < float(last) else '比'}{last}"


def _marks(match: re.Match[str]) -> str:
    """4.5/5 is a mark out of the highest; 4/5 alone is a fraction."""
    mark, highest = match[1] or match[3], match[2] or match[4]
    return f"{mark}分，满分{highest}分"


def _clock(match: re.Match[str]) -> str:
    """15:30:05 as 15点30分零5秒, after 上午 or 下午 where the text says am or pm."""
    half, second = match["half"], match["second"]
    hour, minute = int(match["hour"]), match["minute"]
    said = f"{hour}点"
    if second and _LASTING.search(match.string[max(match.start() - 8, 0) : match.start()]):
        said = f"{hour}小时"
    if minute and (int(minute) or second):
        said += f"{'零' if minute[0] == '0' and int(minute) else ''}{int(minute)}分"
    if second:
        said += f"{'零' if second[0] == '0' and int(second) else ''}{int(second)}秒"
    return f"{_half(half, match.string[max(match.start() - 4, 0) : match.start()])}{said}"


_LASTING = re.compile(r"(?:用时|耗时|时长|成绩|历时|跑了|用了|跑出|全长)[^，。]{0,4}$")
_PART_OF_DAY = re.compile(r"(?:上午|下午|早上|晚上|凌晨|中午|早晨|傍晚)\s*$")


def _half(half: str | None, before: str) -> str:
    if not half or _PART_OF_DAY.search(before[-4:]):
        return ""
    return "上午" if half in "aA" else "下午"


def _date(match: re.Match[str]) -> str:
    year, month, day = match["year"], int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{spelt(year) + '年' if year else ''}{month}月{day}日"


def _era(match: re.Match[str]) -> str:
    before = "前" if match["era"].lower().startswith("b") else ""
    return f"公元{before}{spelt(match['year'])}年"


def _version(match: re.Match[str]) -> str:
    """2.0.1 as 二点零点一; four numbers are an address, digit by digit."""
    parts = match[0].split(".")
    return "点".join(map(spelt if len(parts) > 3 else cardinal, parts))


def _large(match: re.Match[str]) -> str:
    return cardinal(match[0]) if len(match[0]) <= 16 else spelt(match[0])


TELEPHONES: Specs = (
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (r"\+\d{1,3}[ -]?\d[\d -]{6,14}\d(?!\d)", _telephone),
    (r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)", _telephone),
    (r"(?<![\d-])(?:400|800)[- ]?\d{3,4}[- ]?\d{3,4}(?![\d-])", _telephone),
    (r"(?<![\d-])0\d{2,3}[- ]\d{3,4}[ -]?\d{4}(?![\d-])", _telephone),
    (r"(?<![\d.-])\d{1,5}(?:-\d{1,7}){3,4}(?![\d.-])", _telephone),
    (
        r"(?P<what>(?:QQ号?|微信号?|密码|验证码|编号|房间号?|车牌号?|学号|工号|账号|邮编|尾号|单号|号码)[是为：:\s]{0,2})(?P<number>\d+)",
        lambda m: m["what"] + spelt(m["number"], "幺"),
    ),
    (r"(?<=第)\d{9,16}(?!\d|\.\d)|(?<![\d.])[1-9]\d{5,12}000(?![\d.])", _large),
    (r"(?<![\d.])\d{12,}(?![\d.])", lambda m: spelt(m[0])),
)
DATES: Specs = (
    (
        r"(?<![\d.])(?P<year>(?:1[5-9]|20)\d\d)(?P<sep>[-/.·])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?)(?![\d.·/-])日?",
        _date,
    ),
    (r"(?<![\d.:/-])(?P<year>)(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?![\d:.-])(?<=0\d-\d\d)", _date),
    (r"(?<!\d)(\d{1,2})[·・](\d{1,2})(?!\d)", lambda m: spelt(m[1] + m[2])),
    (r"(?<![\d.])((?:19|20)\d\d)[.·](0?[1-9]|1[0-2])(?=月)", r"\1年\2"),
    (r"(?<![\d.])0(?=[1-9][月日号])", ""),
    (r"(?<![A-Za-z\d])(?P<year>\d{1,4})\s?(?P<era>[Bb]\.?[Cc]\.?|[Aa]\.?[Dd]\.?)(?![A-Za-z])年?", _era),
    (r"(?<![\d.])2(?=点(?!\d))", "两"),
    (r"(公元前?)\s?(\d+)(?=年)", lambda m: m[1] + spelt(m[2])),
    (rf"(?P<long>{_SO_LONG})\s?(?P<years>\d{{3,4}})(?=年)", lambda m: m["long"] + cardinal(m["years"])),
    (r"(?<!\d)(\d{3,4})(?=年(?:的?历史|之久|以?[前后来]))(?<!19\d\d)(?<!20[0-3]\d)", lambda m: cardinal(m[1])),
    (r"(?<![\d.今近约])([12]\d{3})(?=年[之以]?[前后初末底])", lambda m: spelt(m[1])),
    (
        rf"(?<![\d.:/共约近达-])((?:19[5-9]|20[0-3])[1-9]|20[123]0)(?=[\u4e00-\u9fff]|[A-Z]{{2}})(?!{_COUNTED})",
        lambda m: spelt(m[1]),
    ),
    (r"(?<!\d)((?:19|20)\d0)s(?![A-Za-z])", r"\1年代"),
    (r"(?<![\d'])['’]?([5-9]0)s(?![A-Za-z])", r"\1年代"),
    (r"(?<!\d)([5-9]0|00)(?=后(?:[的们是喜，。、]|$))", lambda m: spelt(m[1])),
    (r"(?<!\d)(\d{4})(?=届|级)", lambda m: spelt(m[1])),
    (r"(?<![\d.])([3-9]\d|0\d)(?=年(?:出生|生[人的]|上映|发行|出道|成立|毕业|入学))", lambda m: spelt(m[1])),
)  # fmt: skip
TIMES: Specs = (
    (
        r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d)(?![\d:])(?:\s*(?P<half>[AaPp])\.?[Mm](?![A-Za-z])\.?)?",
        _clock,
    ),
    (
        r"(?<![\d:.])(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d))?(?P<second>)\s*(?P<half>[AaPp])\.?[Mm](?![A-Za-z])\.?",
        _clock,
    ),
)
FRACTIONS: Specs = (
    (r"(?<![\d.,])\d{1,4}(?:\.\d{1,4}){2,}(?!\.?\d)", _version),
    (r"(?<![\d./])24/7(?![\d./])", "七天二十四小时"),
    (rf"(?<![\d./])({NUMBER})/(5|10|100)分(?![之钟])|(?<![\d./])(\d+\.\d+)/(5|10|100)(?![\d./])", _marks),
    (rf"(?<![\dA-Za-z)）%℃°CF-])-(?=\d+/\d+|{NUMBER}%|百分之|\d+分之)", "负"),
    (r"(?<!\d)(\d+)\s(\d+)/(\d+)(?![\d/])", r"\1又\2/\3"),
    (r"(?<!\d)(\d+)\^(\d+)", r"\1的\2次方"),
)
RANGES: Specs = (
    (rf"({NUMBER})%?{TO}({NUMBER})%", r"\1%到\2%"),
    (
        rf"(?<=\d)([A-Za-z]+|[年月日号时点分元岁天个人米度倍℃]|摄氏度|美元|公里|厘米|公斤|千克|小时|分钟|万){TO}(?=[-负]?{NUMBER}\1(?![A-Za-z]))",
        r"\1到",
    ),
    (r"(?<!\d)((?:19|20)\d\d)-(?=\d\d(?![\d-]))0?(1[0-2]|[1-9])月?", r"\1年\2月"),
    (r"(?<![\d-])((?:19|20)\d\d)[-–—~～]((?:19|20)\d\d)(?![\d-])年?", r"\1年到\2年"),
    (rf"(?P<how>{_SPORT})\s?(?P<first>\d{{1,3}})-(?P<last>\d{{1,3}})(?![\d.:/-])", r"\g<how>\g<first>比\g<last>"),
    (rf"(?<![\d.:/-])(?P<first>{NUMBER}){TO}(?P<last>{NUMBER})(?![\d.:/-])", _range),
    (r"(?<=[年月日号时点分元岁天%])[–—~～-](?=\d)", "到"),
)
AFTER: Specs = (
    (r"两(?=分之)", "二"),
    (r"(?<=零)两(?=[分秒])", "二"),
    (r"(?<![零一二三四五六七八九十百千万亿点第])二(?=千)", "两"),
    (r"(?<=第)两", "二"),
    (r"(?<![零一二三四五六七八九十百千万亿点])([零一二三四五六七八九十百千万亿点]+)‰", r"千分之\1"),
)
