"""What the calls of functions are about, in English: (value in a call, as it is said)."""

from collections.abc import Mapping
from typing import Final

_NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Julia",
    "Kevin",
    "Laura",
    "Mark",
    "Nina",
    "Oliver",
    "Paul",
    "Rosa",
    "Sam",
    "Tina",
]
_CITIES = [
    "Boston",
    "Chicago",
    "Denver",
    "Seattle",
    "Austin",
    "Portland",
    "London",
    "Dublin",
    "Paris",
    "Berlin",
    "Rome",
    "Madrid",
    "Oslo",
    "Toronto",
    "Sydney",
]
_STATIONS = [
    "London",
    "Leeds",
    "Oxford",
    "York",
    "Bristol",
    "Bath",
    "Manchester",
    "Cambridge",
    "Brighton",
    "Birmingham",
    "Liverpool",
    "Cardiff",
]
_WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

WORDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "city": tuple((city, city) for city in _CITIES),
    "station": tuple((city, city) for city in _STATIONS),
    "name": tuple((name,) for name in _NAMES),
    "day": (("tomorrow", "tomorrow"), *((day, f"on {day}") for day in _WEEK)),
    "timed": (
        ("pasta", "the pasta"), ("eggs", "the eggs"), ("tea", "my tea"), ("laundry", "the laundry"), ("nap", "my nap"),
        ("cake", "the cake"), ("rice", "the rice"), ("workout", "my workout"), ("bread", "the bread"),
        ("meeting", "our meeting"), ("potatoes", "the potatoes"), ("pizza", "the pizza"),
    ),
    "operator": (("+", " plus "), ("-", " minus "), ("*", " times "), ("/", " divided by ")),
    "unit": (
        ("mile", "miles"), ("kilometer", "kilometers"), ("pound", "pounds"), ("kilogram", "kilograms"),
        ("inch", "inches"), ("centimeter", "centimeters"), ("foot", "feet"), ("meter", "meters"), ("liter", "liters"),
        ("gallon", "gallons"),
    ),
    "currency": (
        ("USD", "dollars"), ("EUR", "euros"), ("GBP", "pounds"), ("CNY", "yuan"), ("JPY", "yen"),
        ("CAD", "Canadian dollars"),
    ),
    "event": (
        ("dentist", "the dentist"), ("lunch with Anna", "lunch with Anna"), ("team meeting", "a team meeting"),
        ("haircut", "a haircut"), ("yoga class", "a yoga class"), ("parents' evening", "the parents' evening"),
        ("piano lesson", "a piano lesson"), ("dinner with Paul", "dinner with Paul"), ("car inspection",
        "the car inspection"),
        ("doctor's appointment", "a doctor's appointment"), ("football practice", "football practice"),
        ("job interview", "a job interview"),
    ),
    "music": (
        ("jazz", "jazz"), ("classical", "classical music"), ("rock", "rock"), ("country", "country music"),
        ("lofi", "relaxing music"), ("dance", "dance music"), ("blues", "blues"), ("folk", "folk music"),
        ("piano", "piano music"), ("children", "children's songs"),
    ),
    "room": (
        ("kitchen", "in the kitchen"), ("living room", "in the living room"), ("bedroom", "in the bedroom"),
        ("bathroom", "in the bathroom"), ("office", "in the office"), ("nursery", "in the nursery"),
        ("basement", "in the basement"), ("dining room", "in the dining room"),
    ),
    "device": (
        ("lights", "on", "turn on the lights", "the lights are on"), ("lights", "off", "turn off the lights",
        "the lights are off"),
        ("lights", "dimmed", "dim the lights", "the lights are dimmed"), ("blinds", "closed", "close the blinds",
        "the blinds are closed"),
        ("blinds", "open", "open the blinds", "the blinds are open"), ("fan", "on", "switch on the fan",
        "the fan is running"),
        ("heater", "off", "turn off the heating", "the heating is off"), ("heater", "on", "turn on the heating",
        "the heating is on"),
        ("speaker", "muted", "mute the speaker", "the speaker is muted"),
        ("thermostat", "20 C", "set the heating to 20 degrees", "the heating is set to 20 degrees"),
        ("thermostat", "22 C", "set the heating to 22 degrees", "the heating is set to 22 degrees"),
    ),
    "place": (
        ("main station", "the main station"), ("airport", "the airport"), ("city library", "the city library"),
        ("hospital", "the hospital"), ("swimming pool", "the swimming pool"), ("art museum", "the art museum"),
        ("town hall", "the town hall"), ("farmers' market", "the farmers' market"), ("zoo", "the zoo"),
        ("university", "the university"),
    ),
    "mode": (("driving", "by car"), ("walking", "on foot"), ("cycling", "by bike")),
    "message": (
        ("I'm running ten minutes late.", "I'm running ten minutes late"), ("I'm on my way.", "I'm on my way"),
        ("The meeting is at nine.", "the meeting is at nine"), ("I can't come tonight.", "I can't come tonight"),
        ("Dinner is ready.", "dinner is ready"), ("I'll call back later.", "I'll call back later"),
        ("I left the keys under the mat.", "I left the keys under the mat"), ("I got the tickets.",
        "I got the tickets"),
        ("The train is delayed.", "the train is delayed"),
    ),
    "grocery": tuple(
        (food, food)
        for food in ["milk", "bread", "eggs", "apples", "coffee", "rice", "cheese", "tomatoes", "onions", "butter",
        "pasta", "bananas", "olive oil"]
    ),
    "parcel": (
        ("headphones box", "the parcel with the headphones"), ("book", "the book"), ("lamp", "the lamp"),
        ("winter jacket", "the winter jacket"), ("coffee machine", "the coffee machine"), ("phone case",
        "the phone case"),
        ("backpack", "the backpack"), ("birthday present", "the birthday present"), ("keyboard", "the keyboard"),
    ),
    "food": (
        ("pizza", "pizza"), ("sushi", "sushi"), ("ramen", "ramen"), ("tacos", "tacos"), ("burgers", "burgers"),
        ("Indian food", "Indian food"), ("Thai food", "Thai food"), ("breakfast", "breakfast"), ("falafel", "falafel"),
        ("ice cream", "ice cream"),
    ),
    "restaurant": (
        ("The Green Table",), ("Corner House",), ("Bella Vista",), ("The Old Mill",), ("Sunny Side",),
        ("River Kitchen",),
        ("Blue Door",), ("Market Hall",),
    ),
}  # fmt: skip
