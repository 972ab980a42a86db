"""How written English is said: numbers, dates, money, units, abbreviations and symbols as words.

What is read differently in different places follows American use: 3/5/2024 is March fifth.
"""

import re
import unicodedata
from collections.abc import Callable

from turnmill.synth.english_numbers import cardinal, ordinal, parted, plural, spelt, version, year
from turnmill.synth.layout import plain_digit, without_layout, without_pictures

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MONTH = "|".join(_MONTHS)
_SHORT_MONTHS = {month[:3]: month for month in _MONTHS if len(month) > 4} | {"Sept": "September"}

_ABBREVIATIONS = {
    r"Dr": "Doctor", r"Mr": "Mister", r"Mrs": "Missus", r"Ms": "Ms", r"Prof": "Professor",
    r"Jr": "Junior", r"Sr": "Senior",
    r"e\.g": "for example", r"i\.e": "that is", r"etc": "et cetera", r"vs": "versus", r"approx": "approximately",
    r"dept": "department", r"min": "minutes", r"hrs?": "hours", r"Ave": "Avenue", r"Blvd": "Boulevard",
    r"Rd": "Road", r"Inc": "Incorporated", r"Corp": "Corporation", r"Ltd": "Limited",
}  # fmt: skip
# An abbreviation's point is kept as a full stop where a sentence can end there: these end one, titles do not.
_CAN_END = frozenset({"etc", "min", "hrs", "hr", "Ave", "Blvd", "Rd", "Inc", "Corp", "Ltd", "Jr", "Sr"})

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"), "¥": ("yen", "yen", "sen", "sen"),
}  # fmt: skip
_SCALE = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}

_UNITS = {
    "km/h": "kilometers per hour", "kph": "kilometers per hour", "mph": "miles per hour", "m/s": "meters per second",
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "μm": "micrometers", "m": "meters", "mi": "miles",
    "ft": "feet",
    "yd": "yards", "m2": "square meters", "km2": "square kilometers", "m3": "cubic meters",
    "kg": "kilograms", "mg": "milligrams", "μg": "micrograms", "g": "grams", "lbs": "pounds", "lb": "pounds",
    "oz": "ounces",
    "ml": "milliliters", "l": "liters", "L": "liters", "kWh": "kilowatt hours", "kW": "kilowatts", "W": "watts",
    "V": "volts", "Ω": "ohms", "μs": "microseconds",
    "GB": "gigabytes", "MB": "megabytes", "KB": "kilobytes", "kB": "kilobytes", "TB": "terabytes", "GHz": "gigahertz",
    "MHz": "megahertz", "kHz": "kilohertz", "Hz": "hertz", "ms": "milliseconds", "s": "seconds", "h": "hours",
    "hrs": "hours", "hr": "hours", "min": "minutes", "mins": "minutes", "sec": "seconds", "secs": "seconds",
    "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "%": "percent",
}  # fmt: skip
_ONE = {"feet": "foot", "percent": "percent", "hertz": "hertz", "gigahertz": "gigahertz", "megahertz": "megahertz"}
_ONE |= {"kilohertz": "kilohertz"}

_PLAIN = {"’": "'", "‘": "'", "–": "-", "—": ", ", "…": "...", "−": "-", "⁄": "/"}
_COUNTED = (
    "people|users|views|viewers|followers|subscribers|customers|copies|downloads|visitors|players|members|residents"
    "|jobs|homes|years|words|streams|likes|votes|tons|dollars|euros|pounds"
)
"""What there are millions of: 1m people, unlike 1m tall."""
_FULL = frozenset({"10", "100"})  # marks: 9/10 is nine out of ten, but 9/10 of it nine tenths
_NO_STREETS = frozenset({"Hello", "Hi", "Hey", "Dear", "Thanks", "Yes", "No", "The", "A", "My", "Your", "Our", "And"})

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_M = r"(?:\.[Mm]\.(?=,?\s+[a-z\d]|,)|\.?[Mm]\b)"  # of a.m.: the last point stays where it can end a sentence
_YEAR = r"(?:1[1-9]|20)\d\d"
# 5s are several fives, 5 s and 0.5s are seconds.
_UNIT = "|".join(sorted(map(re.escape, {*_UNITS} - {"s"}), key=len, reverse=True)) + r"|(?:(?<!\d)|(?<=\.\d))s"
_SCALES = r"[kmbtKMBT]|bn|thousand|million|billion|trillion"


def spoken_form(text: str) -> str:
    """English text as it is said, on one line, without a digit. Saying what is already said changes nothing."""
    # What one pass takes away can leave a new abbreviation or mark behind; passes only ever shorten such leftovers.
    while (said := _pass(text)) != text:
        text = said
    return text


