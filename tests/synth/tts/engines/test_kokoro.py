"""Kokoro speaks Chinese and English in blends of voices, with every word in its place; what it lacks is a sentence."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx2
import huggingface_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence, Reason
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.align import sounding
from turnmill.synth.tts.chinese_phonemes import chinese_sentences
from turnmill.synth.tts.engines.kokoro import KOKORO, Blend, KokoroEngine, KokoroParams
from turnmill.synth.tts.engines.kokoro.model import PACKAGE, fetch_model, find_model, unfetched
from turnmill.synth.voices import Voice

pytest.importorskip("misaki.zh", reason="the extra `chinese` is not installed")

TEXT = "今天天气很好，我们去公园吧。"


@pytest.fixture(scope="module")
def engine() -> KokoroEngine:
    if PACKAGE.folder is None:
        pytest.skip(f"needs Kokoro: {PACKAGE.pip}")
    return KokoroEngine(KokoroParams(), KOKORO.voices)


def line(text: str = TEXT, voice: str = "kokoro-zh-jf_alpha", language: str = "zh-CN") -> Line:
    return Line("d#0", text, voice, language, 1)


def test_chinese_is_spoken_character_by_character_to_the_same_bytes(engine: KokoroEngine) -> None:
    speech, blend, again = engine.synthesize([line(), line(voice="kokoro-zh-jf_nezumi-jm_kumo"), line()])
    assert isinstance(speech, Speech)
    assert isinstance(blend, Speech)
    assert isinstance(again, Speech)
    assert [word.text for word in speech.words or ()] == sounding(TEXT)
    assert all(a.end <= b.start for a, b in pairwise(speech.words or ()))
    gap = (speech.words or ())[6].start - (speech.words or ())[5].end
    assert gap > 0.1, "the comma is a pause, and in no word"
    assert speech.pcm.tobytes() == again.pcm.tobytes() != blend.pcm.tobytes()


@pytest.mark.parametrize(("style", "low", "high"), [("fast", 0.7, 0.87), ("slow", 1.15, 1.35)])
def test_a_rate_is_heard(style: str, low: float, high: float, engine: KokoroEngine) -> None:
    plain, styled = engine.synthesize([line(), replace(line(), style=style)])
    assert isinstance(plain, Speech)
    assert isinstance(styled, Speech)
    assert low < len(styled.pcm) / len(plain.pcm) < high
    assert [word.text for word in styled.words or ()] == sounding(TEXT)


def test_english_and_latin_words_are_read_as_english(engine: KokoroEngine) -> None:
    english, mixed = engine.synthesize(
        [line("Put the kettle on.", "kokoro-en-jm_kumo", "en"), line("我用 Python 写代码。")]
    )
    assert isinstance(english, Speech)
    assert len(english.words or ()) == 4
    assert isinstance(mixed, Speech)
    assert "Python" in [word.text for word in mixed.words or ()]


def test_a_bad_line_is_an_error_in_its_place(engine: KokoroEngine) -> None:
    found = engine.synthesize([line("……"), line(language="en"), line(voice="nobody"), line("好。")])
    assert [each.reason for each in found[:3] if isinstance(each, SpeechError)] == [
        Reason.NOTHING_SPOKEN, Reason.UNSUPPORTED_LANGUAGE, Reason.UNKNOWN_VOICE
    ]  # fmt: skip
    assert isinstance(found[3], Speech)


def test_a_voice_that_the_model_lacks_is_refused_by_name(engine: KokoroEngine) -> None:  # noqa: ARG001
    voice = Voice("x", "zh", None, None, Licence("CC0-1.0", True, True), Blend(("zf_xiaobei",)))
    with pytest.raises(UsageError, match=r"kokoro has no voice 'zf_xiaobei'; package has jf_alpha, .*jm_kumo"):
        KokoroEngine(KokoroParams(), {"x": voice})


def test_a_model_is_a_folder_with_one_model_and_one_file_of_voices(tmp_path: Path, engine: KokoroEngine) -> None:
    with pytest.raises(UsageError, match=r"has no \*\.onnx: it must have one"):
        find_model(KokoroParams(model=str(tmp_path)))
    folder = PACKAGE.folder
    assert folder is not None
    (tmp_path / "kokoro-v1.0.onnx").symlink_to(folder / "kokoro-v1.0.int8.onnx")
    (tmp_path / "voices-v1.0.bin").write_bytes((folder / "voices.npz").read_bytes())
    own = KokoroEngine(KokoroParams(model=str(tmp_path)), KOKORO.voices)
    assert own.identity == engine.identity
    (tmp_path / "other.onnx").touch()
    with pytest.raises(UsageError, match="more than one"):
        find_model(KokoroParams(model=str(tmp_path)))
    with pytest.raises(UsageError, match="neither a folder nor owner"):
        find_model(KokoroParams(model="nowhere"))


def test_a_model_of_the_hub_is_fetched_once_and_nothing_else_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: KokoroEngine
) -> None:
    folder = PACKAGE.folder
    assert folder is not None
    names = ["README.md", "onnx/model_fp16.onnx", "kokoro-v1.0.onnx", "voices-v1.0.bin"]
    fetched = []

    def hf_hub_download(repo: str, name: str) -> str:
        fetched.append((repo, name))
        (tmp_path / "hub").mkdir(exist_ok=True)
        there = folder / ("kokoro-v1.0.int8.onnx" if name.endswith(".onnx") else "voices.npz")
        (tmp_path / "hub" / name).symlink_to(there)
        return str(tmp_path / "hub" / name)

    def snapshot_download(_: str, local_files_only: bool) -> str:
        assert local_files_only
        return str(tmp_path / "hub")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", lambda _: names)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    params = KokoroParams(model="owner/kokoro")
    assert unfetched(params)
    assert fetch_model(params).model.name == "kokoro-v1.0.onnx"
    assert fetched == [("owner/kokoro", "kokoro-v1.0.onnx"), ("owner/kokoro", "voices-v1.0.bin")]
    assert not unfetched(params)
    assert KokoroEngine(params, KOKORO.voices).identity == engine.identity
    names[:] = ["onnx/model.onnx"]
    with pytest.raises(UsageError, match=r"owner/kokoro has no \*\.onnx: it must have one"):
        fetch_model(params)
    names[:] = []

    def unreachable(_: str) -> list[str]:
        raise httpx2.ConnectError("no network")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", unreachable)
    with pytest.raises(UsageError, match=r"'owner/kokoro' could not be downloaded \(ConnectError\)"):
        fetch_model(params)


def test_a_model_of_another_kind_is_a_sentence(tmp_path: Path, engine: KokoroEngine) -> None:  # noqa: ARG001
    (tmp_path / "x.onnx").write_bytes(b"not a model")
    np.savez(tmp_path / "voices.npz", **{name: np.zeros((3, 1, 256), np.float32) for name in ("jf_alpha", "jm_kumo")})
    bank = {name: voice for name, voice in KOKORO.voices.items() if name == "kokoro-zh-jf_alpha"}
    broken = KokoroEngine(KokoroParams(model=str(tmp_path)), bank)
    (tmp_path / "voices.npz").unlink()
    (tmp_path / "voices-v1.0.bin").write_bytes(np.zeros(900, np.float32).tobytes())
    with pytest.raises(UsageError, match=r"voices-v1\.0\.bin is no NumPy archive of voices: take voices-v1"):
        KokoroEngine(KokoroParams(model=str(tmp_path)), bank)
    with pytest.raises(UsageError, match=r"x\.onnx cannot be used: .*It must be an export of the kokoro-onnx project"):
        broken.synthesize([line()])


@given(
    st.lists(
        st.sampled_from([*"今天天气很好雄琼儿子〇㐂", "，", "。", "？", "Python", " ", "5", "AI", "——", "“好”"]),
        max_size=20,
    ).map("".join)
)
def test_every_character_is_read_once_and_in_its_order(text: str) -> None:
    sentences = chinese_sentences(text)
    found = [owner for sentence in sentences for owner in sentence.owners if owner is not None]
    assert found == sorted(found)
    assert set(found) <= set(range(len(sounding(text))))
    assert all(len(sentence.symbols) == len(sentence.owners) for sentence in sentences)
    if "㐂" not in text:
        assert set(found) == set(range(len(sounding(text))))
