"""Money and units in written Chinese."""

import re

from turnmill.synth.reading.chinese.numbers import NUMBER, TO
from turnmill.synth.reading.rules import Specs, one_of

_CURRENCIES = {
    "$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "₹": "卢比", "₩": "韩元", "₽": "卢布", "฿": "泰铢", "₫": "越南盾",
    "₿": "比特币", "₺": "里拉", "₪": "谢克尔", "₱": "比索", "₴": "格里夫纳", "₦": "奈拉", "¢": "美分",
}  # fmt: skip
_LANDS = {"HK$": "港元", "NT$": "新台币", "US$": "美元", "A$": "澳元", "AU$": "澳元", "C$": "加元", "CA$": "加元",
          "S$": "新加坡元", "NZ$": "新西兰元", "R$": "雷亚尔"}  # fmt: skip
_CODES = {
    "USD": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "CNY": "人民币", "RMB": "人民币", "HKD": "港元",
    "KRW": "韩元", "TWD": "新台币", "AUD": "澳元", "CAD": "加元", "SGD": "新加坡元", "CHF": "瑞士法郎", "THB": "泰铢",
    "INR": "卢比", "RUB": "卢布",
}  # fmt: skip
_SIGN = one_of(_LANDS | _CURRENCIES)
_SCALES = {"k": "千", "K": "千", "w": "万", "W": "万", "M": "百万", "m": "百万", "B": "十亿", "b": "十亿"}
_MANY = r"[十百千万亿]{1,3}|[kKwWmMbB](?![A-Za-z])"
_MONEY = r"元|块钱|块|美元|美金|欧元|英镑|日元|韩元|港元|港币|人民币|卢比|卢布|泰铢"

_UNITS = {
    "km": "公里", "m": "米", "dm": "分米", "cm": "厘米", "mm": "毫米", "μm": "微米", "um": "微米", "nm": "纳米",
    "kg": "千克", "Kg": "千克", "KG": "千克", "g": "克", "mg": "毫克", "μg": "微克",
    "t": "吨", "lb": "磅", "lbs": "磅", "oz": "盎司",
    "L": "升", "l": "升", "ml": "毫升", "mL": "毫升", "ML": "毫升", "dL": "分升", "h": "小时", "min": "分钟", "s": "秒",
    "ms": "毫秒", "μs": "微秒", "ns": "纳秒", "kW": "千瓦", "MW": "兆瓦", "kWh": "千瓦时", "KWh": "千瓦时",
    "kwh": "千瓦时", "V": "伏", "kV": "千伏", "mA": "毫安", "mAh": "毫安时", "Ω": "欧姆", "Hz": "赫兹", "kHz": "千赫",
    "MHz": "兆赫", "GHz": "吉赫", "dB": "分贝", "Pa": "帕", "kPa": "千帕", "hPa": "百帕", "MPa": "兆帕",
    "mmHg": "毫米汞柱", "kcal": "千卡", "cal": "卡", "J": "焦耳", "kJ": "千焦", "N": "牛", "mph": "英里每小时",
    "ft": "英尺", "ha": "公顷", "mol": "摩尔", "mmol": "毫摩尔", "px": "像素", "rpm": "转每分钟", "bpm": "次每分钟",
    "m/s": "米每秒", "mg/dL": "毫克每分升", "mg/dl": "毫克每分升", "mmol/L": "毫摩尔每升", "mg/L": "毫克每升",
    "g/L": "克每升", "mg/kg": "毫克每千克", "g/cm³": "克每立方厘米", "μg/m³": "微克每立方米", "m/s²": "米每二次方秒",
    "Mbps": "兆比特每秒", "Gbps": "吉比特每秒", "MB/s": "MB每秒", "fps": "帧每秒", "°C": "摄氏度", "°F": "华氏度",
}  # fmt: skip
_PER = {"h": "小时", "s": "秒", "min": "分钟", "天": "天", "月": "月", "年": "年", "人": "人", "小时": "小时",
        "次": "次", "个": "个", "日": "天", "周": "周", "分钟": "分钟", "秒": "秒", "斤": "斤",
        "公斤": "公斤", "晚": "晚",
        "day": "天", "kg": "千克", "平": "平", "位": "位", "杯": "杯", "张": "张", "件": "件"}  # fmt: skip
