"""Build model folders that the real CosyVoice package loads and runs in seconds on a CPU, with random weights.

Every part is there at its smallest: language model, flow, vocoder, and stand-ins for the two ONNX models. What the
package asks of each is said where it is built. The speech is noise, but its path through the package is the real one.

    COSYVOICE_REPO=../CosyVoice python tests/synth/tts/cosyvoice_miniature.py FOLDER [2|3]
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

QWEN = "CosyVoice-BlankEN"
VOCABULARY = 152_064  # CosyVoice 3 asserts id 151646, so the real size
SPEECH_TOKENS = 6_561
HIDDEN = 16

_COMMON = """\
sample_rate: 24000
qwen_pretrain_path: ''

llm: !new:cosyvoice.llm.llm.{lm}
    llm_input_size: {hidden}
    llm_output_size: {hidden}
    speech_token_size: {speech_tokens}
    llm: !new:cosyvoice.llm.llm.Qwen2Encoder
        pretrain_path: !ref <qwen_pretrain_path>
    sampling: !name:cosyvoice.utils.common.ras_sampling
        top_p: 0.8
        top_k: 25

get_tokenizer: !name:cosyvoice.tokenizer.tokenizer.get_qwen_tokenizer
    token_path: !ref <qwen_pretrain_path>
    skip_special_tokens: True
    version: cosyvoice{generation}
allowed_special: 'all'
feat_extractor: !name:matcha.utils.audio.mel_spectrogram
    n_fft: 1920
    num_mels: 80
    sampling_rate: 24000
    hop_size: 480
    win_size: 1920
    fmin: 0
    fmax: 8000
    center: False

