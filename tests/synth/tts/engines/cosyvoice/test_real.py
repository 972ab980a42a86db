"""The engine on the real package, CosyVoice 2 and 3, with miniature models of random weights.

Skipped without COSYVOICE_REPO, a checkout of github.com/FunAudioLLM/CosyVoice with its submodules and requirements:

    COSYVOICE_REPO=../CosyVoice OMP_NUM_THREADS=1 python -m pytest tests/synth/tts/test_cosyvoice_real.py
"""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synth.tts import cosyvoice_fake, cosyvoice_miniature
from tests.synth.tts.conftest import cloned
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tags import TAG
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, CosyVoiceParams, engine, package, wording
from turnmill.synth.tts.engines.cosyvoice.prompts import wav_file

REPO = os.environ.get("COSYVOICE_REPO")
pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(REPO is None, reason="needs a checkout of CosyVoice: set COSYVOICE_REPO"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TEXT = "I would like to go there on the fourth of May."
VOICES = {voice.name: voice for voice in (cloned(), cloned("li", "zh", text="我在这座城市住了很多年，我很喜欢它。"))}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Model folders, built in a process of their own so that the engine's import of the package is the first."""
    folder = tmp_path_factory.mktemp("models")
    for generation in ("2", "3"):
        script = [sys.executable, cosyvoice_miniature.__file__, str(folder / generation), generation]
        subprocess.run(script, check=True, capture_output=True, timeout=240)
    return {2: folder / "2", 3: folder / "3"}


@pytest.fixture(scope="module", params=[2, 3])
def generation(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def speaker(models: dict[int, Path], generation: int) -> CosyVoiceEngine:
    import torch

    torch.set_num_threads(1)  # with more, a busy machine is ten times slower
    return CosyVoiceEngine(CosyVoiceParams(model=str(models[generation])), VOICES)


def _line(
    text: str = TEXT, language: str = "en", seed: int = 4, emotion: str | None = None, voice: str = "ann"
) -> Line:
    return Line(f"line-{seed}", text, voice, language, seed, emotion)


def _speak(speaker: CosyVoiceEngine, *lines: Line) -> list[Speech]:
    results = speaker.synthesize(lines)
    assert all(isinstance(result, Speech) for result in results), results
    return [result for result in results if isinstance(result, Speech)]


MODES = {
    "zero_shot": _line(),
    "cross_lingual": _line("我想在五月四日去那里。", "zh"),
    "instruct2": _line(emotion="happy"),
    "instruct2_cross_lingual": _line(voice="li", emotion="sad"),
}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_speaks_and_the_same_line_the_same(speaker: CosyVoiceEngine, generation: int, mode: str) -> None:
    line = MODES[mode]
    (first,) = _speak(speaker, line)
    _speak(speaker, *MODES.values())
    (again,) = _speak(speaker, line)
    assert np.array_equal(first.pcm, again.pcm)
    assert first.pcm.dtype == np.float32
    assert np.abs(first.pcm).max() > 0.01
    assert first.sample_rate == 24_000
    if generation == 2:  # two speech tokens of 40 ms for each of the text's tokens, which are bytes
        assert len(first.pcm) == 2 * 960 * len(line.text.encode())


def test_another_seed_speaks_otherwise(speaker: CosyVoiceEngine) -> None:
    clips = {speech.pcm.tobytes() for speech in _speak(speaker, *[_line(seed=seed) for seed in range(4)])}
    assert len(clips) == 4


def _documented(bare: Any, generation: int, mode: str, wav: str) -> Iterator[dict[str, Any]]:
    """The calls of the package's `example.py`, without a cached speaker."""
    system = "You are a helpful assistant.<|endofprompt|>" if generation == 3 else ""
    line = MODES[mode]
    if mode == "zero_shot":
        return bare.inference_zero_shot(line.text, system + VOICES["ann"].prompt.text, wav, stream=False)
    if mode == "cross_lingual":
        return bare.inference_cross_lingual(system + line.text, wav, stream=False)
    told = {"happy": "请非常开心地说一句话。", "sad": "请非常伤心地说一句话。"}[line.emotion]
    system = "You are a helpful assistant. " if generation == 3 else ""
    return bare.inference_instruct2(line.text, f"{system}{told}<|endofprompt|>", wav, stream=False)


@pytest.mark.parametrize("mode", MODES)
def test_the_speech_is_that_of_the_package_called_as_its_examples_do(
    speaker: CosyVoiceEngine, generation: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    seed_all = engine.seed_all
    monkeypatch.setattr(engine, "seed_all", lambda seed: (seeds.append(seed), seed_all(seed)))
    (ours,) = _speak(speaker, MODES[mode])
    voice = VOICES[MODES[mode].voice]
    with wav_file(voice.prompt, voice.name) as wav:
        seed_all(seeds[0])
        bare = [chunk["tts_speech"].numpy()[0] for chunk in _documented(speaker._model, generation, mode, wav)]
    assert len(ours.pcm) > 2_400
    assert np.array_equal(ours.pcm, np.clip(np.concatenate(bare), -1, 1))


def test_what_the_thread_of_the_language_model_raises_is_the_line_s_error(
    speaker: CosyVoiceEngine,
    generation: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _speak(speaker, _line())
    capfd.readouterr()
    with monkeypatch.context() as patch:
        if generation == 3:
            patch.setattr(wording, "END_OF_PROMPT", "")
            expected = "AssertionError: <|endofprompt|> not detected in CosyVoice3"
        else:
            patch.setattr(speaker._model.model.llm, "sampling", _raise)
            expected = "ValueError: should not get token"
        (error,) = speaker.synthesize([_line(emotion="angry")])
    assert isinstance(error, SpeechError)
    assert error.reason == "engine_failed"
    assert expected in error.detail
    assert capfd.readouterr().err == ""
    assert not any(value for name, value in vars(speaker._model.model).items() if name.endswith("_dict"))
    _speak(speaker, _line())


def _raise(*_: object) -> int:
    raise ValueError("should not get token")


def test_a_clip_cut_short_by_the_thread_is_never_taken_for_the_line(
    speaker: CosyVoiceEngine, generation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = _speak(speaker, _line())
    language_model = speaker._model.model.llm
    sample: Callable[..., int] = language_model.sampling
    calls = iter(range(1_000_000))
    monkeypatch.setattr(language_model, "sampling", lambda *given: sample(*given) if next(calls) != 3 else _raise())
    (retried,) = _speak(speaker, _line())
    assert not np.array_equal(whole.pcm, retried.pcm)
    assert generation == 3 or len(retried.pcm) == len(whole.pcm)


def test_a_backchannel_is_spoken_once(speaker: CosyVoiceEngine) -> None:
    first, second = _speak(speaker, _line("Mm-hm.", seed=1), _line("Mm-hm.", seed=1))
    assert first.pcm is second.pcm
    assert 0.04 <= len(first.pcm) / 24_000 < 2


def test_tags_are_tokens_of_the_model_and_pass_its_normaliser(speaker: CosyVoiceEngine) -> None:
    _speak(speaker, _line())
    frontend = speaker._model.frontend
    for tag in ("[breath]", "[laughter]", "[cough]", "[sigh]", "[noise]", "[mn]", "[quick_breath]", "<laughter>"):
        assert TAG.fullmatch(tag)
        assert len(frontend.tokenizer.encode(tag)) == 1
        assert frontend.text_normalize(f"Well {tag} I have 3.") == [f"Well {tag} I have three."]


def test_instructions_are_those_of_the_package(speaker: CosyVoiceEngine) -> None:
    _speak(speaker, _line())
    common = sys.modules["cosyvoice.utils.common"]
    said = {wording.instruct_text(sentence, 3) for sentence in wording.INSTRUCTIONS.values()}
    assert said >= set(common.instruct_list)  # the others are ours, for emotions that it has no sentence for


def test_the_fake_has_the_signatures_of_the_package(speaker: CosyVoiceEngine) -> None:
    _speak(speaker, _line())
    real = sys.modules["cosyvoice.cli.cosyvoice"]
    for kind in ("CosyVoice", "CosyVoice2", "CosyVoice3"):
        for name, method in inspect.getmembers(getattr(cosyvoice_fake, kind), inspect.isfunction):
            if name == "__init__" or not name.startswith("_"):
                assert inspect.signature(method) == inspect.signature(getattr(getattr(real, kind), name))
    assert inspect.signature(cosyvoice_fake.AutoModel) == inspect.signature(real.AutoModel)


def test_the_identity_names_code_and_weights(speaker: CosyVoiceEngine, generation: int) -> None:
    assert speaker.identity.startswith(f"cosyvoice{generation} code {package.package_digest(Path(str(REPO)))} model ")