_SQUARE = {"㎡": "平方米", "km²": "平方公里", "cm²": "平方厘米", "mm²": "平方毫米", "m²": "平方米", "cm³": "立方厘米",
           "mm³": "立方毫米", "km³": "立方公里", "m³": "立方米", "km2": "平方公里", "m2": "平方米", "m3": "立方米",
           "cm2": "平方厘米", "cm3": "立方厘米"}  # fmt: skip


def currency(sign: str) -> str | None:
    """A sign of a currency that stands by no amount."""
    return _CURRENCIES.get(sign)


def _name(sign: str) -> str:
    return _LANDS.get(sign) or _CURRENCIES[sign]


def _money(match: re.Match[str]) -> str:
    """￥99.5元 as 99.5元: what a sign says and a unit repeats is said once."""
    scale = match["scale"] or ""
    name = match["unit"] or _name(match["sign"])
    amount = re.sub(r"(?<=\d)\.0+$", "", match["amount"])
    first = f"{match['first']}到" if match["first"] else ""
    return f"{first}{amount}{_SCALES.get(scale, scale)}{name}"


def _coded(match: re.Match[str]) -> str:
    scale = match["scale"] or ""
    return f"{match['amount']}{_SCALES.get(scale, scale)}{_CODES[match['code']]}"


def _after(match: re.Match[str]) -> str:
    scale = match["scale"] or ""
    name = _CODES.get(match["sign"]) or _name(match["sign"])
    return f"{match['amount']}{_SCALES.get(scale, scale)}{name}"


def _unit(match: re.Match[str]) -> str:
    return _UNITS[match["unit"]]


MONEY: Specs = (
    (
        rf"(?:(?<![A-Za-z])(?P<sign>{_SIGN}))\s?(?:(?P<first>{NUMBER}(?:{_MANY})?){TO}(?:{_SIGN})?)?(?P<amount>{NUMBER})\s?(?P<scale>{_MANY})?"
        rf"\s?(?P<unit>{_MONEY})?",
        _money,
    ),
    (rf"(?<![A-Za-z])(?P<code>{'|'.join(_CODES)})\s?(?P<amount>{NUMBER})(?P<scale>{_MANY})?", _coded),
    (
        rf"(?P<amount>{NUMBER})(?P<scale>{_MANY})?\s?(?P<sign>{_SIGN}|{'|'.join(_CODES)})(?![A-Za-z\d])",
        _after,
    ),
    (r"(?<=\d)\s?[wW](?=[块元人个次张条多粉，。\u4e00-\u9fff]|$)", "万"),
    (r"(?<=\d)\s?[kK](?=[块元人次工月左，。]|$)", "千"),
)
UNITS: Specs = (
    (r"(?<=\d)\s?(?P<unit>[cmk]?m[²³])/s(?![A-Za-z])", lambda m: f"{_SQUARE[m['unit']]}每秒"),
    (rf"(?<=\d)\s?(?P<unit>{one_of(unit for unit in _UNITS if unit[-1] in '²³')})", _unit),
    (rf"(?<=\d)\s?(?P<unit>{one_of(_SQUARE)})(?![A-Za-z\d])", lambda m: _SQUARE[m["unit"]]),
    (rf"({NUMBER}[一-鿿]{{1,2}})/((?:平方|立方)(?:公里|厘米|米))", r"每\2\1"),
    (r"(?<=\d)\s?km/h(?![A-Za-z])", "km/h"),
    (r"(?<![A-Za-z] )(?<=[345])[gG](?=\s?(?:网|手机|信号|套餐|时代|技术|基站|通信))", "G"),
    (
        rf"(?<![A-Za-z\d][A-Za-z] )(?<=\d)\s?(?P<unit>(?!s(?![/A-Za-z])){one_of(_UNITS)})"
        r"(?![A-Za-z\d²³]|/[hs](?![A-Za-z]))",
        _unit,
    ),
    (rf"(?<=[元块克升米卡瓦])/(?P<per>{one_of(_PER)})(?![A-Za-z\d])", lambda m: f"每{_PER[m['per']]}"),
    (r"(?<=\d)\s?%", "%"),
)
