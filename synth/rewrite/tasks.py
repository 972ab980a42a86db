"""The tasks: what each asks a model about a dialogue, and how the answer changes the dialogue."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.languages import primary
from turnmill.manifests.records import Intent, Interruption, TextDialogue, TextTurn, ToolCall, generator
from turnmill.synth.chat.answers import Unusable, parsed
from turnmill.synth.intents import ENDS, IntentMix, certainly_said, says_again
from turnmill.synth.rewrite.answers import (
    Called,
    Felt,
    Interrupted,
    Nodded,
    Requested,
    SaidTurn,
    Spoken,
    check_spoken,
    compact,
    has_cjk,
)
from turnmill.synth.rewrite.params import TaskName
from turnmill.synth.tasks.emotion import ANSWERED
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import joined, prefix, spans, tokens

LONGEST = 1.5
"""A rewritten turn has at most this many times the tokens of the turn, but `ROOM` in any case."""
ROOM = 30
LONGEST_INTERRUPTION = 30
"""Tokens of an interruption."""
LONGEST_REQUEST = 30
"""Tokens of a request for a style, and of what the assistant says to it."""
LONGEST_FILLER = 12
"""Tokens of what the assistant says before a call."""
_LEAST_INTERRUPTED = 12  # tokens: a shorter turn is over before anybody interrupts it
_LEAST_NODDED = 12  # tokens: about 4 s, the length from which listeners nod
_MOST_NODS = 4  # per turn; Turnmill's choice
_LONGEST_TOOL = 2000  # characters of a call, and of an observation
_STYLES: Mapping[str, str] = {
    "fast": "faster",
    "slow": "more slowly",
    "loud": "louder",
    "soft": "in a very soft voice",
    "cantonese": "Cantonese",
}
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_CJK_LANGUAGES = ("zh", "yue", "ja")


@dataclass(frozen=True)
class Task:
    """`ask` gives the values of the prompt's placeholders, None where there is nothing to ask; `read` gives the
    dialogue as the answer changes it, or raises `Unusable`."""

    name: TaskName
    ask: Callable[[TextDialogue], dict[str, str] | None]
    read: Callable[[TextDialogue, str], TextDialogue]


def longest(text: str) -> int:
    """The most tokens that a rewritten turn may have."""
    return max(ROOM, math.ceil(LONGEST * len(tokens(text))))


# spoken


def _read_spoken(dialogue: TextDialogue, answer: str) -> TextDialogue:
    return _changed(dialogue, _reworded(dialogue, parsed(answer, Spoken).turns))


# emotion


def _ask_emotion(dialogue: TextDialogue) -> dict[str, str] | None:
    in_tune = ", ".join(f"{answer} to {emotion}" for emotion, answer in ANSWERED.items())
    return _whole(dialogue) | {"emotions": ", ".join(EMOTIONS), "in_tune": in_tune}


def _read_emotion(dialogue: TextDialogue, answer: str) -> TextDialogue:
    felt = parsed(answer, Felt).turns
    turns = _reworded(dialogue, felt)
    for index, (asked, told) in enumerate(pairwise(felt), 1):
        fits = told.emotion in (ANSWERED[asked.emotion], "neutral", "sorry")
        if (asked.role, told.role) == ("user", "assistant") and not fits:
            raise Unusable(f"turn {index} answers {asked.emotion} with {told.emotion}")
    return _changed(dialogue, [replace(turn, emotion=new.emotion) for turn, new in zip(turns, felt, strict=True)])


# style_request


def _ask_style_request(dialogue: TextDialogue) -> dict[str, str] | None:
    place = _styled(dialogue)
    if place is None:
        return None
    style = dialogue.turns[place + 1].style or ""
    return _context(dialogue) | {"style": _STYLES.get(style, f"the {style} dialect of Chinese"), "place": str(place)}


def _read_style_request(dialogue: TextDialogue, answer: str) -> TextDialogue:
    place, written = _styled(dialogue), parsed(answer, Requested)
    if place is None:
        raise Unusable("no turn has a style")
    asked, styled = dialogue.turns[place : place + 2]
    texts = [
        _said(dialogue, turn, text, LONGEST_REQUEST, f"the {what}")
        for turn, text, what in ((asked, written.request, "request"), (styled, written.answer, "answer"))
    ]
    request = TextTurn("user", texts[0], added=True)
    acknowledged = TextTurn("assistant", texts[1], style=styled.style, added=True)
    return _changed(dialogue, [*dialogue.turns[:place], request, acknowledged, *dialogue.turns[place:]])


def _styled(dialogue: TextDialogue) -> int | None:
    """The user's turn whose answer is the first in a style."""
    first = next((index for index, turn in enumerate(dialogue.turns) if turn.style), 0)
    return first - 1 if first in _callers(dialogue) else None


# function_call


