"""Money and units, and ranges of them."""

import re
import unicodedata

from turnmill.synth.reading.english.dates import COUNTED
from turnmill.synth.reading.english.numbers import cardinal
from turnmill.synth.reading.rules import Specs, one_of

_CENTS = ("cent", "cents")
_CURRENCIES = {
    "$": ("dollar", "dollars", *_CENTS), "€": ("euro", "euros", *_CENTS), "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"), "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"), "₺": ("lira", "lira", "kurus", "kurus"),
    "₫": ("dong", "dong", "xu", "xu"), "฿": ("baht", "baht", "satang", "satang"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₦": ("naira", "naira", "kobo", "kobo"), "₱": ("peso", "pesos", "centavo", "centavos"),
    "₴": ("hryvnia", "hryvnias", "kopek", "kopeks"), "₿": ("bitcoin", "bitcoins", "", ""),
    "¢": ("cent", "cents", "", ""),
}  # fmt: skip
_CODES = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽", "BTC": "₿", "THB": "฿",
    "CNY": "yuan", "RMB": "yuan", "AUD": "Australian $", "CAD": "Canadian $", "HKD": "Hong Kong $",
    "SGD": "Singapore $", "NZD": "New Zealand $", "CHF": "Swiss francs", "SEK": "Swedish kronor", "MXN": "Mexican ₱",
}  # fmt: skip
_LANDS = {"US": "US", "U.S.": "US", "A": "Australian", "AU": "Australian", "C": "Canadian", "CA": "Canadian",
          "HK": "Hong Kong", "S": "Singapore", "NZ": "New Zealand", "NT": "New Taiwan"}  # fmt: skip
_SCALE = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion"}

_UNITS = {
    "km/h": "kilometers per hour", "kph": "kilometers per hour", "mph": "miles per hour", "MPH": "miles per hour",
    "m/s": "meters per second", "ft/s": "feet per second", "mpg": "miles per gallon",
    "km": "kilometers", "KM": "kilometers", "cm": "centimeters", "CM": "centimeters", "mm": "millimeters",
    "μm": "micrometers", "nm": "nanometers", "dm": "decimeters", "m": "meters", "mi": "miles", "ft": "feet",
    "ft.": "feet", "yd": "yards", "yds": "yards", "ha": "hectares",
    "m2": "square meters", "km2": "square kilometers", "cm2": "square centimeters", "mm2": "square millimeters",
    "ft2": "square feet", "m3": "cubic meters", "cm3": "cubic centimeters", "km3": "cubic kilometers",
    "sq ft": "square feet", "sq. ft.": "square feet", "sq m": "square meters", "sq mi": "square miles",
    "cc": "cubic centimeters", "fl oz": "fluid ounces", "fl. oz.": "fluid ounces",
    "kg": "kilograms", "KG": "kilograms", "Kg": "kilograms", "mg": "milligrams", "μg": "micrograms",
    "mcg": "micrograms",
    "g": "grams", "lbs": "pounds", "lb": "pounds", "lbs.": "pounds", "lb.": "pounds", "oz": "ounces", "oz.": "ounces",
    "ml": "milliliters", "mL": "milliliters", "l": "liters", "L": "liters", "dL": "deciliters", "dl": "deciliters",
    "cl": "centiliters", "gal": "gallons", "qt": "quarts", "tsp": "teaspoons", "tbsp": "tablespoons",
    "tsp.": "teaspoons", "tbsp.": "tablespoons",
    "kWh": "kilowatt hours", "MWh": "megawatt hours", "Wh": "watt hours", "mAh": "milliamp hours", "kW": "kilowatts",
    "MW": "megawatts", "GW": "gigawatts", "mW": "milliwatts", "W": "watts", "kV": "kilovolts", "mV": "millivolts",
    "V": "volts", "mA": "milliamps", "Ω": "ohms", "kΩ": "kiloohms", "kJ": "kilojoules", "J": "joules", "N": "newtons",
    "kcal": "kilocalories", "cal": "calories", "Pa": "pascals", "kPa": "kilopascals", "hPa": "hectopascals",
    "MPa": "megapascals", "psi": "PSI", "mmHg": "millimeters of mercury", "atm": "atmospheres", "dB": "decibels",
    "rpm": "RPM", "bpm": "beats per minute", "fps": "frames per second", "dpi": "DPI", "px": "pixels",
    "MP": "megapixels", "hp": "horsepower", "mol": "moles", "mmol": "millimoles",
    "kb": "kilobits", "Mb": "megabits", "Gb": "gigabits", "kbps": "kilobits per second", "Mbps": "megabits per second",
    "mbps": "megabits per second", "Gbps": "gigabits per second", "MB/s": "megabytes per second",
    "PB": "petabytes", "TB": "terabytes", "GB": "gigabytes", "gb": "gigabytes", "MB": "megabytes", "KB": "kilobytes",
    "kB": "kilobytes", "GHz": "gigahertz", "MHz": "megahertz", "kHz": "kilohertz", "Hz": "hertz",
    "μs": "microseconds", "ns": "nanoseconds", "ms": "milliseconds", "s": "seconds", "h": "hours", "hrs": "hours",
    "hr": "hours", "min": "minutes", "mins": "minutes", "sec": "seconds", "secs": "seconds", "yr": "years",
    "yrs": "years", "wk": "weeks", "wks": "weeks", "mo": "months",
    "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "º": "degrees", "%": "percent",
    "‰": "per thousand", "bps": "bits per second",
}  # fmt: skip
_ONE = {"feet": "foot", "square feet": "square foot", "percent": "percent", "per thousand": "per thousand"}
_ONE |= {said: said for said in _UNITS.values() if said.endswith("hertz") or said.isupper()}
_ONE |= {
    "horsepower": "horsepower",
    "feet per second": "foot per second",
    "millimeters of mercury": "millimeter of mercury",
}

