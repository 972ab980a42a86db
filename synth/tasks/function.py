"""Function calls: a request, what the assistant says before its call, the call, what came back, and the answer."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from turnmill.manifests.records import TextDialogue, TextTurn, ToolCall
from turnmill.synth.script.asking import awaits, is_courtesy
from turnmill.synth.tasks.placing import inserted, openings
from turnmill.synth.tasks.uses import USES, Use
from turnmill.synth.tasks.wording import Wording, line, pick
from turnmill.synth.tokens import joined, tokens

_LAST = 0.5
"""Share of calls that end a dialogue; the others begin it, for between a question and a question about its answer there
is no room. Turnmill's choice."""


def with_call(dialogue: TextDialogue, wording: Wording, rng: np.random.Generator) -> TextDialogue:
    """The dialogue with a request and its answer, before the user's first turn or after the assistant's last."""
    _, request, answer = called(pick(tuple(USES), rng), wording, rng)
    last = dialogue.turns[-1]
    if rng.random() < _LAST and last.role == "assistant" and _is_open(last.text, dialogue.language):
        asked = TextTurn("user", joined([line(wording.also, rng, {}), request]), added=True)
        return inserted(dialogue, len(dialogue.turns), asked, answer)
    places = openings(dialogue)
    answer = replace(answer, text=joined([answer.text, line(wording.more, rng, {})]))
    asked = TextTurn("user", request, added=True)
    return inserted(dialogue, places[0], asked, answer) if places else dialogue


def _is_open(text: str, language: str) -> bool:
    """Whether there is still talk after a turn of the assistant's, and nothing that it waits for."""
    return not awaits(text, language) and not is_courtesy(text, language)


def called(name: str, wording: Wording, rng: np.random.Generator) -> tuple[Use, str, TextTurn]:
    """A use of `synth.tasks.uses`, what the user asks, and the assistant's turn."""
    use, said = USES[name](wording, rng), wording.functions[name]
    filler = line(said.fillers, rng, use.words)
    answer = line(said.answers[use.outcome], rng, use.words)
    tool = ToolCall(
        _json({"name": use.function, "arguments": use.arguments}), _json(use.observation), len(tokens(filler))
    )
    turn = TextTurn("assistant", joined([filler, answer]), tool=tool, added=True)
    return use, line(said.requests, rng, use.words), turn


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