def _ask_function_call(dialogue: TextDialogue) -> dict[str, str] | None:
    callers = _callers(dialogue)
    if not callers or any(turn.tool for turn in dialogue.turns):
        return None
    return _whole(dialogue) | {"choices": ", ".join(map(str, callers))}


def _read_function_call(dialogue: TextDialogue, answer: str) -> TextDialogue:
    called = parsed(answer, Called)
    if called.turn not in _callers(dialogue):
        raise Unusable(f"turn {called.turn} is no turn of the assistant's that answers the user")
    turns = _reworded(dialogue, called.turns)
    turn = turns[called.turn]
    filler = _said(dialogue, turn, called.filler, LONGEST_FILLER, "the filler")
    tool = ToolCall(
        compact({"name": called.call.name, "arguments": called.call.arguments}),
        compact(called.observation),
        len(tokens(spoken_form(filler, dialogue.language))),
    )
    if max(len(tool.call), len(tool.observation)) > _LONGEST_TOOL:
        raise Unusable(f"the call or the observation has more than {_LONGEST_TOOL} characters")
    turns[called.turn] = replace(
        turn, text=joined([filler, turn.text]), tool=tool, interruption=None, backchannels=None
    )
    return _changed(dialogue, turns)


def _callers(dialogue: TextDialogue) -> list[int]:
    roles = [turn.role for turn in dialogue.turns]
    return [n for n in range(1, len(roles)) if roles[n - 1 : n + 1] == ["user", "assistant"]]


# interruptions


def _ask_interruptions(mix: IntentMix, dialogue: TextDialogue) -> dict[str, str] | None:
    wanted = _intents(mix, dialogue)
    if not wanted:
        return None
    lines = []
    for index, intent in wanted.items():
        text = dialogue.turns[index].text
        heard = prefix(text, certainly_said(text))
        asked = {"turn": index, "intent": intent, "said": heard, "unsaid": text[len(heard) :].strip()}
        lines.append(asked | {"longest_text": LONGEST_INTERRUPTION, "longest_answer": longest(text)})
    return _context(dialogue) | {"turns": _json_lines(lines)}


def _read_interruptions(mix: IntentMix, dialogue: TextDialogue, answer: str) -> TextDialogue:
    wanted, turns = _intents(mix, dialogue), list(dialogue.turns)
    written = parsed(answer, Interrupted).interruptions
    _same_turns([new.turn for new in written], list(wanted))
    for new in written:
        where, turn = f"of the interruption of turn {new.turn}", turns[new.turn]
        if new.intent != wanted[new.turn]:
            raise Unusable(f"the intent {where} is {new.intent}, not {wanted[new.turn]}")
        if (new.answer is None) != (new.intent == "cancel"):
            raise Unusable(f"the answer {where} is to be null for a cancel, and only for a cancel")
        text = _said(dialogue, turn, new.text, LONGEST_INTERRUPTION, f"the text {where}")
        reply = new.answer and _said(dialogue, turn, new.answer, longest(turn.text), f"the answer {where}")
        if reply and says_again(new.intent, turn.text, reply):
            raise Unusable(f"the answer {where} says the turn again, as only that of a clarify or repeat does")
        turns[new.turn] = replace(turn, interruption=Interruption(new.intent, text, reply))
    return _changed(dialogue, turns)


def _intents(mix: IntentMix, dialogue: TextDialogue) -> dict[int, Intent]:
    """What the interruption of each of the assistant's longer turns is to be.

    Drawn, for a model that sees one dialogue cannot keep shares over all; from the dialogue alone, so that another seed
    of the recipe asks nothing anew. All of the share of the kinds that end a dialogue falls on its last turn.
    """
    turns, shares = dialogue.turns, mix.shares()
    ending, others = (
        {intent: share for intent, share in shares.items() if (intent in ENDS) == ends} for ends in (True, False)
    )
    spoken = sum(turn.role == "assistant" for turn in turns)
    p_ending = min(1.0, spoken * sum(ending.values()) / sum(shares.values()))
    wanted: dict[int, Intent] = {}
    for index, turn in enumerate(turns):
        if turn.role != "assistant" or turn.interruption or len(tokens(turn.text)) < _LEAST_INTERRUPTED:
            continue
        rng = generator(0, dialogue.id, f"rewrite interruption {index}")
        ends = rng.random() < p_ending if index == len(turns) - 1 else False
        kinds = ending if ends else others
        if total := sum(kinds.values()):
            wanted[index] = list(kinds)[int(rng.choice(len(kinds), p=np.array(list(kinds.values())) / total))]
    return wanted


# backchannels


def _ask_backchannels(dialogue: TextDialogue) -> dict[str, str] | None:
    long = _nodded(dialogue)
    if not long:
        return None
    lines = [f"turn {n}, by the {dialogue.turns[n].role}: {numbered(words)}" for n, words in long.items()]
    return _context(dialogue) | {"turns": "\n".join(lines), "most": str(_MOST_NODS)}


