"""Write a trained model as the CTranslate2 folder that `faster_whisper.WhisperModel` loads."""

import json
from pathlib import Path

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from numpy.typing import NDArray
from torch import Tensor

from pipelines.asr.train.model import Size
from pipelines.asr.train.tokens import Tokens

_Array = NDArray[np.float32]


def export(state: dict[str, Tensor], size: Size, tokens: Tokens, out: Path) -> None:
    """Write model.bin (int8 weights, the rest float16), config.json, vocabulary.json, tokenizer.json,
    preprocessor_config.json.
    """
    arrays = {name: tensor.detach().float().numpy().copy() for name, tensor in state.items()}
    spec = WhisperSpec(size.encoder_layers, size.heads, size.decoder_layers, size.heads)
    for name, conv in (("conv1", spec.encoder.conv1), ("conv2", spec.encoder.conv2)):
        conv.weight, conv.bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    spec.encoder.position_encodings.encodings = arrays["positions"]
    spec.decoder.position_encodings.encodings = arrays["text_positions"]
    _norm(spec.encoder.layer_norm, arrays, "encoder_norm")
    _norm(spec.decoder.layer_norm, arrays, "decoder_norm")
    spec.decoder.embeddings.weight = arrays["embedding.weight"]
    spec.decoder.projection.weight = arrays["embedding.weight"]
    for part, layers in (("encoder", spec.encoder.layer), ("decoder", spec.decoder.layer)):
        for index, layer in enumerate(layers):
            name = f"{part}.{index}"
            _norm(layer.self_attention.layer_norm, arrays, f"{name}.attention_norm")
            _attention(layer.self_attention.linear, arrays, f"{name}.attention", ("query", "key", "value"))
            if part == "decoder":
                _norm(layer.attention.layer_norm, arrays, f"{name}.cross_norm")
                _attention(layer.attention.linear, arrays, f"{name}.cross", ("query",), ("key", "value"))
            _norm(layer.ffn.layer_norm, arrays, f"{name}.ffn_norm")
            _linear(layer.ffn.linear_0, arrays, (f"{name}.ffn_in",))
            _linear(layer.ffn.linear_1, arrays, (f"{name}.ffn_out",))
    spec.register_vocabulary([tokens.tokenizer.id_to_token(index) or "" for index in range(tokens.size)])
    space = tokens.encode(" ")
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = space if len(space) == 1 else []
    spec.config.lang_ids = tokens.languages
    spec.config.alignment_heads = [[size.decoder_layers - 1, head] for head in range(size.alignment_heads)]
    spec.validate()
    spec.optimize(quantization="int8_float16")
    out.mkdir(parents=True, exist_ok=True)
    spec.save(str(out))
    tokens.tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    settings = {
        "feature_size": 80,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }
    # For our recogniser; everyone else pads to 30 s, which is as right on one sentence and six times slower.
    settings |= {"longest_window": 6, "padded_window": 10}
    (out / "preprocessor_config.json").write_text(json.dumps(settings) + "\n")


def _norm(spec: object, arrays: dict[str, _Array], name: str) -> None:
    spec.gamma, spec.beta = arrays[f"{name}.weight"], arrays[f"{name}.bias"]  # type: ignore[attr-defined]


def _attention(linears: list[object], arrays: dict[str, _Array], name: str, *inputs: tuple[str, ...]) -> None:
    for spec, group in zip(linears, (*inputs, ("out",)), strict=True):
        _linear(spec, arrays, tuple(f"{name}.{part}" for part in group))


def _linear(spec: object, arrays: dict[str, _Array], names: tuple[str, ...]) -> None:
    """Join the linear layers `names` into one; a missing bias (Whisper's keys have none) is zero."""
    weights = [arrays[f"{name}.weight"] for name in names]
    biases = [arrays.get(f"{name}.bias", np.zeros(len(w), np.float32)) for name, w in zip(names, weights, strict=True)]
    spec.weight, spec.bias = np.concatenate(weights), np.concatenate(biases)  # type: ignore[attr-defined]
