"""Translation by a model of CTranslate2 on this machine: OPUS-MT, NLLB, M2M-100 and others that it converts."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import Field

from turnmill.manifests.digests import digest_of_folder
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import PrimaryTag, primary, space
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason
from turnmill.synth.shortening import sentences
from turnmill.synth.translation.translator import Source, Translated, Untranslated, flaw

_AT_ONCE: Final = 64  # texts that are sorted by length together
_LONGEST: Final = 256  # tokens of a translated sentence: a model that has not ended by then loops
_END: Final = "</s>"
_KEY: Final = "translate.local.model"
_TOKENIZER: Final = "tokenizer.json"
_PIECES: Final = ("source.spm", "target.spm")


class LocalTranslatorParams(Params):
    model: str = Field(
        min_length=1,
        description="folder of a CTranslate2 translation model with its tokenizer.json, or source.spm and target.spm",
    )
    codes: Mapping[PrimaryTag, str] | None = Field(
        default=None,
        description="the model's own token of each language, as {en: eng_Latn, zh: zho_Hans}; null: it has one pair",
    )
    beam_size: int = Field(default=4, ge=1, description="hypotheses kept while decoding; 1 is greedy and faster")
    batch_tokens: int = Field(default=1024, ge=1, description="tokens that are translated at once")
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda)$")
    compute_type: str = Field(default="default", description="CTranslate2 type: int8, float16, ...")

    @property
    def folder(self) -> Path:
        return Path(self.model).expanduser()


class _Tokenizer(Protocol):
    """Pieces of a text, and a text of pieces."""

    def pieces(self, text: str) -> list[str]: ...

    def text(self, pieces: Sequence[str]) -> str: ...


class _OfHuggingFace:
    """One file for both languages (tokenizers)."""

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(file))

    def pieces(self, text: str) -> list[str]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def text(self, pieces: Sequence[str]) -> str:
        known = (self._tokenizer.token_to_id(piece) for piece in pieces)
        return str(self._tokenizer.decode([each for each in known if each is not None]))


class _OfSentencePiece:
    """A file for each language, as OPUS-MT has them."""

    def __init__(self, source: Path, target: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        self._source = SentencePieceProcessor(model_file=str(source))
        self._target = SentencePieceProcessor(model_file=str(target))

    def pieces(self, text: str) -> list[str]:
        return list(self._source.encode(text, out_type=str))

    def text(self, pieces: Sequence[str]) -> str:
        return str(self._target.decode(list(pieces)))


def check_model(params: LocalTranslatorParams, to: str) -> None:
    """Raise UsageError for a folder that has no translation model, or one that lacks the language `to`."""
    folder = params.folder
    _check_weights(folder)
    if not (folder / _TOKENIZER).is_file():
        lacking = [name for name in _PIECES if not (folder / name).is_file()]
        if lacking:
            raise UsageError(
                f"{_KEY}: {folder} has neither {_TOKENIZER} nor {' and '.join(lacking)}: lay them beside it"
            )
        try:
            import sentencepiece  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"{_KEY}: {folder} has pieces of SentencePiece, which is not here: pip install 'turnmill[translate]'"
            ) from error
    if params.codes is not None and primary(to) not in params.codes:
        raise UsageError(
            f"translate.local.codes: has no token of {primary(to)!r}, the language of translate.to: add it"
        )


def identity(params: LocalTranslatorParams) -> Mapping[str, Any]:
    """What its translations depend on: the files, and the parameters but the device. Raises UsageError for a folder
    without a model."""
    _check_weights(params.folder)
    files = digest_of_folder(params.folder, (".bin", ".json", ".txt", ".spm"))
    return params.model_dump(mode="json", exclude={"model", "device"}) | {"files": files}


def _check_weights(folder: Path) -> None:
    if not (folder / "model.bin").is_file():
        raise UsageError(f"{_KEY}: {folder} has no model.bin: give the folder of a translation model of CTranslate2")


class LocalTranslator:
    """`synth.translation.translator.Translator`, a sentence at a time: such models drop what comes after the first."""

    at_once = _AT_ONCE

    def __init__(self, params: LocalTranslatorParams, to: str) -> None:
        """Load the model. Raises UsageError as `check_model`."""
        check_model(params, to)
        from ctranslate2 import Translator

        self.name = params.folder.name
        self._params, self._to = params, to
        folder = params.folder
        self._model = Translator(
            str(folder), device=params.device, compute_type=params.compute_type, inter_threads=1, intra_threads=1
        )
        file = folder / _TOKENIZER
        pieces = (folder / name for name in _PIECES)
        self._tokenizer: _Tokenizer = _OfHuggingFace(file) if file.is_file() else _OfSentencePiece(*pieces)

    def translate(self, sources: Sequence[Source]) -> list[Translated | Untranslated]:
        """Raises ItemError where the model fails."""
        parts = [None if self._is_unknown(source) else sentences(source.text) for source in sources]
        asked = [self._asked(part, source) for source, mine in zip(sources, parts, strict=True) for part in mine or ()]
        made = iter(self._translated(asked))
        return [
            _unknown(source) if mine is None else self._joined(source, [next(made) for _ in mine])
            for source, mine in zip(sources, parts, strict=True)
        ]

    def _is_unknown(self, source: Source) -> bool:
        """Whether a text is in no language that the model has a token of."""
        codes = self._params.codes
        return codes is not None and (source.language is None or primary(source.language) not in codes)

    def _asked(self, sentence: str, source: Source) -> list[str]:
        pieces = self._tokenizer.pieces(sentence)
        if self._params.codes is not None:
            pieces.insert(0, self._params.codes[primary(source.language or "")])
        return pieces if self._adds_end else [*pieces, _END]

    @cached_property
    def _adds_end(self) -> bool:
        """Whether the model is itself told to put an end to what it reads."""
        file = self._params.folder / "config.json"
        return bool(json.loads(file.read_text("utf-8")).get("add_source_eos")) if file.is_file() else False

    def _translated(self, asked: Sequence[list[str]]) -> list[tuple[list[str], float]]:
        """The pieces of each translation, and their log probability."""
        if not asked:
            return []
        prefix = [] if self._params.codes is None else [self._params.codes[primary(self._to)]]
        try:
            found = self._model.translate_batch(
                asked,
                [prefix] * len(asked) if prefix else None,
                beam_size=self._params.beam_size,
                max_batch_size=self._params.batch_tokens,
                batch_type="tokens",
                max_input_length=0,
                max_decoding_length=_LONGEST,
                return_scores=True,
                return_end_token=True,
            )
        except (RuntimeError, ValueError) as error:
            what = " ".join(str(error).split())[:200]
            raise ItemError(Reason.MODEL_FAILED, f"the translation model {self.name} failed: {what}") from error
        return [(list(each.hypotheses[0][len(prefix) :]), float(each.scores[0])) for each in found]

    def _joined(self, source: Source, parts: Sequence[tuple[list[str], float]]) -> Translated | Untranslated:
        if any(not pieces or pieces[-1] != _END for pieces, _ in parts):
            return Untranslated(f"a sentence has no end after {_LONGEST} tokens")
        said = [self._tokenizer.text(pieces[:-1]).strip() for pieces, _ in parts]
        text = space(self._to).join(said)
        if why := flaw(source.text, text, self._to):
            return Untranslated(why)
        count = sum(len(pieces) for pieces, _ in parts)
        return Translated(text, sum(score * len(pieces) for pieces, score in parts) / count)


def _unknown(source: Source) -> Untranslated:
    what = "in a language that nobody states" if source.language is None else f"in {source.language}"
    return Untranslated(f"it is {what}, of which translate.local.codes has no token", unknown=True)
