"""Dialogues that are given a task."""

from collections.abc import Callable

import pytest

from turnmill.manifests.records import Licence, TextDialogue, TextTurn

ENGLISH = (
    ("What's the best way to keep strawberries fresh?", "Put them in the fridge in an open box, on a paper towel."),
    ("And how do I freeze them?", "Lay them on a tray so that they do not touch, and bag them once they are hard."),
    ("How long do they keep?", "About half a year."),
)
CHINESE = (
    ("草莓怎么保存才不容易坏？", "先别洗，垫一张厨房纸放进冰箱冷藏。"),
    ("那可以冷冻吗？", "可以的，平铺着冻硬，再装进袋子里。"),
    ("能放多久？", "大概半年。"),
)


def make_dialogue(name: str, language: str = "en", first: str | None = None) -> TextDialogue:
    """Six turns; `first` in place of what the user says first."""
    pairs = CHINESE if language.startswith("zh") else ENGLISH
    turns = [TextTurn(role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]
    if first is not None:
        turns[0] = TextTurn("user", first)
    return TextDialogue(name, tuple(turns), language, "tests", Licence("CC0-1.0", True, True), "talk")


@pytest.fixture
def dialogue() -> Callable[..., TextDialogue]:
    return make_dialogue