_SIGN = rf"[{re.escape(''.join(_CURRENCIES))}]"
NUMBER = r"(?<!\d)\d+(?:,\d{3})*(?:\.\d+)?"
# 5s are several fives, 5 s and 0.5s are seconds.
UNIT = one_of({*_UNITS} - {"s"}) + r"|(?:(?<!\d)|(?<=\.\d))s"
_SCALES = r"[kmbtKMBT]|[mM]n|[bB]n|thousand|million|billion|trillion"


def _many(amount: str, one: str, many: str) -> str:
    return f"{cardinal(amount)} {one if amount == '1' else many}"


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = _CURRENCIES[match["sign"]]
    land = f"{_LANDS[match['land']]} " if match["land"] else ""
    amount, scale = match["amount"].replace(",", ""), match["scale"]
    if scale:
        return f" {cardinal(amount)} {_SCALE.get(scale.lower(), scale.lower())} {land}{many} "
    whole, _, part = amount.partition(".")
    part = part[:2] + part[2:].rstrip("0")
    part = part + "0" if len(part) == 1 and cent else part  # $20.5 is $20.50
    if len(part) == 2 and not int(part):
        return f" {_many(whole, land + one, land + many)} "
    if len(part) != 2 or not cent:
        return f" {_many(f'{whole}.{part}' if part else whole, land + one, land + many)} "
    said = [_many(whole, land + one, land + many)] if int(whole) else []
    said.append(_many(str(int(part)), cent, cents))
    return f" {' and '.join(said)} "


def _coded(match: re.Match[str]) -> str:
    """USD 500 and 500 USD as $500."""
    code, amount = _CODES[match["code"] or match["after"]], match["amount"] or match["before"]
    scale = match["scale"] or match["scale_before"] or ""
    if not code.endswith(tuple(_CURRENCIES)):
        return f" {amount} {_SCALE.get(scale.lower(), scale)} {code} "
    land, sign = code[:-1].strip(), code[-1]
    if not land:
        return f" {sign}{amount} {scale} "
    said = _CURRENCIES[sign][amount != "1"]
    return f" {amount} {_SCALE.get(scale.lower(), scale)} {land} {said} "


def _one(unit: str) -> str:
    """The singular of a unit."""
    return _ONE.get(unit, re.sub(r"s(?= per|$| [CF])", "", unit, count=1))


_PER = {
    **{unit: _one(said) for unit, said in _UNITS.items() if unit[0].isalpha() and " " not in said and unit[-1] != "."},
    **{word: word for word in ("second", "minute", "hour", "day", "night", "week", "month", "year", "person", "head")},
    "yr": "year", "mo": "month", "wk": "week", "d": "day",
}  # fmt: skip


def of_a(unit: str) -> str:
    """What 3/4 is of: a mile, an hour."""
    one = _one(_UNITS[unit])
    return f"{'an' if one.startswith(('hour', 'ounce', 'inch', 'acre')) else 'a'} {one}"


def several(unit: str) -> str:
    return _UNITS[unit]


def _quantity(match: re.Match[str]) -> str:
    unit = _UNITS[match["unit"]]
    ends = "." if match["unit"].endswith(".") and not match.string[match.end() : match.end() + 40].strip() else ""
    return f" {cardinal(match['number'])} {_one(unit) if match['number'] == '1' else unit}{ends} "


_ROUND = re.compile(r"\d{1,4}[05]0")
_COUNTED = re.compile(r"\s+[a-z]+s\b")