def _pass(text: str) -> str:
    text = _plain(without_layout(text))
    number_rules = _NUMBER_RULES if any(map(str.isdigit, text)) else ()
    for pattern, say in (*_WORD_RULES, *number_rules, *_SIGN_RULES):
        text = pattern.sub(say, text)
    return _tidy(text)


def _plain(text: str) -> str:
    """One kind of quote, dash and digit; no emoji."""
    for char, plain in _PLAIN.items():
        text = text.replace(char, plain)
    if text.isascii():
        return without_pictures(text)
    text = re.sub(r"(?<=[\d)])[²³]", lambda m: " squared " if m[0] == "²" else " cubed ", text)
    kept = without_pictures(text, keep="°")
    # Compatibility forms become plain ones: fractions, superscripts, full-width digits.
    folded = unicodedata.normalize("NFKC", re.sub(r"(?<=\d)(?=[½¼¾⅓⅔⅛⅜])", " and ", kept)).replace("⁄", "/")
    return "".join(plain_digit(c) for c in folded)


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = _CURRENCIES[match["sign"]]
    amount, scale = match["amount"].replace(",", ""), match["scale"]
    if scale:
        return f" {cardinal(amount)} {_SCALE.get(scale.lower(), scale.lower())} {many} "
    whole, _, part = amount.partition(".")
    if len(part) != 2:
        return f" {cardinal(amount)} {one if amount == '1' else many} "
    said = [f"{cardinal(whole)} {one if whole == '1' else many}"] if int(whole) or not int(part) else []
    if int(part):
        said.append(f"{cardinal(part.lstrip('0'))} {cent if int(part) == 1 else cents}")
    return f" {' and '.join(said)} "


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), match["half"]
    said = [cardinal(str(hour))]
    if minute:
        said.append(f"oh {cardinal(str(minute))}" if minute < 10 else cardinal(str(minute)))
    elif not half:
        said.append("o'clock" if 1 <= hour <= 12 else "hundred hours")
    return f" {' '.join(said)} {half[0].lower() + ' m' if half else ''} "


def _date(month: str, day: str, in_year: str | None) -> str:
    return f" {month} {ordinal(day)}{', ' + year(in_year) if in_year else ''} "


def _numeric_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " " + " ".join(cardinal(n) for n in re.findall(r"\d+", match[0])) + " "
    return _date(_MONTHS[month - 1], str(day), match["year"])


def _one(unit: str) -> str:
    """The singular of a unit."""
    return _ONE.get(unit, re.sub(r"s(?= per|$| [CF])", "", unit))


_PER = {
    **{unit: _one(said) for unit, said in _UNITS.items() if unit[0].isalpha() and " " not in said}, "yr": "year",
    **{word: word for word in ("second", "minute", "hour", "day", "night", "week", "month", "year", "person", "head")},
}  # fmt: skip
_PERS = "|".join(sorted(_PER, key=len, reverse=True))


def _quantity(match: re.Match[str]) -> str:
    unit = _UNITS[match["unit"]]
    return f" {cardinal(match['number'])} {_one(unit) if match['number'] == '1' else unit} "


def _range(match: re.Match[str]) -> str:
    """$10-20 as 10 to $20, 5-10% as 5 to 10%: what is said once stands at the last; other pairs stay as they are."""
    first, unit, last, tail = (match[name] or "" for name in ("first", "unit", "last", "tail"))
    sign = match["sign"] or match["sign_too"]
    if sign:
        own = sign if "." in first and not unit else ""  # $0.50 is fifty cents
        scale = _SCALE.get(unit.lower(), unit) if unit != tail.strip() else ""
        return f"{own}{first} {scale} to {sign}{last}{tail}"
    if not tail:
        return match[0]
    return f"{first}{unit if unit != tail.strip() else ''} to {last}{tail}"


def _abbreviation(match: re.Match[str]) -> str:
    short = match["short"]
    said = next(said for key, said in _ABBREVIATIONS.items() if re.fullmatch(key, short))
    if short in ("min", "hr") and _SINGLE.search(match.string, 0, match.start()):
        said = _one(said)
    return said + ("." if short in _CAN_END and match["rest"] is None else "")


def _drive(match: re.Match[str]) -> str:
    return match[0] if match["name"] in _NO_STREETS else f"{match['name']} Drive{'.' if match['rest'] is None else ''}"


def _say_parted(match: re.Match[str]) -> str:
    part_of_it = match["whole"] or match["part"] == "1" or match["of_it"] is not None
    said = parted(match["part"], match["of"], match["marks"] is not None or (match["of"] in _FULL and not part_of_it))
    if said is None:
        return match[0]
    return f" {cardinal(match['whole'])} and {said} " if match["whole"] else f" {said} "


