"""What the CosyVoice engine needs, said in one sentence each; and what its identity depends on."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.synth.tts import cosyvoice_fake
from tests.synth.tts.conftest import Fake
from turnmill.manifests.errors import UsageError
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceParams, wording

LINE = Line("1", "I would like to go there on the fourth of May.", "ann", "en", 1)


def test_the_checkout_is_found_by_the_environment_and_on_the_python_path(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSYVOICE_REPO", str(fake.checkout))
    first = fake.engine(repo=None).identity
    monkeypatch.delenv("COSYVOICE_REPO")
    monkeypatch.syspath_prepend(str(fake.checkout))
    speaker = fake.engine(repo=None)
    assert speaker.identity == first
    assert isinstance(speaker.synthesize([LINE])[0], Speech)


def test_no_checkout_is_said_with_the_command(fake: Fake) -> None:
    with pytest.raises(UsageError, match=r"needs its checkout: git clone --recursive .*COSYVOICE_REPO"):
        fake.engine(repo=None)


def test_a_folder_that_is_no_checkout_is_named(fake: Fake) -> None:
    with pytest.raises(UsageError, match=r"is no checkout of CosyVoice: cosyvoice/cli/cosyvoice.py is missing"):
        fake.engine(repo=str(fake.folder))


def test_the_package_of_pypi_is_told_from_the_real_one(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    # Version 0.0.8 of the fork has these files and no more.
    fork = fake.folder / "site-packages" / "cosyvoice"
    fork.mkdir(parents=True)
    for name in ("__init__", "api", "server", "version"):
        (fork / f"{name}.py").write_text("raise ImportError('the fork was imported')\n")
    monkeypatch.syspath_prepend(str(fork.parent))
    with pytest.raises(UsageError, match=r"cosyvoice of PyPI is not CosyVoice: pip uninstall cosyvoice"):
        fake.engine(repo=None)
    assert isinstance(fake.engine().synthesize([LINE])[0], Speech)  # and it does no harm beside a checkout


def test_another_cosyvoice_imported_first_is_refused(fake: Fake) -> None:
    other = cosyvoice_fake.write_checkout(fake.folder / "other")
    assert fake.package.__file__.startswith(str(fake.checkout))
    with pytest.raises(UsageError, match="another package named cosyvoice was imported before"):
        fake.engine(repo=str(other)).synthesize([LINE])


def test_a_checkout_without_its_submodule_is_said_with_the_command(fake: Fake) -> None:
    shutil.rmtree(fake.checkout / "third_party")
    (fake.checkout / "third_party" / "Matcha-TTS").mkdir(parents=True)
    with pytest.raises(UsageError, match="git submodule update --init --recursive"):
        fake.engine()


@pytest.mark.parametrize("name", ["torch", "hyperpyyaml"])
def test_a_missing_requirement_is_named_with_the_command(
    fake: Fake, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # what an absent module looks like to the import system
    with pytest.raises(UsageError, match=rf"CosyVoice needs {name}: pip install -r .*requirements.txt"):
        fake.engine().synthesize([LINE])


def test_a_requirement_that_breaks_on_import_is_said(fake: Fake) -> None:
    (fake.checkout / "cosyvoice" / "cli" / "cosyvoice.py").write_text("import a_module_that_is_nowhere\n")
    with pytest.raises(UsageError, match=r"could not be imported .*a_module_that_is_nowhere"):
        fake.engine().synthesize([LINE])


@pytest.mark.parametrize(
    ("generation", "name"),
    [(1, "speech_tokenizer_v1.onnx"), (2, "flow.pt"), (3, "campplus.onnx"), (3, "CosyVoice-BlankEN/config.json")],
)
def test_the_first_file_that_a_model_lacks_is_named(fake: Fake, generation: int, name: str) -> None:
    (fake.model(generation) / name).unlink()
    with pytest.raises(UsageError, match=rf"no whole CosyVoice {generation} model: {name} is missing"):
        fake.engine(generation)


def test_a_folder_without_a_model_is_named(fake: Fake) -> None:
    with pytest.raises(UsageError, match=r"is no CosyVoice model: it has none of cosyvoice.yaml, cosyvoice2.yaml"):
        fake.engine(model=str(fake.folder))


def test_a_path_that_is_not_there_never_reaches_the_package(fake: Fake) -> None:
    with pytest.raises(UsageError, match="there is no folder /no/such/model"):
        fake.engine(model="/no/such/model")
    assert not fake.package.LOADED


def test_a_hub_id_is_fetched_from_the_hub_before_the_package_sees_it(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def snapshot_download(repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repo_id, revision))
        assert {"cosyvoice3.yaml", "llm.pt", "CosyVoice-BlankEN/*"} <= set(allow_patterns)
        return str(fake.model(3))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    speaker = fake.engine(3, model="FunAudioLLM/Fun-CosyVoice3-0.5B-2512", revision="abc")
    assert isinstance(speaker.synthesize([LINE])[0], Speech)
    assert asked == [("FunAudioLLM/Fun-CosyVoice3-0.5B-2512", "abc")]
    (given,) = fake.package.LOADED
    assert given == {"model_dir": str(fake.model(3))}


def test_a_hub_id_without_the_hub_s_package_is_said_with_the_command(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="pip install huggingface_hub"):
        fake.engine(model="nobody/nothing")


def test_a_hub_that_does_not_answer_is_said_in_one_sentence(fake: Fake) -> None:
    script = (
        "from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, CosyVoiceParams\n"
        f"CosyVoiceEngine(CosyVoiceParams(model='nobody/nothing', repo={str(fake.checkout)!r}), {{}})"
    )
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(fake.folder / "hub"),
        "PYTHONPATH": os.pathsep.join([str(fake.folder / "stubs"), str(Path(__file__).parents[5])]),
    }
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    last = run.stderr.strip().splitlines()[-1]
    assert "UsageError: there is no folder nobody/nothing, and the Hugging Face hub gave no model" in last


@pytest.mark.parametrize("flag", ["fp16", "load_trt", "load_vllm"])
def test_flags_that_the_package_would_silently_drop_without_cuda_are_refused(fake: Fake, flag: str) -> None:
    (fake.model(2) / "flow.decoder.estimator.fp32.onnx").touch()
    vllm = "class ModelRegistry:\n    @staticmethod\n    def register_model(name, kind): pass\n"
    (fake.folder / "stubs" / "vllm.py").write_text(vllm)
    (fake.checkout / "cosyvoice" / "vllm").mkdir()
    (fake.checkout / "cosyvoice" / "vllm" / "cosyvoice2.py").write_text("class CosyVoice2ForCausalLM: pass\n")
    with pytest.raises(UsageError, match=rf"{flag} of the cosyvoice engine needs a CUDA device"):
        fake.engine(**{flag: True}).synthesize([LINE])


@pytest.mark.parametrize("flag", ["fp16", "load_trt", "load_vllm"])
def test_flags_are_passed_on_where_there_is_cuda(fake: Fake, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test_flags_that_the_package_would_silently_drop_without_cuda_are_refused(fake, flag)
    monkeypatch.setattr(sys.modules["torch"].cuda, "is_available", lambda: True)
    assert isinstance(fake.engine(**{flag: True}).synthesize([LINE])[0], Speech)
    (given,) = fake.package.LOADED
    assert given == {"model_dir": str(fake.model(2)), flag: True}


def test_what_tensorrt_and_vllm_cannot_do_is_said_before_any_work(fake: Fake) -> None:
    with pytest.raises(UsageError, match=r"flow\.decoder\.estimator.fp32.onnx is missing"):
        fake.engine(load_trt=True)
    with pytest.raises(UsageError, match="CosyVoice 1, which does not run on vLLM"):
        fake.engine(1, load_vllm=True)


def test_a_model_that_does_not_load_is_said_with_the_cause(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("Error(s) in loading state_dict for Qwen2LM")

    monkeypatch.setattr(fake.package, "AutoModel", fail)
    with pytest.raises(UsageError, match=r"could not load .*model2: RuntimeError: Error\(s\) in loading state_dict"):
        fake.engine().synthesize([LINE])


def test_a_package_without_a_text_normaliser_is_refused(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(fake.package.FrontEnd):  # type: ignore[name-defined,misc]
        def __init__(self, sample_rate: int) -> None:
            super().__init__(sample_rate)
            self.text_frontend = ""

    monkeypatch.setattr(fake.package, "FrontEnd", Bare)
    with pytest.raises(UsageError, match=r"pip install 'wetext>=0.1'"):
        fake.engine().synthesize([LINE])


def test_the_log_of_the_process_stays_at_its_level(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest's own would keep the package from setting it up
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    fake.engine().synthesize([LINE])
    assert logging.root.level == logging.WARNING
    assert not any(isinstance(handler, logging.NullHandler) for handler in logging.root.handlers)


def test_nothing_is_imported_before_the_first_line(fake: Fake) -> None:
    speaker = fake.engine()
    assert (speaker.sample_rate, bool(speaker.identity)) == (24_000, True)
    assert not {"cosyvoice", "torch"} & set(sys.modules)


def test_the_identity_is_that_of_code_weights_and_settings_wherever_they_lie(fake: Fake) -> None:
    base = fake.engine().identity
    moved = shutil.copytree(fake.model(2), fake.folder / "elsewhere" / "copy")
    checkout = shutil.copytree(fake.checkout, fake.folder / "elsewhere" / "CosyVoice")
    assert fake.engine(model=str(moved), repo=str(checkout)).identity == base
    assert str(fake.folder) not in base
    changed = {base, fake.engine(3).identity, fake.engine(speed=1.5).identity, fake.engine(style="fast").identity}
    (moved / "llm.pt").write_bytes(b"llm.pu")  # other weights of the same size
    changed.add(fake.engine(model=str(moved)).identity)
    (checkout / "cosyvoice" / "cli" / "model.py").write_text("fixed = True\n")
    changed.add(fake.engine(repo=str(checkout)).identity)
    assert len(changed) == 6


def test_what_a_run_writes_into_the_model_s_folder_does_not_change_its_identity(fake: Fake) -> None:
    base = fake.engine().identity
    (fake.model(2) / "flow.decoder.estimator.fp32.mygpu.plan").write_bytes(b"built here")
    (fake.model(2) / "vllm").mkdir()
    assert fake.engine().identity == base


@pytest.mark.parametrize("wrong", [{"speed": 3}, {"tries": 0}, {"stream": True}, {"model": ""}, {"style": ""}])
def test_parameters_out_of_range_and_unknown_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CosyVoiceParams.model_validate({"model": "x/y"} | wrong)


@given(st.text(alphabet="<|>en a1.!。"), st.sampled_from([1, 2, 3]))
def test_no_text_can_switch_the_normaliser_off_or_end_the_prompt(text: str, generation: wording.Generation) -> None:
    spoken = wording.spoken_text(text, generation)
    assert "<|" not in spoken
    assert "|>" not in spoken


@given(st.text(alphabet="ab .!?。"))
def test_pieces_lose_no_letter(text: str) -> None:
    letters = "".join(character for character in text if character.isalpha())
    assert "".join(c for piece in wording.pieces(text) for c in piece if c.isalpha()) == letters