def _range(match: re.Match[str]) -> str:
    """$10-20 as 10 to $20, 5-10% as 5 to 10%: what is said once stands at the last; other pairs stay as they are."""
    first, unit, last, tail = (match[name] or "" for name in ("first", "unit", "last", "tail"))
    sign = match["sign"] or match["sign_too"]
    if sign:
        own = sign if "." in first and not unit else ""  # $0.50 is fifty cents
        scale = _SCALE.get(unit.lower(), unit) if unit != tail.strip() else ""
        return f"{own + first if own else cardinal(first)} {scale} to {sign}{last}{tail}"
    if not tail:
        counted = _ROUND.fullmatch(first) and _ROUND.fullmatch(last) and _COUNTED.match(match.string, match.end())
        return f"{cardinal(first)} to {cardinal(last)}" if counted and int(first) < int(last) else match[0]
    return f"{first + unit if unit != tail.strip() and unit else cardinal(first)} to {last}{tail}"


def _height(match: re.Match[str]) -> str:
    inches = match["inches"]
    return f" {cardinal(match['feet'])} {'foot ' + cardinal(inches) if inches else _feet(match['feet'])} "


def _feet(number: str) -> str:
    return "foot" if number == "1" else "feet"


def _inches(match: re.Match[str]) -> str:
    """12" is a length where its mark closes no quotation."""
    if match.string.count('"') % 2 == 0:
        return match[0]
    return f" {_many(match['number'], 'inch', 'inches')} "


def currency(sign: str) -> str:
    """A sign of a currency that stands by no amount."""
    known = _CURRENCIES.get(sign)
    return known[1] if known else unicodedata.name(sign).lower().removesuffix(" sign")


BEFORE: Specs = (
    (r"(?<![\w.])\.(?=\d)", "0."),
    (rf"(?<![{re.escape(''.join(_CURRENCIES))}\d.,])(-?{NUMBER})\s?((?!¢){_SIGN})(?!\s?\d)", r"\2\1"),
    (rf"(?<![\w)%°])(?<![\d%°)] )-\s?(?={_SIGN}\s?\d)|(?<={_SIGN})-(?=\d)", " minus "),
    (
        rf"\b(?P<code>{'|'.join(_CODES)})\s?(?P<amount>{NUMBER})(?:\s?(?P<scale>{_SCALES})\b)?"
        rf"|(?P<before>{NUMBER})(?:\s?(?P<scale_before>{_SCALES}))?\s?(?P<after>{'|'.join(_CODES)})\b",
        _coded,
    ),
    (rf"(?<=\d)\s?(?P<scale>[mMbBkK]|bn)\s+(?=(?:{COUNTED})\b)", lambda m: f" {_SCALE[m['scale'].lower()]} "),
)
RANGES: Specs = (
    (
        rf"(?<![\w.,/:])(?<!{_SIGN})(?<!\w-)(?P<sign>{_SIGN})?\s?(?P<first>{NUMBER})\s?(?P<unit>{UNIT}|{_SCALES})?\s*-\s*"
        rf"(?P<sign_too>{_SIGN})?(?P<last>{NUMBER})(?P<tail>\s?(?:{UNIT}|{_SCALES})(?!\w))?(?![\w-]|[.,/:]\d)",
        _range,
    ),
    (
        rf"(?<=\d)(?P<what>\s?[A-Za-zμ°%]{{0,12}})\s?/\s?(?P<per>{one_of(_PER)})(?!\w)",
        lambda m: f"{m['what']} per {_PER[m['per']]} ",
    ),
)
LENGTHS: Specs = (
    (r"(?<![\w.,'])(?P<feet>\d{1,3})'\s?(?P<inches>\d{1,2})(?:\"|'')?(?!\w)", _height),
    (r"(?<![\w.,'])(?P<feet>\d{1,3})(?P<inches>)'(?!\w|')(?=[^']*$)", _height),
    (rf"(?P<number>{NUMBER})\"(?!\w)", _inches),
    (r"(?<=\d)\s?-?in(?=\b\.?(?:\s*$|\s*[x×,]))|(?<=\d)in(?=\b)", " inches"),
)
AMOUNTS: Specs = (
    (
        rf"(?:(?<![A-Za-z])(?P<land>{one_of(_LANDS)})\s?)?(?P<sign>{_SIGN})\s*(?P<amount>{NUMBER})(?:\s*(?P<scale>{_SCALES})\b)?",
        _money,
    ),
    (rf"(?P<amount>{NUMBER})\s?¢", lambda m: f" {_many(m['amount'], 'cent', 'cents')} "),
)
QUANTITIES: Specs = (
    (rf"(?P<number>{NUMBER})\s?(?P<unit>{UNIT})(?!\w)", _quantity),
    (
        r"\b(?P<scale>thousand|million|billion)\s(?P<unit>kg|km|g|m|l|lbs)\b",
        lambda m: f"{m['scale']} {_UNITS[m['unit']]}",
    ),
)
