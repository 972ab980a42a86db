"""Prompts as files: a heading, what is asked and its placeholders, `## System`, `## User`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from turnmill.manifests.records import stable_hash
from turnmill.synth.chat.client import Message

_SECTION = re.compile(r"^## (System|User)$\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Prompt:
    """The two parts of a prompt, with `{{placeholders}}`; `digest` is that of the whole file."""

    system: str
    user: str
    digest: str

    def messages(self, values: Mapping[str, str], refused: str | None = None) -> list[Message]:
        """What is sent: the placeholders filled (KeyError for one without a value), and why the last answer was
        refused: a model that is asked the same at temperature 0 gives the same answer again.
        """
        user = _filled(self.user, values)
        if refused is not None:
            user += f"\n\nYour last answer could not be used: {refused}. Answer anew, with the JSON object alone."
        return [{"role": "system", "content": _filled(self.system, values)}, {"role": "user", "content": user}]


@cache
def prompt(package: str, name: str) -> Prompt:
    """A prompt of one of our packages, from its `prompts/<name>.md`."""
    text = resources.files(package).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    _, first, system, second, user = _SECTION.split(text)
    if (first, second) != ("System", "User"):
        raise ValueError(f"prompts/{name}.md: has {first} before {second}; it needs System, then User")
    return Prompt(system.strip(), user.strip(), stable_hash(text))


def estimate_tokens(text: str) -> int:
    """About how many tokens a model counts in a text, for prices: one per Chinese, Japanese or Korean character, and
    one per four of any others (OpenAI's rule of thumb)."""
    wide = sum("\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in text)
    return wide + -(-(len(text) - wide) // 4)


def _filled(text: str, values: Mapping[str, str]) -> str:
    # In one pass: what a dialogue says is never taken for a placeholder.
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)
