"""The training loop of the embedded recogniser."""

import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import distributed
from torch.nn import functional as F

from pipelines.asr.train import speech, texts
from pipelines.asr.train.batches import PADDING, Batch, Data
from pipelines.asr.train.export import export
from pipelines.asr.train.model import POSITIONS, Size, Whisper
from pipelines.asr.train.tokens import PIECES, Tokens, build

SEED = 20_261_120
SHARD = 4_000  # examples
PHONEMES = 128  # room for the classes of all accents
PEAK_RATE, WARM_UP = 1.0e-3, 100  # learning rate; steps
CHECKPOINT_S = 240


def speak(cache: Path, index: int) -> None:
    """Make a shard of training speech, unless it is there."""
    if not (cache / f"{index:04d}.pkl").exists():
        speech.make_shard(texts.load(), cache, index, SHARD, SEED)


def train(rank: int, ranks: int, cache: Path, out: Path, minutes: float) -> None:
    """Train on the shards in `cache` as one of `ranks` processes of one thread each, which average their gradients.

    The learning rate falls to nothing as the time runs out, however fast the machine is. Processes rather than
    threads, because on a machine that others use too, threads wait for the slowest of them at every operation, and
    processes once a step. Weights and tokens that an earlier run left in `out` are taken up.
    """
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{out.resolve()}/rendezvous", rank=rank, world_size=ranks
    )
    torch.manual_seed(SEED)
    checkpoint = out / "checkpoint.pt"
    resumed = checkpoint.exists()
    tokens = Tokens(Tokenizer.from_file(str(out / "model" / "tokenizer.json")) if resumed else _learn_tokens())
    size = Size()
    model = Whisper(size, tokens.size, PHONEMES, PIECES + 1, dropout=0.05)
    if resumed:
        model.load_state_dict(torch.load(checkpoint), strict=False)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98), fused=True)
    torch.manual_seed(SEED + rank)
    data = Data(cache, tokens)
    started = saved = time.monotonic()
    done, step, seen = 0.0, 0, 0
    sums: dict[str, float] = {}
    rng = np.random.Generator(np.random.PCG64([SEED, rank]))
    for batch in data.stream(rng):
        window = int(rng.integers(POSITIONS // 3, POSITIONS)) if rng.random() < 0.3 else POSITIONS
        losses = _losses(model, batch, window)
        (losses["text"] + losses["phonemes"] + 0.5 * (losses["attention"] + losses["pieces"])).backward()
        elapsed = (time.monotonic() - started) / (60 * minutes)
        done, count = _averaged(model, ranks, elapsed, len(batch.mel))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(step / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + count
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        if rank == 0 and step % 50 == 0:
            means = " ".join(f"{name} {value / 50:.3f}" for name, value in sums.items())
            speed = seen / (time.monotonic() - started)
            print(f"{done:.3f} step {step} seen {seen} of {len(data.items)} {speed:.1f}/s {means}", flush=True)
            sums = {}
        if rank == 0 and (time.monotonic() - saved > CHECKPOINT_S or done >= 1):
            saved = time.monotonic()
            _save(model, size, tokens, out / "model", step, seen)
        if done >= 1:
            break
    distributed.destroy_process_group()


def _learn_tokens() -> Tokenizer:
    corpus = texts.load()
    return build([texts.normalised(text) for text in corpus.written] + list(corpus.vocabulary))


def _averaged(model: Whisper, ranks: int, elapsed: float, examples: int) -> tuple[float, int]:
    """Average the gradients; give every rank the same mean of the time elapsed and count of examples."""
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor([elapsed, float(examples)])])
    distributed.all_reduce(flat)
    at = 0
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = (flat[at : at + gradient.numel()] / ranks).view_as(gradient)
        at += gradient.numel()
    return float(flat[-2]) / ranks, int(flat[-1])


def _losses(model: Whisper, batch: Batch, window: int) -> dict[str, torch.Tensor]:
    """Give the text's cross-entropy, the phonemes', and what the guided heads miss of the tokens' own frames."""
    with torch.autocast("cpu", torch.bfloat16):
        memory, mask = model.encode(batch.mel, window)
        frames = batch.phonemes.shape[1]
        phonemes = model.phoneme_head(memory)
        pieces = model.piece_head(memory[:, :frames])
        logits, weights = model.decode(batch.tokens, memory, mask)
    labels = F.pad(batch.phonemes, (0, memory.shape[1] - frames), value=PADDING)
    # The first layer finds the place, where the last token is; the last layer goes on from there to the next one.
    before = F.pad(batch.first[:, :-1], (1, 0), value=1), F.pad(batch.last[:, :-1], (1, 0), value=0)
    attention = _distraction(weights[0], *before) + _distraction(weights[-1], batch.first, batch.last)
    text = F.cross_entropy(
        logits.float().flatten(0, 1), batch.targets.flatten(), ignore_index=-100, label_smoothing=0.05
    )
    with torch.no_grad():
        wanted = batch.targets >= 0
        right = (logits.argmax(-1) == batch.targets)[wanted].float().mean()
    return {
        "text": text,
        "phonemes": F.cross_entropy(phonemes.float().transpose(1, 2), labels),
        "pieces": F.cross_entropy(pieces.float().flatten(0, 1), batch.pieces.flatten(), reduction="sum")
        / (batch.pieces >= 0).sum().clamp(min=1),  # a batch of silence has none
        "attention": attention,
        "right": right,
    }


def _distraction(weights: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Give the mean of -log(attention within the frames from `first` to `last`) over the tokens that have some."""
    at = torch.arange(weights.shape[-1])
    own = (at >= first[..., None]) & (at <= last[..., None])
    guided = last >= first
    mass = (weights * own[:, None]).sum(-1).clamp(min=1e-4)
    return -(mass.log().mean(1) * guided).sum() / guided.sum().clamp(min=1)


def _save(model: Whisper, size: Size, tokens: Tokens, out: Path, step: int, seen: int) -> None:
    export(model.state_dict(), size, tokens, out)
    torch.save(model.state_dict(), out.parent / "checkpoint.pt")
    (out.parent / "training.json").write_text(
        json.dumps({"step": step, "seen": seen, "seed": SEED, **asdict(size)}) + "\n"
    )
