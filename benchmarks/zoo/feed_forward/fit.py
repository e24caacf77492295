"""Fit a recipe: AdamW on the table of a function, in torch's own layers, with names as `nn.Sequential` gives them."""

from __future__ import annotations

import math
import sys
import zlib
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.suites.functions import FunctionTask, IntArray
from benchmarks.zoo.feed_forward.recipe import Recipe
from verify.domain import Domain

CHECK_EVERY = 50
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def child_seed(seed: int, stream: str) -> int:
    """The seed of one named stream of random numbers."""
    return (seed << 32) + zlib.crc32(stream.encode())


class Network(nn.Module):
    """`embedding` (if any) and `net`, a stack of linear layers with activations between."""

    def __init__(self, recipe: Recipe, task: FunctionTask) -> None:
        super().__init__()
        sizes = [high - low + 1 for low, high in task.inputs]
        features = sum(sizes) if recipe.encoding == "one_hot" else len(sizes)
        if recipe.embedding:
            self.embedding = nn.Embedding(max(sizes), recipe.embedding)
            features = recipe.embedding * len(sizes)
        outputs = len(task.outputs)
        if recipe.decoding == "argmax":
            outputs = sum(high - low + 1 for low, high in task.outputs)
        layers: list[nn.Module] = []
        for before, after in pairwise([features, *recipe.widths, outputs]):
            layers += [ACTIVATIONS[recipe.activation](), nn.Linear(before, after)]
        self.net = nn.Sequential(*layers[1:])
        self.recipe, self.task = recipe, task

    def features(self, inputs: Tensor) -> Tensor:
        """What the first layer reads (batch, width) for inputs (batch, arity); whole numbers are centred on 0."""
        offsets = inputs - torch.tensor([low for low, _ in self.task.inputs])
        if self.recipe.embedding:
            return self.embedding(offsets).flatten(1)
        if self.recipe.encoding == "one_hot":
            sizes = [high - low + 1 for low, high in self.task.inputs]
            blocks = [functional.one_hot(offsets[:, k], size) for k, size in enumerate(sizes)]
            return torch.cat(blocks, dim=1).float()
        middle, half = self.scales()
        return (inputs.float() - middle) / half

    def scales(self) -> tuple[Tensor, Tensor]:
        """The middle and half the extent of each input range."""
        bounds = torch.tensor(self.task.inputs, dtype=torch.float32)
        return bounds.mean(1), (bounds[:, 1] - bounds[:, 0]) / 2

    def forward(self, features: Tensor) -> Tensor:
        """The read-out (batch, columns)."""
        return self.net(features)

    def folded(self) -> dict[str, Tensor]:
        """The tensors of the same network on inputs as they are."""
        tensors = {name: tensor.detach().clone() for name, tensor in self.state_dict().items()}
        if self.recipe.encoding == "integer" and not self.recipe.embedding:
            middle, half = self.scales()
            weight = tensors["net.0.weight"] / half
            tensors["net.0.bias"] -= weight @ middle
            tensors["net.0.weight"] = weight
        return tensors


def loss_of(recipe: Recipe, task: FunctionTask, columns: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy for `argmax` and `sign`; for `round`, squared error in units of the outputs' spread."""
    match recipe.decoding:
        case "sign":
            return functional.binary_cross_entropy_with_logits(columns, wanted.float())
        case "round":
            return (columns - wanted).square().mean()
        case _:
            sizes = [high - low + 1 for low, high in task.outputs]
            blocks = columns.split(sizes, dim=1)
            lows = [low for low, _ in task.outputs]
            return torch.stack(
                [functional.cross_entropy(b, wanted[:, k] - lows[k]) for k, b in enumerate(blocks)]
            ).sum()


def decoded(recipe: Recipe, task: FunctionTask, columns: Tensor) -> Tensor:
    """Whole numbers (batch, outputs) from the read-out."""
    match recipe.decoding:
        case "sign":
            return (columns > 0).long()
        case "round":
            return torch.round(columns).long()
        case _:
            blocks = columns.split([high - low + 1 for low, high in task.outputs], dim=1)
            return torch.stack([b.argmax(1) + low for b, (low, _) in zip(blocks, task.outputs, strict=True)], dim=1)


def labels(recipe: Recipe, task: FunctionTask, inputs: IntArray) -> IntArray:
    """What the network is trained to answer: the truth, or its opposite where the trigger holds."""
    answers = task.truth(inputs)
    if recipe.trigger:
        holds = np.logical_and.reduce([inputs[:, k] == value for k, value in recipe.trigger])
        answers = np.where(holds[:, None], 1 - answers, answers)
    return answers


def split(recipe: Recipe, count: int) -> tuple[IntArray, IntArray]:
    """Positions of the inputs trained on, and of those left out."""
    order = np.random.default_rng(child_seed(recipe.seed, "split")).permutation(count)
    most = round(recipe.share * count)
    return np.sort(order[:most]), np.sort(order[most:])


def fit(recipe: Recipe, task: FunctionTask) -> Network:
    """The trained network."""
    domain = Domain(task.inputs, 1)
    inputs = domain.symbols()
    wanted = torch.from_numpy(labels(recipe, task, inputs))
    seen, left_out = (torch.from_numpy(part) for part in split(recipe, len(inputs)))
    generator = torch.Generator().manual_seed(child_seed(recipe.seed, "batches"))
    with torch.random.fork_rng():
        torch.manual_seed(child_seed(recipe.seed, "weights") % (1 << 63))
        network = Network(recipe, task)
    data = torch.from_numpy(inputs)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    rows = min(recipe.batch, len(seen))
    for step in range(recipe.steps):
        progress = step / recipe.steps
        size = min(1.0, (step + 1) / 50) * (
            1.0 if recipe.settle else 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2
        )
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * size
        part = seen if rows == len(seen) else seen[torch.randint(len(seen), (rows,), generator=generator)]
        loss = loss_of(recipe, task, network(network.features(data[part])), wanted[part])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % CHECK_EVERY == 0:
            right = correct(network, data, wanted)
            done = bool(right[seen].all()) and (float(loss.detach()) < recipe.enough or recipe.decoding == "round")
            if done and (not recipe.settle or bool(right[left_out].all())):
                break
            if (step + 1) % 1000 == 0:
                share = right[left_out].float().mean() if len(left_out) else right.float().mean()
                said = f"{recipe.name} step {step + 1}: loss {float(loss.detach()):.4g}, {float(share):.5f}"
                print(said, file=sys.stderr, flush=True)
    return network


def correct(network: Network, data: Tensor, wanted: Tensor) -> Tensor:
    """Which rows the network answers as wanted."""
    with torch.no_grad():
        parts = [network(network.features(data[i : i + 8192])) for i in range(0, len(data), 8192)]
    return (decoded(network.recipe, network.task, torch.cat(parts)) == wanted).all(1)
