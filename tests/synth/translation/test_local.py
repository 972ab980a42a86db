"""Translation by a model of CTranslate2, of a dictionary: what it is asked, and what is made of the answer."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_translator import LONGEST, write_model, write_weights
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import ItemError, Reason
from turnmill.synth.tokens import tokens
from turnmill.synth.translation.local import LocalTranslator, LocalTranslatorParams, check_model, identity
from turnmill.synth.translation.translator import Source, Translated, Untranslated

GERMAN = {
    "the": "der", "train": "Zug", "leaves": "fährt", "at": "um", "seven": "sieben", "nobody": "niemand",
    "knew": "kannte", "way": "Weg", ".": ".", ",": ",",
}  # fmt: skip


def params(folder: Path, **more: Any) -> LocalTranslatorParams:
    return LocalTranslatorParams(model=str(folder), **more)


def translated(
    translator: LocalTranslator, *texts: str, language: str | None = "en"
) -> list[Translated | Untranslated]:
    made = translator.translate([Source(text, language) for text in texts])
    assert len(made) == len(texts)
    return made


def test_texts_are_translated_in_order_a_sentence_at_a_time(tmp_path: Path) -> None:
    translator = LocalTranslator(params(write_model(tmp_path / "en-de", GERMAN)), "de")
    assert translator.name == "en-de"
    two, one = translated(translator, "the train leaves at seven. Nobody knew. the way", "nobody knew the way.")
    assert isinstance(one, Translated)
    assert one.text == "niemand kannte der Weg ."
    assert one.score == pytest.approx(0, abs=0.01)
    # "Nobody" with a capital is no word of its dictionary: `<unk>`, which its tokenizer writes as it is.
    assert isinstance(two, Translated)
    assert two.text == "der Zug fährt um sieben . <unk> kannte . der Weg"


def test_the_same_texts_are_the_same_alone_and_together(tmp_path: Path) -> None:
    translator = LocalTranslator(params(write_model(tmp_path / "m", GERMAN)), "de")
    texts = ["the train leaves", "nobody knew the way, the train leaves at seven.", "at seven"]
    together = translated(translator, *texts)
    assert [made for text in texts for made in translated(translator, text)] == together


def test_tokens_of_languages_are_told_to_the_model_and_are_no_part_of_the_text(tmp_path: Path) -> None:
    codes = {"en": "eng_Latn", "de": "deu_Latn"}
    folder = write_model(tmp_path / "m", GERMAN, tuple(codes.values()))
    translator = LocalTranslator(params(folder, codes=codes), "de")
    (made,) = translated(translator, "the train leaves.", language="en-GB")
    assert isinstance(made, Translated)
    assert made.text == "der Zug fährt ."
    for language, told in (("fr", "in fr"), (None, "in a language that nobody states")):
        (none,) = translated(translator, "le train", language=language)
        assert none == Untranslated(f"it is {told}, of which translate.local.codes has no token", unknown=True)
    assert translated(translator) == []
    with pytest.raises(UsageError, match=r"translate\.local\.codes: has no token of 'zh'"):
        check_model(params(folder, codes=codes), "zh")


def test_pieces_of_sentencepiece_are_put_together_again(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    folder = tmp_path / "opus"
    folder.mkdir()
    lines = ["der Zug fährt um sieben", "niemand kannte den Weg", "Brot braucht Zeit und einen warmen Raum"] * 20
    for name in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_prefix=str(folder / name), vocab_size=34, minloglevel=2
        )
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    write_weights(folder, {pieces.id_to_piece(n): pieces.id_to_piece(n) for n in range(3, pieces.get_piece_size())})
    (made,) = translated(LocalTranslator(params(folder), "de"), "niemand kannte den Weg")
    assert isinstance(made, Translated)
    assert made.text == "niemand kannte den Weg"


def test_what_is_no_translation_is_told(tmp_path: Path) -> None:
    looping = write_model(tmp_path / "looping", {"</s>": "the", "the": "the"})
    (made,) = translated(LocalTranslator(params(looping, beam_size=1), "de"), "the the")
    assert made == Untranslated("a sentence has no end after 256 tokens")
    english = "nobody knew the way home and that is what there was to say about it"
    copying = LocalTranslator(params(write_model(tmp_path / "copying", {word: word for word in tokens(english)})), "de")
    (same,) = translated(copying, english)
    assert same == Untranslated("the translation is in en, not in de")


def test_a_sentence_that_the_model_cannot_hold_is_an_error_of_the_model(tmp_path: Path) -> None:
    translator = LocalTranslator(params(write_model(tmp_path / "m", GERMAN)), "de")
    with pytest.raises(ItemError, match="the translation model m failed") as error:
        translated(translator, "the " * (LONGEST + 1))
    assert error.value.reason is Reason.MODEL_FAILED


def test_a_folder_that_lacks_something_is_told(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", GERMAN)
    (folder / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    with pytest.raises(UsageError, match=r"m has neither tokenizer\.json nor source\.spm and target\.spm"):
        check_model(params(folder), "de")
    with pytest.raises(UsageError, match=r"translate\.local\.model: .*none has no model\.bin"):
        check_model(params(tmp_path / "none"), "de")
    with pytest.raises(UsageError, match=r"translate\.local\.model: .*none has no model\.bin"):
        identity(params(tmp_path / "none"))


def test_it_is_known_by_its_files_and_not_by_where_they_lie(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", GERMAN)
    shutil.copytree(folder, tmp_path / "moved")
    assert identity(params(folder)) == identity(params(tmp_path / "moved", device="cpu"))
    assert identity(params(folder)) != identity(params(folder, beam_size=1))
    assert identity(params(folder)) != identity(params(write_model(tmp_path / "other", GERMAN | {"at": "gegen"})))
