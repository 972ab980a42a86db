"""Years, decades, dates and times of day. 3/5/2024 is March fifth, as Americans say it."""

import re

from turnmill.synth.reading.english.numbers import cardinal, letters, ordinal, plural, year
from turnmill.synth.reading.rules import Specs, one_of

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SHORT = {month[:3]: month for month in _MONTHS if len(month) > 3} | {"Sept": "September"}
_NAMED = {form: month for month in _MONTHS for form in (month, month.lower(), month.upper())}
_NAMED |= {form: month for short, month in _SHORT.items() for form in (short, short.lower(), short.upper())}
_MONTH = rf"(?:(?:{one_of(_NAMED)})\b\.?)"
YEAR = r"(?:1[1-9]|20)\d\d"
_M = r"(?:\.[Mm]\.(?=,?\s+[a-z\d]|,)|\.[Mm]\.?(?=[a-z])|\.?[Mm]\b)"  # the last point stays where it can end a sentence
_DAY = r"(?:[12]\d|3[01]|0?[1-9])"

COUNTED = (
    "people|users|views|viewers|followers|subscribers|customers|copies|downloads|visitors|players|members|residents"
    "|jobs|homes|years|words|streams|likes|votes|tons|dollars|euros|pounds|calories|steps|meters|miles|kilometers"
    "|feet|pages|students|employees|soldiers|men|women|children|troops|books|times|points|hours|minutes|seconds|days"
    "|items|guests|seats|rooms|cars|square|watts|grams|kilograms|liters|bottles|yen|yuan|percent|degrees|species"
)
"""What there are many of: 1m people, unlike 1m tall; 1984 people, unlike 1984."""


def _named(name: str) -> str:
    return _NAMED[name.rstrip(".")]


def _in_year(number: str | None) -> str:
    if not number:
        return ""
    if len(number) == 2:
        return f", {'oh ' if number[0] == '0' else ''}{cardinal(str(int(number)))}"
    return f", {year(number)}"


def _date(month: str, day: str, in_year: str | None) -> str:
    return f" {month} {ordinal(str(int(day)))}{_in_year(in_year)} "


def _numeric(match: re.Match[str]) -> str:
    """Month before day where that is a date; 25/12/2024 is a day first."""
    groups = match.groupdict()
    month, day, in_year = int(match["month"]), int(match["day"]), groups.get("year")
    if 12 < month <= 31 and 1 <= day <= 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " " + " ".join(cardinal(n) for n in re.findall(r"\d+", match[0])) + " "
    return _date(_MONTHS[month - 1], str(day), in_year)


def _month_first(match: re.Match[str]) -> str:
    return _date(_named(match["month"]), match["day"], match["year"])


def _day_first(match: re.Match[str]) -> str:
    the = (
        ""
        if re.search(
            r"\b(?:[Tt]he|[Oo]ur|[Tt]his|[Ee]very)\s$", match.string[max(match.start() - 6, 0) : match.start()]
        )
        else "the "
    )
    return f" {the}{ordinal(str(int(match['day'])))} of {_named(match['month'])}{_in_year(match['year'])} "


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), match["half"]
    second = match.groupdict().get("second")
    if second and not half:
        return _duration(hour, minute, int(second))
    said = [cardinal(str(hour))]
    if minute:
        said.append(f"oh {cardinal(str(minute))}" if minute < 10 else cardinal(str(minute)))
    elif not half or (second and int(second)):
        said.append("o'clock" if 1 <= hour <= 12 else "hundred hours")
    seconds = f" and {_so_many(int(second), 'second')}" if second and int(second) else ""
    return f" {' '.join(said)}{seconds} {letters(half[0]) + 'M' if half else ''} "


def _so_many(count: int, what: str) -> str:
    return f"{cardinal(str(count))} {what}{'' if count == 1 else 's'}"


def _duration(hours: int, minutes: int, seconds: int) -> str:
    """1:30:45 as one hour, thirty minutes and forty-five seconds."""
    parts = zip((hours, minutes, seconds), ("hour", "minute", "second"), strict=True)
    said = [_so_many(count, what) for count, what in parts if count] or ["zero hours"]
    return f" {', '.join(said[:-1])}{' and ' if said[1:] else ''}{said[-1]} "


def _decade(match: re.Match[str]) -> str:
    if not match["century"]:
        return f" {plural(match['decade'])} "
    said = year(match["century"] + match["decade"])
    return f" {said[:-1]}ies " if said.endswith("y") else f" {said}s "


