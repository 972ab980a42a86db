"""A translation model of CTranslate2 made of a dictionary, word by word: its weights are set, not learnt.

One layer. A token's vector says by ones its position and itself; the decoder's attention looks at the source token of
its own position, and moves it to where the output reads it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

LONGEST = 300  # positions
_SURE = 40.0
_SPECIAL = ("<unk>", "<s>", "</s>")


def write_model(folder: Path, dictionary: Mapping[str, str], codes: Sequence[str] = ()) -> Path:
    """A model with a tokenizer.json of whole words. A word that the dictionary lacks is `<unk>`, and stays it."""
    vocabulary = write_weights(folder, dictionary, codes)
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write_weights(folder: Path, dictionary: Mapping[str, str], codes: Sequence[str] = ()) -> list[str]:
    """The model alone; its vocabulary."""
    vocabulary = list(dict.fromkeys([*_SPECIAL, *codes, *dictionary, *dictionary.values()]))
    count, place = len(vocabulary), {word: number for number, word in enumerate(vocabulary)}
    width = LONGEST + 2 * count
    token = np.zeros((count, width), np.float32)
    token[np.arange(count), LONGEST + np.arange(count)] = 1
    position = np.eye(LONGEST, width, dtype=np.float32)
    at = np.zeros((width, width), np.float32)
    at[:LONGEST, :LONGEST] = _SURE * np.eye(LONGEST)
    moved = np.zeros((width, width), np.float32)  # rows: what is written; columns: what is read
    for word in vocabulary:
        moved[LONGEST + count + place[dictionary.get(word, word)], LONGEST + place[word]] = _SURE
    read = np.zeros((count, width), np.float32)
    read[np.arange(count), LONGEST + count + np.arange(count)] = 1

    spec = ctranslate2.specs.TransformerSpec.from_config(1, 1, pre_norm=True)
    for half in (spec.encoder, spec.decoder):
        embeddings = half.embeddings[0] if isinstance(half.embeddings, list) else half.embeddings
        embeddings.weight = token
        half.scale_embeddings = False
        half.position_encodings.encodings = position
        _norm(half.layer_norm, width)
        (layer,) = half.layer
        _attention(layer.self_attention, [np.zeros((3 * width, width), np.float32), np.zeros_like(at)], width)
        for linear, shape in ((layer.ffn.linear_0, (4, width)), (layer.ffn.linear_1, (width, 4))):
            _linear(linear, np.zeros(shape, np.float32))
        _norm(layer.ffn.layer_norm, width)
    (layer,) = spec.decoder.layer
    key_and_value = np.concatenate([at, moved])
    _attention(layer.attention, [at, key_and_value, np.eye(width, dtype=np.float32)], width)
    _linear(spec.decoder.projection, read)
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.validate()
    spec.optimize()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    return vocabulary


def _linear(spec: Any, weight: np.ndarray[Any, Any]) -> None:
    spec.weight, spec.bias = weight, np.zeros(len(weight), np.float32)


def _norm(spec: Any, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)


def _attention(spec: Any, weights: Sequence[np.ndarray[Any, Any]], width: int) -> None:
    for linear, weight in zip(spec.linear, weights, strict=True):
        _linear(linear, weight)
    _norm(spec.layer_norm, width)
