"""What is said about functions in English."""

from collections.abc import Mapping
from typing import Final

from turnmill.synth.tasks.wording import Used

_LOOK: Final = (
    "[Let me|I'll] [check|look that up|have a look|find out].",
    "[One moment|Just a second|Hold on|One second][, please|, let me see|, I'm checking|].",
    "[Sure|Okay|Of course|All right], [let me see|let me check|I'll look|give me a second].",
)
_DO: Final = (
    "[Sure|Okay|Of course|All right], [one moment|just a second|I'll do that|give me a second].",
    "[I'm on it|Doing that now|Right away|Coming right up].",
    "[Got it|No problem|Sure thing], [one second|I'll take care of it|hold on].",
)
_COUNT: Final = (
    "[Let me|I'll] [work that out|calculate that|do the math|figure that out].",
    "[One moment|Just a second|Hold on][, let me think|, I'm calculating|].",
)


def clock(hour: int, minute: int) -> str:
    """ "7:30 in the morning"."""
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 17 else "in the evening"
    return f"{(hour - 1) % 12 + 1}{f':{minute:02d}' if minute else ''} {part}"


FUNCTIONS: Final[Mapping[str, Used]] = {
    "weather": Used(
        (
            "[What's the weather like|What will the weather be like|How's the weather] in {city} {day}?",
            "[Is it going to rain|Will it rain|Do I need an umbrella] in {city} {day}?",
            "[Can you tell me|Tell me|Give me] the forecast for {city} {day}[, please|].",
        ),
        _LOOK,
        {
            "dry": (
                "It'll be [sunny|clear and dry] in {city} {day}, [with a high of {high} degrees|up to {high} degrees].",
                "No rain in {city} {day}, just sun, and between {low} and {high} degrees.",
            ),
            "perhaps": (
                "It'll be cloudy in {city} {day}, with a {chance} percent chance of rain and up to {high} degrees.",
                "Mostly clouds in {city} {day}, around {high} degrees. The chance of rain is {chance} percent.",
            ),
            "rain": (
                "It'll [probably rain|most likely rain] in {city} {day}, the chance is {chance} percent. Take an "
                "umbrella.",
                "Rain in {city} {day}, with {low} to {high} degrees.",
            ),
            "snow": ("Snow is likely in {city} {day}, with {low} to {high} degrees. Dress warmly.",),
        },
    ),
    "timer": Used(
        (
            "[Set|Start|Put on] a timer for {minutes} minutes for {label}[, please|].",
            "[Can|Could] you [time|set a timer for] {label}, {minutes} minutes?",
            "I need {minutes} minutes for {label}, [set a timer|start a timer][, please|].",
        ),
        _DO,
        {
            "done": (
                "Your timer for {label} is [set for|running, you have] {minutes} minutes.",
                "{minutes} minutes for {label}, starting now.",
            )
        },
    ),
    "alarm": Used(
        (
            "[Wake me up|Set an alarm|Set my alarm] {day} at {time}[, please|].",
            "[Can|Could] you wake me at {time} {day}?",
            "I have to get up at {time} {day}, [set an alarm|please set the alarm].",
        ),
        _DO,
        {
            "done": (
                "[Done, your|Your] alarm is set for {time} {day}.",
                "[I'll wake you|Your alarm will ring] {day} at {time}.",
            )
        },
    ),
    "calculate": Used(
        (
            "[What's|How much is|What is] {sum}?",
            "[Can|Could] you calculate {sum}[ for me|]?",
            "[Work out|Calculate] {sum}[, please|].",
        ),
        _COUNT,
        {"done": ("{sum} is {result}.", "That [makes|comes to|is] {result}.")},
    ),
    "percentage": Used(
        (
            "[What's|How much is] {percent} percent of {of}?",
            "[The bill|The price] is {of} dollars, how much is {percent} percent of that?",
            "Calculate {percent} percent of {of}[ for me|, please].",
        ),
        _COUNT,
        {"done": ("{percent} percent of {of} is {result}.", "That's {result}.")},
    ),
    "units": Used(
        (
            "How many {into} are {value} {unit}?",
            "[What's|How much is] {value} {unit} in {into}?",
            "Convert {value} {unit} to {into}[ for me|, please].",
        ),
        _COUNT,
        {"done": ("{value} {unit} are about {result} {into}.", "That's about {result} {into}.")},
    ),
    "temperature": Used(
        (
            "[How much is|What's] {value} degrees Fahrenheit in Celsius?",
            "The recipe says {value} degrees Fahrenheit, [what's that|how much is that] in Celsius?",
        ),
        _COUNT,
        {
            "done": (
                "{value} degrees Fahrenheit is about {result} degrees Celsius.",
                "That's about {result} degrees Celsius.",
            )
        },
    ),
    "currency": Used(
        (
            "[How much is|What's] {amount} {name} in {into}?",
            "How many {into} do I get for {amount} {name}?",
            "[Convert|Change] {amount} {name} to {into}[, please| for me].",
        ),
        _LOOK,
        {
            "done": (
                "{amount} {name} [are|make] about {result} {into} right now.",
                "At today's rate that's about {result} {into}.",
            )
        },
    ),
    "event": Used(
        (
            "Put {title} in my calendar {day} at {time}[, please|].",
            "[Can|Could] you add {title} {day} at {time}?",
            "I have {title} {day} at {time}, [put it in my calendar|write that down][, please|].",
        ),
        _DO,
        {
            "done": (
                "[It's in your calendar|I've added it]: {title} {day} at {time}.",
                "Done, {title} is in your calendar {day} at {time}.",
            ),
            "overlap": ("I've added {title} {day} at {time}, but you also have {other} then.",),
        },
    ),
    "calendar": Used(
        (
            "[What do I have|What's on my calendar|What's planned] {day}?",
            "[Do I have anything|Is there anything in my calendar] {day}?",
            "[Tell me|Read me] my [schedule|appointments] {day}[, please|].",
        ),
        _LOOK,
        {
            "none": (
                "[There's nothing|You have nothing] in your calendar {day}.",
                "You're free {day}, there are no appointments.",
            ),
            "one": (
                "[There's one thing|Just one thing] {day}: {one} at {at_one}.",
                "You have {one} {day} at {at_one}, and nothing else.",
            ),
            "two": ("You have two things {day}: {one} at {at_one}, and {two} at {at_two}.",),
        },
    ),
    "music": Used(
        (
            "[Play|Put on] some {music} {room}[, please|].",
            "[Can|Could] you play {music} {room}?",
            "I'd like to hear [some |]{music} {room}.",
        ),
        _DO,
        {"done": ("[Here's|Now playing] some {music} {room}.", "[Enjoy the|Here comes the] {music} {room}.")},
    ),
    "device": Used(
        ("[Please |]{do} {room}.", "[Can|Could] you {do} {room}[, please|]?", "I'd like you to {do} {room}."),
        _DO,
        {"done": ("[Done, {did}|Okay, {did}|There you go, {did}] {room}.",)},
    ),
    "route": Used(
        (
            "[How do I get|How far is it|How long does it take] to {place} {mode}?",
            "[I want to go|I have to get|I need to get] to {place} {mode}, how long [is that|will it take]?",
        ),
        _LOOK,
        {
            "done": (
                "It's {km} kilometers to {place}, about {minutes} minutes {mode}.",
                "{mode}, {place} is {minutes} minutes away, {km} kilometers.",
            )
        },
    ),
    "message": Used(
        (
            "[Tell|Text] {name} that {text}[, please|].",
            "[Can|Could] you tell {name} that {text}?",
            "Send {name} a message that {text}.",
        ),
        _DO,
        {
            "done": (
                "[Your message to {name} is sent|I've sent your message to {name}].",
                "[Done|All right], {name} has your message.",
            )
        },
    ),
    "list": Used(
        (
            "Add {one} and {two} to my shopping list[, please|].",
            "[We're out of|We need|I have to buy] {one} and {two}, [put them on the list|add them to the list][, "
            "please|].",
        ),
        _DO,
        {
            "done": (
                "[Added|Done], {one} and {two} are on your list. That's {count} things now.",
                "{one} and {two} are on it, {count} things in all.",
            )
        },
    ),
    "package": Used(
        (
            "[Where is|Where's] {item} [that I ordered|I ordered]?",
            "When will {item} [I ordered|from my order] arrive?",
            "[Can you track|Do you know where to find] {item} [I ordered|that I ordered]?",
        ),
        _LOOK,
        {
            "on_its_way": (
                "{item} [is on its way|has been sent] and should be there {day}.",
                "It's on its way, [it should arrive|expect it] {day}.",
            ),
            "delivered": ("{item} was delivered today at {time}.", "It [arrived|was delivered] today at {time}."),
        },
    ),
    "train": Used(
        (
            "[When is|What time is] the next train from {from} to {to} after {after}?",
            "[Find|I need] a train from {from} to {to} after {after}[, please|].",
            "[Is there|Can you find] a train from {from} to {to} after {after}?",
        ),
        _LOOK,
        {
            "done": (
                "[There's one|The next one leaves] at {leaves} from platform {platform}, and it arrives at {arrives}.",
                "There's one at {leaves}, platform {platform}, which is in {to} at {arrives}.",
            )
        },
    ),
    "restaurant": Used(
        (
            "[Where can I get|Where can I find] {food} near here?",
            "[I'm in the mood for|I feel like|I'm hungry for] {food}, is there [a place|something] nearby?",
            "Find me a place for {food} nearby[, please|].",
        ),
        _LOOK,
        {
            "done": (
                "The nearest one is {name}, {minutes} minutes on foot. It's open until {time}.",
                "[Try|There's] {name}, {minutes} minutes from here, open until {time}.",
            )
        },
    ),
}
