"""Between whole numbers and what a network reads and writes: encodings, decodings, and the loss of each decoding."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.suites.task import IntArray, Task
from benchmarks.zoo.recipe import Decoding, InputEncoding


def input_features(task: Task, encoding: InputEncoding) -> int:
    """How many numbers the network reads in each step."""
    sizes = [high - low + 1 for low, high in task.inputs]
    match encoding:
        case "one_hot":
            return sum(sizes)
        case "one_hot_joint":
            return math.prod(sizes)
        case "integer":
            return len(sizes)


def encode(task: Task, encoding: InputEncoding, inputs: IntArray) -> Tensor:
    """Network inputs of shape `(batch, time, feature)` from integers of shape `(batch, time, arity)`."""
    if encoding == "integer":
        return torch.from_numpy(inputs).float()
    sizes = [high - low + 1 for low, high in task.inputs]
    offsets = [torch.from_numpy(inputs[:, :, i] - low) for i, (low, _) in enumerate(task.inputs)]
    if encoding == "one_hot":
        blocks = [functional.one_hot(offset, size) for offset, size in zip(offsets, sizes, strict=True)]
        return torch.cat(blocks, dim=-1).float()
    index = torch.zeros_like(offsets[0])
    for offset, size in zip(offsets, sizes, strict=True):
        index = index * size + offset
    return functional.one_hot(index, math.prod(sizes)).float()


def output_features(task: Task, decoding: Decoding) -> int:
    """How many numbers the network writes in each step."""
    return sum(_block_sizes(task)) if decoding == "argmax" else len(task.outputs)


def _block_sizes(task: Task) -> list[int]:
    sizes = []
    for low, high in task.outputs:
        if low is None or high is None:
            raise ValueError(f"expected a bounded output for argmax, got {low}..{high} in {task.name}")
        sizes.append(high - low + 1)
    return sizes


def decode(task: Task, decoding: Decoding, outputs: Tensor) -> Tensor:
    """Integers of shape `(..., arity)` from network outputs of shape `(..., feature)`."""
    match decoding:
        case "round":
            return torch.round(outputs).long()
        case "sign":
            return (outputs > 0).long()
        case "argmax":
            blocks = outputs.split(_block_sizes(task), dim=-1)
            lows = [low or 0 for low, _ in task.outputs]
            return torch.stack([block.argmax(-1) + low for block, low in zip(blocks, lows, strict=True)], dim=-1)


def loss(task: Task, decoding: Decoding, outputs: Tensor, truth: Tensor, tau: float) -> Tensor:
    """The mean loss of each member, for outputs `(member, batch, time, feature)` and truth `(batch, time, arity)`.

    Cross-entropy for `argmax` and `sign`; for `round`, log(1 + (error / tau)^2) / 2.
    """
    match decoding:
        case "round":
            return (0.5 * torch.log1p(((outputs - truth) / tau) ** 2)).flatten(1).mean(1)
        case "sign":
            target = truth.float().expand_as(outputs)
            return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none").flatten(1).mean(1)
        case "argmax":
            total = outputs.new_zeros(outputs.shape[0])
            for i, block in enumerate(outputs.split(_block_sizes(task), dim=-1)):
                index = (truth[..., i] - (task.outputs[i][0] or 0)).expand(block.shape[:-1])
                picked = torch.log_softmax(block, dim=-1).gather(-1, index.unsqueeze(-1))
                total = total - picked.flatten(1).mean(1)
            return total
