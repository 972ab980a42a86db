"""Abbreviations, initials, Roman numerals and names with signs, as words."""

import re

from turnmill.synth.reading.english.numbers import cardinal, letters, ordinal, roman, spelt, two_by_two
from turnmill.synth.reading.rules import Specs, one_of

_ABBREVIATIONS = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Ms", "Prof": "Professor", "Jr": "Junior", "Sr": "Senior",
    "Mt": "Mount", "Rev": "Reverend", "Hon": "Honorable", "Maj": "Major", "Capt": "Captain", "Col": "Colonel",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Gov": "Governor", "Gen": "General", "Sen": "Senator", "Pres": "President",
    "e.g": "for example", "i.e": "that is", "etc": "et cetera", "vs": "versus", "approx": "approximately",
    "a.k.a": "also known as", "et al": "and others", "dept": "department", "Dept": "Department", "min": "minutes",
    "mins": "minutes", "sec": "seconds", "secs": "seconds", "hrs": "hours", "hr": "hours", "Ave": "Avenue",
    "Blvd": "Boulevard", "Rd": "Road", "Hwy": "Highway", "Apt": "Apartment", "apt": "apartment", "Ln": "Lane",
    "Inc": "Incorporated", "Corp": "Corporation", "Ltd": "Limited", "Co": "Company", "Bros": "Brothers",
    "govt": "government", "max": "maximum", "est": "established", "ext": "extension",
    "tel": "telephone", "misc": "miscellaneous", "Ph.D": "PhD", "M.D": "MD", "B.A": "B A",
}  # fmt: skip
# An abbreviation's point is kept as a full stop where a sentence can end there: these end one, titles do not.
_CAN_END = frozenset(
    [
        "etc",
        "min",
        "mins",
        "sec",
        "secs",
        "hrs",
        "hr",
        "Ave",
        "Blvd",
        "Rd",
        "Hwy",
        "Ln",
        "Inc",
        "Corp",
        "Ltd",
        "Co",
        "Bros",
        "Jr",
        "Sr",
        "max",
        "Ph.D",
        "M.D",
    ]
)
_BEFORE_NUMBER = {
    "p": "page", "pp": "pages", "vol": "volume", "Vol": "Volume", "ch": "chapter", "Ch": "Chapter", "fig": "figure",
    "Fig": "Figure", "sec": "section", "Sec": "Section", "ver": "version", "ext": "extension", "No": "Number",
    "no": "number", "Nos": "Numbers", "nos": "numbers", "approx": "approximately", "est": "estimated", "c": "circa",
    "ca": "circa", "Apt": "Apartment", "apt": "apartment", "op": "opus", "Op": "Opus",
}  # fmt: skip
_STROKES = {
    "w/o": "without", "w/": "with", "b/c": "because", "b/w": "between", "c/o": "care of", "a/c": "AC", "A/C": "AC",
    "n/a": "N A", "N/A": "N A", "I/O": "I O", "TCP/IP": "TCP IP", "s/he": "she or he", "and/or": "and or",
    "he/she": "he or she", "she/he": "she or he", "his/her": "his or her", "him/her": "him or her",
    "yes/no": "yes or no",
    "either/or": "either or", "km/h": "kilometers per hour",
}  # fmt: skip
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana",
    "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio",
    "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "DC",
}  # fmt: skip
_STREETS = {
    "St": "Street", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Dr": "Drive", "Ln": "Lane", "Ct": "Court",
    "Hwy": "Highway", "hwy": "Highway", "Expy": "Expressway", "Pkwy": "Parkway", "Pl": "Place", "Sq": "Square",
}  # fmt: skip
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thurs": "Thursday",
    "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_COMPASS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_NO_STREETS = frozenset({"Hello", "Hi", "Hey", "Dear", "Thanks", "Yes", "No", "The", "A", "My", "Your", "Our", "And"})
_ZONES = r"[ECMP]\.?[SD]\.?T|GMT|UTC|CET|BST|JST"

_ROMAN = r"(?=[IVXL])(?:X[LX]{0,3}|L?X{0,3})(?:IX|IV|V?I{0,3})"
_COUNTED_PARTS = (
    "World War|Chapter|CHAPTER|Part|PART|Volume|Act|Scene|Book|Section|Article|Phase|Stage|Type|Class|Level|Episode|"
    "Season|Super Bowl|Apollo|Round|Figure|Table|Title|Lesson|Unit|Appendix|Rocky|Fantasy|Diablo|Saturn|Vatican|Mark|"
    "Godfather|Rambo|Wars|chapter|part|volume|act|scene|type|level|stage|phase|Category|Grade|Roman numeral|Division"
)
_MONARCHS = "Charles|Henry|Philip|George|Edward|Louis|James|Elizabeth|Mary|Napoleon|William|Richard|Victor|Pius|Francis"

