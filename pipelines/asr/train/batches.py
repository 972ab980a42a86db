"""Batches for training: examples of similar length, with the target tokens and what each frame and token should
attend to.
"""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.asr.train.speech import Example
from pipelines.asr.train.tokens import Tokens

FRAMES_PER_BATCH = 5_000  # mel frames with their padding: about 16 sentences a process
_TAIL = 14  # zero frames after the longest example: `Whisper.encode` takes its padding from them
_ROUND = 2_000  # examples
_FRAME_S = 0.02  # of an encoder frame
_IGNORED = -100  # what cross_entropy skips

PADDING, SILENCE = 0, 1  # phoneme classes besides espeak's own


@dataclass(frozen=True)
class Batch:
    """Tensors of B examples.

    `mel` [B, frames, 80]; what sounds in each encoder frame, as `phonemes` and as word `pieces` [B, frames / 2]; and
    for L tokens the decoder's `tokens`, their `targets` and the first and last encoder frame each should attend to
    (`first` > `last` = anywhere). -100 stands for no target.
    """

    mel: Tensor
    phonemes: Tensor
    pieces: Tensor
    tokens: Tensor
    targets: Tensor
    first: Tensor
    last: Tensor


@dataclass(frozen=True)
class _Item:
    mel: NDArray[np.float16]
    phonemes: NDArray[np.int64]
    example: Example
    spans: list[tuple[int, float, float]]  # word pieces with their share of the word's time, by letters


