"""What a recipe may say of CosyVoice."""

from pydantic import Field

from turnmill.manifests.params import Params


class CosyVoiceParams(Params):
    """Settings of `CosyVoiceEngine`.

    `model` is a folder or the id of a model on the Hugging Face hub, at `revision` (None: its main branch); `repo` is
    a checkout of github.com/FunAudioLLM/CosyVoice with its submodules (None: the environment variable COSYVOICE_REPO,
    or the Python path). `speed` is the rate of speech against the model's own.

    `style` is how every line is said unless its own style or emotion says otherwise: a key of `wording.INSTRUCTIONS`
    ("joy", "soft", "sichuan") or a sentence of one's own. Where it is an emotion, no line with another is said so. With
    `emotions` false a line's style and emotion are ignored, which CosyVoice-300M-SFT needs: it has no instruct mode and
    nothing in its files tells so.

    `fp16`, `load_trt` and `load_vllm` are CosyVoice's own flags and need CUDA. TensorRT and vLLM write what they build
    into the model's folder. The seeds do not reach vLLM: with it, a line depends on those spoken before.

    A line that fails is tried `tries` times, each with another seed. A backchannel or another short text is spoken up
    to `candidates` times until one is as long as it should be.
    """

    model: str = Field(min_length=1)
    repo: str | None = None
    revision: str | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    style: str | None = Field(default=None, min_length=1)
    emotions: bool = True
    fp16: bool = False
    load_trt: bool = False
    load_vllm: bool = False
    tries: int = Field(default=3, ge=1, le=10)
    candidates: int = Field(default=4, ge=1, le=16)
