"""Sentences from templates: numbers, times, dates, names, requests; the words that plain sentences hold too few of."""

import re

import numpy as np

_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

_SLOTS: dict[str, list[str]] = {
    slot: words.split(",")
    for slot, words in {
        "unit": (
            "one,two,three,four,five,six,seven,eight,nine,ten,eleven,twelve,thirteen,fourteen,"
            "fifteen,sixteen,seventeen,eighteen,nineteen"
        ),
        "ordinal": (
            "first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth,eleventh,twelfth,"
            "fifteenth,twentieth,thirtieth"
        ),
        "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,today,tomorrow,tonight",
        "month": "January,February,March,April,May,June,July,August,September,October,November,December",
        "name": (
            "Anna,Ben,Carla,David,Emma,Frank,Grace,Henry,Irene,Jack,Kate,Leo,Maria,Nina,Oscar,"
            "Paul,Rosa,Sam,Tom,Laura,Peter,Alice,Mark,Sarah,John,Lucy,Daniel,Julia,Martin,Sophie"
        ),
        "place": (
            "Paris,London,Berlin,Rome,Madrid,Chicago,Boston,Canada,Italy,Spain,Japan,the station,"
            "the airport,the office,the market,the library,the park,the hospital,the city center,school,"
            "the beach,the museum,the pharmacy,the bakery,the garage"
        ),
        "person": (
            "my mother,my father,my sister,my brother,my friend,the doctor,the teacher,our neighbor,"
            "the driver,her boss,his wife,the manager,my uncle,their son,our daughter,the police,"
            "a customer,the nurse,the mayor,my grandmother"
        ),
        "thing": (
            "book,phone,table,window,door,car,letter,kitchen,garden,bottle,ticket,jacket,picture,"
            "computer,key,bag,dinner,song,film,bicycle,lamp,paper,glass,chair,map,boat,house,"
            "bridge,room,bed,cup,clock,camera,box,shirt,shoe,train,bus,story,list,message,meeting,"
            "recipe,plan,road,river,tree,field,dog,cat,horse,bird,fish,apple,cake,soup,bread,"
            "coffee"
        ),
        "quality": (
            "small,large,old,new,red,blue,green,yellow,white,black,warm,cold,heavy,light,quiet,"
            "loud,long,short,clean,dirty,cheap,expensive,broken,empty,full,fresh,dry,wet,soft,hard,"
            "strong,weak,early,late,happy,sad,busy,free,safe,dark,bright"
        ),
        "did": (
            "found,lost,bought,sold,saw,painted,opened,closed,moved,carried,cleaned,fixed,broke,"
            "forgot,wanted,needed,liked,took"
        ),
        "do": (
            "find,open,close,move,carry,clean,fix,buy,sell,see,take,bring,show,keep,use,hold,leave,check,send,change"
        ),
        "where": (
            "on the table,in the kitchen,under the bed,by the door,near the river,at home,behind the house,in the car"
        ),
        "pronoun": "I,you,he,she,we,they",
        "be": "is,was",
        "please": ("please,for me,right now,if you can,again,before dinner,after lunch,in the morning,this evening"),
        "ask": "Can you,Could you,Would you,Will you,I want you to,I need you to,Remind me to,Help me to",
        "wh": "Where,When,Why,How",
        "unit_of": (
            "minutes,hours,days,weeks,months,years,miles,meters,kilometers,dollars,euros,people,percent,degrees,pounds"
        ),
    }.items()
}

_TEMPLATES = (
    "{ask} {do} the {thing} {please}?",
    "{ask} {do} the {quality} {thing} {where}?",
    "{pronoun} {did} a {quality} {thing} {where}.",
    "{pronoun} {did} {number} {thing}s in {place}.",
    "{person} {did} the {thing} on {day}.",
    "{wh} did {person} {do} the {quality} {thing}?",
    "The {thing} {be} {quality}, but the {thing} {be} {quality}.",
    "The {thing} {where} {be} {quality} and {quality}.",
    "Is the {thing} {quality} or {quality}?",
    "It takes {number} {unit_of} to get to {place}.",
    "There are {number} {unit_of} in the {thing}.",
    "The {thing} costs {number} {unit_of}.",
    "Set a timer for {number} {unit_of}.",
    "Wake me up at {time} {day}.",
    "The meeting with {name} is on {day} at {time}.",
    "Remind me to call {name} at {time}.",
    "My birthday is on the {ordinal} of {month}.",
    "{name} was born in {month}, {number} years ago.",
    "What is {number} plus {number}?",
    "{number} times {number} is {number}.",
    "{number} minus {number} is {number}.",
    "Call {person} and say that we are in {place}.",
    "How far is it from {place} to {place}?",
    "Will it rain in {place} on {day}?",
    "The next train to {place} leaves at {time} from platform {unit}.",
    "{name} and {name} went to {place} with {person}.",
    "No, I said {number}, not {number}.",
    "I don't think {person} {did} it.",
    "They're going to {place} and it's {quality}.",
    "We've been to {place}, and we'll {do} your {thing} there.",
    "That isn't {name}'s {thing}, it's {person}'s.",
    "{number}",
    "{time}",
    "{day}, the {ordinal} of {month}",
)


def draw(rng: np.random.Generator) -> str:
    """Draw a sentence."""

    def fill(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "number":
            return _number(rng)
        if slot == "time":
            return _time(rng)
        return str(rng.choice(_SLOTS[slot]))

    return re.sub(r"\{(\w+)\}", fill, str(rng.choice(_TEMPLATES)))


def _number(rng: np.random.Generator) -> str:
    kind = rng.random()
    unit, ten = str(rng.choice(_SLOTS["unit"])), str(rng.choice(_TENS))
    if kind < 0.35:
        return unit
    if kind < 0.55:
        return ten
    small = f"{ten} {rng.choice(_SLOTS['unit'][:9])}"
    if kind < 0.75:
        return small
    head = str(rng.choice(_SLOTS["unit"][:9]))
    return f"{head} {rng.choice(['hundred', 'thousand', 'million'])}{rng.choice(['', f' and {small}', f' {small}'])}"


def _time(rng: np.random.Generator) -> str:
    hour = str(rng.choice(_SLOTS["unit"][:12]))
    return str(
        rng.choice(
            [
                f"{hour} o'clock",
                f"half past {hour}",
                f"a quarter to {hour}",
                f"{rng.choice(['ten', 'five', 'twenty', 'a quarter'])} past {hour}",
                f"{hour} {rng.choice(['thirty', 'fifteen', 'forty five', 'twenty'])}",
                f"{hour} in the {rng.choice(['morning', 'evening', 'afternoon'])}",
                "noon",
                "midnight",
            ]
        )
    )