def _year_or_number(match: re.Match[str]) -> str:
    number = match[0]
    return f" {year(number) if re.fullmatch(_YEAR, number) else cardinal(number)} "


def _decade(match: re.Match[str]) -> str:
    if not match["century"]:
        return f" {plural(match['decade'])} "
    said = year(match["century"] + match["decade"])
    return f" {said[:-1]}ies " if said.endswith("y") else f" {said}s "


def _greek(match: re.Match[str]) -> str:
    return f" {unicodedata.name(match[0]).split()[-1].lower().replace('lamda', 'lambda')} "


_Say = Callable[[re.Match[str]], str] | str

_WORD_SPECS: tuple[tuple[str, _Say], ...] = (
    (r"(?<=\w)\s+-+\s+(?=[A-Za-z])", ", "),
    # Abbreviations.
    (r"\b(?P<name>[A-Z][a-z]+)\s+Dr\.(?=\s*$|,)(?P<rest>(?=,))?", _drive),
    (
        rf"\b(?P<short>{'|'.join(_ABBREVIATIONS)})\.(?![\w.])(?P<rest>(?=,?\s+[a-z\d]|,))?",
        _abbreviation,
    ),
    (r"\bSt\.(?=\s+[A-Z])", "Saint"),
    (r"\bSt\.", "Street"),
)
_NUMBER_SPECS: tuple[tuple[str, _Say], ...] = (
    # More than one number, before each is money or a quantity.
    (rf"(?<![$€£¥\d.,])({_NUMBER})\s?([$€£¥])(?!\s?\d)", r"\2\1"),
    (r"(?<=\d/\d)-(?=\d)|(?<=\d)-(?=\d/\d\b(?!/))", " to "),
    (r"\b[vV](?=\d+\.\d)", "version "),
    (r"(?<![\d.,])\d+(?:\.\d+){2,}(?!\.?\d)", lambda m: f" {version(m[0])} "),
    (rf"(?<=\d)\s?(?P<scale>[mMbB]|bn)\s+(?=(?:{_COUNTED})\b)", lambda m: f" {_SCALE[m['scale'].lower()]} "),
    (
        rf"(?<![\w.,/:$€£¥])(?<!\w-)(?P<sign>[$€£¥])?\s?(?P<first>{_NUMBER})\s?(?P<unit>{_UNIT}|{_SCALES})?\s*-\s*"
        rf"(?P<sign_too>[$€£¥])?(?P<last>{_NUMBER})(?P<tail>\s?(?:{_UNIT}|{_SCALES})(?!\w))?(?![\w-]|[.,/:]\d)",
        _range,
    ),
    (
        rf"(?<=\d)(?P<what>\s?[A-Za-zμ°%]{{0,12}})\s?/\s?(?P<per>{_PERS})(?!\w)",
        lambda m: f"{m['what']} per {_PER[m['per']]} ",
    ),
    # From one time or year to another.
    (r"(?:(?<=\d)|(?<=[apAP][mM])|(?<=[apAP]\.[mM]\.))\s*-\s*(?=\d{1,2}(?::\d\d|\s?[apAP]\.?[mM]))", " to "),
    (rf"\b({_YEAR})\s*-\s*(?={_YEAR}\b)", r"\1 to "),
    (r"\b[Nn]o\.\s*(?=\d)", "number "),
    (rf"\b(?P<short>{'|'.join(_SHORT_MONTHS)})\b\.?(?=\s+\d)", lambda m: _SHORT_MONTHS[m["short"]]),
    # Dates.
    (r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b", _numeric_date),
    (r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b", _numeric_date),
    (
        rf"\b(?P<month>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>{_YEAR})\b)?",
        lambda m: _date(m["month"], m["day"], m["year"]),
    ),
    (
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\b(?:,?\s+(?P<year>{_YEAR})\b)?",
        lambda m: _date(m["month"], m["day"], m["year"]),
    ),
    (r"(?<![\w'])'?(?P<century>1[1-9]|20)?(?P<decade>[1-9]0)'?s\b", _decade),
    (r"\b([a-z]+[A-Z]\w*) (\d+)s\b", lambda m: f"{m[1]} {cardinal(m[2])} s "),  # iPhone 5s
    (r"(?<![\w.,'$€£¥])(\d{1,3}(?:,\d{3})+|\d+)'?s\b", lambda m: f" {plural(m[1])} "),
    # Times of day.
    (
        rf"\b(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::\d\d)?(?:\s*(?P<half>[AaPp]){_M})?",
        _clock,
    ),
    (rf"\b(?P<hour>1[0-2]|0?[1-9])(?P<minute>)\s*(?P<half>[AaPp]){_M}", _clock),
    (r"(?<=\d):(?=\d)", " to "),
    (r"(?<=\d)\s*[x×]\s*(?=\d)", " times "),
    (r"(?<=\d)(\s?[a-z]{1,6})\s+[x×]\s+(?=\d)", r"\1 by "),
    (r"(?<![\w-])-(?=\d)", " minus "),
    # Money, fractions, quantities.
    (
        rf"(?P<sign>[$€£¥])\s*(?P<amount>{_NUMBER})(?:\s*(?P<scale>{_SCALES})\b)?",
        _money,
    ),
    (
        r"(?:(?<![\w.,/])(?P<whole>\d+)\s+(?:and\s+)?)?(?<![\w.,/])(?P<part>\d+(?:\.\d+)?)/(?P<of>\d+(?:\.\d+)?)"
        r"(?![\w/]|[.,]\d)(?P<marks>(?=\s+(?:stars?|points?|marks)\b))?(?P<of_it>(?=\s+of\b))?",
        _say_parted,
    ),
    (rf"(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?!\w)", _quantity),
    (r"(?P<number>\d+(?:,\d{3})*)(?:st|nd|rd|th)\b", lambda m: f" {ordinal(m['number'])} "),
    # Telephone numbers and the like: digit by digit.
    (
        rf"(?<![\w.,/$€£¥#-])911(?![\w/-]|[.,:]\d|\s+(?:{_COUNTED}|(?!calls|operators|services|is|was|has|does)[a-z]+s)\b)",
        f" {spelt('911')} ",
    ),
    (
        r"(?<![\d.,])(?:\(\d{3}\)\s*\d{3}-\d{4}|\+?\d{1,4}(?:[- ]\d{3,4}){2,3}|\d{3}-\d{4})(?![\d-]|[.,]\d)",
        lambda m: f" {_spelt_groups(m[0])} ",
    ),
    # Signs between and before numbers.
    (rf"(?<=\d)\s*-\s*(?={_NUMBER})", " to "),
    (r"#\s*(?=\d)", " number "),
    (r"(?<=\d)\s*/\s*(?=\d)", " over "),
    (r"~\s*(?=\d)", " about "),
    (r"(?<![\d.,])\d{4}(?![\d.,]\d|\d)", _year_or_number),
    (_NUMBER, lambda m: f" {cardinal(m[0])} "),
)
_SIGN_SPECS: tuple[tuple[str, _Say], ...] = (
    (r"\s*÷\s*", " divided by "),
    (r"(?<=\w)\s+\*\s+(?=\w)", " times "),
    (r"\+", " plus "),
    (r"=", " equals "),
    (r"&", " and "),
    (r"%", " percent "),
    (r"@", " at "),
    (r"°", " degrees "),
    (r"(?<![Α-ω])[Α-ΡΣ-Ωα-ω](?![Α-ω])", _greek),
)
_WORD_RULES, _NUMBER_RULES, _SIGN_RULES = (
    tuple((re.compile(pattern), say) for pattern, say in specs) for specs in (_WORD_SPECS, _NUMBER_SPECS, _SIGN_SPECS)
)
"""In order: what an earlier rule has said, a later one no longer sees."""

_SINGLE = re.compile(r"\b(?:an?|1|one|per|every|each)\s+\Z")
_EDGES = re.compile(r"^[^\w]+|[^\w,.;:?!]+(?=[,.;:?!]*$)")
_UNSAID = re.compile(r"[^A-Za-z'.,;:?! -]")


def _spelt_groups(number: str) -> str:
    return ", ".join(spelt(group) for group in re.findall(r"\d+", number))


def _tidy(text: str) -> str:
    """Letters, apostrophes, hyphens and the punctuation that shapes speech; each token has a letter."""
    text = re.sub(r"\s*[()\[\]{}]\s*", ", ", text)
    text = _UNSAID.sub(lambda m: m[0] if m[0].isalpha() or unicodedata.category(m[0]) in ("Mn", "Mc") else " ", text)
    text = re.sub(r"\s+([,.;:?!])", r"\1", " ".join(text.split()))
    text = re.sub(r"[,.;:?!]{2,}", lambda m: next(mark for mark in "?!.;:," if mark in m[0]), text)
    tokens = (token if token.isalpha() else _EDGES.sub("", token) for token in text.split())
    said = " ".join(token for token in tokens if any(map(str.isalpha, token)))
    return said.removesuffix(",")  # of a closing bracket