_DOMAINS = "com|org|net|edu|gov|io|ai|co|uk|us|de|fr|it|cn|jp|eu|ca|au|tv|info|app|dev|me"
_FILES = "pdf|txt|docx?|xlsx?|pptx?|jpe?g|png|gif|mp3|mp4|wav|csv|json|html?|zip|exe|js|py|md"
_SAID_ENDS = frozenset({"com", "org", "net", "gov", "info", "app", "dev", "zip", "doc", "wav", "gif"})
_JOINED = frozenset(
    ["US", "USA", "UK", "UN", "EU", "DC", "BC", "AD", "CE", "BCE", "USSR", "NBA", "FBI", "CIA", "EST", "PST", "TV"]
)
_SINGLE = re.compile(r"\b(?:an?|1|one|per|every|each)\s+\Z")
_SUITS = {"♠": "spades", "♣": "clubs", "♥": "hearts", "♦": "diamonds", "♤": "spades", "♧": "clubs", "♡": "hearts",
          "♢": "diamonds"}  # fmt: skip
_RANKS = {"A": "ace", "K": "king", "Q": "queen", "J": "jack"}


def _one(unit: str) -> str:
    return unit.removesuffix("s")


def _abbreviation(match: re.Match[str]) -> str:
    short = match["short"]
    said = _ABBREVIATIONS[short]
    if short in ("min", "hr", "sec") and _SINGLE.search(match.string[max(match.start() - 12, 0) : match.start()]):
        said = _one(said)
    return said + ("." if short in _CAN_END and match["rest"] is None else "")


def _drive(match: re.Match[str]) -> str:
    return match[0] if match["name"] in _NO_STREETS else f"{match['name']} Drive{'.' if match['rest'] is None else ''}"


def _regnal(match: re.Match[str]) -> str:
    number = roman(match["roman"])
    return f"{match['name']} the {ordinal(str(number))}"


def _state(match: re.Match[str]) -> str:
    code = match["zip"]
    return f", {_STATES[match['state']]}{', ' + spelt(code.strip(' ,')) if code else ''}"


def _initials(match: re.Match[str]) -> str:
    """U.S.A. as U S A; its last point ends the sentence where nothing goes on."""
    said = re.sub(r"[^A-Z]", "", match[0])
    ends = match[0].rstrip().endswith(".") and not match.string[match.end() : match.end() + 40].strip()
    return f"{said if said in _JOINED else ' '.join(said)}{'.' if ends else ''} "


def _address(match: re.Match[str]) -> str:
    compass = match["compass"]
    street = _STREETS[match["street"]] if match["street"] else ""
    name = f"{_COMPASS[compass[0]]} " if compass else ""
    ends = "." if match["stop"] and re.match(r"\s*$|\s+[A-Z]", match.string[match.end() : match.end() + 40]) else ""
    return f"{two_by_two(match['house'])} {name}{match['name']} {street}{ends}"


def _ending(name: str) -> str:
    return name if name in _SAID_ENDS else letters(name)


def _dotted(match: re.Match[str]) -> str:
    parts = match[0].split(".")
    last = re.sub(r"(\d+)$", lambda m: f" {cardinal(m[0])}", parts[-1])
    ends = [_ending(part) if part.isalpha() else part for part in (*parts[1:-1], last)]
    return " dot ".join([parts[0], *ends]) if last.isalpha() else f"{parts[0]} dot {letters(parts[-1])}"


def _card(match: re.Match[str]) -> str:
    rank, suit = (match["rank"] or match["last"]), _SUITS[match["suit"] or match["first"]]
    return f" {_RANKS.get(rank) or cardinal(rank)} of {suit} "


TOKENISED: Specs = (
    (r"(?i)(?<=[a-z]) ?' ?(?=(?:t|s|re|ve|ll|d|m)\b(?!'))(?<!\d.)", "'"),
    (r"(?i)\b(do|does|did|is|are|was|were|has|have|had|wo|ca|could|would|should|must|might|need|ai) n't\b", r"\1n't"),
    (r"(?i)\bcan not\b(?= (?:n't))", "cannot"),
)  # fmt: skip