def _part_of_year(match: re.Match[str]) -> str:
    """2Q22 as the second quarter of twenty twenty-two."""
    whole = match["year"] if len(match["year"]) == 4 else f"20{match['year']}"
    return f" the {ordinal(match['part'])} {'quarter' if match['of'] == 'Q' else 'half'} of {year(whole)} "


def _short_year(match: re.Match[str]) -> str:
    return f" {'oh ' if match[1][0] == '0' else ''}{cardinal(str(int(match[1])))} "


def year_or_number(match: re.Match[str]) -> str:
    number = match[0]
    return f" {year(number) if re.fullmatch(YEAR, number) and match['many'] is None else cardinal(number)} "


RANGES: Specs = (
    (
        rf"\b(?P<month>{_MONTH})\s+(?P<day>{_DAY})\s*-\s*(?P<last>{_DAY})(?![\w:/-]|[.,]\d)",
        lambda m: f"{_named(m['month'])} {ordinal(m['day'])} to {ordinal(m['last'])}",
    ),
    (r"(?<=\d(?:st|nd|rd|th))\s*-\s*(?=\d+(?:st|nd|rd|th)\b)", " to "),
    (r"(?:(?<=\d)|(?<=[apAP][mM])|(?<=[apAP]\.[mM]\.))\s*-\s*(?=\d{1,2}(?::\d\d|\s?[apAP]\.?[mM]))", " to "),
    (rf"\b({YEAR})\s*-\s*(?={YEAR}\b(?![-/])|[2-9]\d\b(?![\d.,:/%-]))", r"\1 to "),
    (r"(?<=\d0s)\s*-\s*(?='?(?:1[1-9]|20)?\d0s\b)", " to "),
)  # fmt: skip

DATES: Specs = (
    (r"\b(?P<part>[1-4])(?P<of>[QH])(?P<year>\d\d|20\d\d)\b", _part_of_year),
    (r"(?<![\d/.-])(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?)(?![\d/-]|[.]\d)", _numeric),
    (
        r"(?<![\d/.-])(?P<month>\d{1,2})(?P<sep>[-/.])(?P<day>\d{1,2})(?P=sep)(?P<year>(?:1[5-9]|20)\d\d)"
        r"(?![\d/-]|[.]\d)",
        _numeric,
    ),
    (r"(?<![\d/.-])(?P<month>0?[1-9]|1[0-2])/(?P<day>\d{1,2})/(?P<year>\d\d)(?![\d/-]|[.]\d)", _numeric),
    (rf"(?<=\b[Oo]n )(?P<month>0?[1-9]|1[0-2])/(?P<day>{_DAY})(?![\d/%-]|[.]\d)", _numeric),
    (rf"\b(?P<month>{_MONTH})-(?P<day>{_DAY})(?:-(?P<year>\d{{4}}))?(?![\w-])", _month_first),
    (
        rf"\b(?P<month>{_MONTH})\s+(?P<day>{_DAY})(?:st|nd|rd|th)?(?![\w:]|[.,]\d)"
        rf"(?:,?\s+(?P<year>{YEAR})\b(?!\s+(?:{COUNTED})\b))?",
        _month_first,
    ),
    (
        rf"(?<![\w.,/:$-])(?P<day>{_DAY})(?:st|nd|rd|th)?\s+(?:of\s+)?"
        rf"(?P<month>(?!may\b(?! \d)|march\b(?! \d)){_MONTH})"
        rf"(?:,?\s+(?P<year>{YEAR})\b(?!\s+(?:{COUNTED})\b))?",
        _day_first,
    ),
    (rf"\b(?P<short>{one_of(_SHORT)})\b\.?(?=\s+\d)", lambda m: _SHORT[m["short"]]),
    (r"(?<![\w'])'?(?P<century>1[1-9]|20)?(?P<decade>[1-9]0)'?s\b", _decade),
    (r"(?<![\w'])'(\d\d)(?![\w'.,]*\d|')", _short_year),
)  # fmt: skip

TIMES: Specs = (
    (
        rf"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])(?:\s*(?P<half>[AaPp]){_M})?",
        _clock,
    ),
    (rf"(?<![\d:.])(?P<hour>1[0-2]|0?[1-9])[.](?P<minute>[0-5]\d)\s*(?P<half>[AaPp]){_M}", _clock),
    (rf"(?<![\d:.])(?P<hour>1[0-2]|0?[1-9])(?P<minute>)\s*(?P<half>[AaPp]){_M}", _clock),
    (r"(?i)(?<![\w.])([ap])\.m\.?(?![\w])", lambda m: f"{letters(m[1])}M"),
    (r"(?<=\d):(?=\d)", " to "),
)  # fmt: skip
