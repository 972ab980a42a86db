"""The two halves of the work, by the tables of their steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SHARDS: Final = "shards"
"""Folder of the training shards: `shards/<fingerprint>/<family>-<split>-<number>.tar`."""


@dataclass(frozen=True)
class Items:
    """What a half makes, and where each step keeps it.

    table: its items; key: their column. view: the items with all labels, over which they are selected. selection,
    plan, samples: what was removed, which shard each item goes to, what was written. family: how the names of its
    training shards begin. select_key: the recipe's key of the selection, which is the name of that step.
    """

    half: str
    table: str
    key: str
    view: str
    selection: str
    plan: str
    samples: str
    family: str
    select_key: str


SPEECH = Items(
    half="speech",
    table="clips",
    key="uid",
    view="clips_all",
    selection="clip_selection",
    plan="clip_plan",
    samples="clip_samples",
    family="clip",
    select_key="select",
)
DIALOGUE = Items(
    half="dialogue",
    table="dialogues",
    key="id",
    view="dialogues_all",
    selection="dialogue_selection",
    plan="dialogue_plan",
    samples="dialogue_samples",
    family="dialogue",
    select_key="select_dialogues",
)
HALVES: Mapping[str, Items] = {items.half: items for items in (SPEECH, DIALOGUE)}
