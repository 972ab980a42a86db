"""Dialogues written as trees of messages that answer each other, as Open Assistant has them, of which one path is read:
from the first message on the reply of the best rank each time (0 is the best; a message without a rank comes after
those that have one, in the order of the file), down to the last answer of the assistant. Messages that were deleted or
did not pass review are no replies."""

from collections.abc import Callable
from typing import Any

from turnmill.manifests.records import Reason
from turnmill.sources.adapters.dialogue_said import ROLES, NoDialogue, Said


def nested(first: dict[str, Any]) -> list[Said]:
    """The path of a tree whose messages have their `replies`."""
    return _path(first, lambda message: message.get("replies"))


def flat(rows: list[Any]) -> list[Said]:
    """The path of messages that each name the one that they answer (`message_id`, `parent_id`)."""
    messages = [row for row in rows if isinstance(row, dict)]
    first = [message for message in messages if message.get("parent_id") is None]
    if len(first) != 1:
        raise NoDialogue(Reason.BAD_ROW, f"has {len(first)} messages that answer none: one has to begin the dialogue")
    replies: dict[str, list[Any]] = {}
    for message in messages:
        replies.setdefault(str(message.get("parent_id")), []).append(message)
    return _path(first[0], lambda message: replies.pop(str(message.get("message_id")), []))  # once: ids may repeat


def _path(first: dict[str, Any], replies_of: Callable[[dict[str, Any]], Any]) -> list[Said]:
    said: list[Said] = []
    message: dict[str, Any] | None = first
    while message is not None:
        role, text = message.get("role"), message.get("text")
        if not isinstance(role, str) or not isinstance(text, str):
            raise NoDialogue(Reason.BAD_ROW, f"has message {len(said)} of its best path without a role and a text")
        said.append(Said(role, text))
        message = _best(replies_of(message))
    while len(said) > 1 and ROLES.get(said[-1].role.lower()) == "user":
        said.pop()
    return said


def _best(replies: Any) -> dict[str, Any] | None:
    found = [reply for reply in replies if isinstance(reply, dict)] if isinstance(replies, list) else []
    fit = [reply for reply in found if not reply.get("deleted") and reply.get("review_result") is not False]
    return min(fit, key=_rank, default=None)


def _rank(message: dict[str, Any]) -> float:
    rank = message.get("rank")
    return rank if isinstance(rank, int | float) and rank == rank else float("inf")