hift: !new:cosyvoice.hifigan.generator.{vocoder}
    in_channels: 80
    base_channels: 32
    nb_harmonics: 8
    sampling_rate: 24000
    upsample_rates: [8, 5, 3]
    upsample_kernel_sizes: [16, 11, 7]
    istft_params: {{n_fft: 16, hop_len: 4}}
    resblock_kernel_sizes: [3, 7, 11]
    resblock_dilation_sizes: [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    source_resblock_kernel_sizes: [7, 7, 11]
    source_resblock_dilation_sizes: [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    f0_predictor: !new:cosyvoice.hifigan.f0_predictor.{pitch}
        in_channels: 80
        cond_channels: 16
"""

_CFM = """\
    decoder: !new:cosyvoice.flow.flow_matching.CausalConditionalCFM
        in_channels: 240
        n_spks: 1
        spk_emb_dim: 80
        cfm_params: !new:omegaconf.DictConfig
            content: {sigma_min: 1e-06, solver: euler, t_scheduler: cosine, training_cfg_rate: 0.2,
                      inference_cfg_rate: 0.7, reg_loss_type: l1}
"""

_FLOW_2 = (
    """\
flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithXvec
    input_size: 512
    vocab_size: 6561
    input_frame_rate: 25
    encoder: !new:cosyvoice.transformer.upsample_encoder.UpsampleConformerEncoder
        input_size: 512
        output_size: 512
        attention_heads: 2
        linear_units: 64
        num_blocks: 1
        input_layer: linear
        pos_enc_layer_type: rel_pos_espnet
        selfattention_layer_type: rel_selfattn
        use_cnn_module: False
        macaron_style: False
        static_chunk_size: 25
"""
    + _CFM
    + """\
        estimator: !new:cosyvoice.flow.decoder.CausalConditionalDecoder
            in_channels: 320
            out_channels: 80
            channels: [32]
            dropout: 0.0
            attention_head_dim: 16
            n_blocks: 1
            num_mid_blocks: 1
            num_heads: 2
            act_fn: gelu
            static_chunk_size: 50
            num_decoding_left_chunks: -1
"""
)

_FLOW_3 = (
    """\
flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithDiT
    input_size: 80
    vocab_size: 6561
    input_frame_rate: 25
    pre_lookahead_layer: !new:cosyvoice.transformer.upsample_encoder.PreLookaheadLayer
        in_channels: 80
        channels: 32
        pre_lookahead_len: 3
"""
    + _CFM
    + """\
        estimator: !new:cosyvoice.flow.DiT.dit.DiT
            dim: 32
            depth: 1
            heads: 2
            dim_head: 16
            ff_mult: 2
            mel_dim: 80
            mu_dim: 80
            spk_dim: 80
            out_channels: 80
            static_chunk_size: 50
            num_decoding_left_chunks: -1
"""
)


def build(folder: Path, generation: Literal[2, 3]) -> Path:
    """Write a model folder of CosyVoice 2 or 3; the package must be importable."""
    import torch
    from hyperpyyaml import load_hyperpyyaml

    folder.mkdir(parents=True)
    _qwen(folder / QWEN)
    causal = {2: ("Qwen2LM", "HiFTGenerator", "ConvRNNF0Predictor"),
              3: ("CosyVoice3LM", "CausalHiFTGenerator", "CausalConvRNNF0Predictor")}  # fmt: skip
    lm, vocoder, pitch = causal[generation]
    common = _COMMON.format(
        lm=lm, vocoder=vocoder, pitch=pitch, hidden=HIDDEN, speech_tokens=SPEECH_TOKENS, generation=generation
    )
    text = common + {2: _FLOW_2, 3: _FLOW_3}[generation]
    (folder / f"cosyvoice{generation}.yaml").write_text(text, "utf-8")
    torch.manual_seed(1986)
    parts = load_hyperpyyaml(text, overrides={"qwen_pretrain_path": str(folder / QWEN)})
    if generation == 2:
        _speak_two_tokens_a_byte(parts["llm"].llm_decoder.bias.data)
    torch.save(parts["llm"].state_dict(), folder / "llm.pt")
    torch.save(parts["flow"].state_dict(), folder / "flow.pt")
    torch.save({f"generator.{name}": value for name, value in parts["hift"].state_dict().items()}, folder / "hift.pt")
    _campplus(folder / "campplus.onnx")
    _speech_tokenizer(folder / f"speech_tokenizer_v{generation}.onnx")
    return folder


def _speak_two_tokens_a_byte(bias: Any) -> None:
    # The end is not allowed before two speech tokens for each text token, and now comes at once: 80 ms a character.
    bias[SPEECH_TOKENS] += 12
    bias[SPEECH_TOKENS + 1 :] -= 20


def _qwen(folder: Path) -> None:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(1986)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    # Qwen's byte-level BPE without its merges: one token a byte, and the special tokens under their own ids.
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    ids = {name: 151_643 + index for index, name in enumerate(special)} | {"<|endofprompt|>": 151_646}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": name, "special": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for name, number in ids.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "model": {
            "type": "BPE",
            "vocab": {symbol: index for index, symbol in enumerate(_byte_symbols())} | ids,
            "merges": [],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}), "utf-8")


def _byte_symbols() -> list[str]:
    """The characters by which byte-level BPE names the 256 bytes: themselves, or from U+0100 on where unprintable."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(0x100 + index) for index in range(len(others))]


def _campplus(path: Path) -> None:
    """Float32 [1, frames, 80] of features to float32 [1, 192] of a speaker."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(1986).standard_normal((80, 192)).astype(np.float32)
    nodes = [
        helper.make_node("Abs", ["features"], ["loud"]),
        helper.make_node("ReduceMean", ["loud", "frames"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["speaker"]),
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1]), "frames")]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, None, 80])]
    outputs = [helper.make_tensor_value_info("speaker", TensorProto.FLOAT, [1, 192])]
    save(_onnx(nodes, inputs, outputs, constants), str(path))


def _speech_tokenizer(path: Path) -> None:
    """Float32 [1, 128, frames] of log-mel at 100 Hz and int32 [1], its length, to int32 [1, frames // 4] of tokens."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    nodes = [
        helper.make_node("AveragePool", ["mel"], ["slow"], kernel_shape=[4], strides=[4]),
        helper.make_node("ReduceMean", ["slow", "bands"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "thousand"], ["scaled"]),
        helper.make_node("Cast", ["scaled"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Mod", ["whole", "codes"], ["all"]),
        helper.make_node("Div", ["length", "four"], ["count"]),
        helper.make_node("Cast", ["count"], ["end"], to=TensorProto.INT64),
        helper.make_node("Slice", ["all", "zero", "end", "bands"], ["tokens"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1]), "bands"),
        numpy_helper.from_array(np.array([0]), "zero"),
        numpy_helper.from_array(np.float32(1_000), "thousand"),
        numpy_helper.from_array(np.int32(SPEECH_TOKENS), "codes"),
        numpy_helper.from_array(np.array([4], np.int32), "four"),
    ]
    inputs = [
        helper.make_tensor_value_info("mel", TensorProto.FLOAT, [1, 128, None]),
        helper.make_tensor_value_info("length", TensorProto.INT32, [1]),
    ]
    outputs = [helper.make_tensor_value_info("tokens", TensorProto.INT32, [1, None])]
    save(_onnx(nodes, inputs, outputs, constants), str(path))


def _onnx(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any]) -> Any:
    from onnx import helper

    graph = helper.make_graph(nodes, "miniature", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


if __name__ == "__main__":
    import os

    checkout = Path(os.environ["COSYVOICE_REPO"])
    sys.path[:0] = [str(checkout), str(checkout / "third_party" / "Matcha-TTS")]
    build(Path(sys.argv[1]), 2 if sys.argv[2:] == ["2"] else 3)
