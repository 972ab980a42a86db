"""What is said in a dialogue as it is written, and why there may be none."""

from typing import Final, NamedTuple

from turnmill.manifests.records import Reason

ROLES: Final = {
    **dict.fromkeys(("user", "human", "prompter", "用户"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "ai", "moss", "助手"), "assistant"),
}
"""What corpora call the two that speak, in lower case."""


class NoDialogue(Exception):
    """A row that holds no dialogue: the reason of its reject, and what is said after its place."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Said(NamedTuple):
    """A turn as written. `call`: of a tool, that an assistant's message makes itself."""

    role: str
    text: str
    emotion: str | None = None
    call: str | None = None
