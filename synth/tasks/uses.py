"""The functions, and how a use of one is drawn: arguments, what came back, and the words of request and answer, which
are all derived of the two."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import JsonValue

from turnmill.synth.tasks.wording import Wording, pick

Rng = np.random.Generator


@dataclass(frozen=True)
class Use:
    """A function used once. `words` fill the templates; `outcome` names the answer's."""

    function: str
    arguments: Mapping[str, JsonValue]
    observation: Mapping[str, JsonValue]
    words: Mapping[str, str]
    outcome: str = "done"


def _word(wording: Wording, kind: str, rng: Rng) -> tuple[str, ...]:
    return pick(wording.words[kind], rng)


def _two(wording: Wording, kind: str, rng: Rng) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first, second = rng.permutation(len(wording.words[kind]))[:2]
    return wording.words[kind][first], wording.words[kind][second]


def _said(wording: Wording, kind: str, value: str) -> str:
    """A value of a call as it is said."""
    return next(said for known, said in wording.words[kind] if known == value)


def _amount(value: float) -> str:
    """A number of up to one decimal, as it is written."""
    return f"{value:.1f}".removesuffix(".0")


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _clock(wording: Wording, minutes: int) -> str:
    return wording.clock(minutes // 60, minutes % 60)


def _weather(wording: Wording, rng: Rng) -> Use:
    (city, in_city), (day, on_day) = _word(wording, "city", rng), _word(wording, "day", rng)
    low = int(rng.integers(0, 24))
    high, chance = low + int(rng.integers(3, 10)), int(rng.integers(0, 20)) * 5
    outcome = "dry" if chance < 20 else "perhaps" if chance < 60 else "snow" if high <= 3 else "rain"
    sky = {"dry": "sunny", "perhaps": "cloudy"}.get(outcome, outcome)
    observation: dict[str, JsonValue] = {"city": city, "day": day, "sky": sky, "high_c": high, "low_c": low}
    words = {"city": in_city, "day": on_day, "high": str(high), "low": str(low), "chance": str(chance)}
    return Use("get_weather", {"city": city, "day": day}, observation | {"rain_chance_percent": chance}, words, outcome)


def _timer(wording: Wording, rng: Rng) -> Use:
    minutes, (label, for_label) = (
        int(pick((3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 40, 45), rng)),
        _word(wording, "timed", rng),
    )
    arguments: dict[str, JsonValue] = {"minutes": minutes, "label": label}
    observation = {"status": "running", "timer_id": int(rng.integers(1, 9)), **arguments}
    return Use("set_timer", arguments, observation, {"minutes": str(minutes), "label": for_label})


def _alarm(wording: Wording, rng: Rng) -> Use:
    at, (day, on_day) = int(rng.integers(20, 40)) * 15, _word(wording, "day", rng)
    arguments: dict[str, JsonValue] = {"day": day, "time": _time(at)}
    observation = {"status": "set", "alarm_id": int(rng.integers(1, 9)), **arguments}
    return Use("set_alarm", arguments, observation, {"day": on_day, "time": _clock(wording, at)})


def _calculate(wording: Wording, rng: Rng) -> Use:
    sign = pick(("+", "-", "*", "/"), rng)
    one, other = int(rng.integers(12, 100)), int(rng.integers(3, 60))
    if sign == "/":
        one *= other
    if sign == "-":
        one += 10 * other
    result = {"+": one + other, "-": one - other, "*": one * other, "/": one // other}[sign]
    said = _said(wording, "operator", sign)
    words = {"sum": f"{one}{said}{other}", "result": str(result)}
    return Use("calculate", {"expression": f"{one}{sign}{other}"}, {"result": result}, words)


def _percentage(_: Wording, rng: Rng) -> Use:
    percent, of = int(rng.integers(1, 16)) * 5, int(rng.integers(3, 40)) * 20
    result = percent * of // 100
    words = {"percent": str(percent), "of": str(of), "result": str(result)}
    return Use("calculate", {"expression": f"{of}*{percent}/100"}, {"result": result}, words)


_FACTORS: Final[Mapping[tuple[str, str], float]] = {
    ("mile", "kilometer"): 1.609344,
    ("kilometer", "mile"): 0.621371,
    ("pound", "kilogram"): 0.453592,
    ("kilogram", "pound"): 2.204623,
    ("inch", "centimeter"): 2.54,
    ("foot", "meter"): 0.3048,
    ("meter", "foot"): 3.28084,
    ("liter", "gallon"): 0.264172,
    ("gallon", "liter"): 3.785412,
}


def _units(wording: Wording, rng: Rng) -> Use:
    (unit, into), factor = pick(tuple(_FACTORS.items()), rng)
    value = int(rng.integers(4, 90))
    result = round(value * factor, 1)
    arguments: dict[str, JsonValue] = {"value": value, "from": unit, "to": into}
    words = {"value": str(value), "result": _amount(result)}
    words |= {"unit": _said(wording, "unit", unit), "into": _said(wording, "unit", into)}
    return Use("convert_units", arguments, {"result": result, "unit": into}, words)


def _temperature(_: Wording, rng: Rng) -> Use:
    value = int(rng.integers(34, 105))
    result = round((value - 32) * 5 / 9, 1)
    arguments: dict[str, JsonValue] = {"value": value, "from": "fahrenheit", "to": "celsius"}
    return Use(
        "convert_units",
        arguments,
        {"result": result, "unit": "celsius"},
        {"value": str(value), "result": _amount(result)},
    )


_PER_DOLLAR: Final = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79, "CNY": 7.2, "JPY": 150.0, "CAD": 1.36}


def _currency(wording: Wording, rng: Rng) -> Use:
    (one, name), (other, into) = _two(wording, "currency", rng)
    amount = int(rng.integers(2, 40)) * (100 if one in ("JPY", "CNY") else 5) * (10 if one == "JPY" else 1)
    rate = float(f"{_PER_DOLLAR[other] / _PER_DOLLAR[one] * rng.uniform(0.97, 1.03):.4g}")
    result = round(amount * rate, 2)
    arguments: dict[str, JsonValue] = {"amount": amount, "from": one, "to": other}
    words = {"amount": str(amount), "name": name, "into": into, "result": str(round(result))}
    return Use("convert_currency", arguments, {"rate": rate, "result": result}, words)


def _event(wording: Wording, rng: Rng) -> Use:
    (title, named), (other, a_other) = _two(wording, "event", rng)
    (day, on_day), at = _word(wording, "day", rng), int(rng.integers(18, 40)) * 30
    arguments: dict[str, JsonValue] = {"title": title, "day": day, "time": _time(at)}
    overlap = rng.random() < 0.25
    observation: dict[str, JsonValue] = {
        "status": "created",
        "event_id": int(rng.integers(100, 999)),
        "overlaps": [other] if overlap else [],
    }
    words = {"title": named, "other": a_other, "day": on_day, "time": _clock(wording, at)}
    return Use("create_event", arguments, observation, words, "overlap" if overlap else "done")


def _calendar(wording: Wording, rng: Rng) -> Use:
    (day, on_day), (one, other) = _word(wording, "day", rng), _two(wording, "event", rng)
    first = int(rng.integers(16, 26)) * 30
    times, outcome = [first, first + int(rng.integers(3, 12)) * 30], pick(("none", "one", "two"), rng)
    count = ("none", "one", "two").index(outcome)
    found: list[JsonValue] = [
        {"time": _time(at), "title": event[0]} for at, event in list(zip(times, (one, other), strict=True))[:count]
    ]
    words = {"day": on_day, "one": one[1], "two": other[1]}
    words |= {"at_one": _clock(wording, times[0]), "at_two": _clock(wording, times[1])}
    return Use("get_calendar", {"day": day}, {"day": day, "events": found}, words, outcome)


def _music(wording: Wording, rng: Rng) -> Use:
    (genre, some), (room, in_room) = _word(wording, "music", rng), _word(wording, "room", rng)
    arguments: dict[str, JsonValue] = {"genre": genre, "room": room}
    observation: dict[str, JsonValue] = {"status": "playing", "tracks": int(rng.integers(20, 200)), **arguments}
    return Use("play_music", arguments, observation, {"music": some, "room": in_room})


def _device(wording: Wording, rng: Rng) -> Use:
    (device, state, do, done), (room, in_room) = _word(wording, "device", rng), _word(wording, "room", rng)
    arguments: dict[str, JsonValue] = {"device": device, "room": room, "state": state}
    return Use("control_device", arguments, {"status": "ok", **arguments}, {"do": do, "did": done, "room": in_room})


_KM_PER_H: Final = {"driving": 30, "walking": 5, "cycling": 15}


def _route(wording: Wording, rng: Rng) -> Use:
    (place, to_place), (mode, by) = _word(wording, "place", rng), _word(wording, "mode", rng)
    km = int(rng.integers(1, 6 if mode == "walking" else 25)) / 2
    minutes = max(math.ceil(km / _KM_PER_H[mode] * 60), 2)
    observation: dict[str, JsonValue] = {"destination": place, "distance_km": km, "minutes": minutes}
    words = {"place": to_place, "mode": by, "km": _amount(km), "minutes": str(minutes)}
    return Use("get_directions", {"destination": place, "mode": mode}, observation, words)


def _message(wording: Wording, rng: Rng) -> Use:
    (name,), (text, that) = _word(wording, "name", rng), _word(wording, "message", rng)
    observation: dict[str, JsonValue] = {"status": "sent", "to": name}
    return Use("send_message", {"to": name, "text": text}, observation, {"name": name, "text": that})


def _list(wording: Wording, rng: Rng) -> Use:
    (one, some), (other, more) = _two(wording, "grocery", rng)
    count = int(rng.integers(3, 13))
    observation: dict[str, JsonValue] = {"status": "added", "items_on_list": count}
    words = {"one": some, "two": more, "count": str(count)}
    return Use("add_to_shopping_list", {"items": [one, other]}, observation, words)


def _package(wording: Wording, rng: Rng) -> Use:
    (item, named), (day, on_day) = _word(wording, "parcel", rng), _word(wording, "day", rng)
    outcome = pick(("on_its_way", "delivered"), rng)
    at = int(rng.integers(18, 38)) * 30
    words = {"item": named, "day": on_day, "time": _clock(wording, at)}
    observation: dict[str, JsonValue] = {"item": item, "status": outcome}
    observation |= {"expected": day} if outcome == "on_its_way" else {"delivered_today_at": _time(at)}
    return Use("track_package", {"item": item}, observation, words, outcome)


def _train(wording: Wording, rng: Rng) -> Use:
    (start, from_city), (end, to_city) = _two(wording, "station", rng)
    asked = int(rng.integers(7, 18)) * 60
    leaves = asked + int(rng.integers(1, 11)) * 5
    arrives = leaves + int(rng.integers(9, 40)) * 5
    arguments: dict[str, JsonValue] = {"from": start, "to": end, "after": _time(asked)}
    platform = int(rng.integers(1, 15))
    observation: dict[str, JsonValue] = {"departs": _time(leaves), "arrives": _time(arrives), "platform": platform}
    words = {"from": from_city, "to": to_city, "after": _clock(wording, asked), "platform": str(platform)}
    return Use(
        "find_train",
        arguments,
        observation,
        words | {"leaves": _clock(wording, leaves), "arrives": _clock(wording, arrives)},
    )


def _restaurant(wording: Wording, rng: Rng) -> Use:
    (food, some), (name,) = _word(wording, "food", rng), _word(wording, "restaurant", rng)
    minutes, closes = int(rng.integers(2, 20)), int(rng.integers(42, 47)) * 30
    observation: dict[str, JsonValue] = {"name": name, "minutes_on_foot": minutes, "open_until": _time(closes)}
    words = {"food": some, "name": name, "minutes": str(minutes), "time": _clock(wording, closes)}
    return Use("find_restaurant", {"food": food, "sort": "nearest"}, observation, words)


USES: Final[Mapping[str, Callable[[Wording, Rng], Use]]] = {
    "weather": _weather,
    "timer": _timer,
    "alarm": _alarm,
    "calculate": _calculate,
    "percentage": _percentage,
    "units": _units,
    "temperature": _temperature,
    "currency": _currency,
    "event": _event,
    "calendar": _calendar,
    "music": _music,
    "device": _device,
    "route": _route,
    "message": _message,
    "list": _list,
    "package": _package,
    "train": _train,
    "restaurant": _restaurant,
}
"""By name, as `Wording.functions` has them."""
