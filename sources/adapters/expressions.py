"""Regular expressions of entries and recipes, which may not search for ever."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, AnyStr, Final, Generic

import regex
from pydantic import AfterValidator

from turnmill.manifests.errors import UsageError

_LONGEST_S: Final = 5.0  # of the processor, for one text, of which an honest expression takes microseconds
_MOST: Final = 20  # texts that take longer, after which it is the expression that is wrong and not they


class Expression(Generic[AnyStr]):
    """A regular expression. Its searches raise ValueError where one takes too long, as nested repeats do on some texts,
    and UsageError where many do."""

    def __init__(self, text: AnyStr) -> None:
        """Raises ValueError for what is none."""
        try:
            self._compiled = regex.compile(text)
        except regex.error as error:
            raise ValueError(f"{text!r} is no regular expression: {error}") from error
        self.text: AnyStr = text
        self._slow = 0

    @property
    def groups(self) -> Mapping[str, int]:
        return dict(self._compiled.groupindex)

    def match(self, text: AnyStr) -> bool:
        """Whether a text begins as it says; not where that takes too long, so that no such text is passed over."""
        try:
            return self._found(self._compiled.match, text) is not None
        except ValueError:
            return False

    def fullmatch(self, text: AnyStr) -> Any:
        return self._found(self._compiled.fullmatch, text)

    def search(self, text: AnyStr) -> Any:
        return self._found(self._compiled.search, text)

    def _found(self, how: Any, text: AnyStr) -> Any:
        try:
            return how(text, timeout=_LONGEST_S)
        except TimeoutError as error:
            self._slow += 1
            why = (
                f"the regular expression {_shown(self.text)} is not done with {_shown(text)} after {_LONGEST_S:g} s: "
                "write it without a repeat in a repeat"
            )
            raise (UsageError(why) if self._slow > _MOST else ValueError(why)) from error


def _shown(text: str | bytes) -> str:
    return repr((text.decode("utf-8", "replace") if isinstance(text, bytes) else text)[:60])


@cache
def expression(text: AnyStr) -> Expression[AnyStr]:
    """Raises ValueError for what is none."""
    return Expression(text)


def _checked(text: str) -> str:
    expression(text)
    return text


ExpressionText = Annotated[str, AfterValidator(_checked)]
"""A string field of a catalogue entry that must be a regular expression."""