class Data:
    """All shards of a folder, memory-mapped; shards that appear later are taken up by the next round."""

    def __init__(self, folder: Path, tokens: Tokens) -> None:
        self.folder, self.tokens = folder, tokens
        # The first shard has every phoneme that matters; a later one's that it lacks is not asked for.
        first = pickle.loads((folder / "0000.pkl").read_bytes())
        names = {name for example in first for name, _ in example.phonemes if not name.startswith("_")}
        self.names = {name: index + 2 for index, name in enumerate(sorted(names))}
        self.items: list[_Item] = []
        self._seen: set[str] = set()
        self._encoded: dict[str, list[int]] = {}

    def refresh(self) -> None:
        """Open the shards that are new."""
        for path in sorted(self.folder.glob("*.pkl")):
            if path.stem in self._seen:
                continue
            self._seen.add(path.stem)
            mel = np.load(path.with_suffix(".npy"), mmap_mode="r")
            at = 0
            for example in pickle.loads(path.read_bytes()):
                self.items.append(
                    _Item(mel[at : at + example.frames], self._labels(example), example, self._spans(example))
                )
                at += example.frames

    def stream(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Draw examples for ever, in rounds within which batches are of similar length."""
        while True:
            self.refresh()
            chosen = rng.choice(len(self.items), size=min(_ROUND, len(self.items)), replace=False)
            items = sorted((self.items[i] for i in chosen), key=lambda item: item.example.frames)
            groups: list[list[_Item]] = [[]]
            for item in items:
                if (item.example.frames + _TAIL) * (len(groups[-1]) + 1) > FRAMES_PER_BATCH and groups[-1]:
                    groups.append([])
                groups[-1].append(item)
            for index in rng.permutation(len(groups)):
                yield self._batch(groups[index], rng)

    def _labels(self, example: Example) -> NDArray[np.int64]:
        starts = np.array([start for _, start in example.phonemes])
        classes = [SILENCE if name.startswith("_") else self.names.get(name, _IGNORED) for name, _ in example.phonemes]
        times = (np.arange((example.frames + 1) // 2) + 0.5) * _FRAME_S
        return np.array([SILENCE, *classes])[np.searchsorted(starts, times, "right")]

    def _batch(self, items: list[_Item], rng: np.random.Generator) -> Batch:
        longest = max(item.example.frames for item in items) + _TAIL
        longest += longest % 2
        mel = np.zeros((len(items), longest, 80), np.float32)
        phonemes = np.full((len(items), longest // 2), PADDING)
        rows = [self._targets(item, rng, items) for item in items]
        length = max(len(row[0]) for row in rows)
        pieces = np.full(phonemes.shape, _IGNORED)
        tokens, targets = np.zeros((2, len(items), length), np.int64)
        targets[:] = _IGNORED
        first, last = np.full((len(items), length), longest), np.zeros((len(items), length), np.int64)
        for b, (item, row) in enumerate(zip(items, rows, strict=True)):
            mel[b, : item.example.frames] = _masked(item.mel, rng)
            phonemes[b, : len(item.phonemes)] = item.phonemes
            for piece, start, end in item.spans:
                pieces[b, round(start / _FRAME_S) : round(end / _FRAME_S)] = piece
            size = len(row[0])
            tokens[b, :size], targets[b, :size], first[b, :size], last[b, :size] = row
        return Batch(*(torch.from_numpy(x) for x in (mel, phonemes, pieces, tokens, targets, first, last)))

    def _targets(
        self, item: _Item, rng: np.random.Generator, others: list[_Item]
    ) -> tuple[list[int], list[int], list[int], list[int]]:
        """Give the decoder's input, its targets and the frames each should attend to: 20 % with timestamps, 7 % after
        other text.
        """
        t = self.tokens
        prompt = [t.id("startoftranscript"), t.id("en"), t.id("transcribe")]
        example = item.example
        text = [piece for piece, _, _ in item.spans]
        spans = [(start, end) for _, start, end in item.spans]
        stamped = bool(text) and rng.random() < 0.2
        if stamped:
            text = [t.timestamp(example.words[0][1]), *text, t.timestamp(example.words[-1][2])]
            spans = [(0.0, 0.0), *spans, (0.0, 0.0)]
        else:
            prompt.append(t.id("notimestamps"))
        after = example.words[-1][2] if example.words else 0.0
        sequence = [*prompt, *text, t.id("endoftext")]
        wanted = [_IGNORED] * (len(prompt) - 1) + sequence[len(prompt) :]
        wanted[0] = t.id("en") if text else t.id("nospeech")
        spans = [(0.0, 0.0)] * (len(prompt) - 1) + spans + [(after, after + 0.2) if text else (0.0, 0.0)]
        first = [int(start / _FRAME_S - 0.5) if end > start else 1 for start, end in spans]
        last = [int(end / _FRAME_S + 0.5) if end > start else 0 for start, end in spans]
        tokens = sequence[:-1]
        if rng.random() < 0.07:
            before = others[rng.integers(len(others))].spans
            pieces = [t.id("startofprev"), *(piece for piece, _, _ in before)]
            tokens, wanted = pieces + tokens, [_IGNORED] * len(pieces) + wanted
            first, last = [1] * len(pieces) + first, [0] * len(pieces) + last
        return tokens, wanted, first, last

    def _spans(self, example: Example) -> list[tuple[int, float, float]]:
        spans: list[tuple[int, float, float]] = []
        for word, start, end in example.words:
            if word not in self._encoded:
                self._encoded[word] = self.tokens.encode(" " + word)
            pieces = self._encoded[word]
            sizes = np.cumsum([0, *(len(self.tokens.tokenizer.id_to_token(piece) or "") for piece in pieces)])
            edges = (start + (end - start) * sizes / sizes[-1]).tolist()
            spans += [(piece, *edge) for piece, edge in zip(pieces, pairwise(edges), strict=True)]
        return spans


def _masked(mel: NDArray[np.float16], rng: np.random.Generator) -> NDArray[np.float32]:
    """Hide a band of up to 12 mels (40 %) and a stretch of up to 80 ms (25 %)."""
    x = mel.astype(np.float32)
    if rng.random() < 0.4:
        low = rng.integers(0, 74)
        x[:, low : low + rng.integers(1, 13)] = x.min()
    if rng.random() < 0.25 and len(x) > 50:
        at = rng.integers(0, len(x) - 10)
        x[at : at + rng.integers(1, 9)] = x.min()
    return x
