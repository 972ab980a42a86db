"""A text that is known, as a Whisper model reads it: the tokens whose words are then found by its attention."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

_MOST: Final = 440  # tokens of a text: what the prompt leaves of the decoder's 448 positions


def given_tokens(tokenizer: "Tokenizer", text: str | None) -> list[int]:
    """The tokens of a text; none of no text, and of one that is longer than the model takes at once.

    A text in capitals alone, as LibriSpeech's, is read in small letters: Whisper writes those, and calls capitals
    improbable.
    """
    if text is None:
        return []
    found: list[int] = tokenizer.encode(" " + (text.lower() if text.isupper() else text).strip())
    return found if len(found) <= _MOST else []
