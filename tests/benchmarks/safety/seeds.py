"""The texts that the classifier of `synth.safety` is trained on: written for it, a line for many texts.

`seeds_*.txt` go through the categories; `twins_*.txt` set what is unsafe beside what only sounds like it. Under
`[category]` each line is a text; `{a|b}` in it is a or b. No line is of a public set or of a text to judge by:
`made(texts)` says which of those a line could become all the same.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from turnmill.pipelines.loading import load_recipe

HERE = Path(__file__).parent
_CHOICE = re.compile(r"(\{[^{}]*\})")
_TIDY = ((",.", "."), (",?", "?"), ("..", "."))


class Seed(NamedTuple):
    """`weight`: the texts of one line count as the root of their number."""

    language: str
    category: str
    text: str
    weight: float


def seeds(per_line: int, rng: np.random.Generator) -> Iterator[Seed]:
    """`per_line` texts of each line or, where that is more, so many that each of its choices is in one; and the
    quickstart's dialogues, which are safe."""
    for language, category, line in _lines():
        texts = _texts(line, per_line, rng)
        yield from (Seed(language, category, _tidy(text), len(texts) ** -0.5) for text in texts)
    quickstart = Path(str(load_recipe("quickstart").texts))
    for name, language in ((quickstart, "en"), (quickstart.with_name("chinese.jsonl"), "zh")):
        for row in name.read_text("utf-8").splitlines():
            yield from (Seed(language, "safe", message["content"], 0.25) for message in json.loads(row)["messages"])


def made(texts: Iterable[str]) -> set[str]:
    """Those of `texts` that a line can become, signs and case apart."""
    return {text for text in texts if any(line.fullmatch(_letters(text)) for line in _patterns())}


@cache
def _patterns() -> list[re.Pattern[str]]:
    return [re.compile("".join(map(_pattern, _CHOICE.split(line)))) for _, _, line in _lines()]


def _pattern(part: str) -> str:
    choices = part[1:-1].split("|") if part.startswith("{") else [part]
    return f"(?:{'|'.join(map(_letters, choices))})"


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _lines() -> Iterator[tuple[str, str, str]]:
    """Language, category and line."""
    for language in ("en", "zh"):
        category = ""
        names = (f"{kind}_{language}.txt" for kind in ("seeds", "twins"))
        for line in itertools.chain.from_iterable((HERE / name).read_text("utf-8").split("\n") for name in names):
            if line.startswith("["):
                category = line.strip("[]")
            elif line:
                yield language, category, line


def _texts(line: str, count: int, rng: np.random.Generator) -> list[str]:
    parts = [part[1:-1].split("|") if part.startswith("{") else [part] for part in _CHOICE.split(line)]
    if np.prod([len(part) for part in parts]) <= count:
        return ["".join(chosen) for chosen in itertools.product(*parts)]
    count = max(count, *(len(part) for part in parts))
    columns = [_permuted(part, count, rng) for part in parts]
    return list(dict.fromkeys("".join(row) for row in zip(*columns, strict=True)))


def _permuted(part: list[str], count: int, rng: np.random.Generator) -> list[str]:
    order = np.concatenate([rng.permutation(len(part)) for _ in range(-(-count // len(part)))])
    return [part[place] for place in order[:count]]


def _tidy(text: str) -> str:
    for untidy, tidy in _TIDY:
        text = text.replace(untidy, tidy)
    return text.strip()