ABBREVIATIONS: Specs = (
    (rf"(?<![\w/])(?:{one_of(_STROKES)})(?![\w/])", lambda m: _STROKES[m[0]]),
    (
        rf"(?<![\w$€£¥.,-])(?P<house>\d{{1,5}})\s+(?:(?P<compass>[NSEW])\.?\s+)?(?P<name>(?:[A-Z][a-z]+|\d+(?:st|nd|rd|th))"
        rf"(?:\s[A-Z][a-z]+)?)\s+(?P<street>{one_of(_STREETS)})\b(?P<stop>\.)?",
        _address,
    ),
    (
        rf",\s+(?P<state>{'|'.join(_STATES)})(?:(?P<zip>,?\s+\d{{5}})\b(?![-,.]?\d)|(?=\s*(?:[.,;?!]|$)))",
        _state,
    ),
    (rf"\b({'|'.join(_DAYS)})\.?\s*-\s*({'|'.join(_DAYS)})\b\.?(?!\w)", lambda m: f"{_DAYS[m[1]]} to {_DAYS[m[2]]}"),
    (r"\b(?P<name>[A-Z][a-z]+)\s+Dr\.(?=\s*$|,)(?P<rest>(?=,))?", _drive),
    (
        rf"\b(?P<short>{one_of(_BEFORE_NUMBER)})\.\s*(?=\d)",
        lambda m: _BEFORE_NUMBER[m["short"]] + " ",
    ),
    (rf"\b(?P<short>{one_of(_ABBREVIATIONS)})\.(?![\w.])(?P<rest>(?=,?\s+[a-z\d]|,))?", _abbreviation),
    (r"\bSt\.(?=\s+[A-Z])", "Saint"),
    (r"\bSt\.", "Street"),
    (r"(?<=\d)\s?([BbCcAaDdEe])\.([CcDdEe])\b\.?(?!\w)", lambda m: f" {letters(m[1] + m[2])} "),
    (r"(?<![\w.])(?:[A-Z]\.\s?){2,}(?![a-z])|(?<![\w.])(?:[A-Z]\.){1,}[A-Z]\b(?!\.)", _initials),
)

ROMAN: Specs = (
    (
        rf"\b(?P<what>{_COUNTED_PARTS})\s+(?P<roman>{_ROMAN})\b",
        lambda m: f"{m['what']} {cardinal(str(roman(m['roman'])))}",
    ),
    (rf"\b(?P<roman>(?=[IVX]{{2}}|[VX]){_ROMAN})(?:th)?(?= [Cc]entur)", lambda m: ordinal(str(roman(m["roman"])))),
    (rf"\b(?P<name>[A-Z][a-z]+)\s+(?P<roman>(?=[IVX]{{2}}){_ROMAN})\b(?!-)", _regnal),
    (rf"\b(?P<name>{_MONARCHS})\s+(?P<roman>V|X|I(?=\s+of\b))(?!\w|')", _regnal),
)  # fmt: skip

NAMES: Specs = (
    (r"\b([A-Z]{1,4})&([A-Z]{1,2})\b", lambda m: f"{' '.join(m[1])} and {m[2]}"),
    (r"\b([A-GJa-g])#(?![\w#])", r"\1 sharp "),
    (r"\b([A-Ga-g])♯", r"\1 sharp "),
    (r"\b([A-Ga-g])♭", r"\1 flat "),
    (r"(?<=\w)\+\+", " plus plus "),
    (r"(?<!\w)\.NET\b", "dot net"),
    (
        r"(?P<rank>\b(?:10|[2-9AKQJ]))(?P<suit>[♠♣♥♦♤♧♡♢])\ufe0f?"
        r"|(?P<first>[♠♣♥♦♤♧♡♢])\ufe0f?(?P<last>(?:10|[2-9AKQJ])\b)",
        _card,
    ),
    (r"(?P<stars>[★⭐])(?=\s*hotel)|(?<=\d)(?P<one>[★⭐])", " star "),
    (r"(?i)\b(https?|ftp)://", lambda m: f"{letters(m[1])} colon slash slash "),
    (r"\bfile:///?", "file colon slash slash "),
    (r"\bwww\.", "WWW dot "),
    (
        rf"(?<![\w.-])[A-Za-z0-9][\w-]{{0,40}}(?:\.[\w-]{{1,40}}){{0,4}}\.(?:{_DOMAINS}|{_FILES})\b(?!\.\w)",
        _dotted,
    ),
    (r"(?<![\w&])#(?=[A-Za-z])", " hashtag "),
    (r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])", " underscore "),
    (rf"(?i)(?<=[ap]\.m|\d[ap]m| [ap]m)\.?\s?({_ZONES})\b\.?", lambda m: f" {letters(m[1]).replace('.', '')}"),
)  # fmt: skip
