"""Cells in one or several layers with torch's names: `rnn.weight_ih_l0`, `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, ...

A cell of this kind is a row: how many blocks of rows its weights have, which memories it keeps, and the step of
one layer. Each layer reads the first memory of the layer below; the read-out sees that of the last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from extract.networks.cells.cell import Sizes
from extract.networks.disk import Shape, Shapes

Memories = tuple[Tensor, ...]
LayerStep = Callable[[Tensor, Tensor, Memories], Memories]
INITIAL = ("h0", "c0")


@dataclass(frozen=True, slots=True)
class LayeredCell:
    """`step` maps what the input and the first memory send to each block, and the memories, to new memories."""

    name: str
    blocks: int
    memories: tuple[str, ...]
    step: LayerStep
    most_layers: int = 1_024

    def shapes(self, found: Mapping[str, Shape], sizes: Sizes) -> tuple[Shapes, Shapes]:
        """Weights are required, biases and initial states optional."""
        rows = self.blocks * sizes.hidden
        required: Shapes = {}
        optional: Shapes = {}
        for layer in range(sizes.layers):
            required[f"rnn.weight_ih_l{layer}"] = (rows, sizes.hidden if layer else sizes.inputs)
            required[f"rnn.weight_hh_l{layer}"] = (rows, sizes.hidden)
            optional |= {f"rnn.bias_ih_l{layer}": (rows,), f"rnn.bias_hh_l{layer}": (rows,)}
        for name in INITIAL[: len(self.memories)]:
            flat = sizes.layers == 1 and len(found.get(name, ())) == 1
            optional[name] = (sizes.hidden,) if flat else (sizes.layers, sizes.hidden)
        return required, optional

    def build(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Layered:
        """The cell with these weights."""
        zero = torch.zeros(sizes.layers, sizes.hidden)
        starts = [tensors.get(name, zero).reshape(sizes.layers, sizes.hidden) for name in INITIAL[: len(self.memories)]]
        weights = tuple(
            LayerWeights(
                tensors[f"rnn.weight_ih_l{layer}"],
                tensors[f"rnn.weight_hh_l{layer}"],
                tensors.get(f"rnn.bias_ih_l{layer}"),
                tensors.get(f"rnn.bias_hh_l{layer}"),
            )
            for layer in range(sizes.layers)
        )
        return Layered(self, sizes, weights, torch.stack(starts, dim=1).flatten())


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Weights of one layer: from the input, from the first memory, and their biases if any."""

    from_input: Tensor
    from_memory: Tensor
    input_bias: Tensor | None
    memory_bias: Tensor | None


@dataclass(frozen=True, slots=True)
class Layered:
    """A cell with its weights. State columns are ordered by layer, then memory, then unit."""

    cell: LayeredCell
    sizes: Sizes
    weights: tuple[LayerWeights, ...]
    initial: Tensor

    @property
    def width(self) -> int:
        return self.sizes.layers * len(self.cell.memories) * self.sizes.hidden

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        """Each memory over all layers, where there are several."""
        names = self.cell.memories
        order = range(self.width)
        memory_of = [column // self.sizes.hidden % len(names) for column in order]
        if len(names) == 1:
            return {}
        return {name: tuple(c for c in order if memory_of[c] == k) for k, name in enumerate(names)}

    @property
    def visible(self) -> slice:
        start = (self.sizes.layers - 1) * len(self.cell.memories) * self.sizes.hidden
        return slice(start, start + self.sizes.hidden)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        old = state.split(self.sizes.hidden, dim=1)
        new: list[Tensor] = []
        kept = len(self.cell.memories)
        signal = inputs
        for layer, weights in enumerate(self.weights):
            memories = old[layer * kept : (layer + 1) * kept]
            sent = functional.linear(signal, weights.from_input, weights.input_bias)
            fed_back = functional.linear(memories[0], weights.from_memory, weights.memory_bias)
            new += self.cell.step(sent, fed_back, memories)
            signal = new[-kept]
        return torch.cat(new, dim=1)
