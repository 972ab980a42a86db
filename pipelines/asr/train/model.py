"""The embedded recogniser in torch: Whisper's architecture, small, with two extra losses that exact labels make
possible.

espeak says when each phoneme and word sounds. A phoneme head on the encoder (dropped on export) learns every 20 ms
frame, and two cross-attention heads are told where each token is: they are also the alignment heads that faster-
whisper takes word times from.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Size:
    """Widths and depths; 80 mels, 1,500 encoder and 448 decoder positions are Whisper's own."""

    width: int = 256
    heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 2
    alignment_heads: int = 2  # of the last decoder layer, the first ones


MELS, POSITIONS, TEXT_POSITIONS = 80, 1500, 448
_PADDING = 8  # frames that stand for all the padding of a window


def sinusoids(length: int, width: int) -> Tensor:
    """Whisper's position table [length, width]: sines then cosines, timescales up to 10,000."""
    increment = math.log(10_000) / (width // 2 - 1)
    angles = torch.arange(length)[:, None] * torch.exp(-increment * torch.arange(width // 2))[None]
    return torch.cat([angles.sin(), angles.cos()], 1)


class Attention(nn.Module):
    """Multi-head attention without a key bias, as in Whisper."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """[batch, time, width] -> [batch, heads, time, width / heads]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from `x` to `memory` with an additive mask; also the weights [batch, heads, time, memory time].

        Written out: torch's fused attention takes three times as long on a CPU at these lengths.
        """
        query, key, value = self.split(self.query(x)), self.split(self.key(memory)), self.split(self.value(memory))
        scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(2, 3)
        weights = (scores + mask).softmax(-1)
        y = weights.to(value.dtype) @ value
        return self.out(y.transpose(1, 2).flatten(2)), weights


class Layer(nn.Module):
    """A pre-norm transformer layer; a decoder's has cross-attention."""

    def __init__(self, width: int, heads: int, cross: bool, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width, heads)
        if cross:
            self.cross_norm, self.cross = nn.LayerNorm(width), Attention(width, heads)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn_in, self.ffn_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Give the layer's output and, in a decoder, its cross-attention weights."""
        y = self.attention_norm(x)
        y, weights = self.attention(y, y, mask)
        x = x + self.drop(y)
        if hasattr(self, "cross"):
            y, weights = self.cross(self.cross_norm(x), memory, memory_mask)
            x = x + self.drop(y)
        return x + self.drop(self.ffn_out(F.gelu(self.ffn_in(self.ffn_norm(x))))), weights


class Whisper(nn.Module):
    """The recogniser with its two frame heads."""

    def __init__(self, size: Size, tokens: int, phonemes: int, pieces: int, dropout: float) -> None:
        super().__init__()
        self.size = size
        self.conv1 = nn.Conv1d(MELS, size.width, 3, padding=1)
        self.conv2 = nn.Conv1d(size.width, size.width, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(POSITIONS, size.width))
        self.encoder = nn.ModuleList(Layer(size.width, size.heads, False, 0.0) for _ in range(size.encoder_layers))
        self.encoder_norm = nn.LayerNorm(size.width)
        self.embedding = nn.Embedding(tokens, size.width)
        nn.init.normal_(self.embedding.weight, std=0.04)
        self.register_buffer("text_positions", 0.3 * sinusoids(TEXT_POSITIONS, size.width))
        self.decoder = nn.ModuleList(Layer(size.width, size.heads, True, dropout) for _ in range(size.decoder_layers))
        self.decoder_norm = nn.LayerNorm(size.width)
        self.phoneme_head = nn.Linear(size.width, phonemes)
        self.piece_head = nn.Linear(size.width, pieces)
        for name, parameter in self.named_parameters():
            if name.endswith(("out.weight", "ffn_out.weight")):  # the residual branches start small
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * size.encoder_layers))

    def encode(self, mel: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """Encode [batch, frames, 80] as if padded to a window of `window` encoder frames; also the keys' additive mask.

        `mel` must end in at least 12 frames of padding (zeros). faster-whisper pads every clip to 30 s, which would
        make training five times dearer; all that padding has one content and differs by position alone, so a few
        frames drawn from it, each counting for many in the softmax, stand for it.
        """
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel.transpose(1, 2))))).transpose(1, 2)
        frames = x.shape[1]
        bounds = torch.linspace(frames, max(window, frames + 1), _PADDING + 1)
        at = (bounds[:-1] + torch.rand(_PADDING) * (bounds[1:] - bounds[:-1])).long().clamp(max=POSITIONS - 1)
        padding = x[:, -3:-2].expand(-1, _PADDING, -1)
        x = torch.cat([x, padding], 1) + torch.cat([self.positions[:frames], self.positions[at]])
        mask = torch.zeros(x.shape[1])
        mask[frames:] = math.log(max(window - frames, 1) / _PADDING)
        mask = mask[None, None, None]
        for layer in self.encoder:
            x, _ = layer(x, mask, x, mask)
        return self.encoder_norm(x), mask

    def decode(self, tokens: Tensor, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Give logits [batch, tokens, vocabulary] and by layer the guided weights [batch, heads, tokens, frames]."""
        x = self.embedding(tokens) + self.text_positions[: tokens.shape[1]]
        mask = torch.full((tokens.shape[1], tokens.shape[1]), float("-inf")).triu(1)
        guided = []
        for layer in self.decoder:
            x, weights = layer(x, mask, memory, memory_mask)
            guided.append(weights[:, : self.size.alignment_heads])
        return F.linear(self.decoder_norm(x), self.embedding.weight), guided