def _read_backchannels(dialogue: TextDialogue, answer: str) -> TextDialogue:
    long, turns = _nodded(dialogue), list(dialogue.turns)
    written = parsed(answer, Nodded).turns
    _same_turns([new.turn for new in written], list(long))
    for new in written:
        words = len(tokens(long[new.turn]))
        if len(new.after) > _MOST_NODS:
            raise Unusable(f"turn {new.turn} has {len(new.after)} places, more than {_MOST_NODS}")
        if new.after != sorted(set(new.after)):
            raise Unusable(f"the places of turn {new.turn} do not rise")
        if new.after and not (new.after[0] >= 1 and new.after[-1] < words):
            raise Unusable(f"the places of turn {new.turn} are not all within 1 to {words - 1}")
        turns[new.turn] = replace(turns[new.turn], backchannels=tuple(new.after))
    return _changed(dialogue, turns)


def numbered(text: str) -> str:
    """The text with the number of each token before it: models copy numbers well, and count badly."""
    parts, end = [], 0
    for number, (start, stop) in enumerate(spans(text), 1):
        parts.append(f"{text[end:start]}[{number}]{text[start:stop]}")
        end = stop
    return "".join(parts)


def _nodded(dialogue: TextDialogue) -> dict[int, str]:
    """The long turns, as they are spoken: that is what the script counts the tokens of."""
    texts = {
        index: spoken_form(turn.text, dialogue.language)
        for index, turn in enumerate(dialogue.turns)
        if turn.backchannels is None
    }
    return {index: text for index, text in texts.items() if len(tokens(text)) >= _LEAST_NODDED}


# what they share


def _whole(dialogue: TextDialogue) -> dict[str, str]:
    lines = [
        {"turn": index, "role": turn.role, "longest": longest(turn.text), "text": turn.text}
        for index, turn in enumerate(dialogue.turns)
    ]
    return _language(dialogue) | {"count": str(len(lines)), "dialogue": _json_lines(lines)}


def _context(dialogue: TextDialogue) -> dict[str, str]:
    lines = [{"turn": index, "role": turn.role, "text": turn.text} for index, turn in enumerate(dialogue.turns)]
    return _language(dialogue) | {"dialogue": _json_lines(lines)}


def _language(dialogue: TextDialogue) -> dict[str, str]:
    tag = dialogue.language
    return {"language": _LANGUAGES.get(primary(tag), f"the language of the BCP 47 tag {tag}")}


def _json_lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def _reworded(dialogue: TextDialogue, new: Sequence[SaidTurn]) -> list[TextTurn]:
    """The turns with their new texts, checked; what spoke of the old words of a turn goes with them."""
    if len(new) != len(dialogue.turns):
        raise Unusable(f"it has {len(new)} turns, the dialogue has {len(dialogue.turns)}")
    turns = []
    for index, (turn, written) in enumerate(zip(dialogue.turns, new, strict=True)):
        if written.role != turn.role:
            raise Unusable(f"turn {index} is by the {turn.role}, not by the {written.role}")
        if written.text != turn.text.strip():
            text = _said(dialogue, turn, written.text, longest(turn.text), f"turn {index}")
            turn = replace(turn, text=text, interruption=None, backchannels=None)
        turns.append(turn)
    return turns


def _said(dialogue: TextDialogue, turn: TextTurn, text: str, most: int, where: str) -> str:
    """A text written for or about a turn, where it can be spoken; Unusable where not."""
    check_spoken(text, most, where)
    # A turn may be in another language than its dialogue ("How do you say that in Chinese?"), and answered in either.
    if has_cjk(text) not in (has_cjk(turn.text), primary(dialogue.language) in _CJK_LANGUAGES):
        raise Unusable(f"{where} is not in the language of the dialogue")
    return text


def _changed(dialogue: TextDialogue, turns: Sequence[TextTurn]) -> TextDialogue:
    return replace(dialogue, turns=tuple(turns))


def _same_turns(answered: Sequence[int], asked: Sequence[int]) -> None:
    if sorted(answered) != sorted(asked):
        raise Unusable(f"it is about the turns {sorted(answered)}, and those asked about are {sorted(asked)}")


def _interruptions(mix: IntentMix) -> Task:
    return Task("interruptions", partial(_ask_interruptions, mix), partial(_read_interruptions, mix))


_TASKS = (
    Task("spoken", _whole, _read_spoken),
    Task("emotion", _ask_emotion, _read_emotion),
    Task("style_request", _ask_style_request, _read_style_request),
    Task("function_call", _ask_function_call, _read_function_call),
    Task("backchannels", _ask_backchannels, _read_backchannels),
)


def tasks_by_name(mix: IntentMix) -> Mapping[TaskName, Task]:
    """All tasks, with interruptions of those shares."""
    return {task.name: task for task in (*_TASKS, _interruptions(mix))}
