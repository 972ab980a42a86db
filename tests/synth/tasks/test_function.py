"""Function calls: arguments, observation and answer are of one piece, and the label says where the call is."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.records import TextDialogue
from turnmill.synth.tasks.function import called
from turnmill.synth.tasks.given import WORDINGS, with_task
from turnmill.synth.tasks.params import TaskShares
from turnmill.synth.tasks.uses import USES, Use
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import prefix, tokens

Make = Callable[..., TextDialogue]
ENDS = re.compile(r"[.!?。！？]$")


@pytest.mark.parametrize("language", list(WORDINGS))
@pytest.mark.parametrize("name", list(USES))
def test_each_use_is_worded_with_its_own_values_in_each_language(name: str, language: str) -> None:
    requests, answers = set(), set()
    for seed in range(60):
        use, request, turn = called(name, WORDINGS[language], np.random.default_rng(seed))
        assert turn.tool is not None
        call = json.loads(turn.tool.call)
        assert call == {"name": use.function, "arguments": json.loads(json.dumps(use.arguments))}
        assert json.loads(turn.tool.observation) == json.loads(json.dumps(use.observation))
        said = prefix(spoken_form(turn.text, language), turn.tool.after)
        assert ENDS.search(said), said  # the filler is whole sentences
        assert 0 < turn.tool.after < len(tokens(spoken_form(turn.text, language)))
        assert turn.text.startswith(said)
        assert not re.search("[{}|]", request + turn.text)
        requests.add(request)
        answers.add(turn.text)
    assert len(requests) >= 20
    assert len(answers) >= 10


def test_there_are_at_least_twelve_functions_and_both_languages_word_all_of_them() -> None:
    wording = WORDINGS["en"]
    functions = {USES[name](wording, np.random.default_rng(0)).function for name in USES}
    assert len(functions) >= 12
    for each in WORDINGS.values():
        assert set(each.functions) == set(USES)


def uses(name: str) -> st.SearchStrategy[Use]:
    return st.builds(
        lambda seed, language: USES[name](WORDINGS[language], np.random.default_rng(seed)),
        st.integers(0, 2**32),
        st.sampled_from(list(WORDINGS)),
    )


def result(use: Use) -> Any:
    return use.observation["result"]


@given(uses("calculate") | uses("percentage"))
def test_arithmetic_is_right(use: Use) -> None:
    expression = str(use.arguments["expression"])
    assert re.fullmatch(r"\d+[-+*/]\d+(?:/100)?", expression)
    numbers = [int(number) for number in re.findall(r"\d+", expression)]
    sign = re.sub(r"\d", "", expression)
    one, other = numbers[:2]
    expected = {"+": one + other, "-": one - other, "*": one * other, "/": one / other, "*/": one * other / 100}[sign]
    assert result(use) == expected
    assert use.words["result"] == str(result(use))


@given(uses("units"))
def test_units_are_converted_as_they_are_defined(use: Use) -> None:
    meters = {"mile": 1609.344, "kilometer": 1000, "inch": 0.0254, "centimeter": 0.01, "foot": 0.3048, "meter": 1}
    kilograms, liters = {"pound": 0.45359237, "kilogram": 1}, {"liter": 1, "gallon": 3.785411784}
    sizes = next(each for each in (meters, kilograms, liters) if use.arguments["from"] in each)
    value, unit, into = (use.arguments[key] for key in ("value", "from", "to"))
    assert isinstance(value, int)
    assert abs(value * sizes[str(unit)] / sizes[str(into)] - result(use)) <= 0.0501
    assert float(use.words["result"]) == result(use)


@given(uses("temperature"))
def test_temperatures_are_converted(use: Use) -> None:
    assert isinstance(use.arguments["value"], int)
    assert abs((use.arguments["value"] - 32) / 1.8 - result(use)) <= 0.0501


@given(uses("currency"))
def test_currencies_are_converted_at_the_rate_that_came_back(use: Use) -> None:
    amount, rate = use.arguments["amount"], use.observation["rate"]
    assert isinstance(amount, int)
    assert isinstance(rate, float)
    assert result(use) == round(amount * rate, 2) > 1
    assert use.words["result"] == str(round(result(use)))
    assert use.arguments["from"] != use.arguments["to"]


@given(uses("route"))
def test_a_way_takes_as_long_as_its_distance_does(use: Use) -> None:
    hours = use.observation["distance_km"] / {"driving": 30, "walking": 5, "cycling": 15}[str(use.arguments["mode"])]  # type: ignore[operator]
    assert 0 <= use.observation["minutes"] - hours * 60 <= 2  # type: ignore[operator]


@given(uses("train"))
def test_a_train_leaves_after_the_time_asked_and_arrives_later_the_same_day(use: Use) -> None:
    times = [str(use.arguments["after"]), str(use.observation["departs"]), str(use.observation["arrives"])]
    assert times == sorted(set(times))
    assert times[-1] < "24:00"
    assert use.arguments["from"] != use.arguments["to"]


@given(uses("weather"))
def test_the_weather_that_is_told_is_the_one_that_came_back(use: Use) -> None:
    chance, high, low = (use.observation[key] for key in ("rain_chance_percent", "high_c", "low_c"))
    assert isinstance(chance, int)
    assert isinstance(high, int)
    assert isinstance(low, int)
    assert high > low
    wet = "snow" if high <= 3 else "rain"
    assert use.outcome == ("dry" if chance < 20 else "perhaps" if chance < 60 else wet)


@given(uses("calendar"))
def test_a_calendar_is_told_in_the_order_of_the_day(use: Use) -> None:
    events: Any = use.observation["events"]
    assert len(events) == {"none": 0, "one": 1, "two": 2}[use.outcome]
    assert [event["time"] for event in events] == sorted({event["time"] for event in events})


@pytest.mark.parametrize(
    ("language", "hour", "minute", "said"),
    [
        ("en", 7, 30, "7:30 in the morning"),
        ("en", 12, 0, "12 in the afternoon"),
        ("en", 21, 0, "9 in the evening"),
        ("zh", 7, 30, "早上7点半"),
        ("zh", 14, 15, "下午两点一刻"),
        ("zh", 20, 0, "晚上8点"),
    ],
)
def test_a_clock_is_read_as_people_read_it(language: str, hour: int, minute: int, said: str) -> None:
    assert WORDINGS[language].clock(hour, minute) == said


def test_a_call_begins_or_ends_a_dialogue_and_never_parts_a_question_from_the_one_before(dialogue: Make) -> None:
    places = set()
    for n in range(60):
        after = with_task(dialogue(f"d{n}"), TaskShares(function_call=1), (), 0)
        added = [index for index, turn in enumerate(after.turns) if turn.added]
        assert [turn.tool is not None for turn in after.turns].count(True) == 1
        places.add(tuple(added))
    assert places == {(0, 1), (6, 7)}
