"""The embedded recogniser's tokens: byte-level word pieces, then Whisper's special tokens in Whisper's order."""

import json
from collections.abc import Iterable
from functools import cached_property

from faster_whisper.tokenizer import _LANGUAGE_CODES
from faster_whisper.tokenizer import Tokenizer as WhisperTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

PIECES = 1000
TIMESTAMPS = 1501  # every 20 ms from 0 to 30 s

# faster-whisper suppresses the first piece of these by default; unless each is a piece of its own, that is the bare
# space.
_SUPPRESSED = (
    " -",
    " '",
    " \u2669",
    " \u266a",
    " \u266b",
    " \u266c",
    " \u266d",
    " \u266e",
    " \u266f",
    " \u300c",
    " \u300d",
    " \u300e",
    " \u300f",
)


def build(texts: Iterable[str]) -> Tokenizer:
    """Learn the word pieces of plain texts (see `texts.plain_words`) and add Whisper's special tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(
        [*(" " + text for text in texts), *(s for s in _SUPPRESSED for _ in range(100_000))], trainer
    )
    # CTranslate2 takes a vocabulary with an empty token for a multilingual one.
    pieces = {**bpe.get_vocab(), "": bpe.get_vocab_size()}
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=_merges(bpe)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ["endoftext", "startoftranscript", *_languages(), "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    specials = [f"<|{name}|>" for name in names]
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    stamps = [f"<|{index * 0.02:.2f}|>" for index in range(TIMESTAMPS)]
    tokenizer.add_tokens([AddedToken(s, special=False, normalized=False) for s in stamps])
    return tokenizer


def _languages() -> list[str]:
    # Whisper's first four are en, zh, de, es; the order of the rest is of no consequence here.
    return ["en", *(code for code in sorted(_LANGUAGE_CODES) if code != "en")]


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    return [(first, second) for first, second in json.loads(tokenizer.to_str())["model"]["merges"]]


class Tokens:
    """The ids that training and export need."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.whisper = WhisperTokenizer(tokenizer, True, task="transcribe", language="en")

    @cached_property
    def size(self) -> int:
        """How many tokens there are."""
        return self.tokenizer.get_vocab_size()

    def id(self, name: str) -> int:
        """Give the id of a special token by its name without the <|brackets|>."""
        token = self.tokenizer.token_to_id(f"<|{name}|>")
        assert token is not None, name
        return token

    @cached_property
    def languages(self) -> list[int]:
        """The language tokens' ids, in order."""
        return [self.id(code) for code in _languages()]

    def timestamp(self, seconds: float) -> int:
        """Give the id of the nearest timestamp."""
        return self.id("notimestamps") + 1 + min(round(seconds / 0.02), TIMESTAMPS - 1)

    def encode(self, text: str) -> list[int]:
        """Encode plain text."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids
