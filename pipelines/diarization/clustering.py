"""Voices that are one speaker's, over a whole corpus: agglomerative clustering that never sees all pairs at once."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

Float = NDArray[Any]
Int64 = NDArray[np.int64]

BLOCK: Final = 4_000
"""Voices whose pairs are looked at together: 192 MB of distances."""


def clusters(voices: Float, alike: float, block: int = BLOCK) -> Int64:
    """The cluster of each voice, [n], numbered in the order in which they come first; the same for the same input.

    voices: [n, d], of length 1. alike: mean cosine from which two clusters are one, by average linkage.

    More voices than `block` go in blocks, whose clusters are the voices of the next round: first as they are given,
    where those of a recording stand together, then sorted by what they differ in most, until a round joins none. Two
    clusters that were never in one block stay two. Memory: two copies of `voices` besides them, and twice the pairs of
    a block.
    """
    of_voice = np.arange(len(voices))
    nodes, order = voices, of_voice
    sizes: Float = np.ones(len(voices))
    is_sorted = False
    while len(nodes):
        joined = _joined(nodes, order, alike, block)
        before = len(nodes)
        of_voice = joined[of_voice]
        nodes, sizes = _centroids(nodes, sizes, joined, block)
        if before <= block or (is_sorted and len(nodes) == before):
            break
        order, is_sorted = _by_difference(nodes, block), True
    return _by_first(of_voice)


def _joined(nodes: Float, order: Int64, alike: float, block: int) -> Int64:
    """The cluster of each node, of those in its block."""
    found = np.zeros(len(nodes), np.int64)
    count = 0
    for at in range(0, len(order), block):
        places = order[at : at + block]
        labels = np.ones(1, np.int64)
        if len(places) > 1:
            labels = fcluster(linkage(_apart(nodes[places]), "average"), 1 - alike, criterion="distance")
        found[places] = count + labels - 1
        count += int(labels.max())
    return found


def _apart(nodes: Float) -> Float:
    """1 less the mean cosine of the voices of each two nodes: the product of their means, as they are."""
    pairs: Float = squareform(np.maximum(1 - nodes @ nodes.T, 0), checks=False)
    return pairs


def _centroids(nodes: Float, sizes: Float, joined: Int64, block: int) -> tuple[Float, Float]:
    """Of each cluster, the mean of its voices and their number."""
    counts = np.bincount(joined, sizes)
    means = np.zeros((len(counts), nodes.shape[1]), nodes.dtype)
    for at in range(0, len(nodes), block):
        part = slice(at, at + block)
        shares = (sizes[part] / counts[joined[part]]).astype(nodes.dtype)
        np.add.at(means, joined[part], nodes[part] * shares[:, None])
    return means, counts


def _by_difference(nodes: Float, block: int) -> Int64:
    """The order of nodes along the axis on which they differ most."""
    centre = nodes.mean(axis=0, dtype=np.float64)
    spread = np.zeros((nodes.shape[1], nodes.shape[1]))
    for at in range(0, len(nodes), block):
        apart = nodes[at : at + block] - centre
        spread += apart.T @ apart
    _, axes = np.linalg.eigh(spread)
    axis = axes[:, -1] * np.sign(axes[np.argmax(np.abs(axes[:, -1])), -1])  # either sign is one to eigh
    return np.argsort(nodes @ axis.astype(nodes.dtype), kind="stable")


def _by_first(labels: Int64) -> Int64:
    """Labels anew, from 0 in the order in which they come first."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[inverse]
